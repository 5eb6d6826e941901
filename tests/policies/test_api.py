import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from tests.factories.people import make_user

S = "/api/stacks/acme/shop/dev"


@pytest.fixture(autouse=True)
def stack(client: TestClient) -> None:
    """The stack acme/shop/dev."""
    assert client.post("/api/stacks/acme/shop", json={"stackName": "dev"}).status_code == 200


class TestStackPolicies:
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("policypacks", {"requiredPolicies": []}),
            ("policypacks?mode=audit", {"requiredPolicies": []}),
            ("policypacks?mode=preventative", {"requiredPolicies": []}),
        ],
    )
    def test_are_none(self, client: TestClient, query: str, expected: dict[str, object]) -> None:
        """A stack has no policies as long as none can be published."""
        found = client.get(f"{S}/{query}")

        assert (200, expected) == (found.status_code, found.json())

    def test_refuse_an_unknown_mode(self, client: TestClient) -> None:
        """Another mode is a bad request."""
        assert 400 == client.get(f"{S}/policypacks?mode=x").status_code

    @pytest.mark.parametrize("call", ["policypacks", "policygroups"])
    def test_are_not_told_to_strangers(self, client: TestClient, backend: Backend, call: str) -> None:
        """Neither a missing stack nor one of others has policies to show."""
        stranger = {"Authorization": f"token {make_user(backend, 'mallory')}"}

        assert 404 == client.get(f"{S}/{call}", headers=stranger).status_code
        assert 404 == client.get(f"/api/stacks/acme/shop/none/{call}").status_code
