"""To anyone who may not see a stack, it is as if it did not exist: status and body are the same for every route."""

from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from common.backend import Backend
from common.rights.permissions import Role
from tests.factories.people import make_user
from tests.stacks.engine.builders import make_resource, make_state, urn
from tests.wire import LiveUpdate, begin, create_stack, import_state, program
from tools.operations import Route, routes

pytestmark = pytest.mark.dialects("sqlite")
REAL, MISSING, NOBODYS = "acme/shop/dev", "acme/shop/none", "nobody/shop/dev"
OF_A_STACK = [route for route in routes() if "{stack}" in route.path]
OF_A_LEASE = [
    route
    for route in OF_A_STACK
    if route.module == "update_progress" or (route.method, route.path.rpartition("/")[2]) == ("POST", "events")
]
WITH_A_TOKEN = [route for route in OF_A_STACK if route not in OF_A_LEASE]
# What a call needs so that nothing but the stack can be wrong with it.
BODIES: dict[str, Any] = {
    "begin-update": {"updateKind": "update", "program": program(), "tags": None, "journalVersion": 2},
    "encrypt": {"plaintext": "eA=="},
    "decrypt": {"ciphertext": "eA=="},
    "batch-encrypt": {"plaintexts": []},
    "batch-decrypt": {"ciphertexts": []},
    "rename": {"newName": "x", "newProject": ""},
    "tags": {"name": "a", "value": "b"},
    "config": {"environment": "p/e"},
    "import": {"version": 3, "deployment": {}},
    "{team}": {"permissions": 101},
    "transfer": {"toOrg": "acme"},
    "ownership": {"githubLogin": "admin"},
    "hooks": {"displayName": "Hook", "payloadUrl": "https://127.0.0.1:9/x"},
    "settings": {"notifyUpdateFailure": True, "notifyUpdateSuccess": False},
    "workflow": {"ciSystem": "github"},
    "{hook}": {"displayName": "Hook", "payloadUrl": "https://127.0.0.1:9/x"},
}


@pytest.fixture
def update(client: TestClient) -> LiveUpdate:
    """A running update of a stack with a version, tags and a resource."""
    stack = create_stack(client, tags={"env": "x"})
    import_state(client, stack, make_state(make_resource("a")))
    return begin(client, stack)


def address(route: Route, stack: str, update: LiveUpdate) -> str:
    """Return a route's address at a stack, with every other part as it is at the real one."""
    org, project, name = stack.split("/")
    parts = {
        "org": org,
        "project": project,
        "stack": name,
        "version": "1",
        "update_id": update.id,
        "name": "env",
        "team": "ops",
        "user": "bob",
        "hook": "announce",
        "event": "0190",
        "urn:path": urn("a"),
        "reference": "latest",
        "annotation": "readme",
    }
    path = route.path
    for part, value in parts.items():
        path = path.replace(f"{{{part}}}", value)
    assert "{" not in path, path
    return path


def call(client: TestClient, route: Route, stack: str, update: LiveUpdate, authorization: str, body: Any = None) -> Response:  # noqa: PLR0917
    """Make a call."""
    tail = route.path.rpartition("/")[2]
    sent = BODIES.get(tail, {}) if body is None else body
    headers = {"Authorization": authorization}
    if route.method == "GET":
        return client.get(address(route, stack, update), headers=headers)
    return client.request(route.method, address(route, stack, update), json=sent, headers=headers)


def seen(reply: Response, stack: str) -> tuple[int, str]:
    """Return what a caller sees, with the stack's own names taken out."""
    return reply.status_code, reply.text.replace(stack, "…")


@pytest.fixture
def stranger(client: TestClient, backend: Backend) -> str:
    """The credentials of a user of another organization, who has a stack of the same name."""
    token = f"token {make_user(backend, 'mallory')}"
    made = client.post("/api/stacks/mallory/shop", json={"stackName": "dev"}, headers={"Authorization": token})
    assert made.status_code == 200
    return token


class TestStranger:
    @pytest.mark.parametrize("body", [None, [], {"x": 1}], ids=["good", "list", "other"])
    def test_cannot_tell_a_stack_from_none(self, client: TestClient, update: LiveUpdate, stranger: str, body: Any) -> None:
        """For every route another's stack, a missing stack and a missing organization are answered alike."""
        different = []
        for route in OF_A_STACK:
            answers = {seen(call(client, route, stack, update, stranger, body), stack) for stack in (REAL, MISSING, NOBODYS)}
            if len(answers) != 1:
                different.append((route.method, route.path, answers))

        assert [] == different

    def test_is_told_that_there_is_none(self, client: TestClient, update: LiveUpdate, stranger: str) -> None:
        """With a good request the answer is 404 and nothing else, and no call changes the stack."""
        found = {(route.method, route.path): call(client, route, REAL, update, stranger).status_code for route in WITH_A_TOKEN}
        after = client.get("/api/stacks/acme/shop/dev").json()

        assert {404} == set(found.values()), [key for key, status in found.items() if status != 404]
        assert (2, {"env": "x"}, update.id) == (after["version"], after["tags"], after["activeUpdate"])

    def test_has_no_use_for_a_token_where_a_lease_is_needed(self, client: TestClient, update: LiveUpdate, stranger: str) -> None:
        """The calls of a running update know no access token, the owner's included."""
        assert {401} == {call(client, route, REAL, update, stranger).status_code for route in OF_A_LEASE}

    def test_has_no_use_for_a_lease_of_his_own(self, client: TestClient, update: LiveUpdate, stranger: str) -> None:
        """A lease is good for the update that it was given for, and for no stack and update beside it."""
        client.headers["Authorization"] = stranger
        own = begin(client, "/api/stacks/mallory/shop/dev")
        lease = f"update-token {own.token}"
        others = [
            call(client, route, stack, update, lease).status_code
            for route in OF_A_LEASE
            for stack in (REAL, MISSING, "mallory/shop/dev")
        ]
        mixed = [call(client, route, REAL, own, lease).status_code for route in OF_A_LEASE]

        assert {403} == {*others, *mixed}
        assert len(OF_A_LEASE) > 20

    def test_cannot_reach_an_update_through_his_own_stack(self, client: TestClient, update: LiveUpdate, stranger: str) -> None:
        """Another's update is unknown at one's own stack, as one that never was."""
        reads = [route for route in WITH_A_TOKEN if "{update_id}" in route.path]
        found = {
            (route.method, route.path): call(client, route, "mallory/shop/dev", update, stranger).status_code for route in reads
        }

        assert {404} == set(found.values()), found
        assert len(reads) > 10


class TestAnybody:
    @pytest.mark.parametrize("authorization", ["", "token pul-" + "0" * 40])
    def test_without_credentials_learns_nothing(self, client: TestClient, update: LiveUpdate, authorization: str) -> None:
        """Every route of a stack answers 401 before anything else, whether the stack exists or not, whatever is sent."""
        bodies: tuple[Any, ...] = (None, [])
        found = {
            (route.method, route.path, stack): call(client, route, stack, update, authorization, body).status_code
            for route in OF_A_STACK
            for stack in (REAL, MISSING)
            for body in bodies
        }

        assert {401} == set(found.values()), [key for key, status in found.items() if status != 401]


class TestMemberWithoutRights:
    def test_is_refused_everywhere(self, client: TestClient, backend: Backend, update: LiveUpdate) -> None:
        """To a billing manager a stack of the organization is not there, in the words for one that does not exist."""
        token = f"token {make_user(backend, 'bob', org='acme', role=Role.BILLING_MANAGER)}"
        found = {(route.method, route.path): call(client, route, REAL, update, token).status_code for route in WITH_A_TOKEN}

        assert {404} == set(found.values()), [key for key, status in found.items() if status != 404]


class TestMember:
    def test_cannot_remove_or_rename_anothers_stack(self, client: TestClient, backend: Backend, update: LiveUpdate) -> None:
        """A member works with every stack of the organization, and may not take one away."""
        update.complete()
        bob = {"Authorization": f"token {make_user(backend, 'bob', org='acme')}"}
        stack = f"/api/stacks/{REAL}"

        assert [403, 403] == [
            client.delete(stack, headers=bob).status_code,
            client.post(f"{stack}/rename", json={"newName": "x"}, headers=bob).status_code,
        ]
        assert 200 == client.get(f"{stack}/export", headers=bob).status_code
