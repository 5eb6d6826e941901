"""Statements that read updates, previews and events."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, Row, Select, and_, func, or_, select

from common.db.tables.people import users
from common.db.tables.stacks import event_batches, updates
from common.stacks.model import Kind, Status
from common.stacks.updates.model import HistoryEntry


@dataclass(frozen=True, slots=True)
class EventBatch:
    """A stored batch of events and the first sequence number in it."""

    first_sequence: int
    body: bytes | None
    blob_key: str | None


# Version 0 is the creation. A restored stack also has a deletion in its history, for which clients know no kind.
_NO_RUNS = (Kind.IMPORT, Kind.RENAME, Kind.DELETE)
_IS_SHOWN = and_(updates.c.version > 0, updates.c.kind != Kind.DELETE)


def page_versions(connection: Connection, stack_id: str, limit: int | None, offset: int) -> list[HistoryEntry]:
    """Return the stack's updates, newest first."""
    query = _entries().where(updates.c.stack_id == stack_id, _IS_SHOWN).order_by(updates.c.version.desc())
    return _all(connection, query.limit(limit).offset(offset) if limit is not None else query)


def page_activity(connection: Connection, stack_id: str, limit: int | None, offset: int) -> list[HistoryEntry]:
    """Return the stack's updates and previews together, newest first."""
    is_preview = and_(updates.c.dry_run, updates.c.status != Status.NOT_STARTED)
    query = _entries().where(updates.c.stack_id == stack_id, or_(_IS_SHOWN, is_preview))
    query = query.order_by(updates.c.created_at.desc(), updates.c.id.desc())
    return _all(connection, query.limit(limit).offset(offset) if limit is not None else query)


def find_version(connection: Connection, stack_id: str, version: int) -> HistoryEntry | None:
    """Return the update that created a version, or None; creation and deletion are not updates."""
    entries = _all(connection, _entries().where(updates.c.stack_id == stack_id, updates.c.version == version, _IS_SHOWN))
    return entries[0] if entries else None


def find_runs(connection: Connection, stack_id: str, newest: int, *, exact: bool) -> list[HistoryEntry]:
    """Return the newest update of a client up to a version and the one before it; `exact`: the version itself, whatever made it.

    An import and a rename are no runs: they have no configuration.
    """
    is_run = updates.c.kind.not_in(_NO_RUNS)
    query = _entries().where(updates.c.stack_id == stack_id, updates.c.version <= newest, _IS_SHOWN)
    query = query.where(or_(is_run, updates.c.version == newest) if exact else is_run)
    entries = _all(connection, query.order_by(updates.c.version.desc()).limit(2))
    return [] if exact and entries and entries[0].version != newest else entries


def find_newest_runs(connection: Connection, stack_id: str, versions: Collection[int]) -> list[HistoryEntry]:
    """Return the newest update of a client up to each of some versions, newest first, without those there are none of."""
    newest = updates.alias("newest")
    numbers = [
        select(func.max(newest.c.version))
        .where(newest.c.stack_id == stack_id, newest.c.version <= version, newest.c.version > 0, newest.c.kind.not_in(_NO_RUNS))
        .scalar_subquery()
        for version in versions
    ]
    query = _entries().where(updates.c.stack_id == stack_id, or_(*(updates.c.version == number for number in numbers)))
    return _all(connection, query.order_by(updates.c.version.desc()))


def find_preview(connection: Connection, stack_id: str, update_id: str) -> HistoryEntry | None:
    """Return one of the stack's dry runs, or None."""
    entries = _all(connection, _entries().where(updates.c.stack_id == stack_id, updates.c.id == update_id, updates.c.dry_run))
    return entries[0] if entries else None


def find_update(connection: Connection, stack_id: str, update_id: str) -> HistoryEntry | None:
    """Return one of the stack's updates or dry runs by its id, or None; creation and deletion are not updates."""
    is_shown = or_(_IS_SHOWN, updates.c.dry_run)
    entries = _all(connection, _entries().where(updates.c.stack_id == stack_id, updates.c.id == update_id, is_shown))
    return entries[0] if entries else None


def page_previews(
    connection: Connection,
    stack_id: str,
    after_version: int,
    limit: int | None,
    offset: int,
    *,
    ascending: bool,
) -> list[HistoryEntry]:
    """Return the dry runs that started while `after_version` was the newest version, in order of their creation."""
    order = (updates.c.created_at, updates.c.id) if ascending else (updates.c.created_at.desc(), updates.c.id.desc())
    query = (
        _entries()
        .where(
            updates.c.stack_id == stack_id,
            updates.c.dry_run,
            updates.c.after_version == after_version,
            updates.c.status != Status.NOT_STARTED,
        )
        .order_by(*order)
    )
    return _all(connection, query.limit(limit).offset(offset) if limit is not None else query)


def event_batches_from(connection: Connection, update_id: str, start: int, limit: int) -> list[EventBatch]:
    """Return up to `limit` batches with sequence numbers from `start` on, by their first sequence number."""
    rows = connection.execute(
        select(event_batches.c.first_sequence, event_batches.c.body, event_batches.c.blob_key)
        .where(event_batches.c.update_id == update_id, event_batches.c.last_sequence >= start)
        .order_by(event_batches.c.first_sequence, event_batches.c.id)
        .limit(limit),
    )
    return [EventBatch(first, bytes(body) if body is not None else None, key) for first, body, key in rows]


def _entries() -> Select[tuple[object, ...]]:
    # An outer join: MySQL then begins with the updates, where an index has the order of a page.
    return select(
        updates.c.id,
        updates.c.kind,
        updates.c.status,
        updates.c.dry_run,
        updates.c.version,
        updates.c.program,
        updates.c.created_at,
        updates.c.started_at,
        updates.c.ended_at,
        updates.c.resource_count,
        updates.c.resource_changes,
        updates.c.state_deleted_at,
        updates.c.integrity_error,
        users.c.login,
        users.c.name,
        users.c.avatar_url,
    ).outerjoin(users, users.c.id == updates.c.requested_by)


def _all(connection: Connection, query: Select[tuple[object, ...]]) -> list[HistoryEntry]:
    return [_to_entry(row) for row in connection.execute(query)]


def _to_entry(row: Row[tuple[object, ...]]) -> HistoryEntry:
    return HistoryEntry(
        update_id=row.id,
        kind=Kind(row.kind),
        status=Status(row.status),
        dry_run=bool(row.dry_run),
        version=row.version,
        program=row.program.encode(),
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        resource_count=row.resource_count,
        resource_changes=row.resource_changes.encode() if row.resource_changes is not None else None,
        author_login=row.login or "",
        author_name=row.name or "",
        author_avatar_url=row.avatar_url or "",
        state_deleted_at=row.state_deleted_at,
        integrity_error=row.integrity_error,
    )
