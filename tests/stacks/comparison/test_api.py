"""Comparing and restoring over HTTP: shapes, statuses and texts."""

import pytest
from starlette.testclient import TestClient

from tests.stacks.engine.builders import make_resource, make_state, urn
from tests.wire import create_stack, error_of, export, import_state

pytestmark = pytest.mark.dialects("sqlite")
S = "/api/stacks/acme/shop/dev"


@pytest.fixture(autouse=True)
def stack(client: TestClient) -> None:
    """The stack acme/shop/dev with two versions."""
    create_stack(client)
    for size in (1, 2):
        import_state(client, S, make_state(make_resource("a", inputs={"size": size}), make_resource("b")))


def test_comparison(client: TestClient) -> None:
    """Each difference has its place, and what is empty is left out."""
    reply = client.get(f"{S}/compare", params={"from": "1", "to": "2"}).json()
    times = [reply[side].pop("time") for side in ("before", "after")]

    assert [1767323045, 1767323045] == times
    assert reply == {
        "before": {"stack": "acme/shop/dev", "version": 1},
        "after": {"stack": "acme/shop/dev", "version": 2},
        "counts": {"changed": 1},
        "unchanged": 1,
        "resources": [
            {
                "change": "changed",
                "urn": urn("a"),
                "type": "test:m:Res",
                "name": "a",
                "inputs": [{"path": "size", "change": "changed", "before": "1", "after": "2"}],
            }
        ],
        "config": [],
    }


def test_comparison_without_parameters(client: TestClient) -> None:
    """The newest version is compared with the one before it."""
    reply = client.get(f"{S}/compare").json()

    assert (1, 2) == (reply["before"]["version"], reply["after"]["version"])


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"from": "x"}, 400),
        ({"to": "7"}, 404),
        ({"fromStack": "shop"}, 400),
        ({"fromStack": "a/b/c/d"}, 400),
        ({"fromStack": "acme/shop/missing"}, 404),
    ],
)
def test_bad_parameters(client: TestClient, query: dict[str, str], status: int) -> None:
    """What names no version or stack is an error in the wire's shape."""
    assert (status, status) == error_of(client.get(f"{S}/compare", params=query))[:2]


def test_version(client: TestClient) -> None:
    """The number and the time of what names a version."""
    assert {"stack": "acme/shop/dev", "version": 2, "time": 1767323045} == client.get(f"{S}/versions/latest").json()


def test_restore(client: TestClient) -> None:
    """The reply is that of an import."""
    reply = client.post(f"{S}/versions/1/restore")

    assert (200, {"updateId"}) == (reply.status_code, set(reply.json()))
    assert export(client, S, 1) == export(client, S)
    assert (404, 404) == error_of(client.post(f"{S}/versions/9/restore"))[:2]
