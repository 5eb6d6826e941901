"""Statuses, shapes and texts of the calls about webhooks of organizations and stacks."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from common.backend import Backend
from common.db.tables.webhooks import webhooks
from common.rights.caller import Caller
from functions.http.app import create_app
from tests.factories.people import ADMIN_TOKEN, make_org
from tests.factories.webhooks import calling
from tests.peers.webhook_receiver import WebhookReceiver
from tests.wire import create_stack, error_of

ORG, STACK = "/api/orgs/acme/hooks", "/api/stacks/acme/shop/dev/hooks"
NAMES: dict[str, dict[str, Any]] = {ORG: {}, STACK: {"projectName": "shop", "stackName": "dev"}}
URL = "https://hooks.example.com/x"
BODY = {"organizationName": "acme", "name": "hook", "displayName": "Hook", "payloadUrl": URL, "active": True}


@pytest.fixture
def client(backend: Backend, admin: Caller) -> Iterator[TestClient]:
    """A client of a server that may call loopback, with stack acme/shop/dev."""
    assert admin.login == "admin"
    headers = {"Authorization": f"token {ADMIN_TOKEN}"}
    with TestClient(create_app(calling(backend)), headers=headers, raise_server_exceptions=False) as opened:
        create_stack(opened)
        yield opened


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    """A receiver that takes everything."""
    with WebhookReceiver() as running:
        yield running


def create(client: TestClient, path: str = ORG, **members: Any) -> dict[str, Any]:
    """Create a webhook and return it."""
    reply = client.post(path, json={**BODY, **NAMES[path], **members})
    assert 201 == reply.status_code, reply.text
    answer: dict[str, Any] = reply.json()
    return answer


@pytest.mark.parametrize("path", [ORG, STACK])
class TestLife:
    def test_answers_with_the_webhook(self, client: TestClient, path: str) -> None:
        """A new webhook has what was sent, is read and listed the same, and is gone once it is deleted."""
        webhook = create(client, path, format="slack", filters=["update_failed"], groups=["deployments"])
        expected = {
            **BODY,
            **NAMES[path],
            "format": "slack",
            "filters": ["update_failed"],
            "groups": ["deployments"],
            "hasSecret": False,
            "secretCiphertext": "",
        }

        assert expected == webhook == client.get(f"{path}/hook").json()
        assert [expected] == client.get(path).json()
        assert (204, b"") == ((deleted := client.delete(f"{path}/hook")).status_code, deleted.content)
        assert [] == client.get(path).json()
        assert 404 == client.get(f"{path}/hook").status_code

    def test_takes_little(self, client: TestClient, path: str) -> None:
        """Name, format, filters and groups may be left out or null; the name is short and random then."""
        body = {"displayName": "Hook", "payloadUrl": URL, "name": None, "format": None, "filters": None, "groups": None}
        replies = [client.post(path, json=body) for _ in range(2)]
        names = {reply.json()["name"] for reply in replies}

        assert [201, 201] == [reply.status_code for reply in replies]
        assert (2, True) == (len(names), all(0 < len(name) <= 32 for name in names))
        assert ("raw", [], [], True) == tuple(replies[0].json()[key] for key in ("format", "filters", "groups", "active"))

    def test_changes(self, client: TestClient, path: str) -> None:
        """A change replaces everything but the name."""
        create(client, path, filters=["update_failed"])
        change = {**BODY, **NAMES[path], "displayName": "Other", "active": False, "format": "ms_teams", "groups": ["stacks"]}
        reply = client.patch(f"{path}/hook", json=change)

        assert 200 == reply.status_code
        assert ("Other", False, "ms_teams", [], ["stacks"]) == tuple(
            reply.json()[key] for key in ("displayName", "active", "format", "filters", "groups")
        )
        assert reply.json() == client.get(f"{path}/hook").json()

    def test_keeps_changes_and_removes_the_secret(self, client: TestClient, backend: Backend, path: str) -> None:
        """Absent or empty keeps the secret, a text replaces it, the sentinel removes it; its ciphertext changes with it alone."""
        first = create(client, path, secret="a secret of the hook")
        replies = [
            client.patch(f"{path}/hook", json={**BODY, **extra}).json()
            for extra in (
                {},
                {"secret": ""},
                {"secret": "a secret of the hook"},
                {"secret": "other"},
                {"secret": "__remove-secret"},
            )
        ]
        texts = [reply["secretCiphertext"] for reply in replies]
        with backend.db.connect() as connection:
            stored = connection.scalar(select(webhooks.c.sealed_secret))

        assert [True, True, True, True, False] == [reply["hasSecret"] for reply in replies]
        assert [first["secretCiphertext"]] * 3 == texts[:3]
        assert texts[3] not in ("", first["secretCiphertext"])
        assert ("", None) == (texts[4], stored)
        assert all("secret" not in reply for reply in (first, *replies))

    def test_refuses_a_name_twice(self, client: TestClient, path: str) -> None:
        """A name is free again once its webhook is deleted."""
        create(client, path)
        status, code, message = error_of(client.post(path, json=BODY))

        assert (409, 409) == (status, code)
        assert "has a webhook 'hook' already" in message
        client.delete(f"{path}/hook")
        create(client, path)

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"organizationName": "other"}, "the body names 'other'"),
            ({"projectName": "other"}, "the body names 'other'"),
            ({"stackName": "other"}, "the body names 'other'"),
            ({"envName": "other"}, "the body names 'other'"),
            ({"displayName": None}, "displayName and payloadUrl"),
            ({"payloadUrl": None}, "displayName and payloadUrl"),
            ({"payloadUrl": "http://hooks.example.com/x"}, "only https"),
            ({"payloadUrl": "ftp://hooks.example.com/x"}, "not an http or https address"),
            ({"payloadUrl": "https://alice:hush@hooks.example.com/x"}, "user name"),
            ({"format": "xml"}, "format 'xml'"),
            ({"filters": ["x"]}, "filter 'x'"),
            ({"groups": ["x"]}, "group 'x'"),
            ({"filters": "x"}, ""),
            ({"active": "yes"}, ""),
        ],
    )
    def test_refuses_bad_bodies(self, client: TestClient, path: str, change: dict[str, Any], reason: str) -> None:
        """A body with a mistake is answered with 400 and the reason, for a new webhook and for a change, and changes nothing."""
        create(client, path)
        created, changed = (
            client.post(path, json={**BODY, "name": "other", **change}),
            client.patch(f"{path}/hook", json={**BODY, **change}),
        )

        assert [400, 400] == [created.status_code, changed.status_code]
        assert reason in created.text
        assert reason in changed.text
        assert [URL] == [webhook["payloadUrl"] for webhook in client.get(path).json()]

    @pytest.mark.parametrize(
        ("method", "below"),
        [
            ("GET", ""),
            ("PATCH", ""),
            ("DELETE", ""),
            ("POST", "/ping"),
            ("GET", "/deliveries"),
            ("POST", "/deliveries/0190-x/redeliver"),
        ],
    )
    def test_of_an_unknown_name(self, client: TestClient, path: str, method: str, below: str) -> None:
        """Every call about a webhook that is not there is answered with 404."""
        body = {**BODY, "name": "none"} if method == "PATCH" else None
        status, _, message = error_of(client.request(method, f"{path}/none{below}", json=body))

        assert 404 == status
        assert "has no webhook 'none'" in message

    def test_has_a_limit(self, client: TestClient, path: str) -> None:
        """An organization and a stack have a hundred webhooks each at most."""
        for number in range(100):
            create(client, path, name=f"hook{number}")

        assert 400 == client.post(path, json={**BODY, "name": "one-more"}).status_code


class TestPing:
    @pytest.mark.parametrize("path", [ORG, STACK])
    def test_answers_with_the_delivery(self, client: TestClient, receiver: WebhookReceiver, path: str) -> None:
        """A ping is sent at once, and answered with what was sent and what came back."""
        create(client, path, payloadUrl=receiver.url, secret="hush")
        reply = client.post(f"{path}/hook/ping")
        [request] = receiver.take()
        delivery = reply.json()

        assert 200 == reply.status_code
        assert (request.id, "ping", request.kind) == (delivery["id"], delivery["kind"], "ping")
        assert json.loads(delivery["payload"]) == request.json
        assert "🍹 Just a friendly ping from Pulumi 🍹" == request.json["message"]
        assert ("admin", "acme") == (request.json["user"]["githubLogin"], request.json["organization"]["githubLogin"])
        assert (200, receiver.url) == (delivery["responseCode"], delivery["requestUrl"])
        assert f"Pulumi-Webhook-ID: {request.id}\r\n" in delivery["requestHeaders"]
        assert isinstance(delivery["timestamp"], int)
        assert 0 <= delivery["duration"] < 10_000
        assert [delivery] == client.get(f"{path}/hook/deliveries").json()

    def test_reaches_a_webhook_that_is_turned_off(self, client: TestClient, receiver: WebhookReceiver) -> None:
        """One tries a webhook before one turns it on."""
        create(client, payloadUrl=receiver.url, active=False)

        assert 200 == client.post(f"{ORG}/hook/ping").json()["responseCode"]

    def test_of_a_receiver_that_cannot_be_called(self, client: TestClient) -> None:
        """The delivery says why, with the code 0."""
        create(client, payloadUrl="https://10.0.0.1/x")
        delivery = client.post(f"{ORG}/hook/ping").json()

        assert 0 == delivery["responseCode"]
        assert "10.0.0.1 is not a public address" in delivery["responseBody"]

    def test_starts_no_deployment(self, client: TestClient) -> None:
        """A webhook that starts deployments is stored, and sends nothing in this release."""
        create(client, STACK, format="pulumi_deployments", payloadUrl="shop/other")

        assert 400 == client.post(f"{STACK}/hook/ping").status_code


class TestRedeliver:
    def test_sends_the_stored_payload_again(self, client: TestClient, receiver: WebhookReceiver) -> None:
        """The payload and the kind are the same, the id is new, and both deliveries are listed, the newest first."""
        create(client, payloadUrl=receiver.url)
        first = client.post(f"{ORG}/hook/ping").json()
        reply = client.post(f"{ORG}/hook/deliveries/{first['id']}/redeliver")
        requests = receiver.take()

        assert 200 == reply.status_code
        assert (first["payload"], "ping", True) == (
            reply.json()["payload"],
            reply.json()["kind"],
            reply.json()["id"] != first["id"],
        )
        assert requests[0].body == requests[1].body
        assert {first["id"], reply.json()["id"]} == {delivery["id"] for delivery in client.get(f"{ORG}/hook/deliveries").json()}

    @pytest.mark.parametrize("event", ["x", "00000000-0000-7000-8000-000000000000"])
    def test_of_an_unknown_delivery(self, client: TestClient, event: str) -> None:
        """A delivery that is not there, or belongs to another webhook, is not found."""
        create(client)
        create(client, name="other", payloadUrl="https://10.0.0.1/x")
        foreign = client.post(f"{ORG}/other/ping").json()["id"]

        assert 404 == client.post(f"{ORG}/hook/deliveries/{event}/redeliver").status_code
        assert 404 == client.post(f"{ORG}/hook/deliveries/{foreign}/redeliver").status_code


class TestDeployments:
    def test_refuse_a_cycle(self, client: TestClient) -> None:
        """Webhooks that would start each other's deployments without end are refused, for a new one and for a change."""
        create_stack(client, "prod")
        create(client, STACK, format="pulumi_deployments", payloadUrl="shop/prod")
        prod = "/api/stacks/acme/shop/prod/hooks"
        body = {**BODY, "format": "pulumi_deployments", "payloadUrl": "shop/dev"}
        refused = client.post(prod, json=body)
        client.post(prod, json={**body, "payloadUrl": "shop/other"})

        assert 400 == refused.status_code
        assert "would start each other without end" in refused.text
        assert 400 == client.patch(f"{prod}/hook", json=body).status_code
        assert 400 == client.post(STACK, json={**body, "name": "self"}).status_code

    def test_of_an_organization_are_refused(self, client: TestClient) -> None:
        """Only a stack's webhook starts deployments."""
        assert 400 == client.post(ORG, json={**BODY, "format": "pulumi_deployments", "payloadUrl": "shop/dev"}).status_code


class TestOwners:
    def test_do_not_share_names(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """An organization, its stacks and another organization have webhooks of the same name."""
        make_org(backend, "globex", admin)
        create(client)
        create(client, STACK)
        reply = client.post("/api/orgs/globex/hooks", json={**BODY, "organizationName": "globex"})

        assert (201, 1, 1) == (reply.status_code, len(client.get(ORG).json()), len(client.get(STACK).json()))

    def test_record_in_the_audit_log(self, client: TestClient) -> None:
        """Creating, changing and deleting a webhook is recorded, without its secret; a ping is not."""
        create(client, secret="a secret of the hook")
        client.patch(f"{ORG}/hook", json=BODY)
        client.delete(f"{ORG}/hook")
        events = client.get("/api/orgs/acme/auditlogs").json()["auditLogEvents"]

        assert ["webhook-deleted", "webhook-updated", "webhook-created"] == [
            event["event"] for event in events if event["event"].startswith("webhook")
        ]
        assert "a secret of the hook" not in json.dumps(events)
