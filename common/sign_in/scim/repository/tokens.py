"""Rows of the tokens of directories; an organization has at most one."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from common.db.tables.people import organizations, teams, users
from common.db.tables.sign_in import scim_groups, scim_tokens
from common.sign_in.scim.model import Directory, TokenDetails


@dataclass(frozen=True, slots=True)
class TokenOwner:
    """The directory of a token, and when the token was last used (unix milliseconds)."""

    directory: Directory
    last_used_at: int | None


def find_directory(connection: Connection, org_login: str, token_hash: str) -> TokenOwner | None:
    """Return the directory of an organization if this is its token, or None."""
    query = (
        select(organizations.c.id, organizations.c.login, scim_tokens.c.last_used_at)
        .join(scim_tokens, scim_tokens.c.org_id == organizations.c.id)
        .where(organizations.c.login == org_login, scim_tokens.c.token_hash == token_hash)
    )
    row = connection.execute(query).one_or_none()
    return TokenOwner(Directory(row.id, row.login), row.last_used_at) if row is not None else None


def update_last_used(connection: Connection, org_id: str, last_used_at: int | None, now_millis: int) -> None:
    """Store that a token was used, unless another process did so since it was read."""
    unchanged = scim_tokens.c.last_used_at == last_used_at if last_used_at is not None else scim_tokens.c.last_used_at.is_(None)
    connection.execute(update(scim_tokens).values(last_used_at=now_millis).where(scim_tokens.c.org_id == org_id, unchanged))


def find_details(connection: Connection, org_id: str) -> TokenDetails | None:
    """Return who created an organization's token and when it was last used, or None without a token."""
    query = (
        select(users.c.login, scim_tokens.c.created_at, scim_tokens.c.last_used_at)
        .select_from(scim_tokens)
        .outerjoin(users, users.c.id == scim_tokens.c.created_by)
        .where(scim_tokens.c.org_id == org_id)
    )
    row = connection.execute(query).one_or_none()
    return TokenDetails(row.login or "", row.created_at, row.last_used_at) if row is not None else None


def replace_token(tx: Connection, org_id: str, token_hash: str, created_by: str, now_millis: int) -> None:
    """Store an organization's token in place of the old one; the caller holds the organization's lock."""
    delete_token(tx, org_id)
    tx.execute(
        insert(scim_tokens).values(
            org_id=org_id,
            token_hash=token_hash,
            created_by=created_by,
            created_at=now_millis,
            last_used_at=None,
        ),
    )


def delete_token(tx: Connection, org_id: str) -> bool:
    """Delete an organization's token; False without a token."""
    return tx.execute(delete(scim_tokens).where(scim_tokens.c.org_id == org_id)).rowcount == 1


def delete_groups_without_team(tx: Connection, org_id: str) -> None:
    """Delete the groups of deleted teams, so that a directory can create them again."""
    team_ids = select(teams.c.id).where(teams.c.org_id == org_id)
    tx.execute(delete(scim_groups).where(scim_groups.c.org_id == org_id, scim_groups.c.team_id.not_in(team_ids)))
