"""Rows of the events of change requests."""

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, func, insert, select, update

from common.approvals.model import EventKind, RequestEvent
from common.db.tables.approvals import change_request_events
from common.db.tables.people import users
from common.people.users.model import Person

_T = change_request_events.c


def add(tx: Connection, request_id: str, event: RequestEvent) -> None:
    """Insert an event as the next one of its request, which the caller has locked."""
    last = tx.scalar(select(func.max(_T.sequence)).where(_T.change_request_id == request_id)) or 0
    tx.execute(
        insert(change_request_events).values(
            change_request_id=request_id,
            sequence=last + 1,
            id=event.id,
            kind=event.kind.value,
            revision=event.revision,
            user_id=event.user.id,
            comment=event.comment,
            details=msgspec.json.encode(event.details).decode(),
            replaced_by=None,
            created_at=event.created_at,
        )
    )


def count(connection: Connection, request_id: str, kind: EventKind) -> int:
    """Return how many events of a kind a request has."""
    condition = (_T.change_request_id == request_id, _T.kind == kind.value)
    return connection.scalar(select(func.count()).select_from(change_request_events).where(*condition)) or 0


def replace_approvals(tx: Connection, request_id: str, user_id: str, event_id: str) -> None:
    """Mark the earlier approvals of a user as replaced by an event."""
    is_earlier = (
        _T.change_request_id == request_id,
        _T.user_id == user_id,
        _T.kind == EventKind.APPROVED.value,
        _T.replaced_by.is_(None),
        _T.id != event_id,
    )
    tx.execute(update(change_request_events).where(*is_earlier).values(replaced_by=event_id))


def page(connection: Connection, request_id: str, after: int, limit: int) -> list[RequestEvent]:
    """Return events of a request after a position, in their order."""
    query = (
        select(change_request_events, users.c.login, users.c.name.label("person_name"), users.c.avatar_url)
        .outerjoin(users, users.c.id == _T.user_id)
        .where(_T.change_request_id == request_id, _T.sequence > after)
        .order_by(_T.sequence)
        .limit(limit)
    )
    return [_to_event(row) for row in connection.execute(query)]


def _to_event(row: Row[Any]) -> RequestEvent:
    return RequestEvent(
        id=row.id,
        sequence=row.sequence,
        kind=EventKind(row.kind),
        revision=row.revision,
        user=Person(row.user_id, row.login or "", row.person_name or "", "", row.avatar_url or ""),
        comment=row.comment,
        details=msgspec.json.decode(row.details, type=dict[str, str]),
        replaced_by=row.replaced_by,
        created_at=row.created_at,
    )
