"""What a scene plays in: an organization of its own on a running server, and people who use it through the SDK.

There is no way yet to sign up over the network, so people and organizations are made on the server's own database, beside
the server; all else goes through the SDK.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from pulumi_cloud_sdk import models

from common.backend import Backend
from common.rights.permissions import Role
from tests.contract.sdk_client import Called, Person, Refused, sign_in
from tests.factories import people

PROJECT = "shop"


@dataclass(frozen=True, slots=True)
class Scene:
    """An organization with one administrator; `decoded` is what was called here and understood."""

    url: str
    backend: Backend
    org: str
    admin: Person
    decoded: set[Called] = field(repr=False)
    # The ARN of a key in the stand-in for AWS KMS that the server reaches.
    kms_key: str = ""

    def person(self, *, role: Role | None = Role.MEMBER) -> Person:
        """Make a person who belongs to the organization, unless `role` is None."""
        login = unique("user")
        token = people.make_user(self.backend, login, org=self.org if role else None, role=role or Role.NONE)
        return self.with_token(token, login)

    def with_token(self, token: str, login: str = "") -> Person:
        """Return anyone who a token belongs to."""
        return sign_in(self.url, login, token, self.decoded)

    def second_org(self) -> str:
        """Make another organization, which the administrator administers as well."""
        name = unique("org")
        people.make_org(self.backend, name, people.caller_of(self.backend, self.admin.token))
        return name

    def team(self, *members: Person) -> str:
        """Make a team, and put people into it."""
        name = unique("team")
        self.admin.orgs.create_pulumi_team(self.org, models.CreatePulumiTeamRequest(name, "Platform", "Runs the platform"))
        for member in members:
            self.change_team(name, member_action=models.MemberAction.Add, member=member.login)
        return name

    def change_team(self, team: str, **change: Any) -> None:
        """Change one thing of a team."""
        self.admin.orgs.update_team(self.org, team, models.UpdateTeamRequest(**change))

    def get_team(self, team: str) -> Any:
        """Return a team."""
        return self.admin.orgs.get_team(self.org, team)

    def role(self, *permissions: str, purpose: str = "role") -> Any:
        """Make a custom role, or another record with permissions."""
        asked = models.PermissionDescriptorBase(
            name=unique("Role"),
            description="made for a test",
            resource_type="global",
            ux_purpose=models.PermissionDescriptorUXPurpose(purpose),
            details=allowing(*permissions),
        )
        return self.admin.orgs.create_role(self.org, asked)

    def stack(self, by: Person | None = None) -> str:
        """Make a stack in the project, and return its name."""
        name = unique("stack")
        (by or self.admin).orgs.create_stack(self.org, PROJECT, models.AppCreateStackRequest(stack_name=name))
        return name

    def stack_id(self, stack: str) -> str:
        """Return a stack's id."""
        return str(self.admin.stacks.get_stack(self.org, PROJECT, stack).id)


def start(url: str, backend: Backend) -> Scene:
    """Make a scene with an organization and an administrator that no other scene has."""
    decoded: set[Called] = set()
    login, org = unique("admin"), unique("org")
    token = people.make_user(backend, login)
    people.make_org(backend, org, people.caller_of(backend, token))
    return Scene(url, backend, org, sign_in(url, login, token, decoded), decoded)


def unique(word: str) -> str:
    """Return a name that nothing else has."""
    return f"{word}-{uuid.uuid4().hex[:12]}"


def allowing(*permissions: str) -> Any:
    """Return the simplest descriptor: permissions everywhere."""
    return models.PermissionDescriptorAllow(permissions=[models.RbacPermission(name) for name in permissions])


@contextmanager
def refused(status: int) -> Iterator[None]:
    """Expect a call to be refused with a status, which the body repeats, and with words."""
    with pytest.raises(Refused) as refusal:
        yield
    assert status == refusal.value.status, refusal.value
    assert status == refusal.value.document["code"]
    assert refusal.value.document["message"]


Play = Callable[[Scene], None]
SCENES: dict[str, Play] = {}


def scene(play: Play) -> Play:
    """Register the scene of the operation that the function is named after."""
    assert play.__name__ not in SCENES, f"two scenes for {play.__name__}"
    SCENES[play.__name__] = play
    return play
