"""The results as one Markdown file: what was measured, beside what, and under which load."""

import os
import platform
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench.budgets import BUDGETS, Kind
from bench.cli_load import Load, Sample
from bench.large_state import Large
from bench.people_load import STATEMENTS, People, milliseconds
from bench.program import Size
from bench.servers import FILES, NULL, OURS
from bench.startup import Route, Start
from bench.wire_load import Figures, percentile

_MEGA = 1e6
Key = tuple[str, Size, str]  # version of the command line, size, step


@dataclass
class Report:
    """Sections of text, in the order they were added."""

    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    sections: list[str] = field(default_factory=list)

    def add(self, title: str, note: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Add a table."""
        lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
        lines += ["| " + " | ".join(map(_cell, row)) + " |" for row in rows]
        self.sections.append(f"## {title}\n\n{note}\n\n" + "\n".join(lines))

    def say(self, title: str, lines: Sequence[str]) -> None:
        """Add a list."""
        self.sections.append(f"## {title}\n\n" + "\n".join(f"- {line}" for line in lines))

    def write(self, folder: Path) -> Path:
        """Write the file, named after the moment the run began, and return its path."""
        folder.mkdir(exist_ok=True)
        path = folder / f"{self.started:%Y-%m-%d-%H%M}.md"
        path.write_text("\n\n".join([self._head(), *self.sections]) + "\n", encoding="utf-8")
        return path

    def _head(self) -> str:
        load = " ".join(f"{value:.1f}" for value in os.getloadavg())
        minutes = (datetime.now(UTC) - self.started).total_seconds() / 60
        return (
            f"# Benchmarks of {self.started:%d %B %Y, %H:%M} UTC\n\n"
            f"{_processor()}, {os.cpu_count()} processors, {_memory_gib():.0f} GiB, {platform.system()} {platform.release()}, "
            f"Python {platform.python_version()}. The run took {minutes:.0f} minutes; load at its end (1, 5, 15 minutes): {load}."
        )


def add_budgets(report: Report, kinds: Sequence[Kind]) -> None:
    """Add what each kind of request costs in this process."""
    head = ["request", "SQL", "blob get", "blob put", "key", "budget", "calls", "median ms", "CPU ms"]
    rows = []
    for kind in kinds:
        budget = BUDGETS.get(kind.name)
        shown = "–" if budget is None else " / ".join(map(str, budget)) + (" **exceeded**" if kind.is_over else "")
        rows.append([kind.name, *kind.cost, shown, len(kind.seconds), *(f"{value:.2f}" for value in kind.milliseconds)])
    note = (
        "In this process, SQLite with full durability. The counts are the most that any call needed, BEGIN and COMMIT left out."
    )
    report.add("Requests", note, head, rows)


def add_startup(report: Report, starts: Sequence[Start], routes: Sequence[Route]) -> None:
    """Add how long things take to start, and what a route costs."""
    rows = [[s.name, f"{s.seconds * 1000:.0f}", "–" if s.cpu_seconds is None else f"{s.cpu_seconds * 1000:.0f}"] for s in starts]
    report.add("Start", "Medians.", ["what", "ms", "CPU ms"], rows)
    yardstick = next(route.microseconds for route in routes if "yardstick" in route.name)
    found = [[r.name, f"{r.microseconds:.1f}", f"{r.microseconds / yardstick:.1f}"] for r in routes]
    report.add("Routes", "In this process, in turns. The limit is 3 × the yardstick.", ["call", "µs", "× yardstick"], found)


def add_wire(report: Report, runs: Sequence[Figures]) -> None:
    """Add the latency of each call, for our server beside the null server."""
    for run in runs:
        if run.target != OURS:
            continue
        beside = next((other for other in runs if other.plan == run.plan and other.target == NULL), None)
        plan = run.plan
        title = f"Wire: {plan.stacks} stacks at once, {Size(plan.resources, plan.payload_bytes)}"
        used = f", {run.used.cpu_seconds:.1f} s of server CPU" if run.used else ""
        rate = f"; null server {beside.requests / beside.seconds:.0f}/s" if beside else ""
        note = f"{run.requests} requests in {run.seconds:.1f} s, {run.requests / run.seconds:.0f}/s{used}{rate}. Milliseconds."
        rows = []
        for kind, taken in run.milliseconds.items():
            null = f"{percentile(beside.milliseconds[kind], 0.5):.1f}" if beside else "–"
            rows.append([kind, len(taken), *(f"{percentile(taken, share):.1f}" for share in (0.5, 0.95, 0.99)), null])
        report.add(title, note, ["call", "calls", "p50", "p95", "p99", "null p50"], rows)


def add_cli(report: Report, load: Load) -> None:
    """Add the real command line's times and ratios, and the counts of the round that went through the proxy."""
    groups: dict[Key, dict[str, list[Sample]]] = defaultdict(lambda: defaultdict(list))
    for sample in load.samples:
        groups[sample.version, sample.size, sample.step][sample.target].append(sample)
    rows = [_cli_row(key, found) for key, found in groups.items()]
    head = ["CLI", "size", "step", "rounds", "ours s", "null s", "file s", "÷ null", "÷ file", "server CPU s", "load"]
    note = "Medians of rounds in turns. Against the null server `up` is to stay within 1.15, and within 1.3 at 1,000 × 16 KiB."
    report.add("Command line: seconds", note, head, rows)
    head = ["CLI", "size", "step", "requests", "of them journal", "received MB", "written MB", "÷ received", "peak MB", "CPU s"]
    note = (
        "One round through a counting proxy. Received: bodies of requests. Written: `write_bytes` of /proc, what the server sent "
        "to the disk. Peak: the most memory since the step began."
    )
    report.add("Command line: counts", note, head, [_count_row(sample) for sample in load.counted])
    if load.left_out:
        report.say("Left out", load.left_out)


def add_large(report: Report, large: Large) -> None:
    """Add the steps of a large state."""
    title = f"A state of {large.state_bytes / _MEGA:.0f} MB, {large.resources:,} resources"
    rows = []
    for step in large.steps:
        written, peak = step.used.written_bytes / _MEGA, step.used.peak_bytes / _MEGA
        rows.append([step.name, f"{step.seconds:.2f}", f"{step.used.cpu_seconds:.2f}", f"{written:.1f}", f"{peak:.0f}"])
    note = "Played on the wire; the client's own work counts in the seconds."
    report.add(title, note, ["step", "s", "CPU s", "written MB", "peak MB"], rows)


def add_people(report: Report, people: People) -> None:
    """Add what lists take in a large installation."""
    size = people.size
    title = f"Lists on MySQL: {size.orgs:,} organizations × {size.stacks:,} stacks × {size.members:,} members"
    note = (
        f"{people.rows:,} rows, inserted in {people.fill_seconds:.0f} s. In this process; the server, on this machine, has them "
        f"all in memory. SQL: statements of a call, {STATEMENTS} at most. Milliseconds."
    )
    rows = []
    for cost in people.lists:
        statements = f"{cost.statements}{' **exceeded**' if cost.is_over else ''}"
        times = [f"{value:.1f}" for value in milliseconds(cost)]
        rows.append([cost.ask.name, cost.ask.who, cost.entries, statements, len(cost.seconds), *times])
    report.add(title, note, ["list", "caller", "entries", "SQL", "calls", "p50", "p95", "MySQL CPU"], rows)


def _cli_row(key: Key, found: Mapping[str, Sequence[Sample]]) -> list[object]:
    version, size, step = key
    medians = {name: _median(samples, lambda sample: sample.seconds) for name, samples in found.items()}
    ours, null, files = (medians.get(name) for name in (OURS, NULL, FILES))
    used = [sample.used.cpu_seconds for sample in found.get(OURS, ()) if sample.used]
    every = [sample for samples in found.values() for sample in samples]
    return [
        version,
        size,
        step,
        max(map(len, found.values())),
        _seconds(ours),
        _seconds(null),
        _seconds(files),
        _ratio(ours, null),
        _ratio(ours, files),
        _seconds(statistics.median(used) if used else None),
        f"{_median(every, lambda s: s.load):.1f}",
    ]


def _count_row(sample: Sample) -> list[object]:
    traffic, used = sample.traffic, sample.used
    assert traffic is not None
    assert used is not None
    ratio = f"{used.written_bytes / traffic.body_bytes:.1f}" if traffic.body_bytes >= _MEGA else "–"
    return [
        sample.version,
        sample.size,
        sample.step,
        traffic.requests,
        traffic.calls["journalentries"],
        f"{traffic.body_bytes / _MEGA:.2f}",
        f"{used.written_bytes / _MEGA:.2f}",
        ratio,
        f"{used.peak_bytes / _MEGA:.0f}",
        f"{used.cpu_seconds:.2f}",
    ]


def _median(samples: Iterable[Sample], value: Callable[[Sample], float]) -> float:
    return statistics.median(map(value, samples))


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _ratio(value: float | None, beside: float | None) -> str:
    return "–" if value is None or beside is None else f"{value / beside:.2f}"


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|")


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
