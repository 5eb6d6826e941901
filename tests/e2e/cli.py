"""Runs the `pulumi` command line as a person at a terminal would, and keeps what it said.

One `Cli` is one version of the command with one home folder, signed in to one server.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

COMMAND_LIMIT_SECONDS = 120.0
STOP_LIMIT_SECONDS = 30.0
POLL_SECONDS = 0.02
PASSPHRASE = "correct horse battery staple"


class CliError(AssertionError):
    """A command ended otherwise than the test expects; the text is what a person would have seen."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one command left behind."""

    command: str
    code: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        """Everything on the screen."""
        return self.stdout + self.stderr

    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.stdout)

    def changes(self) -> dict[str, int]:
        """The CLI's own count under the last "Resources:", by the word it uses: {"created": 2, "unchanged": 1}."""
        summary = self.stdout.rpartition("Resources:")[2].partition("Duration:")[0]
        summary = re.sub(r"\d+ changes?\. (?=\d)", "", summary)
        counts = re.findall(r"^\s+(?:[-+~=>]+ ?)?(\d+) ([a-z]+)$", summary, re.MULTILINE)
        return {word: int(count) for count, word in counts}


@dataclass(frozen=True, slots=True)
class Server:
    """A server to sign in to."""

    url: str
    token: str = field(repr=False)
    org: str


class Running:
    """A command that has been started; leaving the `with` block ends it if it still runs."""

    def __init__(self, command: str, process: subprocess.Popen[bytes], stdout: IO[bytes], stderr: IO[bytes]) -> None:
        self._command, self._process = command, process
        self._stdout, self._stderr = stdout, stderr

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process.poll() is None:
            self.kill()

    @property
    def is_running(self) -> bool:
        """Whether the command has not ended."""
        return self._process.poll() is None

    @property
    def text(self) -> str:
        """What the command has written so far."""
        return self._result(0).text

    def interrupt(self) -> None:
        """Do what Ctrl-C does: the terminal signals the whole process group."""
        os.killpg(self._process.pid, signal.SIGINT)

    def shows(self, text: str, limit_seconds: float = STOP_LIMIT_SECONDS) -> None:
        """Wait until the command has written `text`."""
        deadline = time.monotonic() + limit_seconds
        while text not in self.text:
            if time.monotonic() > deadline:
                raise CliError(f"{self._command}: no {text!r} in {limit_seconds} s\n{self.text}")
            time.sleep(POLL_SECONDS)

    def kill(self) -> Result:
        """End the command and its plugins at once, as a crash of the machine would."""
        self._kill_all()
        return self.wait(STOP_LIMIT_SECONDS)

    def wait(self, limit_seconds: float = COMMAND_LIMIT_SECONDS) -> Result:
        """Wait for the end and return what there is to see; over the limit the command is killed and the test fails."""
        try:
            code = self._process.wait(limit_seconds)
        except subprocess.TimeoutExpired:
            self._kill_all()
            self._process.wait(STOP_LIMIT_SECONDS)
            raise CliError(f"{self._command}: no end after {limit_seconds} s\n{self._result(-9).text}") from None
        return self._result(code)

    def _kill_all(self) -> None:
        """Plugins are in process groups of their own, and outlive a CLI that cannot tell them to end."""
        for pid in (self._process.pid, *_descendants(self._process.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _result(self, code: int) -> Result:
        # The command writes through the same open file, so reading must not move its position.
        texts = [
            os.pread(sink.fileno(), os.fstat(sink.fileno()).st_size, 0).decode(errors="replace")
            for sink in (self._stdout, self._stderr)
        ]
        return Result(self._command, code, *texts)


def _descendants(root: int) -> list[int]:
    """The processes that `root` has started, and those that they have."""
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = [(int(pid), int(parent)) for pid, parent in (line.split() for line in listing.splitlines())]
    found = [root]
    for known in found:
        found += [pid for pid, parent in parents if parent == known]
    return found[1:]


class Cli:
    """One version of the CLI, with a home folder of its own, signed in to a server."""

    def __init__(self, version: str, server: Server, home: Path, root: Path, environment: Mapping[str, str]) -> None:
        """`root` has a folder `bin` with the commands; `environment` is added to what every command gets."""
        self.version, self.server, self.home, self.root = version, server, home, root
        tools = root / "bin"
        self._pulumi = tools / "pulumi"
        self.environment = {
            "PATH": f"{tools}{os.pathsep}/usr/bin{os.pathsep}/bin",
            "HOME": str(home),
            "PULUMI_HOME": str(home),
            "PULUMI_ACCESS_TOKEN": server.token,
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "NO_COLOR": "1",
            **environment,
        }

    def login(self) -> Result:
        """Signs in; the home folder remembers it."""
        return self.run(["login", self.server.url], self.home)

    @property
    def version_tuple(self) -> tuple[int, ...]:
        """The version for comparisons: (3, 274, 1)."""
        return tuple(int(part) for part in self.version.split("."))

    def start(
        self, args: Sequence[str], folder: Path, *, env: Mapping[str, str | None] | None = None, typed: str = ""
    ) -> Running:
        """Start a command in a process group of its own; `typed` is its standard input, a None in `env` takes a variable away."""
        environment = {k: v for k, v in {**self.environment, **(env or {})}.items() if v is not None}
        stdin, stdout, stderr = (tempfile.TemporaryFile() for _ in range(3))  # noqa: SIM115 - `Running` reads them later
        stdin.write(typed.encode())
        stdin.seek(0)
        process = subprocess.Popen(
            [str(self._pulumi), "--non-interactive", *args],
            cwd=folder,
            env=environment,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        return Running("pulumi " + " ".join(args), process, stdout, stderr)

    def run(
        self,
        args: Sequence[str],
        folder: Path,
        *,
        ok: bool | None = True,
        env: Mapping[str, str | None] | None = None,
        typed: str = "",
        limit_seconds: float = COMMAND_LIMIT_SECONDS,
    ) -> Result:
        """Run a command to its end; it must succeed (`ok`), fail (not `ok`) or may do either (None)."""
        with self.start(args, folder, env=env, typed=typed) as running:
            result = running.wait(limit_seconds)
        if ok is not None and ok != (result.code == 0):
            raise CliError(f"{result.command}: exit {result.code}\n{result.stdout}\n{result.stderr}")
        return result
