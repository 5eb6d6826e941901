from starlette.testclient import TestClient

from common.backend import Backend
from common.rights.permissions import Role
from tests.counting import Counter
from tests.factories.people import make_user

REFUSAL = {"code": 401, "message": "Unauthorized: No credentials provided or are invalid."}


def as_user(token: str) -> dict[str, str]:
    """Return the header of a user's call."""
    return {"Authorization": f"token {token}"}


class TestGetCurrentUser:
    def test_has_all_that_clients_insist_on(self, client: TestClient, backend: Backend) -> None:
        """The reply has every member that a strict client requires, and none for a token that is no machine's."""
        token = make_user(backend, "alice", org="acme", role=Role.BILLING_MANAGER)
        found = client.get("/api/user", headers=as_user(token)).json()

        assert found.pop("id")
        assert {
            "githubLogin": "alice",
            "name": "Alice",
            "email": "alice@example.com",
            "avatarUrl": "",
            "organizations": [
                {"name": "acme", "githubLogin": "acme", "avatarUrl": "", "role": "billing-manager"},
                {"name": "Alice", "githubLogin": "alice", "avatarUrl": "", "role": "admin"},
            ],
            "identities": [],
            "siteAdmin": False,
            "registryAdmin": False,
            "hasMFA": False,
            "isOrgManaged": False,
            "isManagedByMultiOrg": False,
            "isAgent": False,
        } == found

    def test_needs_a_token(self, client: TestClient) -> None:
        """No token, rubbish, another scheme: 401 in the wire's shape, nothing repeated."""
        for header in (b"", b"token", b"token pul-secret", b"Bearer pul-secret", b"update-token x", b"token pul-\xe9"):
            found = client.get("/api/user", headers={b"Authorization": header})

            assert (401, REFUSAL) == (found.status_code, found.json())


class TestDefaultOrganization:
    def test_is_told_with_capital_keys(self, client: TestClient) -> None:
        """The keys begin with capitals, which one of the vendor's clients insists on."""
        assert {"GitHubLogin": "acme", "Messages": []} == client.get("/api/user/organizations/default").json()

    def test_can_be_chosen(self, client: TestClient) -> None:
        """The choice is stored and counts from then on."""
        found = client.post("/api/user/organizations/admin/default")

        assert (204, b"") == (found.status_code, found.content)
        assert "admin" == client.get("/api/user/organizations/default").json()["GitHubLogin"]

    def test_cannot_be_one_of_others(self, client: TestClient) -> None:
        """An organization that is not the caller's is not found."""
        found = client.post("/api/user/organizations/globex/default")

        assert (404, 404) == (found.status_code, found.json()["code"])


class TestBudget:
    def test_of_every_command(self, client: TestClient, counter: Counter) -> None:
        """What every command asks first costs one statement, or none where no one has to be known."""
        for path, statements in (("/api/user", 1), ("/api/user/organizations/default", 1), ("/api/capabilities", 0)):
            counter.reset()

            assert 200 == client.get(path).status_code
            assert (statements, 0, 0, 0) == counter.cost, path
