"""Organizations and teams that the groups of a provider lead to, with a user's memberships in them. It only reads."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, and_, bindparam, exists, not_, select

from common.db.tables.people import members, organizations, team_members, teams
from common.db.tables.sign_in import scim_tokens
from common.sign_in.model import GroupTarget


def find_targets(tx: Connection, user_id: str, org_logins: Collection[str], team_names: Collection[str]) -> list[GroupTarget]:
    """Return organizations by login and their teams by name, in order, with the memberships of a user."""
    logins: Any = bindparam("logins", sorted(org_logins), expanding=True)
    names: Any = bindparam("names", sorted(team_names), expanding=True)
    # Only the organization's own directory (SCIM) changes its groups.
    is_owned = and_(teams.c.kind == "scim", exists().where(scim_tokens.c.org_id == organizations.c.id))
    is_named = and_(teams.c.org_id == organizations.c.id, teams.c.name.in_(names), not_(is_owned))
    query = (
        select(
            organizations.c.login,
            organizations.c.id,
            organizations.c.personal_user_id,
            members.c.user_id.label("member"),
            teams.c.name,
            teams.c.id.label("team_id"),
            team_members.c.user_id.label("in_team"),
        )
        .select_from(organizations)
        .outerjoin(members, and_(members.c.org_id == organizations.c.id, members.c.user_id == user_id))
        .outerjoin(teams, is_named)
        .outerjoin(team_members, and_(team_members.c.team_id == teams.c.id, team_members.c.user_id == user_id))
        .where(organizations.c.login.in_(logins))
        .order_by(organizations.c.login, teams.c.name)
    )
    return [
        GroupTarget(
            org=row.login,
            org_id=row.id,
            is_shared=row.personal_user_id is None,
            is_member=row.member is not None,
            team=row.name,
            team_id=row.team_id,
            is_in_team=row.in_team is not None,
        )
        for row in tx.execute(query)
    ]
