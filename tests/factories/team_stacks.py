"""Makes the changes of teams, and reads teams, for tests of the services."""

from common.backend import Backend
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
from common.rights.permissions import StackLevel
from common.stacks.service import sharing


def member(action: str, login: str) -> TeamChange:
    """Return a change of a team's members."""
    return TeamChange(member=MemberChange(MemberAction(action), login))


def stack(level: StackLevel | None, name: str = "dev") -> TeamChange:
    """Return a change of what a team was given on a stack."""
    return TeamChange(stacks=(StackChange("shop", name, level),))


def environment(level: EnvironmentLevel | None = "open") -> TeamChange:
    """Return a change of what a team was given on an environment."""
    return TeamChange(environments=(EnvironmentChange("p", "dev", level),))


def get(backend: Backend, caller: Caller, name: str = "ops") -> TeamDetails:
    """Return a team."""
    return sharing.get_team(backend, caller, "acme", name)


def roles(backend: Backend, caller: Caller, name: str = "ops") -> dict[str, TeamRole]:
    """Return what each member is in a team, by login."""
    return {found.person.login: found.role for found in get(backend, caller, name).members}


def levels(backend: Backend, caller: Caller, name: str = "ops") -> dict[str, StackLevel]:
    """Return the levels of a team by stack."""
    return {grant.name: grant.level for grant in get(backend, caller, name).stacks}
