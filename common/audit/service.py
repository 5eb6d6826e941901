"""The audit log of an organization: recorded in the transaction of what it tells of, and read by those who may."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from common.audit import repository
from common.audit.events import DESCRIPTION_LIMIT, KINDS, NAME_LIMIT, Actor, Entry, Event, EventKind, Search
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, NotFound
from common.core.ids import new_id
from common.core.paging import make_token, read_token, seal
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission

PAGE_SIZE = 100
EXPORT_LIMIT = 20_000
_EXPORT_PAGE = 1_000
_NUMBER = re.compile(r"[0-9]{1,16}")


def record(tx: Connection, actor: Actor, org_id: str, event: Event, description: str, *, now: datetime) -> None:
    """Add an entry to an organization's log: a step of the use case that does what the entry tells of."""
    # No permission check: who may do the thing was decided by whoever calls this.
    shown = Actor(actor.user_id, actor.login, actor.token_id, actor.token_name[:NAME_LIMIT], actor.source_ip[:45])
    text = description if len(description) <= DESCRIPTION_LIMIT else description[: DESCRIPTION_LIMIT - 1] + "…"
    repository.add(tx, new_id(), org_id, event, text, actor=shown, now_millis=unix_millis(now))


def page_entries(
    backend: Backend,
    caller: Caller,
    org: str,
    search: Search,
    *,
    logins: frozenset[str] = frozenset(),
    token: str | None = None,
) -> tuple[list[Entry], str | None]:
    """Return a page of entries, newest first, and the token of the next page or None; NotFound for a user it knows nothing of."""
    membership = caller.require(Permission.AUDIT_LOGS_READ, org, missing=missing_org(org))
    # The lower bound travels in the token, since clients leave the times out once they have one.
    sealed = seal(caller.user_id, membership.org_id, *sorted(search.events), "/", *sorted(logins))
    after, since = _position(token, sealed) if token is not None else (None, None)
    search = replace(search, since=search.since if search.since is not None else since)
    with backend.db.connect() as connection:
        wanted = _narrowed(connection, membership.org_id, search, logins)
        rows = repository.page(connection, membership.org_id, wanted, after=after, limit=PAGE_SIZE + 1)
    found = rows[:PAGE_SIZE]
    following = (
        make_token(sealed, str(found[-1].recorded_at), found[-1].id, str(search.since or 0)) if len(rows) > PAGE_SIZE else None
    )
    return found, following


def export_entries(
    backend: Backend,
    caller: Caller,
    org: str,
    search: Search,
    *,
    logins: frozenset[str] = frozenset(),
) -> list[Entry]:
    """Return all entries that match, newest first; BadRequest for more than one export may have."""
    membership = caller.require(Permission.AUDIT_LOGS_EXPORT, org, missing=missing_org(org))
    with backend.db.connect() as connection:
        wanted = _narrowed(connection, membership.org_id, search, logins)
        if repository.count(connection, membership.org_id, wanted, EXPORT_LIMIT + 1) > EXPORT_LIMIT:
            raise BadRequest(f"more than {EXPORT_LIMIT:,} events match; export a shorter time, with startTime and endTime")
        return list(_all(connection, membership.org_id, wanted))


def list_kinds(caller: Caller, org: str) -> dict[Event, EventKind]:
    """Return the events that are recorded, and what they mean."""
    caller.require(Permission.AUDIT_LOGS_READ, org, missing=missing_org(org))
    return KINDS


def _all(connection: Connection, org_id: str, search: Search) -> Iterator[Entry]:
    after: tuple[int, str] | None = None
    for _ in range(EXPORT_LIMIT // _EXPORT_PAGE):
        rows = repository.page(connection, org_id, search, after=after, limit=_EXPORT_PAGE)
        yield from rows
        if len(rows) < _EXPORT_PAGE:
            return
        after = (rows[-1].recorded_at, rows[-1].id)


def _narrowed(connection: Connection, org_id: str, search: Search, logins: frozenset[str]) -> Search:
    if not logins:
        return search
    found = repository.find_users(connection, org_id, logins)
    unknown = sorted(logins - found.keys())
    if unknown:
        raise NotFound(f"User {unknown[0][:100]!a} not found")
    return Search(search.since, search.until, search.events, frozenset(found.values()))


def _position(token: str, sealed: str) -> tuple[tuple[int, str], int]:
    moment, entry_id, since = read_token(token, sealed, 3)
    if not _NUMBER.fullmatch(moment) or not _NUMBER.fullmatch(since):
        raise BadRequest("the continuation token is not one of this server's")
    return (int(moment), entry_id), int(since)
