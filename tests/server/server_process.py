"""Starts `stackhold` as an operator does, in a folder of its own, and reads what it prints."""

import os
import re
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.secrecy import SECRET_NAMES, SHORTEST, leaks

PROGRAM = Path(sys.executable).with_name("stackhold")
LIMIT_SECONDS = 60.0
SIGN_IN = re.compile(r"PULUMI_ACCESS_TOKEN=(pul-[0-9a-f]{40}) pulumi login (https?://127\.0\.0\.1:\d+)")


def environment(**settings: str) -> dict[str, str]:
    """The environment of the tests without settings of the machine, and with those given."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("STACKHOLD_", "PULUMI_", "API_TLS"))}
    # Without it the data would lie in the home folder of anyone who runs the tests.
    return {**inherited, "STACKHOLD_DATA": ".stackhold", **settings}


def run(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [PROGRAM, *arguments],
        cwd=folder,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every file below a folder with its bytes, and every folder."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


class Served:
    """A server that runs while its `with` block lasts, on a free port."""

    # What starts the program, such as a shell that sets limits first.
    prefix: tuple[str, ...] = ()

    def __init__(self, folder: Path, *arguments: str, **settings: str) -> None:
        self._folder = folder
        self._command = [*self.prefix, str(PROGRAM), "serve", *([] if "--port" in arguments else ["--port", "0"]), *arguments]
        self._settings = settings
        self.out, self.err = folder / "stdout.log", folder / "stderr.log"
        self.url = ""
        self.exit_code: int | None = None

    def __enter__(self) -> Self:
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=environment(**self._settings),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        try:
            self._await_news(r'msg="(?:serving (https?://\S+),|running jobs only)')
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        return self

    def __exit__(self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        if self.exit_code is None:
            self.stop()
        # What it prints once is on standard output; its log has no secret, whatever it was asked.
        known = [value for name, value in self._settings.items() if name in SECRET_NAMES and len(value) >= SHORTEST]
        assert [] == leaks(self.err.read_bytes(), *known)

    @property
    def printed(self) -> list[str]:
        """The lines of standard output."""
        return self.out.read_text().splitlines()

    @property
    def log(self) -> str:
        """What went to standard error."""
        return self.err.read_text()

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Asks the server to end and waits for it."""
        self.process.send_signal(number)
        self.exit_code = self.process.wait(LIMIT_SECONDS)

    def call(
        self,
        path: str,
        *,
        token: str = "",
        body: bytes | None = None,
        context: ssl.SSLContext | None = None,
        method: str | None = None,
    ) -> tuple[int, bytes]:
        """The status and body of a call, whatever the status is."""
        headers = {"Authorization": f"token {token}"} if token else {}
        request = urllib.request.Request(self.url + path, headers=headers, data=body, method=method)
        try:
            with urllib.request.urlopen(request, timeout=LIMIT_SECONDS, context=context) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, refusal.read()

    def await_log(self, pattern: str) -> re.Match[str]:
        """Wait until the log has something."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while time.monotonic() < deadline:
            if found := re.search(pattern, self.log):
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"no {pattern!r} in the log; exit code {self.process.poll()}\n{self.log[-3000:]}")

    def _await_news(self, pattern: str) -> None:
        found = self.await_log(pattern)
        self.url = found.group(1) or ""
