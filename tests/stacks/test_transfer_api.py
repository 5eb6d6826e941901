"""Transfer, ownership and restoring over HTTP: shapes, statuses, texts, and what clients may leave out."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.core.ids import new_id
from common.rights.caller import Caller
from tests.factories.people import make_org, make_user
from tests.stacks.engine.builders import make_resource, make_state
from tests.wire import create_stack, error_of, import_state

# Shapes, statuses and texts; that both databases do the same, the tests of the services show.
pytestmark = pytest.mark.dialects("sqlite")
S = "/api/stacks/acme/shop/dev"
BULK, DELETED = "/api/orgs/acme/bulk-transfer/stacks", "/api/orgs/acme/restore-stack"
BAD = (
    b"",
    b"{",
    b"[]",
    b"null",
    b'"beta"',
    b'{"toOrg":5}',
    b'{"toOrg":null}',
    b'{"githubLogin":[]}',
    b'{"stackName":1}',
    b"\xff",
)


@pytest.fixture(autouse=True)
def stack(client: TestClient, backend: Backend, admin: Caller) -> None:
    """A stack with a state, and a second organization."""
    make_org(backend, "beta", admin)
    import_state(client, create_stack(client), make_state(make_resource("a")))


class TestTransfer:
    @pytest.mark.parametrize(
        "more",
        [
            {},
            {"fromOrg": None, "projectName": None, "stackName": None},
            {"fromOrg": "", "projectName": "", "stackName": ""},
            {"fromOrg": "acme", "projectName": "shop", "stackName": "dev", "unknown": 1},
        ],
    )
    def test_answers_nothing(self, client: TestClient, more: dict[str, Any]) -> None:
        """204 without a body; members that say what the address says, or nothing, are taken."""
        found = client.post(f"{S}/transfer", json={"toOrg": "beta", **more})

        assert (204, b"") == (found.status_code, found.content)
        assert [404, 200] == [client.get(f"/api/stacks/{org}/shop/dev").status_code for org in ("acme", "beta")]

    @pytest.mark.parametrize("more", [{"fromOrg": "beta"}, {"projectName": "web"}, {"stackName": "prod"}])
    def test_refuses_another_stack_in_its_body(self, client: TestClient, more: dict[str, str]) -> None:
        """A body that names another stack than the address is 400, and nothing moves."""
        assert (400, 400) == error_of(client.post(f"{S}/transfer", json={"toOrg": "beta", **more}))[:2]
        assert 200 == client.get(S).status_code

    @pytest.mark.parametrize("body", BAD)
    def test_refuses_what_is_none(self, client: TestClient, body: bytes) -> None:
        """A body of another form is 400."""
        assert (400, 400) == error_of(client.post(f"{S}/transfer", content=body))[:2]

    @pytest.mark.parametrize(("org", "status"), [("nope", 404), ("", 404), ("acme", 409)])
    def test_refuses_a_place_that_is_none(self, client: TestClient, org: str, status: int) -> None:
        """An organization that is not the caller's is missing; the stack's own has it already."""
        assert (status, status) == error_of(client.post(f"{S}/transfer", json={"toOrg": org}))[:2]


class TestBulkTransfer:
    @pytest.mark.parametrize("more", [{}, {"fromOrg": None}, {"fromOrg": "acme"}])
    def test_says_what_it_did(self, client: TestClient, more: dict[str, Any]) -> None:
        """The answer is a JSON text for a person."""
        found = client.post(BULK, json={"toOrg": "beta", **more})

        assert (200, "1 stack was transferred from acme to beta") == (found.status_code, found.json())

    @pytest.mark.parametrize("body", [{"toOrg": "beta", "fromOrg": "beta"}, {"toOrg": "acme"}, {"fromOrg": "acme"}])
    def test_refuses_what_is_no_move(self, client: TestClient, body: dict[str, str]) -> None:
        """It takes two organizations, and the address names the one that the stacks leave."""
        assert (400, 400) == error_of(client.post(BULK, json=body))[:2]

    @pytest.mark.parametrize("body", BAD)
    def test_refuses_what_is_none(self, client: TestClient, body: bytes) -> None:
        """A body of another form is 400."""
        assert (400, 400) == error_of(client.post(BULK, content=body))[:2]


class TestOwnership:
    def test_answers_the_owner_before(self, client: TestClient, backend: Backend) -> None:
        """The stack's metadata name the new owner from then on."""
        make_user(backend, "bob", org="acme")
        body = {"name": "Bob", "githubLogin": "bob", "avatarUrl": "", "email": None}
        found = client.post(f"{S}/ownership", json=body)

        assert 200 == found.status_code
        assert {"name": "Administrator", "githubLogin": "admin", "avatarUrl": ""} == found.json()
        assert "bob" == client.get(f"{S}/metadata").json()["ownedBy"]["githubLogin"]

    def test_refuses_a_stranger(self, client: TestClient) -> None:
        """Who is no member cannot own a stack of the organization."""
        found = error_of(client.post(f"{S}/ownership", json={"githubLogin": "mallory"}))

        assert (404, 404, "Not Found: User 'mallory' not found") == found

    @pytest.mark.parametrize("body", BAD)
    def test_refuses_what_is_none(self, client: TestClient, body: bytes) -> None:
        """A body of another form is 400."""
        assert (400, 400) == error_of(client.post(f"{S}/ownership", content=body))[:2]


class TestRestore:
    def test_lists_and_brings_back(self, client: TestClient) -> None:
        """What the list names as program is what brings a stack back; times are whole seconds."""
        before = client.get(S).json()
        client.delete(f"{S}?force=true")
        (found,) = client.get(DELETED).json()["deletedStacks"]

        assert before["id"] == found["id"] == found["programId"]
        assert ("shop", "dev", before["version"]) == (found["projectName"], found["stackName"], found["version"])
        assert found["deletedAt"] == found["lastUpdate"]["endTime"] < 1 << 33
        assert ("succeeded", 1) == (found["lastUpdate"]["result"], found["lastUpdate"]["resourceCount"])
        back = client.post(f"{DELETED}/{found['programId']}", json={"stackName": "dev"})
        assert (204, b"") == (back.status_code, back.content)
        assert [] == client.get(DELETED).json()["deletedStacks"]
        assert 200 == client.get(S).status_code

    @pytest.mark.parametrize("body", [b"{}", b'{"stackName":null}', b'{"stackName":""}'])
    def test_keeps_the_name_without_one(self, client: TestClient, body: bytes) -> None:
        """An unset name is the stack's own."""
        stack_id = client.get(S).json()["id"]
        client.delete(f"{S}?force=true")

        assert 204 == client.post(f"{DELETED}/{stack_id}", content=body).status_code
        assert 200 == client.get(S).status_code

    def test_refuses_a_name_that_is_taken(self, client: TestClient) -> None:
        """409, and the stack stays deleted."""
        stack_id = client.get(S).json()["id"]
        client.delete(f"{S}?force=true")
        create_stack(client)

        assert (409, 409) == error_of(client.post(f"{DELETED}/{stack_id}", json={"stackName": "dev"}))[:2]
        assert 1 == len(client.get(DELETED).json()["deletedStacks"])

    @pytest.mark.parametrize("stack_id", ["x", "%00", "00000000-0000-7000-8000-00000000dead"])
    def test_refuses_what_is_not_there(self, client: TestClient, stack_id: str) -> None:
        """404 for an id of nothing."""
        assert (404, 404) == error_of(client.post(f"{DELETED}/{stack_id}", json={"stackName": "dev"}))[:2]

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"stackName":1}'])
    def test_refuses_what_is_none(self, client: TestClient, body: bytes) -> None:
        """A body of another form is 400."""
        assert (400, 400) == error_of(client.post(f"{DELETED}/{new_id()}", content=body))[:2]
