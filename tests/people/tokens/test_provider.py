"""The calls that the infrastructure provider for the vendor's service makes for tokens, with its bodies and its nulls.

It has no call that reads one token: it lists without a filter and looks for the id, and takes what it does not find for gone.
"""

from typing import Any

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.rights import built_in
from tests.factories.people import ADMIN_TOKEN
from tests.factories.teams import make_team
from tests.factories.tokens import OPS, OWN, TOKENS
from tests.wire import error_of

HEADERS = {
    "Accept": "application/vnd.pulumi+9",
    "Content-Type": "application/json",
    "User-Agent": "pulumi-admin/1",
    "X-Pulumi-Source": "provider",
    "Authorization": f"token {ADMIN_TOKEN}",
}


@pytest.fixture(autouse=True)
def team(backend: Backend, client: TestClient) -> str:
    """The team ops of acme."""
    client.headers.update(HEADERS)
    return make_team(backend)


def read(client: TestClient, path: str, token_id: str) -> dict[str, Any] | None:
    """Return a token as the provider finds it, or None."""
    listed = client.get(path)
    assert 200 == listed.status_code, listed.text
    found: dict[str, Any] | None = next((token for token in listed.json()["tokens"] if token["id"] == token_id), None)
    return found


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        (OWN, {"description": "for the laptop"}, {"description": "for the laptop", "name": "", "admin": False}),
        (OWN, {"description": "x", "expires": None}, {"description": "x", "type": "personal"}),
        (
            TOKENS,
            {"name": "ci", "description": "pipelines", "admin": False},
            {"name": "ci", "description": "pipelines", "admin": False, "type": "organization"},
        ),
        (
            TOKENS,
            {"name": "ci", "description": "pipelines", "admin": True, "expires": None, "roleID": None},
            {"name": "ci", "description": "pipelines", "admin": True},
        ),
        (
            TOKENS,
            {"name": "ci", "description": None, "admin": None, "expires": 0, "roleID": built_in.MEMBER.id},
            {"name": "ci", "description": "", "admin": False},
        ),
        (OPS, {"name": "ci", "description": "pipelines"}, {"name": "ci", "description": "pipelines", "type": "team"}),
        (OPS, {"name": "ci", "description": None, "expires": None}, {"name": "ci", "description": ""}),
    ],
)
class TestLifeOfToken:
    def test_create_read_delete(self, client: TestClient, path: str, body: dict[str, Any], expected: dict[str, Any]) -> None:
        """What was created is found by its id as it was asked for, every time the same, and is gone once it was deleted."""
        created = client.post(path, json=body)
        assert 200 == created.status_code, created.text
        token_id, value = created.json()["id"], created.json()["tokenValue"]
        found, refreshed = read(client, path, token_id), read(client, path, token_id)
        used = client.get("/api/user", headers={"Authorization": f"token {value}"})
        deleted = client.delete(f"{path}/{token_id}")

        assert found is not None
        assert expected == {name: found[name] for name in expected}
        assert found == refreshed
        assert (200, 204, b"") == (used.status_code, deleted.status_code, deleted.content)
        assert read(client, path, token_id) is None
        assert (404, 404) == error_of(client.delete(f"{path}/{token_id}"))[:2]
        assert 401 == client.get("/api/user", headers={"Authorization": f"token {value}"}).status_code


class TestReplacement:
    def test_needs_another_name(self, client: TestClient) -> None:
        """A token cannot be replaced under its own name: the provider hears the conflict, and the old one stays as it was."""
        first = client.post(TOKENS, json={"name": "ci", "description": "a", "admin": False}).json()
        again = client.post(TOKENS, json={"name": "ci", "description": "b", "admin": False})
        second = client.post(TOKENS, json={"name": "ci-2", "description": "b", "admin": False}).json()

        assert (409, 409, "Conflict: token name already exists") == error_of(again)
        assert read(client, TOKENS, first["id"]) is not None
        assert read(client, TOKENS, second["id"]) is not None

    def test_of_a_team_that_is_gone(self, client: TestClient) -> None:
        """The tokens of a team that is not there are not found, which the provider takes for gone."""
        path = "/api/orgs/acme/teams/none/tokens"

        assert (404, 404) == error_of(client.get(path))[:2]
        assert (404, 404) == error_of(client.post(path, json={"name": "ci", "description": ""}))[:2]
        assert (404, 404) == error_of(client.delete(f"{path}/00000000-0000-7000-8000-000000000000"))[:2]
