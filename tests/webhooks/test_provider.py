"""The calls that the infrastructure provider for the vendor's service makes for webhooks, with its bodies.

Its example `ts-webhooks` without the webhook of an environment: Go leaves out what is empty, and the order of members is the
provider's. It names no webhook: the server does, and the provider takes the name for the id.
"""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.factories.people import ADMIN_TOKEN
from tests.wire import create_stack

HEADERS = {
    "Accept": "application/vnd.pulumi+9",
    "Content-Type": "application/json",
    "User-Agent": "pulumi-admin/1",
    "X-Pulumi-Source": "provider",
    "Authorization": f"token {ADMIN_TOKEN}",
}
ORG, STACK = "/api/orgs/acme/hooks", "/api/stacks/acme/shop/dev/hooks"
ALL = (
    '{"organizationName":"acme","displayName":"webhook-from-provider","payloadUrl":"https://google.com","secret":"0123456789",'
    '"active":true,"format":"raw"}'
)
GROUPS = ALL[:-1] + ',"groups":["environments","stacks"]}'
OF_STACK = (
    '{"organizationName":"acme","projectName":"shop","stackName":"dev","displayName":"stack-webhook",'
    '"payloadUrl":"https://hooks.slack.com/blahblah","secret":"0123456789","active":true,"format":"slack",'
    '"filters":["deployment_started","deployment_succeeded"],"groups":["stacks"]}'
)
YAML = (
    '{"organizationName":"acme","displayName":"yaml-webhook","payloadUrl":"https://google.com","secret":"super-secret",'
    '"active":true,"format":"raw"}'
)


@pytest.fixture(autouse=True)
def stack(client: TestClient) -> None:
    """Stack acme/shop/dev."""
    create_stack(client)
    client.headers.update(HEADERS)


def read(client: TestClient, path: str) -> dict[str, Any] | None:
    """Return a webhook as the provider reads it: None for one that is not there."""
    reply = client.get(path)
    if reply.status_code == 404:
        return None
    assert 200 == reply.status_code, reply.text
    webhook: dict[str, Any] = reply.json()
    return webhook


@pytest.mark.parametrize(("path", "body"), [(ORG, ALL), (ORG, GROUPS), (STACK, OF_STACK), (ORG, YAML)])
def test_scenario(client: TestClient, path: str, body: str) -> None:
    """Create, read, change, read, delete, read: what the provider compares with its inputs never differs without a change."""
    sent = json.loads(body)
    created = client.post(path, content=body)
    name = created.json()["name"]
    first = read(client, f"{path}/{name}")
    change = {**sent, "displayName": "changed", "active": False}
    changed = client.patch(f"{path}/{name}", content=json.dumps({**change, "name": name}, separators=(",", ":")))
    second = read(client, f"{path}/{name}")
    removed = client.delete(f"{path}/{name}")

    assert (201, 200, 204) == (created.status_code, changed.status_code, removed.status_code)
    assert first is not None
    assert second is not None
    for expected, webhook in ((sent, first), (change, second)):
        for member in ("active", "displayName", "payloadUrl", "format"):
            assert expected[member] == webhook[member]
        # An empty list and none are the same to it.
        assert [expected.get("filters", []), expected.get("groups", [])] == [webhook["filters"], webhook["groups"]]
    assert first["secretCiphertext"] == second["secretCiphertext"] != ""
    assert read(client, f"{path}/{name}") is None


def test_of_the_generated_resource(client: TestClient) -> None:
    """The resources that are made from the API's description name the webhook, and send the same body to change it."""
    body = {**json.loads(GROUPS), "name": "org-webhook-groups-x"}
    created = client.post(ORG, json=body)
    changed = client.patch(f"{ORG}/org-webhook-groups-x", json={**body, "groups": []})

    assert (201, "org-webhook-groups-x") == (created.status_code, created.json()["name"])
    assert (200, []) == (changed.status_code, changed.json()["groups"])
