"""The token of an organization's directory: made, replaced, revoked, never told again."""

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from common.backend import Backend
from common.db.tables.sign_in import scim_tokens
from common.rights.permissions import Role
from tests.clocks import FrozenClock
from tests.counting import Counter
from tests.factories.people import make_user
from tests.factories.tokens import signed
from tests.sign_in.scim.directory_client import Directory
from tests.wire import error_of

TOKEN = "/api/orgs/acme/scim/token"


def made(client: TestClient) -> str:
    """Make the token and return its text."""
    reply = client.post(TOKEN)
    assert 201 == reply.status_code, reply.text
    assert "http://127.0.0.1:8080/scim/v2/acme" == reply.json()["baseUrl"]
    return str(reply.json()["tokenValue"])


class TestToken:
    def test_is_shown_once(self, client: TestClient, backend: Backend) -> None:
        """Only the reply that makes it has its text; what is stored cannot be turned back."""
        before = client.get(TOKEN).json()
        text = made(client)
        after = client.get(TOKEN).json()
        with backend.db.connect() as connection:
            stored = connection.execute(select(scim_tokens)).one()

        assert {"baseUrl": "http://127.0.0.1:8080/scim/v2/acme", "exists": False} == before
        assert (True, "admin", "2026-01-02T03:04:05Z") == (after["exists"], after["createdBy"], after["created"])
        assert "lastUsed" not in after
        assert text not in str(after)
        assert text not in str(stored)

    def test_replaces_the_one_before(self, client: TestClient) -> None:
        """An organization has one token; a new one ends the old one at once."""
        old, new = (Directory(client, made(client)) for _ in range(2))

        assert (401, 200) == (old.call("GET", "/Users").status_code, new.call("GET", "/Users").status_code)

    def test_is_revoked(self, client: TestClient) -> None:
        """A revoked token is refused from the next request on, and cannot be revoked again."""
        directory = Directory(client, made(client))
        directory.get("/Users")
        first, second = client.delete(TOKEN), client.delete(TOKEN)

        assert (204, 404) == (first.status_code, second.status_code)
        assert 401 == directory.call("GET", "/Users").status_code
        assert client.get(TOKEN).json()["exists"] is False

    def test_notes_its_use(self, client: TestClient, clock: FrozenClock, counter: Counter) -> None:
        """The first use and then one every quarter of an hour is noted; all others take no statement for it."""
        directory = Directory(client, made(client))
        counts, noted = [], []
        for minutes in (0, 1, 16):
            clock.pass_seconds(60 * minutes)
            counter.reset()
            directory.get("/ServiceProviderConfig")
            counts.append(counter.statements)
            noted.append(client.get(TOKEN).json()["lastUsed"])

        assert [2, 1, 2] == counts
        assert ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z", "2026-01-02T03:21:05Z"] == noted

    def test_is_of_shared_organizations(self, client: TestClient) -> None:
        """A personal organization has one member and no directory."""
        assert (400, 400) == error_of(client.post("/api/orgs/admin/scim/token"))[:2]

    @pytest.mark.parametrize("role", [Role.MEMBER, Role.BILLING_MANAGER])
    def test_is_for_admins(self, client: TestClient, backend: Backend, role: Role) -> None:
        """Anyone who may decide who belongs to the organization makes the token, and no one else."""
        headers = signed(make_user(backend, "mia", org="acme", role=role))
        outsider = signed(make_user(backend, "otto"))

        assert [403, 403] == [client.request(method, TOKEN, headers=headers).status_code for method in ("POST", "DELETE")]
        assert [404] * 3 == [client.request(method, TOKEN, headers=outsider).status_code for method in ("GET", "POST", "DELETE")]
