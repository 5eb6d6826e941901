"""Makes teams, and the changes of them, for tests of the services."""

from sqlalchemy import update

from common.backend import Backend
from common.db.tables.people import members
from common.people.teams import service
from common.people.teams.model import (
    EnvironmentChange,
    MemberAction,
    MemberChange,
    StackChange,
    TeamChange,
    TeamDetails,
    TeamRole,
)
from common.rights.caller import Caller
from common.rights.org_settings import EnvironmentLevel
from common.rights.permissions import Permission, StackLevel
from common.stacks.service import sharing
from tests.factories.people import caller_of, make_user
from tests.factories.tokens import make_role


def member(action: str, login: str) -> TeamChange:
    """Return a change of a team's members."""
    return TeamChange(member=MemberChange(MemberAction(action), login))


def stack(level: StackLevel | None, name: str = "dev") -> TeamChange:
    """Return a change of what a team was given on a stack."""
    return TeamChange(stacks=(StackChange("shop", name, level),))


def environment(level: EnvironmentLevel | None = "open") -> TeamChange:
    """Return a change of what a team was given on an environment."""
    return TeamChange(environments=(EnvironmentChange("p", "dev", level),))


def make_team(backend: Backend, caller: Caller, name: str = "ops", **people: str) -> None:
    """Make a team of the caller's with people in it, by login and role."""
    service.create_team(backend, caller, "acme", name)
    for login, role in people.items():
        sharing.update_team(backend, caller, "acme", name, member("add", login))
        if role == "admin":
            sharing.update_team(backend, caller, "acme", name, member("promote", login))


def get(backend: Backend, caller: Caller, name: str = "ops") -> TeamDetails:
    """Return a team."""
    return sharing.get_team(backend, caller, "acme", name)


def roles(backend: Backend, caller: Caller, name: str = "ops") -> dict[str, TeamRole]:
    """Return what each member is in a team, by login."""
    return {found.person.login: found.role for found in get(backend, caller, name).members}


def levels(backend: Backend, caller: Caller, name: str = "ops") -> dict[str, StackLevel]:
    """Return the levels of a team by stack."""
    return {grant.name: grant.level for grant in get(backend, caller, name).stacks}


def with_role(backend: Backend, login: str, *permissions: Permission) -> str:
    """Make a member of acme with a custom role, and return a token."""
    token = make_user(backend, login, org="acme")
    role_id = make_role(backend, *permissions, name=f"role of {login}")
    user_id = caller_of(backend, token).user_id
    with backend.db.begin() as tx:
        tx.execute(update(members).values(role_id=role_id).where(members.c.user_id == user_id, members.c.role == "member"))
    return token
