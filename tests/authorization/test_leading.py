"""No permission leads to others, but for those that are listed here with a reason (docs/access.md tells them to operators).

For every permission that a route asks for: a user who holds it and nothing else calls every route that changes something,
for themselves, for an accomplice who does not belong to the organization, and for a plain member. Whatever the three, and the
tokens that they were given on the way, may do afterwards and mallory might not before is what the permission leads to.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import select, update
from starlette.testclient import TestClient

from common.backend import Backend
from common.core.errors import Unauthorized
from common.db.tables.access import roles
from common.db.tables.people import organizations, users
from common.db.tables.stacks import stacks
from common.rights import built_in
from common.rights.permissions import ROLES, STACK_LEVELS, Permission, Role, StackLevel
from common.stacks.repository import stacks as repository
from functions.http.app import create_loaded_app
from tests.authorization.needs import DIRECTORY, LEASE, Row, org
from tests.authorization.requests import O, S
from tests.authorization.rewinding import Rewinder
from tests.authorization.rows.roles import R
from tests.authorization.table import ROWS
from tests.authorization.world import World, build
from tests.factories.people import ORG, caller_of, make_token, make_user
from tests.factories.roles import allow, hold, make_role
from tests.factories.teams import make_team
from tests.factories.tokens import signed

pytestmark = pytest.mark.dialects("sqlite")
P = Permission
# `scim:update` leads further by calls of the directory, which are not tried here.
LEADING = {
    P.ORG_MEMBER_ADD: "it is for bringing people in, who get what the organization gives its members or its default role",
    P.INVITES_CREATE: "the same, for people who come by themselves",
}
# What a token without a role, or one that an issuer's policy lets in, may do here.
OF_MEMBERS = ROLES[Role.MEMBER] | {P.STACK_CREATE, P.TEAM_CREATE} | STACK_LEVELS[StackLevel.WRITE]
TOKEN = re.compile(r"pul-[0-9a-f]{40}")
PEOPLE, TEAMS, ROLES_OF_ALL = ("mallory", "newt"), ("ops", "given", "chiefs"), ("<role mallory>", "<role all>")
ALL: Any = allow(*P)
# What would leave nothing for those that come after.
LAST = ("/transfer", "/bulk-transfer/stacks", "/rename")
NEVER = ("DELETE", S)
# What rows of the table do not say: settings that give members more, and what a user does to themselves.
EXTRA = (
    *(
        Row("PATCH", O, (org(P.ORGANIZATION_UPDATE),), {f"setMembersCan{what}": True}, {"org": ORG})
        for what in ("CreateStacks", "CreateTeams", "DeleteStacks", "TransferStacks", "CreateAccounts")
    ),
    Row("PATCH", f"{O}/members/{{login}}", (org(P.ORG_MEMBER_UPDATE),), {"role": "member"}, {"org": ORG, "login": "mallory"}),
    Row("PATCH", O, (org(P.ORGANIZATION_UPDATE),), {"setDefaultDeploymentRoleId": "<role all>"}, {"org": ORG}),
    Row("DELETE", R, (org(P.ROLE_DELETE),), at={"org": ORG, "role_id": "<role mallory>"}, query={"force": "true"}),
)
Right = tuple[str, Permission]


@dataclass
class Scene:
    """The world, a user who holds one permission, an accomplice, and what they are after."""

    world: World
    mallory: str
    newt: str
    role_id: str
    stack_id: str


@pytest.fixture
def scene(backend: Backend) -> Scene:
    """Organization acme, where mallory holds a role that the test fills, and newt, who does not belong to it."""
    world = build(backend, ())
    world.set_level(StackLevel.WRITE)
    world.names["role all"] = make_role(backend, *P, name="all")
    world.names["stack-admin"] = built_in.STACK_ADMIN.id
    make_team(backend, "chiefs", role_ids=[world.names["role all"]])
    mallory = make_user(backend, "mallory", org=ORG)
    role_id = world.names["role mallory"] = make_role(backend, name="mallory")
    hold(backend, "mallory", role_id)
    with backend.db.begin() as tx:
        newt = make_token(tx, backend, str(tx.scalar(select(users.c.id).where(users.c.login == "newt"))))
        stack_id = tx.scalar(select(stacks.c.id).where(stacks.c.name == "dev", stacks.c.live == 1))
    return Scene(world, mallory, newt.text, role_id, str(stack_id))


def test_no_permission_leads_to_another_one(scene: Scene) -> None:
    """Anyone who holds one permission holds no others after all that it lets them do, but for those listed with a reason."""
    backend, gains, calls, done = scene.world.backend, dict[Permission, list[str]](), 0, 0
    rewinder = Rewinder(backend)
    rewinder.remember("start")
    with TestClient(create_loaded_app(backend), raise_server_exceptions=False) as client:
        for permission in sorted(asked_for()):
            rewinder.rewind("start")
            fill(scene, permission)
            texts, lets_in = {scene.mallory, scene.newt, scene.world.texts["mia"]}, set[Right]()
            before = {text: rights(scene, text) for text in texts}
            for row in attempts(permission):
                reply = call(client, scene, row, scene.mallory)
                calls, done = calls + 1, done + reply.is_success
                if reply.is_success:
                    texts |= set(TOKEN.findall(reply.text))
                    lets_in |= {("acme", right) for right in OF_MEMBERS if lets_tokens_in(row)}
            accept_invitations(client, scene)
            # What mallory holds may be passed on.
            after = lets_in.union(*(rights(scene, text) - before.get(text, set()) for text in texts))
            if gained := after - before[scene.mallory]:
                gains[permission] = sorted(f"{right} on {place}" for place, right in gained)
    rewinder.close()
    print(f"leading: {calls} calls with {len(asked_for())} permissions, {done} of them done")
    assert {} == {permission: gained for permission, gained in gains.items() if permission not in LEADING}
    assert set(LEADING) == set(gains), "something is listed that leads to nothing"


def asked_for() -> set[Permission]:
    """Every permission that some route asks for."""
    return {check.permission for row in ROWS for check in row.needs if check.permission is not None}


def fill(scene: Scene, permission: Permission) -> None:
    """Make mallory's role hold one permission."""
    rules = json.dumps(allow(permission))
    with scene.world.backend.db.begin() as tx:
        tx.execute(update(roles).where(roles.c.id == scene.role_id).values(details=rules, rules=rules))


def attempts(permission: Permission) -> list[Row]:
    """Every call that the permission may open, with as much in it as it can give: to mallory, to newt, each role and team.

    These are the rows that change something and ask for it, or for none. That all others refuse is shown by test_matrix.py.
    """
    rows = [row for row in ROWS if row.method not in ("GET", "HEAD") and (row.method, row.path) != NEVER]
    rows = [row for row in rows if not {LEASE, DIRECTORY} & set(row.needs)]
    asking = [row for row in rows if is_open_to(row, permission)]
    found = [*(variant for row in asking for variant in greedy(row)), *(row for row in EXTRA if is_open_to(row, permission))]
    return sorted(found, key=lambda row: (row.path.endswith(LAST), row.method == "DELETE"))


def is_open_to(row: Row, permission: Permission) -> bool:
    """Whether a row asks for the permission, or for none."""
    wanted = {check.permission for check in row.needs} - {None}
    return permission in wanted or not wanted


def greedy(row: Row) -> Iterator[Row]:
    """Yield a row for each person, role and team that it could be about, with levels and rules as large as there are."""
    text = json.dumps([row.at, row.body])
    texts = (
        PEOPLE if re.search(r'"(uma|cora|newt|mallory)"', text) else PEOPLE[:1],
        TEAMS if '"ops"' in text else TEAMS[:1],
        ROLES_OF_ALL if "<role " in text else ROLES_OF_ALL[:1],
    )
    for who, team, role in product(*texts):
        words = {
            "uma": who,
            "cora": who,
            "newt": who,
            "ops": team,
            "annex": "mallory",
            "guest@example.com": "newt@example.com",
            "<set stack-read>": "<stack-admin>",
            **dict.fromkeys(("<role auditor>", "<role librarian>", "<role held>"), role),
        }
        yield replace(row, at=swapped(row.at, words), body=swapped(row.body, words))


def swapped(value: Any, words: dict[str, str]) -> Any:
    """Return a value with other words, the highest level, and roles that hold everything."""
    if isinstance(value, dict):
        is_rules = value.get("__type", "").startswith("PermissionDescriptor")
        return ALL if is_rules else {name: swapped(one, words) for name, one in value.items()}
    if isinstance(value, list):
        return [swapped(one, words) for one in value]
    if isinstance(value, str):
        return words.get(value, value)
    return 103 if value == 101 else value


def call(client: TestClient, scene: Scene, row: Row, token: str) -> Response:
    """Make a call."""
    path = row.path
    for name, value in row.at.items():
        path = path.replace(f"{{{name}}}", str(scene.world.names.get(value[1:-1], "none")) if value.startswith("<") else value)
    body = {} if row.body is None else {"json": filled(scene.world, row.body)}
    reply: Response = client.request(row.method, path, params=row.query, headers=signed(token), **body)
    assert reply.status_code < 500 or reply.status_code == 501, (row.name, reply.text)
    return reply


def filled(world: World, value: Any) -> Any:
    """Return a body with ids in place of names; what the world does not have yet, an update, is left out."""
    try:
        return world.filled(value)
    except KeyError:
        return {}


def lets_tokens_in(row: Row) -> bool:
    """Whether a call that is done lets in tokens of the organization that another user chooses."""
    sent = row.body if isinstance(row.body, dict) else {}
    statements = [(one["decision"], one["tokenType"]) for one in sent.get("policies", ())]
    return ("allow", "organization") in statements or (row.path.endswith("/oidc/issuers/{issuer_id}") and "jwks" in sent)


def accept_invitations(client: TestClient, scene: Scene) -> None:
    """Make newt accept all that was sent to them, and every link."""
    for token in (scene.mallory, scene.newt):
        listed = client.get("/api/orgs/acme/invites", headers=signed(token)).text
        pending = client.get("/api/user/pending-invites", headers=signed(token)).text
        for invite_id in sorted(set(re.findall(r"\b[0-9a-f]{32}\b", listed + pending))):
            client.patch(f"/api/orgs/acme/invites/{invite_id}", headers=signed(scene.newt))


def rights(scene: Scene, text: str) -> set[Right]:
    """What the holder of a token may do: in acme, and on the stack, wherever that is now."""
    found = set[Right]()
    try:
        caller = caller_of(scene.world.backend, text)
    except Unauthorized:
        return found
    with scene.world.backend.db.connect() as connection:
        place = select(organizations.c.login).join(stacks, stacks.c.org_id == organizations.c.id)
        owner = connection.scalar(place.where(stacks.c.id == scene.stack_id))
        if (of_acme := caller.membership(ORG)) is not None:
            found |= {(ORG, right) for right in of_acme.permissions()}
        if (where := caller.membership(str(owner))) is not None:
            stack = repository.find_by_id(connection, scene.stack_id, caller.principals(where))
            assert stack is not None
            held = caller.permissions_on_stack(where, stack.entity, stack.grants, created_by=stack.created_by)
            found |= {("the stack", right) for right in held}
    return found
