"""Rows of refresh tokens, and of the machines that an issuer's tokens act as."""

from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, and_, delete, func, insert, or_, select, update

from common.db.tables.access import roles
from common.db.tables.people import members, teams, users
from common.db.tables.sign_in import oidc_machines, refresh_tokens
from common.rights import built_in
from common.sign_in.workload_identity.model import TokenType, Wish


class Request(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What an identity token was exchanged for and with which claims; `exchanged_at` in unix milliseconds."""

    token_type: TokenType
    seconds: int
    exchanged_at: int
    claims: dict[str, Any]
    target: str = ""
    is_admin: bool = False
    role_id: str | None = None

    @property
    def wish(self) -> Wish:
        """Return what the policy is asked for."""
        return Wish(self.token_type, self.target, self.is_admin)


@dataclass(frozen=True, slots=True)
class Refresh:
    """A refresh token as it is kept; times in unix milliseconds."""

    token_hash: str
    family_id: str
    issuer_id: str
    token_id: str
    request: Request
    expires_at: int
    used_at: int | None


_request = msgspec.json.Decoder(Request)


def find(connection: Connection, token_hash: str) -> Refresh | None:
    """Return the refresh token with that hash, or None."""
    row = connection.execute(_select().where(refresh_tokens.c.token_hash == token_hash)).one_or_none()
    return _to_refresh(row) if row is not None else None


def page(tx: Connection, issuer_id: str, after: str, *, now_millis: int, limit: int) -> list[Refresh]:
    """Return refresh tokens of an issuer that have not expired, by hash, after one."""
    query = (
        _select()
        .where(refresh_tokens.c.issuer_id == issuer_id, refresh_tokens.c.expires_at > now_millis)
        .where(refresh_tokens.c.token_hash > after)
        .order_by(refresh_tokens.c.token_hash)
        .limit(limit)
    )
    return [_to_refresh(row) for row in tx.execute(query)]


def add(tx: Connection, refresh: Refresh, *, org_id: str, now_millis: int) -> None:
    """Insert a refresh token."""
    tx.execute(
        insert(refresh_tokens).values(
            token_hash=refresh.token_hash,
            family_id=refresh.family_id,
            org_id=org_id,
            issuer_id=refresh.issuer_id,
            token_id=refresh.token_id,
            request=msgspec.json.encode(refresh.request).decode(),
            created_at=now_millis,
            expires_at=refresh.expires_at,
            used_at=refresh.used_at,
        ),
    )


def use(tx: Connection, token_hash: str, *, now_millis: int, grace_since: int) -> bool:
    """Note that a refresh token is used; False when it is gone, has expired or was used before `grace_since`."""
    is_good = or_(refresh_tokens.c.used_at.is_(None), refresh_tokens.c.used_at > grace_since)
    changed = tx.execute(
        update(refresh_tokens)
        .values(used_at=func.coalesce(refresh_tokens.c.used_at, now_millis))
        .where(refresh_tokens.c.token_hash == token_hash, refresh_tokens.c.expires_at > now_millis, is_good),
    )
    return changed.rowcount == 1


def find_token_ids(tx: Connection, family_id: str) -> list[str]:
    """Return the ids of the access tokens that came with the refresh tokens of a family."""
    query = select(refresh_tokens.c.token_id).where(refresh_tokens.c.family_id == family_id).order_by(refresh_tokens.c.token_id)
    return list(tx.scalars(query))


def remove_family(tx: Connection, family_id: str) -> None:
    """Delete the refresh tokens of a family."""
    tx.execute(delete(refresh_tokens).where(refresh_tokens.c.family_id == family_id))


def remove(tx: Connection, token_hashes: list[str]) -> None:
    """Delete refresh tokens by their hashes."""
    tx.execute(delete(refresh_tokens).where(refresh_tokens.c.token_hash.in_(token_hashes)))


def remove_of_issuer(tx: Connection, issuer_id: str) -> None:
    """Delete all refresh tokens of an issuer."""
    tx.execute(delete(refresh_tokens).where(refresh_tokens.c.issuer_id == issuer_id))


def find_expired(connection: Connection, now_millis: int, limit: int) -> list[str]:
    """Return the hashes of refresh tokens that have expired, the oldest first."""
    query = select(refresh_tokens.c.token_hash).where(refresh_tokens.c.expires_at <= now_millis)
    return list(connection.scalars(query.order_by(refresh_tokens.c.expires_at).limit(limit)))


def find_machine(tx: Connection, issuer_id: str, subject: str) -> str | None:
    """Return the id of the machine that an issuer's tokens of this kind act as, or None."""
    query = select(oidc_machines.c.user_id).where(oidc_machines.c.issuer_id == issuer_id, oidc_machines.c.subject == subject)
    found: str | None = tx.scalar(query)
    return found


def add_machine(tx: Connection, issuer_id: str, subject: str, user_id: str) -> None:
    """Insert a machine; IntegrityError when there is one for this kind of token."""
    tx.execute(insert(oidc_machines).values(issuer_id=issuer_id, subject=subject, user_id=user_id))


def remove_machines(tx: Connection, issuer_id: str) -> None:
    """Forget the machines of an issuer; the users that they are stay, since stacks and updates name them."""
    tx.execute(delete(oidc_machines).where(oidc_machines.c.issuer_id == issuer_id))


def hold_team(tx: Connection, org_id: str, name: str) -> str | None:
    """Return a team's id by name, or None, and keep it from being deleted until the transaction ends."""
    query = select(teams.c.id).where(teams.c.org_id == org_id, teams.c.name == name)
    found: str | None = tx.scalar(query.with_for_update(read=True))
    return found


def hold_member(tx: Connection, org_id: str, login: str) -> str | None:
    """Return the id of a member who is a person and not suspended, or None, and keep the membership until the end."""
    is_theirs = and_(members.c.user_id == users.c.id, members.c.org_id == org_id, members.c.suspended.is_(False))
    query = select(users.c.id).join(members, is_theirs).where(users.c.login == login, users.c.is_machine.is_(False))
    found: str | None = tx.scalar(query.with_for_update(read=True))
    return found


def hold_role(tx: Connection, org_id: str, role_id: str) -> str | None:
    """Return the rules of an organization's custom role, or None, and keep it from being deleted until the end."""
    query = select(roles.c.rules).where(roles.c.id == role_id, roles.c.org_id == org_id, roles.c.purpose == built_in.ROLE)
    found: str | None = tx.scalar(query.with_for_update(read=True))
    return found


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


def _to_refresh(row: Row[Any]) -> Refresh:
    return Refresh(
        row.token_hash, row.family_id, row.issuer_id, row.token_id, _request.decode(row.request), row.expires_at, row.used_at
    )
