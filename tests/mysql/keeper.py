"""Keeps one MySQL server alive for as long as a process of the test run uses it.

Each test process holds a shared lock on a file; this program waits for the file alone. So the server ends when the last of
them is gone, however it went.
"""

import fcntl
import json
import signal
import sys
from pathlib import Path

from tools.mysql import MySQLUnavailableError, temporary_server

USERS, ADDRESS = "users.lock", "address.json"


def keep(folder: Path) -> None:
    """Run a server, say in a file where it is, and stop it when no one holds the lock any more."""
    address = folder / ADDRESS
    try:
        with temporary_server() as server:
            _write(address, {"port": server.port, "version": server.program.version})
            with (folder / USERS).open("ab") as users:
                fcntl.flock(users, fcntl.LOCK_EX)
                address.unlink()
    except MySQLUnavailableError as error:
        _write(address, {"problem": str(error)})


def _write(path: Path, content: dict[str, object]) -> None:
    unfinished = path.with_suffix(".new")
    unfinished.write_text(json.dumps(content), encoding="utf-8")
    unfinished.rename(path)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    keep(Path(sys.argv[1]))
