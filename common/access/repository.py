"""Access tokens as rows, and the one query that says who a token belongs to."""

from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select

from common.access.caller import Caller, Membership
from common.access.permissions import Role
from common.db.tables import access_tokens, members, organizations, users


def find_caller(connection: Connection, token_hash: str, now_millis: int) -> Caller | None:
    """Return the user of a token that has not expired, with all memberships, or None."""
    rows = connection.execute(
        select(
            users.c.id,
            users.c.login,
            users.c.name,
            users.c.email,
            users.c.avatar_url,
            users.c.site_admin,
            users.c.default_org_id,
            access_tokens.c.id.label("token_id"),
            organizations.c.id.label("org_id"),
            organizations.c.login.label("org_login"),
            organizations.c.name.label("org_name"),
            organizations.c.avatar_url.label("org_avatar_url"),
            organizations.c.personal_user_id,
            members.c.role,
        )
        .join(users, users.c.id == access_tokens.c.user_id)
        .outerjoin(members, members.c.user_id == users.c.id)
        .outerjoin(organizations, organizations.c.id == members.c.org_id)
        .where(
            access_tokens.c.token_hash == token_hash,
            or_(access_tokens.c.expires_at.is_(None), access_tokens.c.expires_at > now_millis),
        )
        .order_by(organizations.c.login),
    ).all()
    return _to_caller(rows[0], tuple(_to_membership(row) for row in rows if row.org_id is not None)) if rows else None


def find_owner(connection: Connection, token_hash: str) -> str | None:
    """Return the id of the user who owns a token, expired or not, or None."""
    owner: str | None = connection.scalar(select(access_tokens.c.user_id).where(access_tokens.c.token_hash == token_hash))
    return owner


def add_token(
    tx: Connection,
    *,
    token_id: str,
    token_hash: str,
    user_id: str,
    name: str,
    description: str,
    now_millis: int,
    expires_at: int | None,
) -> None:
    """Insert a token's hash; IntegrityError when the token exists."""
    tx.execute(
        insert(access_tokens).values(
            id=token_id,
            token_hash=token_hash,
            user_id=user_id,
            name=name,
            description=description,
            created_at=now_millis,
            expires_at=expires_at,
            last_used_at=None,
        ),
    )


def _to_caller(row: Row[*tuple[Any, ...]], memberships: tuple[Membership, ...]) -> Caller:
    return Caller(
        user_id=row.id,
        login=row.login,
        name=row.name,
        email=row.email,
        avatar_url=row.avatar_url,
        site_admin=row.site_admin,
        default_org_id=row.default_org_id,
        memberships=memberships,
        token_id=row.token_id,
    )


def _to_membership(row: Row[*tuple[Any, ...]]) -> Membership:
    return Membership(
        org_id=row.org_id,
        login=row.org_login,
        name=row.org_name,
        avatar_url=row.org_avatar_url,
        role=Role(row.role),
        is_personal=row.personal_user_id == row.id,
    )
