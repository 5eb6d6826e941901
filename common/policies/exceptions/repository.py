"""Rows of exceptions."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, not_, or_, select, update

from common.db.tables.people import organizations, users
from common.db.tables.policies import policy_exceptions, policy_pack_versions
from common.policies.exceptions.model import ExceptionSearch, ExceptionStatus, Person, PolicyException

_exceptions = policy_exceptions.c
_creators, _removers = users.alias("creators"), users.alias("removers")


def lock(tx: Connection, org_id: str) -> None:
    """Lock an organization, so that one transaction at a time numbers its exceptions."""
    tx.execute(select(organizations.c.id).where(organizations.c.id == org_id).with_for_update())


def has_pack(connection: Connection, org_id: str, name: str) -> bool:
    """Tell whether an organization has a policy pack."""
    versions = policy_pack_versions.c
    query = select(versions.id).where(versions.org_id == org_id, versions.name == name, versions.live_tag.is_not(None)).limit(1)
    return connection.execute(query).first() is not None


def last_number(tx: Connection, org_id: str) -> int:
    """Return the highest number of an organization's exceptions."""
    return tx.scalar(select(func.max(_exceptions.number)).where(_exceptions.org_id == org_id)) or 0


def count_active(tx: Connection, org_id: str, now_millis: int) -> int:
    """Return the number of an organization's active exceptions."""
    condition = (_exceptions.org_id == org_id, _is_active(now_millis))
    return tx.scalar(select(func.count()).select_from(policy_exceptions).where(*condition)) or 0


def find_same(tx: Connection, org_id: str, pack: str, matches: str, now_millis: int) -> PolicyException | None:
    """Return an active exception for the same policies and resources of a pack, or None."""
    condition = (_exceptions.org_id == org_id, _exceptions.pack_name == pack, _is_active(now_millis))
    query = _query().where(*condition, _exceptions.matches == matches).order_by(_exceptions.number).limit(1)
    row = tx.execute(query).one_or_none()
    return _to_exception(row, now_millis) if row is not None else None


def add(tx: Connection, org_id: str, values: dict[str, Any]) -> None:
    """Insert an exception; IntegrityError for a number that is taken."""
    tx.execute(insert(policy_exceptions).values(org_id=org_id, removed_by=None, removed_at=None, **values))


def update_terms(tx: Connection, org_id: str, number: int, *, reason: str, expires_at: int | None) -> None:
    """Change the reason and the end of an exception."""
    condition = (_exceptions.org_id == org_id, _exceptions.number == number)
    tx.execute(update(policy_exceptions).where(*condition).values(reason=reason, expires_at=expires_at))


def remove(tx: Connection, org_id: str, number: int, *, user_id: str, now_millis: int) -> bool:
    """Remove an active exception; False if it is not active."""
    condition = (_exceptions.org_id == org_id, _exceptions.number == number, _is_active(now_millis))
    values = {"removed_by": user_id, "removed_at": now_millis}
    return tx.execute(update(policy_exceptions).where(*condition).values(values)).rowcount == 1


def find(connection: Connection, org_id: str, number: int, now_millis: int) -> PolicyException | None:
    """Return an exception by number, or None."""
    row = connection.execute(_query().where(_exceptions.org_id == org_id, _exceptions.number == number)).one_or_none()
    return _to_exception(row, now_millis) if row is not None else None


def list_after(
    connection: Connection, org_id: str, search: ExceptionSearch, *, before: int | None, limit: int, now_millis: int
) -> list[PolicyException]:
    """Return up to `limit` exceptions, the newest first, with a number below one.

    With a policy and a stack there may be some that name the two in different entries; the search's `has` leaves these out.
    """
    is_active = _is_active(now_millis)
    allowed = [is_active] if ExceptionStatus.ACTIVE in search.statuses else []
    allowed += [not_(is_active)] if ExceptionStatus.REMOVED in search.statuses else []
    query = _query().where(_exceptions.org_id == org_id, or_(*allowed), *map(_has_part, search.parts_of_matches))
    if search.pack is not None:
        query = query.where(_exceptions.pack_name == search.pack)
    if before is not None:
        query = query.where(_exceptions.number < before)
    rows = connection.execute(query.order_by(_exceptions.number.desc()).limit(limit))
    return [_to_exception(row, now_millis) for row in rows]


def _has_part(alternatives: tuple[str, ...]) -> ColumnElement[bool]:
    return or_(*(_exceptions.matches.contains(text, autoescape=True) for text in alternatives))


def _is_active(now_millis: int) -> ColumnElement[bool]:
    return and_(_exceptions.removed_at.is_(None), or_(_exceptions.expires_at.is_(None), _exceptions.expires_at > now_millis))


def _query() -> Any:  # noqa: ANN401 - a query of many columns
    people = [
        column.label(f"{label}_{column.name}")
        for label, table in (("creator", _creators), ("remover", _removers))
        for column in (table.c.login, table.c.name, table.c.avatar_url)
    ]
    return (
        select(*policy_exceptions.c, *people)
        .select_from(policy_exceptions)
        .outerjoin(_creators, _creators.c.id == _exceptions.created_by)
        .outerjoin(_removers, _removers.c.id == _exceptions.removed_by)
    )


def _to_exception(row: Row[Any], now_millis: int) -> PolicyException:
    has_expired = row.expires_at is not None and row.expires_at <= now_millis
    is_active = row.removed_at is None and not has_expired
    return PolicyException(
        number=row.number,
        pack=row.pack_name,
        matches=row.matches,
        reason=row.reason,
        status=ExceptionStatus.ACTIVE if is_active else ExceptionStatus.REMOVED,
        expires_at=row.expires_at,
        created_at=row.created_at,
        created_by=_person(row.creator_name, row.creator_login, row.creator_avatar_url),
        removed_at=row.removed_at,
        removed_by=_person(row.remover_name, row.remover_login, row.remover_avatar_url),
    )


def _person(name: str | None, login: str | None, avatar_url: str | None) -> Person | None:
    return Person(name or "", login, avatar_url or "") if login is not None else None
