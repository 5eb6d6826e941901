"""Rows of the audit log."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Connection, Insert, Row, String, and_, bindparam, cast, func, insert, or_, select, update
from sqlalchemy.dialects import mysql, sqlite

from common.audit.chain import GENESIS, Head, Record, digest
from common.audit.events import Actor, Entry, Search
from common.db.prepared import Prepared
from common.db.tables.audit import audit_events, audit_heads
from common.db.tables.people import members, organizations, users

_head_of_org = audit_heads.c.org_id == bindparam("of_org")
_next_sequence = audit_heads.c.sequence + 1
# The hash comes first: MySQL assigns from left to right, and SQLite all at once.
_ADVANCE = Prepared(
    update(audit_heads)
    .where(_head_of_org)
    .ordered_values(
        (
            audit_heads.c.hash,
            func.sha2(cast(_next_sequence, String) + ":" + audit_heads.c.hash + ":" + bindparam("digest", type_=String()), 256),
        ),
        (audit_heads.c.sequence, _next_sequence),
    )
)
_COLUMNS = ("id", "org_id", "recorded_at", "event", "description", "user_id", "login", "token_id", "token_name", "source_ip")
_APPEND = Prepared(
    insert(audit_events).from_select(
        [*_COLUMNS, "sequence", "hash"],
        select(
            *(bindparam(f"new_{name}", type_=audit_events.c[name].type) for name in _COLUMNS),
            audit_heads.c.sequence,
            audit_heads.c.hash,
        ).where(_head_of_org),
    )
)


def add(tx: Connection, record: Record) -> None:
    """Append a record to its organization's chain, in two statements. Others who append to it wait for the transaction's end."""
    advance = {"of_org": record.org_id, "digest": digest(record)}
    if not _ADVANCE.run(tx, advance).rowcount:
        tx.execute(_insert_head(tx), {"org_id": record.org_id, "sequence": 0, "hash": GENESIS, "signed_sequence": 0})
        _ADVANCE.run(tx, advance)
    values = {f"new_{name}": getattr(record, name) for name in _COLUMNS}
    _APPEND.run(tx, {"of_org": record.org_id, **values})


def _insert_head(tx: Connection) -> Insert:
    """Return the statement that inserts the head of an empty chain, unless there is one; it locks the row either way."""
    if tx.dialect.name == "mysql":
        return mysql.insert(audit_heads).on_duplicate_key_update(sequence=audit_heads.c.sequence)
    return sqlite.insert(audit_heads).on_conflict_do_nothing()


def find_head(connection: Connection, org_id: str) -> Head:
    """Return the newest link of an organization's chain."""
    row = connection.execute(select(audit_heads.c.sequence, audit_heads.c.hash).where(audit_heads.c.org_id == org_id)).first()
    return Head(row.sequence, row.hash) if row is not None else Head(0, GENESIS)


def list_ends(connection: Connection) -> dict[str, int]:
    """Return the sequence of the newest link of each chain, by the id of its organization."""
    return {row.org_id: row.sequence for row in connection.execute(select(audit_heads.c.org_id, audit_heads.c.sequence))}


def find_outside(connection: Connection, org_id: str) -> Record | None:
    """Return a record whose sequence is not one of the chain, from 1 to that of its head, or None."""
    end = select(audit_heads.c.sequence).where(audit_heads.c.org_id == org_id).scalar_subquery()
    is_outside = or_(audit_events.c.sequence < 1, audit_events.c.sequence > func.coalesce(end, 0))
    query = select(audit_events).where(audit_events.c.org_id == org_id, is_outside).order_by(audit_events.c.sequence).limit(1)
    row = connection.execute(query).first()
    return _to_record(row) if row is not None else None


def find_signed_record(connection: Connection, org_id: str) -> tuple[int, Record | None]:
    """Return the sequence that was signed last, 0 before the first signature, and its record if it is there."""
    is_signed = and_(audit_events.c.org_id == audit_heads.c.org_id, audit_events.c.sequence == audit_heads.c.signed_sequence)
    query = select(audit_heads.c.signed_sequence, audit_events).outerjoin(audit_events, is_signed)
    row = connection.execute(query.where(audit_heads.c.org_id == org_id)).first()
    if row is None:
        return 0, None
    return row.signed_sequence, _to_record(row) if row.id is not None else None


def list_unsigned_heads(connection: Connection, after: str, limit: int) -> list[tuple[str, Head]]:
    """Return the heads of some organizations by their ids, after an id, where records were added since the last signature."""
    is_unsigned = audit_heads.c.sequence > audit_heads.c.signed_sequence
    query = select(audit_heads).where(audit_heads.c.org_id > after, is_unsigned).order_by(audit_heads.c.org_id).limit(limit)
    return [(row.org_id, Head(row.sequence, row.hash)) for row in connection.execute(query)]


def update_signed(connection: Connection, org_id: str, sequence: int) -> None:
    """Note that the head with a sequence was signed."""
    connection.execute(update(audit_heads).where(audit_heads.c.org_id == org_id).values(signed_sequence=sequence))


def count_unchained(connection: Connection, org_id: str) -> int:
    """Return how many records are from before the chain."""
    condition = (audit_events.c.org_id == org_id, audit_events.c.sequence.is_(None))
    return connection.scalar(select(func.count()).select_from(audit_events).where(*condition)) or 0


def list_organizations(connection: Connection, login: str | None = None) -> list[tuple[str, str]]:
    """Return (id, login) of the organizations that have a log, or of one by its login."""
    has_head = select(audit_heads.c.org_id).where(audit_heads.c.org_id == organizations.c.id).exists()
    has_records = select(audit_events.c.id).where(audit_events.c.org_id == organizations.c.id).exists()
    condition = or_(has_head, has_records) if login is None else organizations.c.login == login
    query = select(organizations.c.id, organizations.c.login).where(condition).order_by(organizations.c.login)
    return [(row.id, row.login) for row in connection.execute(query)]


def page_chain(connection: Connection, org_id: str, after: int, until: int, limit: int) -> list[Record]:
    """Return records of the chain in their order, those with a sequence after one and up to another."""
    in_range = (audit_events.c.sequence > after, audit_events.c.sequence <= until)
    query = select(audit_events).where(audit_events.c.org_id == org_id, *in_range).order_by(audit_events.c.sequence).limit(limit)
    return [_to_record(row) for row in connection.execute(query)]


def page_unchained(connection: Connection, org_id: str, after: tuple[int, str], limit: int) -> list[Record]:
    """Return records without a sequence, oldest first, after a position (time, id)."""
    moment, record_id = after
    later = or_(audit_events.c.recorded_at > moment, and_(audit_events.c.recorded_at == moment, audit_events.c.id > record_id))
    query = (
        select(audit_events)
        .where(audit_events.c.org_id == org_id, audit_events.c.sequence.is_(None), audit_events.c.recorded_at >= moment, later)
        .order_by(audit_events.c.recorded_at, audit_events.c.id)
        .limit(limit)
    )
    return [_to_record(row) for row in connection.execute(query)]


def find_first(connection: Connection, org_id: str, first: int, last: int) -> int | None:
    """Return the time of the first record from a moment on and before another one, or None."""
    query = (
        select(audit_events.c.recorded_at)
        .where(audit_events.c.org_id == org_id, audit_events.c.recorded_at >= first, audit_events.c.recorded_at < last)
        .order_by(audit_events.c.recorded_at)
        .limit(1)
    )
    return connection.scalar(query)


def find_sequences(connection: Connection, org_id: str, hours: tuple[int, int]) -> tuple[int, int, int]:
    """Return the first and the last sequence of the records from a moment on and before another, and how many have none."""
    sequence = audit_events.c.sequence
    in_hours = (audit_events.c.recorded_at >= hours[0], audit_events.c.recorded_at < hours[1])
    columns = (func.min(sequence).label("first"), func.max(sequence).label("last"), func.count() - func.count(sequence))
    first, last, unchained = connection.execute(select(*columns).where(audit_events.c.org_id == org_id, *in_hours)).one()
    return first or 0, last or 0, unchained


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


def find_login(connection: Connection, user_id: str) -> str | None:
    """Return the login of a user, or None."""
    return connection.scalar(select(users.c.login).where(users.c.id == user_id))


def find_profiles(connection: Connection, user_ids: Collection[str]) -> dict[str, tuple[str, str, str]]:
    """Return the name, the email and the picture of users by their ids."""
    query = select(users.c.id, users.c.name, users.c.email, users.c.avatar_url).where(users.c.id.in_(sorted(user_ids)))
    return {row.id: (row.name or "", row.email or "", row.avatar_url or "") for row in connection.execute(query)}


def list_org_ids_of_user(connection: Connection, user_id: str, limit: int) -> list[str]:
    """Return the ids of the organizations of a user, in order."""
    query = select(members.c.org_id).where(members.c.user_id == user_id).order_by(members.c.org_id).limit(limit)
    return list(connection.scalars(query))


def find_org_id(connection: Connection, login: str) -> str | None:
    """Return the id of an organization by its login, or None."""
    return connection.scalar(select(organizations.c.id).where(organizations.c.login == login))


def count_recent(
    connection: Connection,
    org_id: str,
    user_id: str,
    events: Collection[str],
    *,
    since: int,
    limit: int,
    source_ip: str | None = None,
) -> int:
    """Return how many records a user caused since a moment, from one address or all, or `limit` for as many or more."""
    conditions = [
        audit_events.c.org_id == org_id,
        audit_events.c.user_id == user_id,
        audit_events.c.recorded_at >= since,
        audit_events.c.event.in_(sorted(events)),
    ]
    if source_ip is not None:
        conditions.append(audit_events.c.source_ip == source_ip)
    recent = select(audit_events.c.id).where(*conditions).limit(limit).subquery()
    return connection.scalar(select(func.count()).select_from(recent)) or 0


def find_users(connection: Connection, org_id: str, logins: frozenset[str]) -> dict[str, str]:
    """Return the ids of users by login, members of an organization and users in its log."""
    is_member = select(members.c.user_id).where(members.c.org_id == org_id, members.c.user_id == users.c.id).exists()
    is_in_log = select(audit_events.c.id).where(audit_events.c.org_id == org_id, audit_events.c.user_id == users.c.id).exists()
    query = select(users.c.login, users.c.id).where(users.c.login.in_(logins), or_(is_member, is_in_log))
    return {row.login: row.id for row in connection.execute(query)}


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


def _to_record(row: Row[Any]) -> Record:
    return Record(**{name: getattr(row, name) for name in (*_COLUMNS, "sequence", "hash")})
