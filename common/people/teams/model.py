"""Teams as values, changes of them, and the rules for names, texts and durations. No I/O."""

from dataclasses import dataclass, replace
from enum import StrEnum

from common.core.durations import DURATION_LIMIT, is_duration
from common.core.errors import BadRequest
from common.core.names import NAME_LIMIT_BYTES, is_name
from common.people.users.model import Person
from common.rights.org_settings import EnvironmentLevel
from common.rights.permissions import StackLevel

DISPLAY_NAME_LIMIT = 100
DESCRIPTION_LIMIT = 1_024


class TeamRole(StrEnum):
    """A user's role in a team; NONE outside it."""

    NONE = "none"
    MEMBER = "member"
    ADMIN = "admin"


class MemberAction(StrEnum):
    """A change of a team's members."""

    ADD = "add"
    REMOVE = "remove"
    PROMOTE = "promote"
    DEMOTE = "demote"


@dataclass(frozen=True, slots=True)
class Team:
    """A team; `role` is the caller's own in it."""

    id: str
    kind: str
    name: str
    display_name: str
    description: str
    role: TeamRole = TeamRole.NONE


@dataclass(frozen=True, slots=True)
class TeamSummary:
    """A team in a list, with how many members it has."""

    team: Team
    members: int


@dataclass(frozen=True, slots=True)
class Member:
    """A person in a team."""

    person: Person
    role: TeamRole


@dataclass(frozen=True, slots=True)
class StackGrant:
    """A team's grant on a stack: a level, or a custom permission set by name."""

    stack_id: str
    project: str
    name: str
    level: StackLevel
    set_name: str = ""


@dataclass(frozen=True, slots=True)
class EnvironmentGrant:
    """A team's grant on an environment; `max_open_duration` as it was sent, empty without a limit."""

    project: str
    name: str
    level: EnvironmentLevel
    max_open_duration: str = ""


@dataclass(frozen=True, slots=True)
class TeamDetails:
    """A team with its members, grants and roles, each list in a fixed order."""

    team: Team
    members: tuple[Member, ...] = ()
    stacks: tuple[StackGrant, ...] = ()
    environments: tuple[EnvironmentGrant, ...] = ()
    role_ids: tuple[str, ...] = ()

    def seen_by(self, user_id: str) -> "TeamDetails":
        """Return the same with a user's role in the team."""
        role = next((member.role for member in self.members if member.person.id == user_id), TeamRole.NONE)
        return replace(self, team=replace(self.team, role=role))


@dataclass(frozen=True, slots=True)
class MemberChange:
    """A change of one member, by login."""

    action: MemberAction
    login: str


@dataclass(frozen=True, slots=True)
class StackChange:
    """A grant on a stack that replaces an earlier one. NONE deletes it; None deletes it too, and requires that it exists."""

    project: str
    name: str
    level: StackLevel | None


@dataclass(frozen=True, slots=True)
class EnvironmentChange:
    """A grant on an environment that replaces an earlier one; None deletes the grant, and requires that it exists."""

    project: str
    name: str
    level: EnvironmentLevel | None
    max_open_duration: str = ""


@dataclass(frozen=True, slots=True)
class TeamChange:
    """A change of a team, made whole or not at all; fields that are None or empty stay as they are."""

    display_name: str | None = None
    description: str | None = None
    member: MemberChange | None = None
    stacks: tuple[StackChange, ...] = ()
    environments: tuple[EnvironmentChange, ...] = ()

    def describe(self) -> str:
        """Return a description for the audit log; empty without changes."""
        texts = [("display name", self.display_name), ("description", self.description)]
        parts = [f"another {noun}" for noun, text in texts if text is not None]
        if self.member is not None:
            parts.append(f"{self.member.action} {self.member.login}")
        stacks = [
            (f"stack {grant.project}/{grant.name}", grant.level.name.lower() if grant.level else "none") for grant in self.stacks
        ]
        environments = [(f"environment {grant.project}/{grant.name}", grant.level or "none") for grant in self.environments]
        parts += [f"{level} on {place}" for place, level in (*stacks, *environments)]
        return ", ".join(parts)


def require_name(name: str) -> None:
    """Raise BadRequest unless a team may have this name, which is part of addresses."""
    if not is_name(name):
        raise BadRequest(
            f"invalid team name {name[:NAME_LIMIT_BYTES]!a}: 1 to {NAME_LIMIT_BYTES} letters, digits, hyphens, underscores "
            "and periods, and not . or .. alone"
        )


def require_texts(display_name: str | None, description: str | None) -> None:
    """Raise BadRequest for a display name or a description that is too long."""
    for noun, text, limit in (
        ("display name", display_name, DISPLAY_NAME_LIMIT),
        ("description", description, DESCRIPTION_LIMIT),
    ):
        if text is not None and len(text) > limit:
            raise BadRequest(f"the {noun} of a team may have at most {limit:,} characters, not {len(text):,}")


def require_environment(change: EnvironmentChange) -> None:
    """Raise BadRequest for a bad name of an environment, and for a bad duration."""
    for noun, name in (("project", change.project), ("environment", change.name)):
        if not is_name(name):
            raise BadRequest(
                f"invalid {noun} name {name[:NAME_LIMIT_BYTES]!a}: letters, digits, hyphens, underscores and periods"
            )
    if change.max_open_duration and not is_duration(change.max_open_duration):
        raise BadRequest(f"maxOpenDuration {change.max_open_duration[:DURATION_LIMIT]!a} is not a duration like 1h30m")
