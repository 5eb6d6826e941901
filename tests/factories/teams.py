"""Makes teams; and speaks to a server about teams as the provider and the SDK do: one function a call."""

from collections.abc import Iterable
from typing import Any

from httpx2 import Client, Response
from sqlalchemy import insert, select

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.ids import new_id
from common.db.tables.access import team_roles
from common.db.tables.people import team_members, users
from common.db.tables.people import teams as team_rows
from tests.factories.orgs import org_id_of
from tests.factories.people import ORG

TEAMS = "/api/orgs/acme/teams"
OPS = f"{TEAMS}/ops"
# The SDK sends every member that is not set as null.
UNSET_MEMBERS = (
    "newDisplayName",
    "newDescription",
    "memberAction",
    "member",
    "addStackPermission",
    "editStackPermission",
    "removeStack",
    "addEnvironmentPermission",
    "editEnvironmentPermission",
    "removeEnvironment",
)


def signed(token: str) -> dict[str, str]:
    """Return the headers of a call with a token."""
    return {"Authorization": f"token {token}"}


def make_team(
    backend: Backend,
    name: str = "ops",
    *,
    org: str = ORG,
    members: Iterable[str] = (),
    admins: Iterable[str] = (),
    role_ids: Iterable[str] = (),
) -> str:
    """Store a team of people, by login, with roles, and return its id."""
    team_id, now_millis = new_id(), unix_millis(backend.clock.now())
    with backend.db.begin() as tx:
        org_id = org_id_of(tx, org)
        of_team = {"team_id": team_id, "created_at": now_millis}
        texts = {"kind": "pulumi", "name": name, "display_name": name.title(), "description": ""}
        tx.execute(insert(team_rows).values(id=team_id, org_id=org_id, created_at=now_millis, **texts))
        for role, logins in (("member", members), ("admin", admins)):
            for user_id in tx.scalars(select(users.c.id).where(users.c.login.in_(list(logins)))).all():
                tx.execute(insert(team_members).values(user_id=user_id, org_id=org_id, role=role, **of_team))
        for role_id in role_ids:
            tx.execute(insert(team_roles).values(role_id=role_id, **of_team))
    return team_id


def create(client: Client, name: str = "ops", *, token: str | None = None, **members: Any) -> dict[str, Any]:
    """Make a team and return the reply."""
    body = {"name": name, "displayName": name.title(), "description": "", **members}
    made = client.post(f"{TEAMS}/pulumi", json=body, headers=signed(token) if token else {})
    assert 201 == made.status_code, made.text
    found: dict[str, Any] = made.json()
    return found


def patch(client: Client, team: str = "ops", *, token: str | None = None, **members: Any) -> Response:
    """Change a team with a body that has every member, null where nothing is given."""
    body = {**dict.fromkeys(UNSET_MEMBERS), **members}
    return client.patch(f"{TEAMS}/{team}", json=body, headers=signed(token) if token else {})


def act(client: Client, action: str, login: str, *, token: str | None = None) -> Response:
    """Do something about a member of team ops."""
    return patch(client, member=login, memberAction=action, token=token)


def on_stack(permission: int, name: str = "dev", *, project: str = "shop") -> dict[str, Any]:
    """Return a permission on a stack as the SDK spells it."""
    return {"projectName": project, "stackName": name, "permission": permission, "permissionSetName": None}


def on_environment(permission: str, project: str = "p1", name: str = "Default", *, duration: str | None = None) -> dict[str, Any]:
    """Return a permission on an environment as the SDK spells it."""
    return {
        "projectName": project,
        "envName": name,
        "permission": permission,
        "maxOpenDuration": duration,
        "permissionSetName": None,
    }


def give(client: Client, permission: int, name: str = "dev", *, team: str = "ops", token: str | None = None) -> Response:
    """Give a team a level on a stack of shop."""
    return patch(client, team, addStackPermission=on_stack(permission, name), token=token)


def read(client: Client, team: str = "ops", *, token: str | None = None) -> dict[str, Any]:
    """Return a team."""
    found = client.get(f"{TEAMS}/{team}", headers=signed(token) if token else {})
    assert 200 == found.status_code, found.text
    shape: dict[str, Any] = found.json()
    return shape


def roles(client: Client, team: str = "ops") -> dict[str, str]:
    """Return what each member is in a team, by login."""
    return {member["githubLogin"]: member["role"] for member in read(client, team)["members"]}


def levels(client: Client, team: str = "ops") -> list[tuple[str, int]]:
    """Return the stacks of a team with their levels, in the order of the reply."""
    return [(stack["stackName"], stack["permission"]) for stack in read(client, team)["stacks"]]
