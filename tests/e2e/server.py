"""Starts a `stackhold serve` process for the tests, or names one that already runs."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.e2e.cli import Server
from tests.secrecy import leaks

ORG = "acme"
START_LIMIT_SECONDS = 60.0
STOP_LIMIT_SECONDS = 30.0
POLL_SECONDS = 0.05


class ServerError(AssertionError):
    """The server did not start, or not stop."""


def running_server() -> Server | None:
    """The server that STACKHOLD_E2E_URL names, if it is set; its token and organization come with it."""
    url = os.environ.get("STACKHOLD_E2E_URL")
    if not url:
        return None
    return Server(url.rstrip("/"), os.environ["STACKHOLD_E2E_TOKEN"], os.environ.get("STACKHOLD_E2E_ORG", ORG))


def free_port() -> int:
    """A port no one listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def call(server: Server, path: str, body: Any = None) -> Any:
    """The JSON answer of `GET path`, or with a body of `POST path`. Raises urllib.error.HTTPError on a refusal."""
    sent = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(server.url + path, sent, headers={"Authorization": f"token {server.token}"})
    with urllib.request.urlopen(request, timeout=10) as reply:
        text = reply.read()
        return json.loads(text) if text else None


def remove_stacks(server: Server, project: str) -> None:
    """Remove all stacks of a project, whatever they hold."""
    listed = call(server, f"/api/user/stacks?organization={server.org}&project={project}")
    for stack in listed["stacks"]:
        path = f"/api/stacks/{server.org}/{project}/{stack['stackName']}?force=true"
        headers = {"Authorization": f"token {server.token}"}
        with urllib.request.urlopen(urllib.request.Request(server.url + path, headers=headers, method="DELETE"), timeout=10):
            pass


class ServerProcess:
    """A server of our own: one data folder, one port, as many starts and stops as a test wants."""

    def __init__(self, data: Path, *, workers: int = 1, **settings: str) -> None:
        self._data, self._workers, self._port = data, workers, free_port()
        self._settings = settings
        self._log = data.with_name(data.name + ".log")
        self._process: subprocess.Popen[bytes] | None = None
        self.server = Server(f"http://127.0.0.1:{self._port}", f"pul-{secrets.token_hex(20)}", ORG)

    @property
    def log(self) -> str:
        """What the server has written so far."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def is_running(self) -> bool:
        """Whether it was started, and neither stopped nor killed."""
        return self._process is not None

    def start(self) -> None:
        """Start the server and wait until it answers."""
        command = [
            str(Path(sys.executable).with_name("stackhold")),
            "serve",
            "--host",
            "127.0.0.1",
            "--port",
            str(self._port),
            "--data",
            str(self._data),
            "--workers",
            str(self._workers),
        ]
        environment = {
            **os.environ,
            "STACKHOLD_BOOTSTRAP_TOKEN": self.server.token,
            "STACKHOLD_BOOTSTRAP_ORG": self.server.org,
            **self._settings,
        }
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._await_answer(self._process)

    def stop(self) -> None:
        """Asks the server to end, as an init system does, and waits for it."""
        process = self._taken()
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise ServerError(f"no end {STOP_LIMIT_SECONDS} s after SIGTERM\n{self.log[-3000:]}") from None
        if found := leaks(self._log.read_bytes()):
            raise ServerError(f"the log of the server has secrets in it: {found}")

    def kill(self) -> None:
        """End the server and its workers without warning."""
        process = self._taken()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_LIMIT_SECONDS)

    def _taken(self) -> subprocess.Popen[bytes]:
        process, self._process = self._process, None
        if process is None:
            raise ServerError("the server is not running")
        return process

    def _await_answer(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_LIMIT_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise ServerError(f"the server ended with exit code {process.returncode}\n{self.log[-3000:]}")
            try:
                call(self.server, "/api/capabilities")
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(POLL_SECONDS)
            else:
                return
        raise ServerError(f"no answer from {self.server.url} in {START_LIMIT_SECONDS} s\n{self.log[-3000:]}")
