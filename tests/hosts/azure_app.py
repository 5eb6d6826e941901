"""The packed Azure function app in a process of its own, under the platform's Python and its real library."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.e2e.server import free_port
from tests.e2e.toolchain import cache_folder
from tests.reporting import missing_tool
from tools import package_azure
from tools.pythons import find_python

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements" / "azure-platform.txt"
START_LIMIT_SECONDS = 60
_INHERITED = ("PATH", "HOME", "LANG", "TZ")


def platform_python() -> Path:
    """The Python that the platform runs."""
    python = find_python(package_azure.PYTHON_VERSION)
    if python is None:
        missing_tool(f"the packed Azure app needs Python {package_azure.PYTHON_VERSION} on this machine")
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        missing_tool("the packed Azure app runs on Linux on x86_64 only, as on Azure")
    return python


def platform_library() -> Path:
    """The folder of the platform's library, installed as its lock file says."""
    place = cache_folder() / f"azure-platform-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}"
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_suffix(".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not (place / "complete").exists():
            command = [
                str(Path(sys.executable).with_name("uv")),
                "pip",
                "install",
                "--quiet",
                "--target",
                str(place),
                "--python-version",
                package_azure.PYTHON_VERSION,
                "--no-deps",
                "--require-hashes",
                "-r",
                str(LOCK),
            ]
            subprocess.run(command, check=True, timeout=300)
            (place / "complete").touch()
    return place


def build_package(folder: Path) -> Path:
    """The package's folder, built once for all processes of a test run that share `folder`."""
    python, target = platform_python(), folder / "azure-package"
    with target.with_suffix(".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not target.with_suffix(".complete").exists():
            package_azure.build(target, python)
            target.with_suffix(".complete").touch()
    return target


class AzureApp:
    """The app, with the settings that Azure would pass on as environment variables."""

    def __init__(self, package: Path, settings: Mapping[str, str], log: Path) -> None:
        self._package, self._settings, self._log = package, dict(settings), log
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{free_port()}"

    @property
    def log(self) -> str:
        """What the app has written so far."""
        return self._log.read_text(errors="replace")

    @property
    def pid(self) -> int:
        """The process's number."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until the platform has indexed it."""
        port = self.url.rpartition(":")[2]
        command = [str(platform_python()), str(Path(__file__).with_name("platform_worker.py"))]
        command += [str(self._package), str(platform_library()), port]
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        environment |= {"AzureWebJobsDisableHomepage": "true", "PYTHONDONTWRITEBYTECODE": "1", **self._settings}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log
            )
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != port.encode():
            self._process.wait(START_LIMIT_SECONDS)
            raise AssertionError(f"the app was not indexed\n{self.log[-3000:]}")

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            assert self._process.stdout is not None
            self._process.stdout.close()

    def functions(self) -> list[dict[str, Any]]:
        """What the platform's indexer found."""
        with urllib.request.urlopen(f"{self.url}/admin/functions", timeout=10) as reply:
            found: list[dict[str, Any]] = json.load(reply)
        return found

    def fire(self, timer: str) -> tuple[int, str]:
        """Fire a timer and return how it went: status and, for a failure, what was raised."""
        return fire(self.url, timer)


def fire(url: str, timer: str) -> tuple[int, str]:
    """Fire a timer of the app that runs at an address."""
    request = urllib.request.Request(f"{url}/admin/functions/{timer}", method="POST", data=b"{}")
    try:
        with urllib.request.urlopen(request, timeout=120) as reply:
            return reply.status, ""
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
