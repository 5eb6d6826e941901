"""The kinds of callers of the matrix, each with what the permission page (common/rights/permissions.py) gives them."""

from dataclasses import dataclass
from typing import Any

from common.rights.permissions import ROLES, STACK_ADMIN, STACK_LEVELS, Permission, Role, StackLevel

EVERYTHING = frozenset(Permission)
NOTHING: frozenset[Permission] = frozenset()
# The built-in Member role with the organization's settings as they are at first: members may make stacks and teams.
MEMBER = ROLES[Role.MEMBER] | {Permission.STACK_CREATE, Permission.TEAM_CREATE}
BILLING = ROLES[Role.BILLING_MANAGER]


@dataclass(frozen=True, slots=True)
class Who:
    """A caller. `in_target` is what they hold in the organization that a transfer names, None where they do not belong."""

    name: str
    authorization: str
    signed_in: bool = True
    is_member: bool = True
    is_suspended: bool = False
    is_admin: bool = False
    is_machine: bool = False
    is_team_admin: bool = False
    is_owner: bool = False
    is_directory: bool = False
    on_org: frozenset[Permission] = NOTHING
    on_stack: frozenset[Permission] = NOTHING
    # What a team or ownership gives on the environment, beside what roles give on everything.
    given_on_environment: frozenset[Permission] = NOTHING
    in_target: frozenset[Permission] | None = None
    lease: str = ""

    @property
    def on_environment(self) -> frozenset[Permission]:
        """What the caller holds on the environment."""
        return self.on_org | self.given_on_environment


def person(name: str, token: str, on_org: frozenset[Permission], on_stack: frozenset[Permission], **more: Any) -> Who:
    """Return a member of the organization who is a plain member of the target as well."""
    return Who(name, f"token {token}", on_org=on_org, on_stack=on_stack, in_target=MEMBER, **more)


def machine(name: str, token: str, on_org: frozenset[Permission], on_stack: frozenset[Permission], **more: Any) -> Who:
    """Return a token of the organization or of a team, which belongs to no other organization."""
    return Who(name, f"token {token}", on_org=on_org, on_stack=on_stack, is_machine=True, **more)


def nobody(name: str, authorization: str) -> Who:
    """Return a user without good credentials."""
    return Who(name, authorization, signed_in=False, is_member=False)


def plain(level: StackLevel) -> tuple[frozenset[Permission], frozenset[Permission]]:
    """Return what a member holds in the organization and on its stacks, by the level that it gives its members."""
    return MEMBER, MEMBER | STACK_LEVELS[level]


def given(level: StackLevel) -> tuple[frozenset[Permission], frozenset[Permission]]:
    """Return what a member holds who was given a level on every stack, where members as such are given none."""
    return MEMBER, MEMBER | STACK_LEVELS[level]


CREATOR = (MEMBER, MEMBER | STACK_ADMIN)
