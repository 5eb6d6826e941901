"""A list of documents that may be longer than memory: a database in a temporary file, which ends with the process."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Self

_PAGE = 500
_IS_THERE = "present AND digest IS NOT NULL"


class DocumentEntry(NamedTuple):
    """A document: its key, the size of its stored bytes and their SHA-256 in hexadecimal."""

    key: str
    size: int
    digest: str


class Worklist:
    """Documents with what is known of each: whether it is needed, whether it is there, its size and digest."""

    def __init__(self) -> None:
        """Begin an empty list."""
        # An empty name is a file of SQLite's own in the folder for temporary files, gone when it is closed.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode=OFF")
        self._database.execute("PRAGMA synchronous=OFF")
        self._database.execute(
            "CREATE TABLE documents (key TEXT PRIMARY KEY, needed INTEGER NOT NULL DEFAULT 0, present INTEGER NOT NULL DEFAULT 0,"
            " size INTEGER, digest TEXT) WITHOUT ROWID"
        )

    def __enter__(self) -> Self:
        """Return the list."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Remove it."""
        self._database.close()

    def add_needed(self, keys: Iterable[str]) -> None:
        """Note that documents are needed."""
        self._write(
            "INSERT INTO documents (key, needed) VALUES (?, 1) ON CONFLICT DO UPDATE SET needed = 1", ((key,) for key in keys)
        )

    def add_present(self, keys: Iterable[str]) -> None:
        """Note that documents are in the store."""
        statement = "INSERT INTO documents (key, present) VALUES (?, 1) ON CONFLICT DO UPDATE SET present = 1"
        self._write(statement, ((key,) for key in keys))

    def add_digests(self, entries: Iterable[DocumentEntry]) -> None:
        """Note sizes and digests."""
        statement = (
            "INSERT INTO documents (key, size, digest) VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET size = excluded.size, digest = excluded.digest"
        )
        self._write(statement, entries)

    def find_present(self, keys: Sequence[str]) -> set[str]:
        """Return those documents that are in the store."""
        query = "SELECT present FROM documents WHERE key = ?"
        return {key for key in keys if self._database.execute(query, (key,)).fetchone() == (1,)}

    def iterate_absent(self) -> Iterator[list[str]]:
        """Yield keys of needed documents that are not in the store, page by page, in order."""
        yield from self._pages("needed AND NOT present")

    def iterate_unfinished(self) -> Iterator[list[str]]:
        """Yield keys of needed documents that are not in the store, or have no digest, page by page, in order."""
        yield from self._pages(f"needed AND NOT ({_IS_THERE})")

    def iterate_entries(self) -> Iterator[list[DocumentEntry]]:
        """Yield the needed documents that are in the store, page by page, in order."""
        after = ""
        query = f"SELECT key, size, digest FROM documents WHERE {_IS_THERE} AND needed AND key > ? ORDER BY key LIMIT ?"  # noqa: S608
        while rows := self._database.execute(query, (after, _PAGE)).fetchall():
            yield [DocumentEntry(*row) for row in rows]
            after = rows[-1][0]

    def clear_needed(self) -> None:
        """Begin anew with what is needed; what is known of the documents stays."""
        self._database.execute("UPDATE documents SET needed = 0 WHERE needed")

    def total_bytes(self) -> int:
        """Return the size of the needed documents that are in the store."""
        return int(self._database.execute(f"SELECT TOTAL(size) FROM documents WHERE {_IS_THERE} AND needed").fetchone()[0])  # noqa: S608

    def count_needed(self) -> int:
        """Return the number of documents that are needed."""
        return int(self._database.execute("SELECT COUNT(*) FROM documents WHERE needed").fetchone()[0])

    def _pages(self, condition: str) -> Iterator[list[str]]:
        after = ""
        query = f"SELECT key FROM documents WHERE {condition} AND key > ? ORDER BY key LIMIT ?"  # noqa: S608 - conditions of ours
        while rows := self._database.execute(query, (after, _PAGE)).fetchall():
            yield [row[0] for row in rows]
            after = rows[-1][0]

    def _write(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        self._database.execute("BEGIN")
        self._database.executemany(statement, rows)
        self._database.execute("COMMIT")
