"""Rows of the audit log."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, or_, select

from common.audit.events import Actor, Entry, Search
from common.db.tables.audit import audit_events
from common.db.tables.people import members, users


def add(tx: Connection, entry_id: str, org_id: str, event: str, description: str, *, actor: Actor, now_millis: int) -> None:
    """Insert an entry."""
    tx.execute(
        insert(audit_events).values(
            id=entry_id,
            org_id=org_id,
            recorded_at=now_millis,
            event=event,
            description=description,
            user_id=actor.user_id,
            login=actor.login,
            token_id=actor.token_id,
            token_name=actor.token_name,
            source_ip=actor.source_ip,
        ),
    )


def page(connection: Connection, org_id: str, search: Search, *, after: tuple[int, str] | None, limit: int) -> list[Entry]:
    """Return entries, newest first, after a position (time, id) if there is one."""
    query = (
        select(audit_events, users.c.name, users.c.email, users.c.avatar_url)
        .outerjoin(users, users.c.id == audit_events.c.user_id)
        .where(audit_events.c.org_id == org_id, *_matching(search), *_following(after))
        .order_by(audit_events.c.recorded_at.desc(), audit_events.c.id.desc())
        .limit(limit)
    )
    return [_to_entry(row) for row in connection.execute(query)]


def find_users(connection: Connection, org_id: str, logins: frozenset[str]) -> dict[str, str]:
    """Return the ids of users by login, members of an organization and users in its log."""
    is_member = select(members.c.user_id).where(members.c.org_id == org_id, members.c.user_id == users.c.id).exists()
    is_in_log = select(audit_events.c.id).where(audit_events.c.org_id == org_id, audit_events.c.user_id == users.c.id).exists()
    query = select(users.c.login, users.c.id).where(users.c.login.in_(logins), or_(is_member, is_in_log))
    return {row.login: row.id for row in connection.execute(query)}


def count(connection: Connection, org_id: str, search: Search, limit: int) -> int:
    """Return how many entries match, or `limit` when there are as many or more."""
    matching = select(audit_events.c.id).where(audit_events.c.org_id == org_id, *_matching(search)).limit(limit).subquery()
    return connection.scalar(select(func.count()).select_from(matching)) or 0


def _matching(search: Search) -> list[ColumnElement[bool]]:
    clauses: list[ColumnElement[bool]] = []
    if search.since is not None:
        clauses.append(audit_events.c.recorded_at >= search.since)
    if search.until is not None:
        clauses.append(audit_events.c.recorded_at <= search.until)
    if search.events:
        clauses.append(audit_events.c.event.in_(search.events))
    if search.user_ids:
        clauses.append(audit_events.c.user_id.in_(search.user_ids))
    return clauses


def _following(after: tuple[int, str] | None) -> list[ColumnElement[bool]]:
    if after is None:
        return []
    moment, entry_id = after
    same = and_(audit_events.c.recorded_at == moment, audit_events.c.id < entry_id)
    return [audit_events.c.recorded_at <= moment, or_(audit_events.c.recorded_at < moment, same)]


def _to_entry(row: Row[Any]) -> Entry:
    actor = Actor(row.user_id, row.login, row.token_id, row.token_name, row.source_ip)
    return Entry(
        id=row.id,
        recorded_at=row.recorded_at,
        event=row.event,
        description=row.description,
        actor=actor,
        name=row.name or row.login,
        email=row.email or "",
        avatar_url=row.avatar_url or "",
    )
