"""Rows of refresh tokens, and of the machines that act for an issuer's tokens."""

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, and_, delete, func, insert, or_, select, update

from common.db.tables.access import roles
from common.db.tables.people import members, teams, users
from common.db.tables.sign_in import oidc_machines, refresh_tokens
from common.rights import built_in
from common.sign_in.workload_identity.model import Exchange, RefreshToken

_exchange = msgspec.json.Decoder(Exchange)


def find(connection: Connection, token_hash: str) -> RefreshToken | None:
    """Return the refresh token with that hash, or None."""
    row = connection.execute(_select().where(refresh_tokens.c.token_hash == token_hash)).one_or_none()
    return _to_token(row) if row is not None else None


def page(tx: Connection, issuer_id: str, after: str, *, now_millis: int, limit: int) -> list[RefreshToken]:
    """Return up to `limit` refresh tokens of an issuer that have not expired, ordered by hash, after a hash."""
    query = (
        _select()
        .where(refresh_tokens.c.issuer_id == issuer_id, refresh_tokens.c.expires_at > now_millis)
        .where(refresh_tokens.c.token_hash > after)
        .order_by(refresh_tokens.c.token_hash)
        .limit(limit)
    )
    return [_to_token(row) for row in tx.execute(query)]


def create(tx: Connection, token: RefreshToken, *, org_id: str, now_millis: int) -> None:
    """Insert a refresh token."""
    tx.execute(
        insert(refresh_tokens).values(
            token_hash=token.token_hash,
            family_id=token.family_id,
            org_id=org_id,
            issuer_id=token.issuer_id,
            token_id=token.token_id,
            request=msgspec.json.encode(token.exchange).decode(),
            created_at=now_millis,
            expires_at=token.expires_at,
            used_at=token.used_at,
        ),
    )


def use(tx: Connection, token_hash: str, *, now_millis: int, grace_since: int) -> bool:
    """Store that a refresh token is used; False if it is unknown, has expired or was used before `grace_since`."""
    is_usable = or_(refresh_tokens.c.used_at.is_(None), refresh_tokens.c.used_at > grace_since)
    changed = tx.execute(
        update(refresh_tokens)
        .values(used_at=func.coalesce(refresh_tokens.c.used_at, now_millis))
        .where(refresh_tokens.c.token_hash == token_hash, refresh_tokens.c.expires_at > now_millis, is_usable),
    )
    return changed.rowcount == 1


def find_token_ids(tx: Connection, family_id: str) -> list[str]:
    """Return the ids of the access tokens that were issued with the refresh tokens of a family."""
    query = select(refresh_tokens.c.token_id).where(refresh_tokens.c.family_id == family_id).order_by(refresh_tokens.c.token_id)
    return list(tx.scalars(query))


def delete_family(tx: Connection, family_id: str) -> None:
    """Delete the refresh tokens of a family."""
    tx.execute(delete(refresh_tokens).where(refresh_tokens.c.family_id == family_id))


def delete_tokens(tx: Connection, token_hashes: list[str]) -> None:
    """Delete refresh tokens by their hashes."""
    tx.execute(delete(refresh_tokens).where(refresh_tokens.c.token_hash.in_(token_hashes)))


def delete_of_issuer(tx: Connection, issuer_id: str) -> None:
    """Delete all refresh tokens of an issuer."""
    tx.execute(delete(refresh_tokens).where(refresh_tokens.c.issuer_id == issuer_id))


def find_expired(connection: Connection, now_millis: int, limit: int) -> list[str]:
    """Return the hashes of up to `limit` refresh tokens that have expired, oldest first."""
    query = select(refresh_tokens.c.token_hash).where(refresh_tokens.c.expires_at <= now_millis)
    return list(connection.scalars(query.order_by(refresh_tokens.c.expires_at).limit(limit)))


def find_machine(tx: Connection, issuer_id: str, subject: str) -> str | None:
    """Return the id of the machine that acts for an issuer's tokens of a subject, or None."""
    query = select(oidc_machines.c.user_id).where(oidc_machines.c.issuer_id == issuer_id, oidc_machines.c.subject == subject)
    user_id: str | None = tx.scalar(query)
    return user_id


def create_machine(tx: Connection, issuer_id: str, subject: str, user_id: str) -> None:
    """Insert a machine; IntegrityError if the subject has one."""
    tx.execute(insert(oidc_machines).values(issuer_id=issuer_id, subject=subject, user_id=user_id))


def delete_machines(tx: Connection, issuer_id: str) -> None:
    """Delete the machines of an issuer. Their users stay, since stacks and updates name them."""
    tx.execute(delete(oidc_machines).where(oidc_machines.c.issuer_id == issuer_id))


def lock_team(tx: Connection, org_id: str, name: str) -> str | None:
    """Return the id of a team by name, or None, and lock the team until the transaction ends."""
    query = select(teams.c.id).where(teams.c.org_id == org_id, teams.c.name == name)
    value: str | None = tx.scalar(query.with_for_update(read=True))
    return value


def lock_member(tx: Connection, org_id: str, login: str) -> str | None:
    """Return the id of a member who is a person and not suspended, or None, and lock the membership."""
    is_active = and_(members.c.user_id == users.c.id, members.c.org_id == org_id, members.c.suspended.is_(False))
    query = select(users.c.id).join(members, is_active).where(users.c.login == login, users.c.is_machine.is_(False))
    value: str | None = tx.scalar(query.with_for_update(read=True))
    return value


def lock_role(tx: Connection, org_id: str, role_id: str) -> str | None:
    """Return the rules of an organization's custom role, or None, and lock the role until the transaction ends."""
    query = select(roles.c.rules).where(roles.c.id == role_id, roles.c.org_id == org_id, roles.c.purpose == built_in.ROLE)
    value: str | None = tx.scalar(query.with_for_update(read=True))
    return value


def _select() -> Select[Any]:
    return select(
        refresh_tokens.c.token_hash,
        refresh_tokens.c.family_id,
        refresh_tokens.c.issuer_id,
        refresh_tokens.c.token_id,
        refresh_tokens.c.request,
        refresh_tokens.c.expires_at,
        refresh_tokens.c.used_at,
    )


def _to_token(row: Row[Any]) -> RefreshToken:
    return RefreshToken(
        row.token_hash, row.family_id, row.issuer_id, row.token_id, _exchange.decode(row.request), row.expires_at, row.used_at
    )
