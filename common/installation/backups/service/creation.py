"""The use case that makes a backup while the server runs: a snapshot of the database, then the documents that it names.

A document is never written over, so one that the place has already is not copied again. A state that a running update has
replaced is deleted soon, so those are copied first.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sqlalchemy import Connection

from common.audit import integrity
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.customer_key import NAME_PREFIX
from common.core.errors import StartUpError, Unavailable
from common.core.ids import new_id
from common.crypto import service_keys, wrapped_keys
from common.db import migrate
from common.installation.backups import documents, model
from common.installation.backups.model import Manifest, TableDump
from common.installation.backups.place import Place
from common.installation.backups.repository import rows
from common.installation.backups.repository.worklist import DocumentEntry, Worklist
from common.installation.backups.status import recorded
from common.ports.blobs import BlobMissing
from common.ports.keys.local import read_key

THREADS = 8
# A document that was deleted after the snapshot needs a newer snapshot.
ATTEMPTS = 3

Show = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made, and how much of it was copied: the rest was in the place already."""

    manifest: Manifest
    copied: int
    copied_bytes: int


class _Gone(Exception):
    """Documents that the snapshot names were deleted before they were copied."""


def create_backup(backend: Backend, place: Place, *, release: str, include_key: bool = False, show: Show = print) -> Backup:
    """Make a backup in a place; raises Unavailable where a store does not answer, StartUpError for a key that is not local."""
    # No permission check: the operator, who runs this with the installation's settings, may read everything.
    key = _local_key(backend) if include_key else None
    with recorded(backend, place.words, release) as run, Worklist() as worklist:
        _read_known(place, worklist, show)
        copier = _Copier(backend, place, worklist, show)
        for _attempt in range(ATTEMPTS):
            try:
                manifest = _create(copier, release, key)
            except _Gone:
                continue
            place.delete_unfinished()
            run.backup_id, run.rows, run.missing = manifest.id, manifest.rows, len(manifest.missing)
            run.documents, run.document_bytes = manifest.document_count, manifest.document_bytes
            run.copied_bytes = copier.copied_bytes
            return Backup(manifest, copier.copied, copier.copied_bytes)
        raise Unavailable("documents are deleted faster than they are copied; make the backup again at a quieter time")


def _read_known(place: Place, worklist: Worklist, show: Show) -> None:
    """Read what the place has, with the sizes and hashes that the newest backup and interrupted ones noted."""
    show("reading what the backup has")
    if place.list_backups():
        for entries in place.iterate_entries(place.get_manifest(None)):
            worklist.add_digests(entries)
    for entries in place.iterate_unfinished():
        worklist.add_digests(entries)
    worklist.add_present(place.iterate_documents())


class _Copier:
    """Copies documents, several at a time, and notes them in the worklist."""

    def __init__(self, backend: Backend, place: Place, worklist: Worklist, show: Show) -> None:
        self.backend, self.place, self.worklist, self.show = backend, place, worklist, show
        self.copied = self.copied_bytes = 0

    def copy_needed(self) -> list[str]:
        """Copy the needed documents that the place does not have, and return the keys of those that are missing."""
        missing = list[str]()
        with ThreadPoolExecutor(THREADS) as threads:
            for keys in self.worklist.iterate_unfinished():
                entries = list[DocumentEntry]()
                for key, entry in zip(keys, threads.map(self._copy, keys), strict=True):
                    if entry is None:
                        missing.append(key)
                        continue
                    entries.append(entry)
                    self.copied += 1
                    self.copied_bytes += entry.size
                    self.show(f"documents: {self.copied:,} copied, {self.copied_bytes:,} bytes")
                self._note(entries)
        return missing

    def _copy(self, key: str) -> DocumentEntry | None:
        try:
            stored = documents.bucket_of(self.backend, key).get_stored(key)
        except BlobMissing:
            return None
        return self.place.put_document(key, stored)

    def _note(self, entries: Sequence[DocumentEntry]) -> None:
        if entries:
            self.worklist.add_digests(entries)
            self.worklist.add_present(entry.key for entry in entries)
            self.place.put_unfinished(new_id(), entries)


def _create(copier: _Copier, release: str, key: bytes | None) -> Manifest:
    backend, place, worklist = copier.backend, copier.place, copier.worklist
    worklist.clear_needed()
    created_at = backend.clock.now()
    # The newest of several of one second comes last too.
    backup_id = f"{created_at:%Y%m%dT%H%M%SZ}-{created_at.microsecond // 1000:03x}{new_id()[-3:]}"
    with backend.db.snapshot() as connection:
        worklist.add_needed(documents.list_running(connection))
        copier.copy_needed()
        master_keys = _count_master_keys(connection, backend)
        if key is not None:
            _require_only(backend, master_keys)
        # A head that is signed from now on is of a longer log than the snapshot has: there, records would seem to be missing.
        ends = integrity.list_ends(connection)
        for keys in documents.iterate_named(connection):
            worklist.add_needed(keys)
        tables = _dump(connection, place, backup_id, copier.show)
    for keys in documents.iterate_signed_heads(backend, ends):
        worklist.add_needed(keys)
    missing = _lost(backend, copier.copy_needed())
    if missing is None:
        place.delete(part for table in tables for part in table.parts)
        raise _Gone
    manifest = Manifest(
        format=model.FORMAT,
        id=backup_id,
        created_at=unix_millis(created_at),
        release=release,
        revision=migrate.HEAD,
        tables=tables,
        documents=place.put_lines(model.LISTS + backup_id, _lines_of(worklist)),
        document_bytes=worklist.total_bytes(),
        missing=missing,
        master_keys=master_keys,
        left_out=model.LEFT_OUT | model.LEASES,
        has_key=key is not None,
    )
    if key is not None:
        place.put_key(backup_id, key)
    place.put_manifest(manifest)
    return manifest


def _dump(connection: Connection, place: Place, backup_id: str, show: Show) -> list[TableDump]:
    tables = list[TableDump]()
    for table in rows.list_tables():
        show(f"table {table.name}")
        parts = place.put_lines(f"{model.TABLES}{backup_id}/{table.name}", rows.iterate_lines(connection, table))
        tables.append(TableDump(str(table.name), rows.columns_of(table), parts))
    return tables


def _count_master_keys(connection: Connection, backend: Backend) -> dict[str, int]:
    """Return how many data keys of the backup each master key has wrapped."""
    left_out = service_keys.context_of(model.LEASE_KEY)
    pages = ([key for key in page if key.context != left_out] for page in wrapped_keys.iterate_pages_in(connection))
    return service_keys.count_pages_by_master_key(pages, backend.keys)


def _require_only(backend: Backend, master_keys: dict[str, int]) -> None:
    """Raise StartUpError where a backup with the local key would need another one as well."""
    # Keys of organizations are in AWS KMS: no key that lies in the backup could take their place.
    others = sorted({name for name in master_keys if not name.startswith(NAME_PREFIX)} - {backend.keys.check()})
    if others:
        raise StartUpError(
            f"the backup needs more than the key {backend.plan.master.words}: {', '.join(others)}. Run `stackhold keys rotate`"
            " first, or leave out --include-key"
        )


def _lost(backend: Backend, missing: list[str]) -> list[str] | None:
    """Return the missing documents if rows still name all of them, so that they are lost; None if some were deleted since."""
    with backend.db.connect() as connection:
        pages = (missing[at : at + documents.PAGE_KEYS] for at in range(0, len(missing), documents.PAGE_KEYS))
        named = {key for page in pages for key in documents.find_named(connection, page)}
    return missing if named == set(missing) else None


def _lines_of(worklist: Worklist) -> Iterable[bytes]:
    return (model.encode_row(entry) for entries in worklist.iterate_entries() for entry in entries)


def _local_key(backend: Backend) -> bytes:
    place = backend.plan.master.place
    if place is None:
        raise StartUpError(f"the key is {backend.plan.master.words}, which no backup can hold; leave out --include-key")
    return read_key(place)
