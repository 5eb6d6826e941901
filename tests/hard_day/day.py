"""One hard day: rounds of faults on installations under load, and after each a look whether all is there."""

import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.hard_day.client import Client, Tally
from tests.hard_day.faults import Kind
from tests.hard_day.stands import TOKEN, Stand
from tests.hard_day.worker import Findings, Habits, Worker

REST_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything."""

    seed: int
    stacks: int
    rounds: int
    round_seconds: float
    patience_seconds: float


@dataclass
class Row:
    """What one kind of faults came to."""

    kind: str
    rounds: int = 0
    faults: int = 0
    requests: int = 0
    failed: int = 0
    updates: int = 0
    acknowledged: int = 0
    seconds: float = 0


@dataclass
class Outcome:
    """What the whole day came to."""

    plan: Plan
    rows: list[Row] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def faults(self) -> int:
        """The number of faults of all kinds."""
        return sum(row.faults for row in self.rows)

    def table(self) -> str:
        """Return the rows as Markdown."""
        lines = [
            "| faults of this kind | rounds | faults | requests answered | failed and repeated | updates | writes acknowledged |"
        ]
        lines.append("|---|---:|---:|---:|---:|---:|---:|")
        total = Row("**all**")
        for row in self.rows:
            lines.append(_line(row))
            for name in ("rounds", "faults", "requests", "failed", "updates", "acknowledged"):
                setattr(total, name, getattr(total, name) + getattr(row, name))
        return "\n".join([*lines, _line(total)])


def run(plan: Plan, kinds: Sequence[Kind], *, logs: Path | None = None, tell: bool = False) -> Outcome:
    """Return the outcome of a day; each installation is made once."""
    outcome = Outcome(plan)
    for stand_type in dict.fromkeys(kind.stand for kind in kinds):
        with stand_type(plan.seed, logs) as stand:
            crew = Crew(stand, plan, outcome)
            crew.start()
            try:
                for _ in range(plan.rounds):
                    for kind in kinds:
                        if kind.stand is stand_type:
                            crew.play(kind, tell=tell)
                    crew.verify()
            finally:
                crew.stop()
    return outcome


class Crew:
    """The workers of one installation."""

    def __init__(self, stand: Stand, plan: Plan, outcome: Outcome) -> None:
        """Make one worker for each stack."""
        self._stand, self._plan, self._outcome = stand, plan, outcome
        self._tally = Tally()
        self.workers = [self._worker(number) for number in range(plan.stacks)]

    def _worker(self, number: int) -> Worker:
        urls = self._stand.urls[number % len(self._stand.urls) :] + self._stand.urls[: number % len(self._stand.urls)]
        client = Client(urls, TOKEN, self._tally, self._plan.patience_seconds)
        source = random.Random(self._plan.seed * 1000 + number)
        return Worker(f"stack-{number}", client, source, self._tally, self._outcome.findings)

    def start(self) -> None:
        """Begin to work."""
        for worker in self.workers:
            worker.start()

    def stop(self) -> None:
        """End the threads."""
        for worker in self.workers:
            worker.stop()
        for worker in self.workers:
            worker.join(REST_SECONDS)

    def play(self, kind: Kind, *, tell: bool) -> None:
        """Inject faults for a round, mend everything, and look at every stack."""
        before, written, began = self._tally.counts.copy(), self._written(), time.monotonic()
        for worker in self.workers:
            worker.habits = kind.habits
            worker.resume()
        faults = kind.inject(self._stand, self._plan.round_seconds)
        self._stand.mend()
        for worker in self.workers:
            worker.habits = Habits(dies=0)
            worker.rest()
        self._check(self.workers)
        counts = self._tally.counts - before
        faults += counts["repeated"] + counts["reordered"]
        row = self._row(kind.name)
        row.rounds, row.faults, row.updates = row.rounds + 1, row.faults + faults, row.updates + counts["updates"]
        row.requests, row.failed = row.requests + counts["answered"], row.failed + counts["failed"]
        row.acknowledged += self._written() - written
        row.seconds += time.monotonic() - began
        self._outcome.errors = self._tally.errors
        if tell:
            problems = len(self._outcome.findings.problems)
            print(
                f"{kind.name}: {faults} faults, {row.seconds:.0f} s, {dict(counts)}, {problems} problems",
                file=sys.stderr,
                flush=True,
            )

    def verify(self) -> None:
        """Let the installation look at every version, document and key itself."""
        code, report = self._stand.verify()
        if code:
            self._outcome.findings.add("verify", [report[-2000:]])

    def _check(self, workers: Iterable[Worker]) -> None:
        for worker in workers:
            if worker.crash is not None:
                raise RuntimeError(f"{worker.name} ended") from worker.crash
            if not worker.await_rest(REST_SECONDS):
                self._outcome.findings.add(worker.name, ["does not come to an end"])
                continue
            worker.check()

    def _row(self, name: str) -> Row:
        for row in self._outcome.rows:
            if row.kind == name:
                return row
        self._outcome.rows.append(Row(name))
        return self._outcome.rows[-1]

    def _written(self) -> int:
        return sum(worker.ledger.acknowledged + worker.tags.acknowledged for worker in self.workers)


def _line(row: Row) -> str:
    figures = (row.rounds, row.faults, row.requests, row.failed, row.updates, row.acknowledged)
    return "| " + " | ".join([row.kind, *(f"{figure:,}" for figure in figures)]) + " |"
