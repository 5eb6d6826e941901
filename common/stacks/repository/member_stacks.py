"""The stacks that a member of an organization owns or has a grant on."""

from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, literal, null, or_, select, union_all

from common.db.tables.access import roles, stack_grants
from common.db.tables.people import team_members, teams
from common.db.tables.stacks import stacks
from common.rights.membership import StackScope
from common.rights.permissions import StackLevel
from common.stacks.repository.visibility import in_scopes

# An alias: the condition of a scope looks at grants too, at those of the caller.
_grants = stack_grants.alias("grants_of_member")


@dataclass(frozen=True, slots=True)
class MemberStack:
    """A stack that a member owns, or has a grant on: their own, or one of a team by its name. `set_name`: a custom set."""

    project: str
    name: str
    level: StackLevel
    set_name: str = ""
    team: str = ""
    is_owner: bool = False


def find_of_member(connection: Connection, scope: StackScope, user_id: str, limit: int) -> list[MemberStack]:
    """Return the stacks of a scope that a member owns or has a grant on, by name."""
    is_visible = and_(stacks.c.live == 1, stacks.c.org_id == scope.org_id, in_scopes([scope]))
    owned = select(
        stacks.c.project,
        stacks.c.name,
        literal(int(StackLevel.ADMIN)).label("level"),
        null().label("set_name"),
        null().label("team"),
        literal(1).label("is_owner"),
    ).where(is_visible, stacks.c.created_by == user_id)
    of_teams = select(team_members.c.team_id).where(team_members.c.user_id == user_id)
    granted = (
        select(stacks.c.project, stacks.c.name, _grants.c.permission, roles.c.name, teams.c.name, literal(0))
        .select_from(stacks)
        .join(_grants, _grants.c.stack_id == stacks.c.id)
        .outerjoin(teams, teams.c.id == _grants.c.principal_id)
        .outerjoin(roles, roles.c.id == _grants.c.set_id)
        .where(is_visible, or_(_grants.c.principal_id == user_id, _grants.c.principal_id.in_(of_teams)))
    )
    both = union_all(owned, granted).subquery()
    query = select(both).order_by(both.c.project, both.c.name, func.coalesce(both.c.team, "")).limit(limit)
    return [
        MemberStack(row.project, row.name, StackLevel(row.level), row.set_name or "", row.team or "", bool(row.is_owner))
        for row in connection.execute(query)
    ]
