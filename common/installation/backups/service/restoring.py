"""The use case that restores a backup into an empty installation, of any database, object store and key service.

A mark says which backup is being restored. While it is there no server starts, and a run that was interrupted is continued by
the next one. It is removed at the end, when the tables are of this release and everything was verified.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import cast

from sqlalchemy import Connection

from common.audit.archives import steps as audit_archives
from common.audit.archives.model import Result
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import StartUpError
from common.crypto import service_keys, wrapped_keys
from common.installation import checks
from common.installation.backups import documents, model
from common.installation.backups.model import Manifest, Part, TableDump
from common.installation.backups.place import Place, digest_of
from common.installation.backups.repository import marks, rows
from common.installation.backups.repository.marks import Mark
from common.installation.backups.repository.worklist import DocumentEntry, Worklist
from common.installation.backups.service.missing_documents import find_missing_documents
from common.mailing import steps as mailing
from common.outbox import steps as outbox
from common.ports.keys import KeyUnusable
from common.stacks.blob_keys import PREFIXES
from common.stacks.updates import steps as updates

THREADS = 8
EXPORT_IS_OFF = (
    "turned off when backup {} was restored: hours that were exported after it would be written over. Turn it on again after"
    " the restore if this installation takes the place of the other one"
)
NOT_SENT = "not sent: backup {} was restored as a rehearsal"
KEYS_TABLE, MARKS_TABLE = "service_keys", "bootstrap_items"
# The tables that are restored last, in one transaction.
_LAST = (MARKS_TABLE, KEYS_TABLE)

Show = Callable[[str], object]


@dataclass(slots=True)
class Restored:
    """A backup that was restored: how much this run wrote, and what is wrong with the result."""

    manifest: Manifest
    rows: int = 0
    copied: int = 0
    copied_bytes: int = 0
    rewrapped: int = 0
    problems: list[str] = field(default_factory=list)


class Restoration:
    """One run: it begins where an earlier one for the same backup was interrupted."""

    def __init__(
        self, backend: Backend, place: Place, manifest: Manifest, show: Show = print, *, allows_lost_keys: bool = False
    ) -> None:
        """Restore a backup into the installation that a backend opened, also with data keys that nothing opens if it may."""
        self._backend, self._place, self._show = backend, place, show
        self._manifest = manifest
        self._key_name, self._allows_lost_keys = "", allows_lost_keys
        # An earlier run wrote all rows, and the tables may be of this release already.
        self.has_rows = False
        self.result = Restored(manifest)

    def check(self) -> None:
        """Raise StartUpError unless the installation is empty and the keys of the backup open; changes nothing."""
        # No permission check in this module: the operator holds the database.
        with self._backend.db.connect() as connection:
            mark = require_empty(connection, self._manifest.id)
        self.has_rows = mark is not None and mark.has_rows
        if mark is None:
            checks.require_no_states(self._backend.plan, PREFIXES)
        table = self._table(KEYS_TABLE)
        for row in [model.decode_row(line, table.columns) for line in self._lines(table)]:
            self._require_opens(str(row["name"]), cast("bytes", row["wrapped_key"]))
        if not self._allows_lost_keys:
            self._require_master_keys()

    def _require_opens(self, name: str, wrapped_key: bytes) -> None:
        try:
            self._backend.keys.unwrap(wrapped_key, service_keys.context_of(name))
        except KeyUnusable as error:
            names = ", ".join(self._manifest.master_keys)
            raise StartUpError(
                f"the service's key {name!a} of the backup does not open. Its data keys were wrapped by {names}: name that key in"
                f" STACKHOLD_UNWRAP_KEYS; nothing was restored ({error.detail})"
            ) from error

    def _require_master_keys(self) -> None:
        lost = wrapped_keys.find_lost_master_keys(self._backend.keys, self._iterate_rows_with_keys())
        if wrapped_keys.UNKNOWN_MASTER_KEY in self._manifest.master_keys:
            # Damaged in the installation that the backup is of. It is in the report.
            lost.pop(wrapped_keys.UNKNOWN_MASTER_KEY, None)
        if lost:
            raise StartUpError(
                f"data keys of the backup do not open. They were wrapped by {', '.join(sorted(lost))}: name these keys in"
                " STACKHOLD_UNWRAP_KEYS, or restore without what they encrypt with --allow-lost-keys; nothing was restored"
                f" ({next(iter(lost.values()))})"
            )

    def _iterate_rows_with_keys(self) -> Iterator[tuple[str, dict[str, object]]]:
        for table in self._manifest.tables:
            if table.name in wrapped_keys.TABLES:
                for part in table.parts:
                    for line in self._place.get_lines(part):
                        yield table.name, model.decode_row(line, table.columns)

    def run(self) -> None:
        """Copy documents, then rows. The tables are those of the backup's release, and empty."""
        self._key_name = self._backend.keys.check()
        with self._backend.db.begin() as tx:
            if marks.find(tx) is None:
                marks.add(tx, self._manifest.id, self._now_millis())
        self._copy_documents()
        for table in self._manifest.tables:
            if table.name not in _LAST:
                self._restore_table(table)
        with self._backend.db.begin() as tx:
            marks.add_rows(tx, self._manifest.id, self._now_millis())
            updates.end_leases(tx)
            for name in _LAST:
                self._insert(tx, self._table(name), self._lines(self._table(name)))

    def verify(self) -> None:
        """Note what is wrong with the result: rows, documents or data keys that are missing or do not open."""
        self._show("verifying")
        with self._backend.db.connect() as connection:
            counts = {table.name: rows.count_rows(connection, table.name) for table in self._manifest.tables}
            counts[MARKS_TABLE] -= marks.find(connection) is not None
        self.result.problems += [
            f"table {table.name} has {counts[table.name]:,} rows, and the backup {table.rows:,}"
            for table in self._manifest.tables
            if counts[table.name] != table.rows
        ]
        _, missing = find_missing_documents(self._backend)
        lost = set(self._manifest.missing)
        self.result.problems += [f"document {key} is missing" for key in missing if key not in lost]
        self.result.problems += [f"document {key} was missing when the backup was made" for key in self._manifest.missing]
        self.result.problems += [f"{key}: {problem}" for key, problem in wrapped_keys.check_keys(self._backend) if problem]

    def finish(self, *, is_rehearsal: bool) -> None:
        """Let servers start, without hourly exports, and after a rehearsal without the messages and mails that waited."""
        now_millis, backup_id = self._now_millis(), self._manifest.id
        with self._backend.db.begin() as tx:
            audit_archives.turn_off(tx, Result(now_millis, EXPORT_IS_OFF.format(backup_id)))
            if is_rehearsal:
                outbox.give_up_waiting(tx, self._backend, NOT_SENT.format(backup_id))
                mailing.give_up_waiting(tx, NOT_SENT.format(backup_id))
            marks.remove(tx)

    def _now_millis(self) -> int:
        return unix_millis(self._backend.clock.now())

    def _copy_documents(self) -> None:
        with Worklist() as worklist, ThreadPoolExecutor(THREADS) as threads:
            for prefix in documents.PREFIXES:
                for keys in documents.iterate_stored(documents.bucket_of(self._backend, prefix), prefix):
                    worklist.add_present(keys)
            for entries in self._place.iterate_entries(self._manifest):
                present = worklist.find_present([entry.key for entry in entries])
                absent = [entry for entry in entries if entry.key not in present]
                for size in threads.map(self._copy_document, absent):
                    self.result.copied += 1
                    self.result.copied_bytes += size
                    self._show(f"documents: {self.result.copied:,} copied, {self.result.copied_bytes:,} bytes")

    def _copy_document(self, entry: DocumentEntry) -> int:
        documents.store(self._backend, entry.key, self._place.get_document(entry))
        # Read again: the store must have what it was given.
        stored = documents.bucket_of(self._backend, entry.key).get_stored(entry.key)
        if digest_of(stored) != entry.digest:
            raise StartUpError(f"document {entry.key} does not come back from the object store as it was stored")
        return entry.size

    def _restore_table(self, table: TableDump) -> None:
        with self._backend.db.connect() as connection:
            present = rows.count_rows(connection, table.name)
        done = 0
        for part in table.parts:
            if done + part.lines > present:
                if done != present:
                    raise StartUpError(f"table {table.name} has {present:,} rows that are not of this backup; empty the database")
                self._restore_part(table, part)
                present += part.lines
            done += part.lines
        if present > done:
            raise StartUpError(f"table {table.name} has {present:,} rows, more than the backup; empty the database")

    def _restore_part(self, table: TableDump, part: Part) -> None:
        lines = self._place.get_lines(part)
        with self._backend.db.begin() as tx:
            self._insert(tx, table, lines)
        self._show(f"table {table.name}: {self.result.rows:,} rows of {self._manifest.rows:,}")

    def _insert(self, tx: Connection, table: TableDump, lines: Sequence[bytes]) -> None:
        rows.insert_rows(tx, table.name, table.columns, self._rewrapped(table, lines))
        self.result.rows += len(lines)

    def _rewrapped(self, table: TableDump, lines: Sequence[bytes]) -> list[dict[str, object]]:
        """Return the rows of lines, with data keys wrapped by this installation's key."""
        values = [model.decode_row(line, table.columns) for line in lines]
        self.result.rewrapped += wrapped_keys.rewrap_rows(self._backend.keys, self._key_name, table.name, values)
        return values

    def _lines(self, table: TableDump) -> list[bytes]:
        return [line for part in table.parts for line in self._place.get_lines(part)]

    def _table(self, name: str) -> TableDump:
        return next(table for table in self._manifest.tables if table.name == name)


def require_empty(connection: Connection, backup_id: str) -> Mark | None:
    """Return the mark if the backup is being restored already; StartUpError for a database with anything else in it."""
    mark = marks.find(connection)
    if mark is None and rows.is_used(connection):
        raise StartUpError("the database is not empty: a backup is restored into an empty installation only; nothing was changed")
    if mark is not None and mark.backup_id != backup_id:
        other = mark.backup_id
        raise StartUpError(f"backup {other} was being restored here: continue with --backup {other}, or empty the database")
    return mark
