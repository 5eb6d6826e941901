"""Reads entries of a log from where it is kept for readers: the database, or the DynamoDB table where one is set."""

import logging
from collections.abc import Iterable

from common.audit import repository
from common.audit.chain import Record
from common.audit.copies import items
from common.audit.copies import steps as copies
from common.audit.events import Actor, Entry, Search
from common.backend import Backend
from common.ports.audit_table import TableError

LOG = logging.getLogger("stackhold.audit")


def page(backend: Backend, org_id: str, search: Search, *, after: tuple[int, str] | None, limit: int) -> list[Entry]:
    """Return entries that match, newest first, after a position (time, id) if there is one.

    Positions are the same in both stores. The database has every record: it is read while the table does not answer, and while
    records wait for their copy.
    """
    # No permission check: the use cases made it.
    if backend.audit_table is not None and copies.is_readable(backend, org_id):
        try:
            records = items.page(backend.audit_table, org_id, search, after=after, limit=limit)
        except TableError as error:
            LOG.warning("an audit log is read from the database: %s", error)
        else:
            return _with_profiles(backend, records)
    with backend.db.connect() as connection:
        return repository.page(connection, org_id, search, after=after, limit=limit)


def _with_profiles(backend: Backend, records: Iterable[Record]) -> list[Entry]:
    records = list(records)
    with backend.db.connect() as connection:
        profiles = repository.find_profiles(connection, {record.user_id for record in records})
    return [_to_entry(record, *profiles.get(record.user_id, ("", "", ""))) for record in records]


def _to_entry(record: Record, name: str, email: str, avatar_url: str) -> Entry:
    actor = Actor(record.user_id, record.login, record.token_id, record.token_name, record.source_ip)
    return Entry(
        id=record.id,
        recorded_at=record.recorded_at,
        event=record.event,
        description=record.description,
        actor=actor,
        name=name or record.login,
        email=email,
        avatar_url=avatar_url,
    )
