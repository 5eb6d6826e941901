"""The backends that are compared: our server and the null server, each a fresh process, and a folder for `file://`."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ORG = "acme"
OURS, NULL, FILES = "stackhold", "null", "file://"
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.02


class ServerError(Exception):
    """A server did not start, or not end."""


@dataclass(frozen=True, slots=True)
class Target:
    """A backend to sign in to; `pid` is None where there is no server process."""

    name: str
    url: str
    org: str
    token: str = field(default="", repr=False)
    pid: int | None = None


@contextmanager
def ours(folder: Path, token: str = "", more: Mapping[str, str] | None = None) -> Iterator[Target]:
    """Yield our server on a data folder, perhaps with more settings; it is fresh or has the administrator of a token."""
    token = token or f"pul-{secrets.token_hex(20)}"
    port = _free_port()
    command = [sys.executable, "-m", "functions.server.cli", "serve", "--port", str(port), "--data", str(folder / "data")]
    settings = {"STACKHOLD_BOOTSTRAP_TOKEN": token, "STACKHOLD_BOOTSTRAP_ORG": ORG, **(more or {})}
    with _process(command, folder / "stackhold.log", port, settings) as pid:
        yield Target(OURS, f"http://127.0.0.1:{port}", ORG, token, pid)


@contextmanager
def null(folder: Path) -> Iterator[Target]:
    """Yield the null server."""
    port = _free_port()
    command = [sys.executable, "-m", "bench.null_server", str(port)]
    with _process(command, folder / "null.log", port, {}) as pid:
        yield Target(NULL, f"http://127.0.0.1:{port}", ORG, f"pul-{'0' * 40}", pid)


@contextmanager
def files(folder: Path) -> Iterator[Target]:
    """Yield a folder for the command line's own backend."""
    root = folder / "files"
    root.mkdir()
    yield Target(FILES, f"file://{root}", "organization")


@contextmanager
def _process(command: list[str], log: Path, port: int, settings: dict[str, str]) -> Iterator[int]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}
    root = Path(__file__).parents[1]
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command, cwd=root, env={**inherited, **settings}, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink
        )
    try:
        _await_answer(process, f"http://127.0.0.1:{port}/healthz", log)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_STOP_SECONDS)


def _await_answer(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own server on loopback
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(_POLL_SECONDS)
    raise ServerError(f"no answer from {url}; exit code {process.poll()}\n{log.read_text(errors='replace')[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
