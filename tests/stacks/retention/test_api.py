"""The retention policy over HTTP, and what clients are told of a deleted version."""

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.rights.caller import Caller
from common.stacks.model import StackPath
from common.stacks.retention import service
from tests.factories.stacks import make_version
from tests.wire import create_stack

pytestmark = pytest.mark.dialects("sqlite")
POLICY = "/api/orgs/acme/retention"


def test_policy_is_previewed_set_and_applied(client: TestClient, backend: Backend, admin: Caller) -> None:
    """A version that is not kept is not found by the export of the command line."""
    create_stack(client)
    for name in ("a", "b", "c"):
        make_version(backend, admin, StackPath("acme", "shop", "dev"), name)

    assert client.get(POLICY).json() == {"keep": "all", "count": 0}

    preview = client.get(f"{POLICY}/preview", params={"keep": "versions", "count": 2}).json()
    size = preview.pop("sizeBytes")

    assert preview == {"keep": "versions", "count": 2, "versions": 1, "stacks": 1, "isEstimate": False}
    assert size > 0
    assert client.put(POLICY, json={"keep": "versions", "count": 2}).json() == {"keep": "versions", "count": 2}

    service.delete_old_versions(backend, "")
    reply = client.get("/api/stacks/acme/shop/dev/export/1")

    assert reply.status_code == 404
    assert reply.json()["message"] == (
        "Not Found: the state of version 1 of stack 'acme/shop/dev' was deleted by the retention policy"
    )
    assert client.get("/api/stacks/acme/shop/dev/export/2").status_code == 200
    assert len(client.get("/api/stacks/acme/shop/dev/updates").json()["updates"]) == 3


@pytest.mark.parametrize("body", [{"keep": "some"}, {"keep": "versions"}, {"keep": "days", "count": -1}, {"count": 3}])
def test_bad_policy_is_refused(client: TestClient, body: dict[str, object]) -> None:
    """What is no policy changes nothing."""
    assert client.put(POLICY, json=body).status_code == 400
    assert client.get(POLICY).json() == {"keep": "all", "count": 0}
