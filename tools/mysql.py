"""Gets a MySQL server without installing one, and runs it from a folder: for tests, and to try Stackhold on MySQL.

    python -m tools.mysql install            print where the server program is, after fetching it if need be
    python -m tools.mysql run [--port N]     run a fresh server on this machine alone until Ctrl-C

A `mysqld` on PATH is taken as it is. Otherwise Debian's packages of it are unpacked into a cache folder and run
with the libraries they came with: nothing on the machine changes, and apt checks the signatures as it always does.
"""

import argparse
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pymysql

from tools import debian
from tools.debian import Package, ProgramUnavailableError

# Debian's stable releases have no MySQL. The rolling one always does, whatever its version is by then.
_PACKAGE = Package(
    "sid", "mysql-server-core", ("perl", "libperl", "libgdbm", "libdb5", "openssl-provider-legacy", "libc-gconv", "gcc-")
)
_OLDEST = (8, 0)
START_SECONDS, STOP_SECONDS = 90, 30
USER, PASSWORD = "stackhold", "stackhold"


class MySQLUnavailableError(Exception):
    """There is no MySQL server on this machine and none can be had; the text says why."""


@dataclass(frozen=True, slots=True)
class Program:
    """A server program, its version, and the options it needs to find its own files."""

    path: Path
    version: str
    options: tuple[str, ...] = ()


def find_program() -> Program:
    """Return the machine's own server program, or the fetched one, fetching it on first use; MySQLUnavailableError."""
    for name in ("mysqld", "/usr/sbin/mysqld", "/usr/libexec/mysqld"):
        found = shutil.which(name)
        if found and (program := _examined(Path(found))):
            return program
    try:
        home = debian.fetched(_PACKAGE, debian.cache_folder("mysql") / _PACKAGE.suite, _write_launcher)
    except ProgramUnavailableError as error:
        raise MySQLUnavailableError(f"no MySQL server (mysqld 8.0 or later) on PATH, and {error}") from error
    program = _examined(home / "mysqld", _own_files(home / "root"))
    if program is None:
        raise MySQLUnavailableError(f"the MySQL server in {home} does not run; remove the folder to fetch it again")
    return program


def _examined(path: Path, options: tuple[str, ...] = ()) -> Program | None:
    try:
        shown = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=False).stdout
    except OSError:
        return None
    version = re.search(r"Ver (\d+)\.(\d+)[\d.]*", shown)
    if version is None or "MariaDB" in shown or (int(version[1]), int(version[2])) < _OLDEST:
        return None
    return Program(path, version[0].removeprefix("Ver "), options)


def _own_files(root: Path) -> tuple[str, ...]:
    share = root / "usr/share/mysql"
    return (
        f"--basedir={root / 'usr'}",
        f"--lc-messages-dir={share}",
        f"--character-sets-dir={share / 'charsets'}",
        f"--plugin-dir={root / 'usr/lib/mysql/plugin'}",
    )


def _write_launcher(made: Path) -> None:
    here = '$(cd "$(dirname "$0")" && pwd)/root'
    debian.write_launcher(made / "mysqld", made / "root", "usr/sbin/mysqld", root_in_shell=here, shown="$root/usr/sbin/mysqld")


class Server:
    """A server with a fresh data folder, on this machine's own address; started and stopped any number of times."""

    def __init__(self, program: Program, folder: Path, *options: str, port: int = 0) -> None:
        """Use a folder that exists; nothing is started yet."""
        self.program = program
        self.folder = folder
        self.port = port or free_port()
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Return the running server's process id."""
        assert self._process is not None  # noqa: S101 - asked of a running server only
        return self._process.pid

    def start(self, *options: str) -> None:
        """Start the server and return when it can be logged in to; options count for this start alone."""
        if not (self.folder / "data" / "mysql").is_dir():
            self._initialize()
        init = self.folder / "init.sql"
        # Not root: with names not resolved, the server knows no `root` that comes from an address.
        init.write_text(
            f"CREATE USER IF NOT EXISTS {USER}@'%' IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON *.* TO {USER}@'%' WITH GRANT OPTION;\n",
            encoding="utf-8",
        )
        command = [
            *self._command(),
            f"--init-file={init}",
            "--bind-address=127.0.0.1",
            f"--port={self.port}",
            f"--socket={self.folder / 'socket'}",
            f"--pid-file={self.folder / 'pid'}",
            *options,
        ]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self._wait()

    def stop(self) -> None:
        """End the server cleanly, or after a while by force; does nothing when it is not running."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End the server as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def connect(self, database: str | None = None) -> "pymysql.Connection[pymysql.cursors.Cursor]":
        """Return a connection of the user who may do anything."""
        return pymysql.connect(
            host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, database=database, autocommit=True, ssl_disabled=True
        )

    def _command(self) -> list[str]:
        # What is safe to lose is not written; what a small machine lacks is not asked for. `loose`: where there is such a thing.
        lean = (
            "--loose-mysqlx=OFF",
            "--performance-schema=OFF",
            "--innodb-buffer-pool-size=128M",
            "--loose-innodb-redo-log-capacity=64M",
            "--loose-innodb-use-native-aio=OFF",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-doublewrite=OFF",
            "--skip-log-bin",
            "--skip-name-resolve",
            "--secure-file-priv=",
            "--max-connections=400",
        )
        as_root = ("--user=root",) if os.geteuid() == 0 else ()
        return [
            str(self.program.path),
            "--no-defaults",
            *self.program.options,
            *as_root,
            f"--datadir={self.folder / 'data'}",
            *lean,
            *self._options,
        ]

    def _initialize(self) -> None:
        log = self.folder / "initialize.log"
        made = subprocess.run(
            [*self._command(), "--initialize-insecure", f"--log-error={log}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=START_SECONDS,
            check=False,
        )
        if made.returncode:
            raise MySQLUnavailableError(f"{self.program.path} cannot make its data folder: {_last_line(log)}")

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(pymysql.MySQLError):
                self.connect().close()
                return
            if self._process is None or self._process.poll() is not None:
                break
            time.sleep(0.02)
        raise MySQLUnavailableError(f"{self.program.path} does not start: {_last_line(self.folder / 'server.log')}")


@contextlib.contextmanager
def temporary_server(*options: str, port: int = 0) -> Iterator[Server]:
    """Yield a running server; its folder, in memory if the machine can, is removed with it."""
    program = find_program()
    with temporary_folder() as folder:
        server = Server(program, folder, *options, port=port)
        try:
            server.start()
            yield server
        finally:
            server.stop()


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a folder in memory if the machine has such a place, else on disk."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of a random name is made in it
    usable = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 1 << 30
    with tempfile.TemporaryDirectory(dir=memory if usable else None, prefix="stackhold-mysql-") as name:
        yield Path(name)


def free_port() -> int:
    """Return a port of this machine that is free."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line] if log.exists() else []
    return next((line for line in reversed(lines) if "[ERROR]" in line), lines[-1] if lines else "it says nothing")


def main() -> int:
    """Do what the command line asks."""
    parser = argparse.ArgumentParser(prog="python -m tools.mysql", description="A MySQL server without installing one.")
    parser.add_argument("what", choices=["install", "run"])
    parser.add_argument("--port", type=int, default=0)
    arguments = parser.parse_args()
    # A signal that ends this program ends the server as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        if arguments.what == "install":
            program = find_program()
            print(f"MySQL {program.version}: {program.path}")
            return 0
        with temporary_server(port=arguments.port) as server:
            print(f"MySQL {server.program.version} on 127.0.0.1:{server.port}, user {USER}, password {PASSWORD}", flush=True)
            server.connect().cursor().execute("CREATE DATABASE IF NOT EXISTS pulumi")
            with contextlib.suppress(KeyboardInterrupt):
                while True:
                    time.sleep(3600)
    except MySQLUnavailableError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
