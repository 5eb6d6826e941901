"""Reads entries of a log from where it is kept for readers: the database, or the DynamoDB table where one is set."""

import logging
from collections.abc import Iterable

from common.audit import repository
from common.audit.chain import Record
from common.audit.copies import items
from common.audit.copies import steps as copies
from common.audit.events import Actor, Entry, Search
from common.backend import Backend
from common.core.errors import NotFound
from common.ports.audit_table import TableError
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission

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


def find_exported(backend: Backend, caller: Caller, org: str, search: Search, logins: frozenset[str]) -> tuple[str, Search]:
    """Return the id of an organization that the caller may export the log of, and the search with the users of some logins."""
    membership = caller.require(Permission.AUDIT_LOGS_EXPORT, org, missing=missing_org(org))
    return membership.org_id, with_users(backend, membership.org_id, search, logins)


def with_users(backend: Backend, org_id: str, search: Search, logins: frozenset[str]) -> Search:
    """Return a search narrowed to the users of some logins, if there are any; NotFound for a login that is unknown there."""
    if not logins:
        return search
    with backend.db.connect() as connection:
        user_ids = repository.find_users(connection, org_id, logins)
    unknown = sorted(logins - user_ids.keys())
    if unknown:
        raise NotFound(f"User {unknown[0][:100]!a} not found")
    return Search(search.since, search.until, search.events, frozenset(user_ids.values()))


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
