"""Events of change requests reach the webhooks of the organization and of the environment that they are about."""

import pytest

from common.backend import Backend
from common.change_requests.service import decisions
from common.environments.model import EnvironmentPath
from common.environments.service import drafts
from common.rights.caller import Caller
from common.webhooks.model import Address
from tests.factories.environments import make_environment
from tests.factories.people import ORG
from tests.factories.webhooks import deliver_all, make_webhook
from tests.peers.webhook_receiver import WebhookReceiver

GROUP = ("change_requests",)


@pytest.fixture
def path(server: Backend, admin: Caller) -> EnvironmentPath:
    """The environment shop/dev, with nothing left to deliver."""
    environment = make_environment(server, admin, "shop/dev", "values: {}\n")
    deliver_all(server)
    return environment


@pytest.mark.parametrize("address", [Address(ORG), Address(ORG, "shop", environment="dev")], ids=["organization", "environment"])
def test_tell_each_step(
    server: Backend, admin: Caller, path: EnvironmentPath, receiver: WebhookReceiver, address: Address
) -> None:
    """A webhook of the group gets every step of a request, with what it is about and the status that follows."""
    make_environment(server, admin, "shop/other")
    make_webhook(server, admin, receiver.url, "other", Address(ORG, "shop", environment="other"), groups=GROUP)
    make_webhook(server, admin, receiver.url, address=address, groups=GROUP)
    request_id = drafts.create(server, admin, path, b"values: {a: 1}\n").id
    drafts.update(server, admin, path, request_id, b"values: {a: 2}\n")
    decisions.submit(server, admin, ORG, request_id, "more")
    decisions.apply(server, admin, ORG, request_id)
    closed = drafts.create(server, admin, path, b"values: {a: 3}\n").id
    decisions.close(server, admin, ORG, closed)
    deliver_all(server)

    received = [request for request in receiver.take() if request.kind == "change_request"]
    of_first = [request.json for request in received if request.json["changeRequestId"] == request_id]
    assert [("created", "draft"), ("updated", "draft"), ("submitted", "ready"), ("applied", "applied")] == [
        (sent["action"], sent["status"]) for sent in of_first
    ]
    assert ("shop", "dev", "update", 1) == tuple(
        of_first[1][name] for name in ("projectName", "environmentName", "entityAction", "revisionNumber")
    )
    assert of_first[0]["changeRequestUrl"].endswith(f"/acme/esc/shop/dev?version={request_id}")
    assert ["created", "closed"] == [request.json["action"] for request in received if request.json["changeRequestId"] == closed]
