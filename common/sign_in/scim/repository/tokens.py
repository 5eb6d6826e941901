"""Rows of the tokens of directories: at most one for each organization."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from common.db.tables.people import organizations, teams, users
from common.db.tables.sign_in import scim_groups, scim_tokens
from common.sign_in.scim.model import Directory, TokenNote


@dataclass(frozen=True, slots=True)
class Found:
    """Whose a token is, and when it was last seen in use (unix milliseconds)."""

    directory: Directory
    last_used_at: int | None


def find_directory(connection: Connection, org_login: str, token_hash: str) -> Found | None:
    """Return the organization of that name if the token is its own, or None."""
    query = (
        select(organizations.c.id, organizations.c.login, scim_tokens.c.last_used_at)
        .join(scim_tokens, scim_tokens.c.org_id == organizations.c.id)
        .where(organizations.c.login == org_login, scim_tokens.c.token_hash == token_hash)
    )
    row = connection.execute(query).one_or_none()
    return Found(Directory(row.id, row.login), row.last_used_at) if row is not None else None


def touch(connection: Connection, org_id: str, seen_at: int | None, now_millis: int) -> None:
    """Note that a token was used, unless another process did since it was read."""
    unchanged = scim_tokens.c.last_used_at == seen_at if seen_at is not None else scim_tokens.c.last_used_at.is_(None)
    connection.execute(update(scim_tokens).values(last_used_at=now_millis).where(scim_tokens.c.org_id == org_id, unchanged))


def find_note(connection: Connection, org_id: str) -> TokenNote | None:
    """Return who made an organization's token and when it was used, or None without one."""
    query = (
        select(users.c.login, scim_tokens.c.created_at, scim_tokens.c.last_used_at)
        .select_from(scim_tokens)
        .outerjoin(users, users.c.id == scim_tokens.c.created_by)
        .where(scim_tokens.c.org_id == org_id)
    )
    row = connection.execute(query).one_or_none()
    return TokenNote(row.login or "", row.created_at, row.last_used_at) if row is not None else None


def put(tx: Connection, org_id: str, token_hash: str, created_by: str, now_millis: int) -> None:
    """Store an organization's token in place of the one before; a step under the organization's lock."""
    remove(tx, org_id)
    tx.execute(
        insert(scim_tokens).values(
            org_id=org_id,
            token_hash=token_hash,
            created_by=created_by,
            created_at=now_millis,
            last_used_at=None,
        ),
    )


def remove(tx: Connection, org_id: str) -> bool:
    """Delete an organization's token; False when there was none."""
    return tx.execute(delete(scim_tokens).where(scim_tokens.c.org_id == org_id)).rowcount == 1


def forget_groups_without_team(tx: Connection, org_id: str) -> None:
    """Delete the groups whose teams were deleted here, so that a directory may make them anew."""
    there = select(teams.c.id).where(teams.c.org_id == org_id)
    tx.execute(delete(scim_groups).where(scim_groups.c.org_id == org_id, scim_groups.c.team_id.not_in(there)))
