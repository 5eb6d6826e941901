"""Gets a PostgreSQL server without installing one, and runs it from a folder: for the tests of the rotator of its users.

The server that Debian or Ubuntu installs is taken as it is. Otherwise Debian's packages of it are unpacked (`debian.py`).
"""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools import debian
from tools.debian import Package, ProgramUnavailableError
from tools.mysql import free_port

USER, PASSWORD = "stackhold", "stackhold"
START_SECONDS, STOP_SECONDS = 60, 30
_PACKAGE = Package("stable", "postgresql", ("perl", "libperl", "libgdbm", "libdb5", "libllvm", "openssl-provider", "gcc-"))
_INSTALLED = Path("/usr/lib/postgresql")
_OLDEST = 12
# The server refuses to run as root.
_ACCOUNT = "nobody"
_COMMANDS = ("initdb", "postgres")


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, which takes passwords only."""

    port: int
    version: str


@contextmanager
def temporary_server(programs: Path | None = None) -> Iterator[Server]:
    """Yield a running server with a fresh data folder, on this machine's own address; raises ProgramUnavailableError."""
    programs = programs or find_programs()
    with tempfile.TemporaryDirectory(prefix="stackhold-postgres-", dir="/tmp") as name:
        folder = Path(name)
        (folder / "password").write_text(f"{PASSWORD}\n", "utf-8")
        if os.geteuid() == 0:
            for path in (folder, folder / "password"):
                shutil.chown(path, _ACCOUNT)
        options = ("--auth=scram-sha-256", f"--pwfile={folder / 'password'}", "--no-sync", "--encoding=UTF8", "--locale=C")
        _run(programs / "initdb", f"--username={USER}", f"--pgdata={folder / 'data'}", *options)
        with _started(programs, folder) as port:
            yield Server(port, _run(programs / "postgres", "--version").strip())


def find_programs() -> Path:
    """Return the folder of the server's programs, fetching them on first use; raises ProgramUnavailableError."""
    installed = [
        path for path in _INSTALLED.glob("*/bin/initdb") if path.parts[-3].isdecimal() and int(path.parts[-3]) >= _OLDEST
    ]
    if installed:
        return max(installed, key=lambda path: int(path.parts[-3])).parent
    try:
        return fetch(_cache_folder() / _PACKAGE.suite)
    except ProgramUnavailableError as error:
        raise ProgramUnavailableError(f"no PostgreSQL server in {_INSTALLED}, and {error}") from error


def fetch(home: Path) -> Path:
    """Return the folder of the programs that were unpacked into a folder, which is made on first use."""
    debian.fetched(_PACKAGE, home, _write_launchers)
    return _programs(home / "root")


def _cache_folder() -> Path:
    # The account that runs the server for root may not enter root's own folder.
    for_root = os.geteuid() == 0 and "STACKHOLD_CACHE" not in os.environ
    return Path("/var/cache/stackhold/postgres") if for_root else debian.cache_folder("postgres")


def _programs(root: Path) -> Path:
    found = sorted(root.glob("usr/lib/postgresql/*/bin"))
    if not found:
        raise ProgramUnavailableError(f"the packages of {_PACKAGE.name} hold no server")
    return found[-1]


def _write_launchers(made: Path) -> None:
    """Put a script in the place of each program: they find each other, and their files, by the place they are in."""
    root = made / "root"
    folder = _programs(root)
    up = "/".join([".."] * len(folder.relative_to(root).parts))
    for name in _COMMANDS:
        (folder / name).rename(folder / f"{name}.program")
        program = f"{folder.relative_to(root)}/{name}.program"
        here = f'$(cd "$(dirname "$0")/{up}" && pwd)'
        debian.write_launcher(folder / name, root, program, root_in_shell=here, shown=f"$root/{folder.relative_to(root)}/{name}")


@contextmanager
def _started(programs: Path, folder: Path) -> Iterator[int]:
    port = free_port()
    settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off", "shared_buffers": "16MB"}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command = [str(programs / "postgres"), "-D", str(folder / "data"), "-p", str(port), *options]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=_account(), cwd="/")
    try:
        _wait(process, folder / "data" / "postmaster.pid", folder / "log")
        yield port
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", state: Path, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if state.exists() and re.search(r"^ready\s*$", state.read_text("utf-8"), re.MULTILINE):
            return
        time.sleep(0.02)
    words = log.read_text("utf-8", errors="replace").strip().splitlines()
    process.kill()
    raise ProgramUnavailableError(f"the PostgreSQL server does not start: {words[-1] if words else 'it says nothing'}")


def _run(program: Path, *options: str) -> str:
    command = [str(program), *options]
    # In this folder, since the account may not enter the one that the tests run in.
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, user=_account(), cwd="/")
    if ended.returncode:
        raise ProgramUnavailableError(f"{program.name} failed: {' '.join(ended.stderr.split())[-300:]}")
    return ended.stdout


def _account() -> str | None:
    return _ACCOUNT if os.geteuid() == 0 else None
