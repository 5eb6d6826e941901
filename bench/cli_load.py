"""The real command line against our server, the null server and `file://`, in turns.

After a discarded warm-up each round runs every step on every backend; the order of backends changes from round to round.
What each step left behind is read back and compared, outside the timing. A last round, not timed, goes through a proxy and
counts requests and bytes.
"""

import json
import os
import shutil
import sys
import time
import urllib.request
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench import command_line, program, servers, usage
from bench.command_line import CommandError, CommandLine
from bench.counting_proxy import CountingProxy, Traffic
from bench.program import Size
from bench.servers import FILES, OURS, Target

VERSIONS = ("3.274.1", "3.260.0")
SIZES = (Size(10, 0), Size(100, 0), Size(100, 16384), Size(1000, 16384))
STEPS = {
    "init": ("stack", "init", "{stack}"),
    "up": ("up", "--yes", "--skip-preview", "--stack", "{stack}"),
    "no-op up": ("up", "--yes", "--skip-preview", "--stack", "{stack}"),
    "preview": ("preview", "--stack", "{stack}"),
    "export": ("stack", "export", "--stack", "{stack}", "--file", "export.json"),
    "destroy": ("destroy", "--yes", "--skip-preview", "--stack", "{stack}"),
    "rm": ("stack", "rm", "--yes", "{stack}"),
}
TIMED = tuple(STEPS)[:-1]
# `file://` writes the whole state after each step: with 1,000 × 16 KiB that would be 100 GB. Above this its `up` and
# `destroy` write it once, and their times are not shown.
_FILES_LIMIT_BYTES = 4 << 20
_WRITE_ONCE = {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
_LARGE_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Sample:
    """One step on one backend; `used` is None where there is no server process, `traffic` where it was not counted."""

    version: str
    size: Size
    step: str
    target: str
    seconds: float
    client_cpu_seconds: float
    used: usage.Usage | None
    load: float
    traffic: Traffic | None = None


@dataclass
class Load:
    """One run; `deadline` is a time of time.monotonic() after which no further round begins."""

    root: Path
    versions: Sequence[str]
    sizes: Sequence[Size]
    rounds: int | None
    deadline: float
    targets: Sequence[str]
    samples: list[Sample] = field(default_factory=list)
    counted: list[Sample] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Run all rounds, sizes and versions in turns."""
        for version in self.versions:
            found = command_line.find(version)
            if found is None:
                self.left_out.append(f"CLI {version} is neither in the cache of the end-to-end tests nor on PATH")
                continue
            folder = self.root / version
            tools = command_line.link_tools(folder / "bin", *found)
            with ExitStack() as stack:
                opened = [stack.enter_context(_OPEN[name](folder)) for name in self.targets]
                self._version(version, tools, opened)

    def _version(self, version: str, tools: Path, opened: Sequence[Target]) -> None:
        runs = [Run(target, signed_in(version, tools, target), self.root) for target in opened]
        for run in runs:
            run.play(Size(2, 0), "warm")
        for size in self.sizes:
            rounds = self.rounds or (3 if size.payload_total_bytes < _LARGE_BYTES else 1)
            for number in range(rounds):
                if time.monotonic() > self.deadline:
                    self.left_out.append(f"CLI {version}, {size}: {rounds - number} of {rounds} rounds, for want of time")
                    break
                for run in runs[number % len(runs) :] + runs[: number % len(runs)]:
                    self.samples += run.play(size, f"r{number}")
            for target in opened:
                if target.name == OURS and time.monotonic() < self.deadline:
                    self.counted += count(version, tools, target, size, self.root)


@dataclass(frozen=True, slots=True)
class Run:
    """A backend and a command line that is signed in to it."""

    target: Target
    cli: CommandLine
    root: Path
    proxy: CountingProxy | None = None

    def play(self, size: Size, label: str) -> list[Sample]:
        """Return a sample of each step on a fresh stack."""
        folder = self.root / f"{self.target.name.strip(':/')}-{self.cli.version}-{program.project_name(size)}-{label}"
        folder.mkdir()
        for name, text in program.files(size).items():
            (folder / name).write_text(text, "utf-8")
        stack = f"{self.target.org}/{program.project_name(size)}/{label}"
        samples = []
        for step in STEPS:
            sample = self._step(size, step, stack, folder)
            self._check(size, step, stack, folder)
            if self._counts(size, step):
                samples.append(sample)
        shutil.rmtree(folder)
        _say(samples)
        return samples

    def _step(self, size: Size, step: str, stack: str, folder: Path) -> Sample:
        arguments = [part.format(stack=stack) for part in STEPS[step]]
        settings = _WRITE_ONCE if self.target.name == FILES and size.payload_total_bytes > _FILES_LIMIT_BYTES else None
        load, pid = os.getloadavg()[0], self.target.pid
        if self.proxy is not None:
            self.proxy.take()
        before = usage.read(pid) if pid is not None else None
        if pid is not None:
            usage.reset_peak(pid)
        timing = self.cli.run(arguments, folder, settings)
        used = usage.read(pid).since(before) if pid is not None and before is not None else None
        traffic = self.proxy.take() if self.proxy is not None else None
        return Sample(self.cli.version, size, step, self.target.name, timing.seconds, timing.cpu_seconds, used, load, traffic)

    def _counts(self, size: Size, step: str) -> bool:
        is_shortened = self.target.name == FILES and size.payload_total_bytes > _FILES_LIMIT_BYTES
        return step in TIMED and not (is_shortened and step in ("up", "destroy"))

    def _check(self, size: Size, step: str, stack: str, folder: Path) -> None:
        if step in ("init", "preview", "rm"):
            return
        deployment = json.loads((folder / "export.json").read_bytes() if step == "export" else self._state(stack))["deployment"]
        found = deployment.get("resources") or []
        expected = 0 if step == "destroy" else size.resources + program.BUILT_IN_RESOURCES
        whole = all(_is_whole(resource, size) for resource in found)
        if len(found) != expected or not whole or deployment.get("pending_operations"):
            raise CommandError(
                f"{self.target.name}: {len(found)} resources after {step}, {expected} expected; all values whole: {whole}"
            )

    def _state(self, stack: str) -> bytes:
        if self.target.name == FILES:
            _, project, name = stack.split("/")
            path = Path(self.target.url.removeprefix("file://")) / ".pulumi" / "stacks" / project / f"{name}.json"
            return json.dumps({"deployment": json.loads(path.read_bytes())["checkpoint"]["latest"]}).encode()
        return fetch(self.target, f"/api/stacks/{stack}/export")


def count(version: str, tools: Path, target: Target, size: Size, root: Path) -> list[Sample]:
    """Return samples of each step that passed a proxy; their times do not count."""
    with CountingProxy(target.url) as proxy:
        through = replace(target, url=proxy.url)
        run = Run(through, signed_in(version, tools, through, label="counted"), root, proxy)
        return run.play(size, "counted")


def signed_in(version: str, tools: Path, target: Target, label: str = "") -> CommandLine:
    """Return a command line that is signed in."""
    home = tools.parent / f"home-{target.name.strip(':/')}{label}"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    cli = CommandLine(version, tools, home, target.token)
    cli.run(["login", target.url], home)
    return cli


def fetch(target: Target, path: str) -> bytes:
    """Return the answer to a GET."""
    request = urllib.request.Request(target.url + path, headers={"Authorization": f"token {target.token}"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310 - our own server on loopback
        return bytes(reply.read())


def _is_whole(resource: dict[str, object], size: Size) -> bool:
    if resource["type"] != "pulumi:index:Stash":
        return True
    outputs = resource.get("outputs")
    value = outputs.get("output") if isinstance(outputs, dict) else None
    return isinstance(value, dict) and len(value["text"]) >= size.payload_bytes - 4


def _say(samples: Iterable[Sample]) -> None:
    done = list(samples)
    steps = "  ".join(f"{sample.step} {sample.seconds:.2f}" for sample in done)
    if done:
        print(f"{done[0].version} {done[0].size} {done[0].target}: {steps}", file=sys.stderr, flush=True)


_OPEN = {servers.OURS: servers.ours, servers.NULL: servers.null, servers.FILES: servers.files}
