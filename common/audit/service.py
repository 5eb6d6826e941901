"""Reads the audit log of an organization."""

import re
from collections.abc import Iterator
from dataclasses import replace

from common.audit import reading
from common.audit.events import KINDS, Entry, Event, EventKind, Search
from common.backend import Backend
from common.core.errors import BadRequest
from common.core.paging import make_token, read_token, seal
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission

PAGE_SIZE = 100
EXPORT_PAGE_SIZE = 1_000
_NUMBER = re.compile(r"[0-9]{1,16}")


def page_entries(
    backend: Backend,
    caller: Caller,
    org: str,
    search: Search,
    *,
    logins: frozenset[str] = frozenset(),
    token: str | None = None,
) -> tuple[list[Entry], str | None]:
    """Return a page of entries, newest first, and the token of the next page or None; NotFound for an unknown user."""
    membership = caller.require(Permission.AUDIT_LOGS_READ, org, missing=missing_org(org))
    # The lower bound travels in the token, since clients leave the times out once they have one.
    sealed = seal(caller.user_id, membership.org_id, *sorted(search.events), "/", *sorted(logins))
    after, since = _position(token, sealed) if token is not None else (None, None)
    search = replace(search, since=search.since if search.since is not None else since)
    user_search = reading.with_users(backend, membership.org_id, search, logins)
    rows = reading.page(backend, membership.org_id, user_search, after=after, limit=PAGE_SIZE + 1)
    page = rows[:PAGE_SIZE]
    if len(rows) <= PAGE_SIZE:
        return page, None
    return page, make_token(sealed, str(page[-1].recorded_at), page[-1].id, str(search.since or 0))


def export_entries(
    backend: Backend,
    caller: Caller,
    org: str,
    search: Search,
    *,
    logins: frozenset[str] = frozenset(),
    page_size: int = EXPORT_PAGE_SIZE,
) -> Iterator[Entry]:
    """Return all entries that match, newest first; they are read page by page while the caller takes them.

    Each page is read by the position where the last one ended, so records that arrive meanwhile move nothing.
    """
    org_id, user_search = reading.find_exported(backend, caller, org, search, logins)
    return _all(backend, org_id, user_search, page_size)


def list_kinds(caller: Caller, org: str) -> dict[Event, EventKind]:
    """Return the events that are recorded, and their meanings."""
    caller.require(Permission.AUDIT_LOGS_READ, org, missing=missing_org(org))
    return KINDS


def _all(backend: Backend, org_id: str, search: Search, page_size: int) -> Iterator[Entry]:
    after: tuple[int, str] | None = None
    while True:
        # A connection for each page: the client may take its time between two.
        rows = reading.page(backend, org_id, search, after=after, limit=page_size)
        yield from rows
        if len(rows) < page_size:
            return
        after = (rows[-1].recorded_at, rows[-1].id)


def _position(token: str, sealed: str) -> tuple[tuple[int, str], int]:
    moment, entry_id, since = read_token(token, sealed, 3)
    if not _NUMBER.fullmatch(moment) or not _NUMBER.fullmatch(since):
        raise BadRequest("the continuation token is not valid")
    return (int(moment), entry_id), int(since)
