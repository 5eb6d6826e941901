"""The words of the table of permissions (tests/authorization/table.py): what a call may need, and how a row is written."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from common.rights.permissions import Permission
from tests.stacks.engine.builders import urn

KIND = "{kind}"
KINDS = ("update", "preview", "refresh", "destroy")


# What the parts of an address are unless a row says otherwise.
AT = {
    "org": "acme",
    "project": "shop",
    "stack": "dev",
    "version": "1",
    "urn:path": urn("b"),
    "name": "env",
    "team": "ops",
    "role_id": "<role auditor>",
    "token_id": "<token ci>",
    "program_id": "<stack gone>",
    "update_id": "<new update>",
    "login": "uma",
    "user": "cora",
    "invite_id": "<invite>",
    "hook": "announce",
    "annotation": "readme",
    "issuer_id": "<issuer>",
    "policy_id": "<policy>",
    "session_id": "<session>",
    "environment": "dev",
    "source": "private",
    "publisher": "acme",
    "user_id": "<scim user>",
    "group_id": "<scim group>",
    "pack": "guard",
    "group": "prod",
    "signed": "<upload>",
    "issue_id": "<policy issue>",
    "exception_id": "EXC-1",
    "change_request_id": "<draft>",
    "gate_id": "<change gate>",
    "key_id": "<customer key>",
}


class On(Enum):
    """What a check looks at."""

    SIGNED_IN = auto()  # a token that is good
    MEMBER = auto()  # the caller belongs to the organization that the address names
    ORG = auto()  # the caller holds a permission in that organization itself
    STACK = auto()  # the caller holds a permission on the stack
    ENVIRONMENT = auto()  # the caller holds a permission on the environment
    EVERY_STACK = auto()  # the caller holds a permission on every stack of the organization
    LISTED = auto()  # the caller may list or read a stack: without, it is as if there were none
    TARGET = auto()  # the caller belongs to the organization that the body names, and holds a permission there
    ADMIN = auto()  # only an admin of the organization
    PERSON = auto()  # no token of an organization or a team
    TEAM = auto()  # the caller may read the team that the call names, or is in it: without, it is as if there were none
    OUTSIDER = auto()  # a user who does not belong to the organization yet
    OWN = auto()  # the thing named is the admin's own; other callers have no such thing
    LEASE = auto()  # the token of the running update itself, and no access token
    DIRECTORY = auto()  # the token of the directory of the organization that the address names, and no access token


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a call needs. `team_admin`: who administers the team that the address names needs no permission."""

    on: On
    permission: Permission | None = None
    team_admin: bool = False


SIGNED_IN, MEMBER, ADMIN, PERSON = Check(On.SIGNED_IN), Check(On.MEMBER), Check(On.ADMIN), Check(On.PERSON)
OWN, OUTSIDER, LEASE, LISTED = Check(On.OWN), Check(On.OUTSIDER), Check(On.LEASE), Check(On.LISTED)
DIRECTORY = Check(On.DIRECTORY)
TEAM = Check(On.TEAM, Permission.TEAM_READ)


def org(permission: Permission, *, or_team_admin: bool = False) -> Check:
    """Return the need of a permission in the organization itself."""
    return Check(On.ORG, permission, or_team_admin)


def stack(permission: Permission) -> Check:
    """Return the need of a permission on the stack."""
    return Check(On.STACK, permission)


def environment(permission: Permission) -> Check:
    """Return the need of a permission on the environment."""
    return Check(On.ENVIRONMENT, permission)


def every_stack(permission: Permission) -> Check:
    """Return the need of a permission on every stack of the organization."""
    return Check(On.EVERY_STACK, permission)


def target(permission: Permission) -> Check:
    """Return the need of a permission in the organization that the body names."""
    return Check(On.TARGET, permission)


@dataclass(frozen=True, slots=True)
class Row:
    """One call: what it needs, in the order in which it is asked for, and a request that succeeds for an admin.

    No needs means that anyone may call it, signed in or not. In `at` and `body`, `<name>` stands for something of the world
    in which the call is made (tests/authorization/world.py). `ok` is the status for who may, if it is not 2xx.
    """

    method: str
    path: str
    needs: tuple[Check, ...]
    body: Any = None
    at: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    ok: int | None = None
    moment: str = "NONE"
    case: str = ""

    @property
    def name(self) -> str:
        """What a failure calls the row."""
        return f"{self.method} {self.path}{f' ({self.case})' if self.case else ''}"

    def permissions(self) -> Iterator[frozenset[Permission]]:
        """Yield for each check the permissions of which one suffices."""
        for check in self.needs:
            if check.on is On.LISTED:
                yield frozenset({Permission.STACK_LIST, Permission.STACK_READ})
            elif check.permission is not None and check.on is not On.TARGET:
                yield frozenset({check.permission})

    def of_kinds(self) -> Iterator["Row"]:
        """Yield the row for each kind of update, if its address names one."""
        if KIND not in self.path:
            yield self
            return
        for kind in KINDS:
            at = {name: value.replace(KIND, kind) for name, value in self.at.items()}
            yield Row(
                self.method, self.path.replace(KIND, kind), self.needs, self.body, at, self.query, self.ok, self.moment, self.case
            )
