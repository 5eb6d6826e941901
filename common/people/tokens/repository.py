"""Lists of access tokens, and the role of a new one. Tokens are written by common/access."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, or_, select

from common.db.tables.access import access_tokens, roles
from common.db.tables.people import users
from common.db.text import contains
from common.people.tokens.model import Owner, SortDirection, SortField, Token, TokenFilter, TokenQuery
from common.rights import built_in

# Later than any token expires.
_NEVER = 10**15
_OWNERS = {"personal": access_tokens.c.user_id, "organization": access_tokens.c.org_id, "team": access_tokens.c.team_id}
_SORT_KEYS: dict[SortField, ColumnElement[Any]] = {
    SortField.NAME: func.lower(access_tokens.c.name),
    SortField.CREATED: access_tokens.c.created_at,
    SortField.LAST_USED: func.coalesce(access_tokens.c.last_used_at, 0),
    SortField.EXPIRES: func.coalesce(access_tokens.c.expires_at, _NEVER),
}


def page(
    connection: Connection,
    owner: Owner,
    query: TokenQuery,
    *,
    after: tuple[str | int, str] | None,
    limit: int,
    now_millis: int,
) -> list[Token]:
    """Return tokens that are not revoked, after a position (sort key, id) if there is one."""
    sort_key = _SORT_KEYS[query.sort_by]
    is_descending = query.direction is SortDirection.DESCENDING
    statement = (
        _tokens(sort_key)
        .where(_owned_by(owner), access_tokens.c.revoked_at.is_(None), *_filtered(query.token_filter, now_millis))
        .where(*_matching(query.search), *_following(sort_key, after, is_descending=is_descending))
        .order_by(*(column.desc() if is_descending else column.asc() for column in (sort_key, access_tokens.c.id)))
        .limit(limit)
    )
    return [_to_token(row) for row in connection.execute(statement)]


def list_expiring(
    connection: Connection, owners: Sequence[Owner], *, after_millis: int, until_millis: int, limit: int
) -> list[Token]:
    """Return tokens of several owners that are not revoked and expire between two moments, the next first."""
    expires_at = access_tokens.c.expires_at
    statement = (
        _tokens(expires_at)
        .where(or_(*map(_owned_by, owners)), access_tokens.c.revoked_at.is_(None))
        .where(expires_at > after_millis, expires_at <= until_millis)
        .order_by(expires_at, access_tokens.c.id)
        .limit(limit)
    )
    return [_to_token(row) for row in connection.execute(statement)]


def get_name(tx: Connection, token_id: str) -> str:
    """Return the name of a token, revoked or not."""
    return tx.scalar(select(access_tokens.c.name).where(access_tokens.c.id == token_id)) or ""


def lock_role(tx: Connection, org_id: str, role_id: str) -> str | None:
    """Return the rules of an organization's custom role, or None, and lock it until the transaction ends."""
    query = select(roles.c.rules).where(roles.c.id == role_id, roles.c.org_id == org_id, roles.c.purpose == built_in.ROLE)
    rules: str | None = tx.scalar(query.with_for_update(read=True))
    return rules


def _tokens(sort_key: ColumnElement[Any]) -> Select[Any]:
    return (
        select(
            access_tokens.c.id,
            access_tokens.c.kind,
            access_tokens.c.name,
            access_tokens.c.description,
            access_tokens.c.is_admin,
            access_tokens.c.role_id,
            users.c.login,
            access_tokens.c.created_at,
            access_tokens.c.last_used_at,
            access_tokens.c.expires_at,
            sort_key.label("sort_key"),
        )
        .select_from(access_tokens)
        .outerjoin(users, users.c.id == access_tokens.c.created_by)
    )


def _owned_by(owner: Owner) -> ColumnElement[bool]:
    # A token that was exchanged for an identity token is not listed (platform.md 10.3).
    return and_(access_tokens.c.kind == owner.kind, _OWNERS[owner.kind] == owner.id, access_tokens.c.issuer_id.is_(None))


def _filtered(token_filter: TokenFilter, now_millis: int) -> list[ColumnElement[bool]]:
    match token_filter:
        case TokenFilter.ACTIVE:
            return [or_(access_tokens.c.expires_at.is_(None), access_tokens.c.expires_at > now_millis)]
        case TokenFilter.EXPIRED:
            return [access_tokens.c.expires_at <= now_millis]
        case TokenFilter.ALL:
            return []


def _matching(search: str) -> list[ColumnElement[bool]]:
    if not search:
        return []
    return [or_(*(contains(column, search) for column in (access_tokens.c.name, access_tokens.c.description)))]


def _following(
    sort_key: ColumnElement[Any], after: tuple[str | int, str] | None, *, is_descending: bool
) -> list[ColumnElement[bool]]:
    if after is None:
        return []
    key, token_id = after
    if is_descending:
        return [or_(sort_key < key, and_(sort_key == key, access_tokens.c.id < token_id))]
    return [or_(sort_key > key, and_(sort_key == key, access_tokens.c.id > token_id))]


def _to_token(row: Row[Any]) -> Token:
    return Token(
        id=row.id,
        kind=row.kind,
        name=row.name,
        description=row.description,
        is_admin=bool(row.is_admin),
        role_id=row.role_id,
        created_by=row.login or "",
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        expires_at=row.expires_at,
        sort_key=str(row.sort_key),
    )
