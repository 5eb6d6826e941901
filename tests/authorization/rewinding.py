"""Brings a SQLite database back to how it was, and tells whether anything in it changed, so that thousands of calls share one."""

import hashlib
import sqlite3

from common.backend import Backend
from common.config.database import DATABASE_FILE


class Rewinder:
    """Remembers moments of a backend's database under names. Objects are not among it: what is stored there is only added."""

    def __init__(self, backend: Backend) -> None:
        """Open connections of its own beside the backend's."""
        self._file = backend.settings.data_folder / DATABASE_FILE
        self._watcher, self._writer = self._connect(), self._connect()
        self._moments: dict[str, sqlite3.Connection] = {}

    def remember(self, name: str) -> None:
        """Keep the database as it is."""
        self._moments[name] = sqlite3.connect(":memory:", check_same_thread=False)
        self._watcher.backup(self._moments[name])

    def rewind(self, name: str) -> None:
        """Make the database what it was."""
        self._moments[name].backup(self._writer)

    def commits(self) -> int:
        """Return a number that is another one as soon as anyone else committed a change."""
        found: int = self._watcher.execute("PRAGMA data_version").fetchone()[0]
        return found

    def digest(self) -> str:
        """Return a digest of all rows of all tables but those of the audit log, which records refusals."""
        tables = self._watcher.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'audit%' ORDER BY name"
        ).fetchall()
        found = hashlib.sha256()
        for (table,) in tables:
            rows = sorted(repr(row) for row in self._watcher.execute(f'SELECT * FROM "{table}"'))
            found.update(repr((table, rows)).encode())
        return found.hexdigest()

    def close(self) -> None:
        """Close its connections."""
        for connection in (self._watcher, self._writer, *self._moments.values()):
            connection.close()

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._file, isolation_level=None, check_same_thread=False)
