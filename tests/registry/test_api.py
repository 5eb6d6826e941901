import pytest
from starlette.testclient import TestClient


class TestLists:
    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            ("/api/registry/templates?limit=499&orgLogin=acme", {"templates": []}),
            ("/api/registry/packages?name=random", {"packages": []}),
            (
                "/api/orgs/acme/templates",
                {"templates": {}, "orgHasTemplates": False, "hasAccessError": False, "hasUpstreamError": False},
            ),
        ],
    )
    def test_are_empty_and_not_missing(self, client: TestClient, path: str, expected: dict[str, object]) -> None:
        """A registry without entries is an empty list: a 404 ends `pulumi new`."""
        found = client.get(path)

        assert (200, expected) == (found.status_code, found.json())

    @pytest.mark.parametrize("path", ["/api/registry/templates", "/api/registry/packages", "/api/orgs/acme/templates"])
    def test_need_a_token(self, client: TestClient, path: str) -> None:
        """Nothing is listed to people who are not signed in."""
        assert 401 == client.get(path, headers={"Authorization": ""}).status_code


class TestEntries:
    @pytest.mark.parametrize(
        "path",
        [
            "/api/registry/templates/private/acme/web/versions/latest",
            "/api/registry/packages/pulumi/pulumi/random/versions/1.2.3",
            "/api/orgs/acme/template/download?url=x",
            "/api/orgs/globex/template/download",
            "/api/orgs/globex/templates",
        ],
    )
    def test_are_not_found(self, client: TestClient, path: str) -> None:
        """There is no entry, and no organization but the caller's own; both are 404 in the wire's shape."""
        found = client.get(path)

        assert (404, 404) == (found.status_code, found.json()["code"])
