from typing import Any

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.rights.caller import Caller
from tests.factories.people import make_user
from tests.factories.stacks import make_stack
from tests.wire import error_of

# Shapes, statuses and texts; that both databases do the same, the tests of the services show.
pytestmark = pytest.mark.dialects("sqlite")
LIST = "/api/user/stacks"


@pytest.fixture(autouse=True)
def several(backend: Backend, admin: Caller) -> None:
    """Five stacks."""
    for name in "abcde":
        make_stack(backend, admin, name, tags={"env": "prod"})


def names(found: dict[str, Any]) -> str:
    """Return the listed names in one word."""
    return "".join(stack["stackName"] for stack in found["stacks"])


class TestPage:
    def test_ends_with_null(self, client: TestClient) -> None:
        """The token is null at the end, never empty: clients would go on for ever."""
        found = client.get(LIST).json()

        assert "abcde" == names(found)
        assert found["continuationToken"] is None

    def test_goes_on_at_its_token(self, client: TestClient) -> None:
        """A token leads to the next page and is safe in a query as it is."""
        first = client.get(LIST, params={"maxResults": 3}).json()
        second = client.get(f"{LIST}?maxResults=3&continuationToken={first['continuationToken']}").json()

        assert ("abc", "de") == (names(first), names(second))
        assert second["continuationToken"] is None

    def test_has_upstreams_shape(self, client: TestClient) -> None:
        """A listed stack has non-empty names, a count, and no time of a last update before there is one."""
        stack = client.get(LIST).json()["stacks"][0]

        assert 36 == len(stack.pop("id"))
        assert {
            "orgName": "acme",
            "projectName": "shop",
            "stackName": "a",
            "links": {"self": ""},
        } == stack

    @pytest.mark.parametrize("size", ["0", "-1", "x", ""])
    def test_refuses_a_bad_size(self, client: TestClient, size: str) -> None:
        """A size that is no positive number is 400, never 422."""
        assert (400, 400) == error_of(client.get(LIST, params={"maxResults": size}))[:2]

    def test_has_a_limit(self, client: TestClient) -> None:
        """An enormous size is cut to the server's own."""
        assert "abcde" == names(client.get(LIST, params={"maxResults": 100_000}).json())

    @pytest.mark.parametrize("filters", [{"organization": "", "project": ""}, {"tagName": ""}, {"continuationToken": ""}])
    def test_takes_empty_filters_for_none(self, client: TestClient, filters: dict[str, str]) -> None:
        """Clients send filters that were not given as empty texts."""
        assert "abcde" == names(client.get(LIST, params=filters).json())

    @pytest.mark.parametrize(
        ("accept", "paged"),
        [
            ("application/vnd.pulumi+8", True),
            ("application/vnd.pulumi+9", True),
            ("application/vnd.pulumi+7", False),
            ("*/*", True),
        ],
    )
    def test_is_everything_for_old_clients(self, client: TestClient, accept: str, paged: bool) -> None:
        """Clients before API version 8 know no pages, so they get all at once."""
        found = client.get(LIST, params={"maxResults": 2}, headers={"Accept": accept}).json()

        assert ("ab" if paged else "abcde") == names(found)
        assert paged == (found["continuationToken"] is not None)


class TestToken:
    @pytest.mark.parametrize("token", ["garbage", "x" * 2000, "!", "W10", "WyJhIl0", "é", "a b"])
    def test_must_be_ours(self, client: TestClient, token: str) -> None:
        """What is no token is 400."""
        found = client.get(LIST, params={"continuationToken": token})

        assert (400, 400) == error_of(found)[:2]

    def test_must_be_the_callers(self, client: TestClient, backend: Backend) -> None:
        """Another user's token is refused, though that user sees the same stacks."""
        bob = {"Authorization": f"token {make_user(backend, 'bob', org='acme')}"}
        token = client.get(LIST, params={"maxResults": 1}).json()["continuationToken"]
        found = client.get(LIST, params={"continuationToken": token}, headers=bob)

        assert (400, 400, "Bad Request: the continuation token belongs to another listing") == error_of(found)

    @pytest.mark.parametrize("change", [{"tagName": "env"}, {"organization": "acme"}, {"project": "shop"}])
    def test_must_be_of_the_same_listing(self, client: TestClient, change: dict[str, str]) -> None:
        """A token is refused with another filter than it was made for."""
        token = client.get(LIST, params={"maxResults": 1}).json()["continuationToken"]

        assert (400, 400) == error_of(client.get(LIST, params={"continuationToken": token, **change}))[:2]
