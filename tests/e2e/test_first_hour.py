"""docs/first-hour.md, typed in as a newcomer does: every command, in order, against a server that the page starts."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e import toolchain
from tests.e2e.server import free_port
from tests.reporting import missing_tool
from tools.client_versions import CLI_VERSIONS

PAGE = Path(__file__).parents[2] / "docs" / "first-hour.md"
STOP = "Ctrl+C"
PORT = "8080"
LIMIT_SECONDS = 60


@dataclass(slots=True)
class Command:
    """A command of the page, with its here-document, and the lines that it is to print."""

    text: str
    output: list[str] = field(default_factory=list)


def steps(text: str) -> Iterator[Command | str]:
    """Yield the page's commands in order, and STOP where it says to stop the server."""
    for prose, block in re.findall(r"(.*?)^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if STOP in prose:
            yield STOP
        command, end = None, ""
        for line in block.splitlines():
            if command is not None and end:
                command.text += "\n" + line
                end = "" if line == end else end
            elif line.startswith("$ "):
                if command is not None:
                    yield command
                command = Command(line[2:])
                document = re.search(r"<<'(\w+)'$", line)
                end = document[1] if document else ""
            elif command is not None:
                command.output.append(line)
        if command is not None:
            yield command


class Terminals:
    """A newcomer's two terminals: one for the server, one for everything else."""

    def __init__(self, folder: Path, tools: toolchain.Toolset) -> None:
        self._folder, self._port = folder, str(free_port())
        self._server: subprocess.Popen[bytes] | None = None
        commands = folder / "bin"
        commands.mkdir()
        (commands / "pulumi").symlink_to(tools.pulumi)
        (commands / "pulumi-language-yaml").symlink_to(tools.language_yaml)
        (folder / "home").mkdir()
        self._environment = {
            "PATH": os.pathsep.join((str(commands), str(Path(sys.executable).parent), "/usr/bin", "/bin")),
            "HOME": str(folder / "home"),
            "PULUMI_HOME": str(folder / "home" / ".pulumi"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "STACKHOLD_PORT": self._port,
            "NO_COLOR": "1",
        }
        # What `cd` and `export` leave behind for the next command.
        self._state = folder / "terminal"
        self._state.write_text(f"cd '{folder / 'home'}'\n")

    def run(self, command: Command) -> str:
        """Type a command, and return what it prints."""
        text = command.text.replace(f"localhost:{PORT}", f"localhost:{self._port}")
        if text.startswith("stackhold serve "):
            self._serve(text)
            return ""
        script = f'. "{self._state}"\nset -e\n{text}\n{{ export -p; echo "cd \'$PWD\'"; }} > "{self._state}"\n'
        ran = subprocess.run(
            ["bash", "-c", script],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=LIMIT_SECONDS,
        )
        assert 0 == ran.returncode, f"{text}: {ran.stdout}"
        return re.sub(rf"(localhost|127\.0\.0\.1):{self._port}", f"localhost:{PORT}", ran.stdout)

    def stop(self) -> None:
        """Press Ctrl+C in the server's terminal, if one runs."""
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)
            self._server.wait(LIMIT_SECONDS)
            self._server = None

    def _serve(self, text: str) -> None:
        assert self._server is None, "the page starts a second server"
        with (self._folder / "server.log").open("ab") as log:
            self._server = subprocess.Popen(
                ["bash", "-c", f"exec {text}"], cwd=self._folder / "home", env=self._environment, stdout=log, stderr=log
            )
        deadline = time.monotonic() + LIMIT_SECONDS
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://localhost:{self._port}/api/status", timeout=5):
                    return
            except OSError:  # not yet listening, or still starting
                time.sleep(0.1)
        raise AssertionError((self._folder / "server.log").read_text())


@pytest.fixture
def terminals(tmp_path: Path) -> Iterator[Terminals]:
    """Two terminals of a computer that has the newest command line."""
    try:
        opened = Terminals(tmp_path, toolchain.toolset(CLI_VERSIONS[0]))
    except toolchain.ToolUnavailableError as error:
        missing_tool(str(error))
    yield opened
    opened.stop()


def missing(expected: list[str], printed: str) -> list[str]:
    """Return the lines that a command did not print; an ellipsis stands for anything."""
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    wanted = [" ".join(line.split()) for line in expected if line.strip() != "…"]
    patterns = [re.compile(".*".join(re.escape(part) for part in line.split("…"))) for line in wanted]
    return [line for line, pattern in zip(wanted, patterns, strict=True) if not any(pattern.fullmatch(one) for one in lines)]


def test_every_command_does_what_the_page_says(terminals: Terminals) -> None:
    """Each command succeeds, and prints the lines that stand below it."""
    found = list(steps(PAGE.read_text("utf-8")))
    for step in found:
        if isinstance(step, Command):
            printed = terminals.run(step)
            assert [] == missing(step.output, printed), step.text
        else:
            terminals.stop()

    assert 35 <= len(found)
    assert STOP in found
