"""Grants to open an environment: when their time begins, what they are needed for, and how much a request may hold."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from common.approvals.model import EVENTS_LIMIT, EventKind, RequestEvent
from common.approvals.repository import events
from common.approvals.steps import person_of
from common.backend import Backend
from common.core.ids import new_id
from common.environments.model import EnvironmentPath
from common.environments.service import schedules
from common.rights.caller import Caller
from tests.clocks import FrozenClock
from tests.environments.providers.opening import StandIn, routed
from tests.factories.approvals import REQUESTS, E, apply, approve, make_draft, make_gate, message, user
from tests.factories.environments import ENVIRONMENTS, make_environment
from tests.peers.http_peer import PeerReply

TEXT = "values: {pw: {fn::rotate::password: {inputs: {}}}, s: {fn::secret: hunter2}}\n"
IMPORTING = """imports: [app/dev]
values:
  api: {fn::rotate::external: {inputs: {url: "https://adapter.example.com/rotate", request: {key: "${s}"}}}}
"""
TERMS = {"grantExpirationSeconds": 3 * 86_400, "accessDurationSeconds": 600}
DAY_SECONDS = 86_400


@pytest.fixture(autouse=True)
def dev(backend: Backend, admin: Caller) -> EnvironmentPath:
    """An environment with a secret and a rotator."""
    return make_environment(backend, admin, "app/dev", TEXT)


def make_grant(client: TestClient) -> None:
    """Let the caller, who is the approver as well, open the environment."""
    make_gate(client, user("admin"), action="open", allowSelfApproval=True)
    (result,) = client.post(f"{E}/open/request", json=TERMS).json()["changeRequests"]
    request_id = result["changeRequestId"]
    client.post(f"{REQUESTS}/{request_id}/submit", json={})
    assert 204 == approve(client, request_id).status_code
    assert 200 == apply(client, request_id).status_code


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"{E}/open", None),
        ("GET", f"{E}/decrypt", None),
        ("POST", f"{E}/check?showSecrets=true", None),
        ("POST", f"{E}/decrypt-secrets", {"ciphertexts": []}),
        ("POST", f"{E}/rotate", {}),
        ("POST", f"{E}/clone", {"name": "copy"}),
        ("POST", f"{ENVIRONMENTS}/yaml/check?showSecrets=true", "imports: [app/dev]"),
    ],
)
def test_time_begins_with_whatever_shows_secrets(
    client: TestClient, clock: FrozenClock, method: str, path: str, body: Any
) -> None:
    """A grant lasts from its first use, by whichever call that is."""
    client.post(f"{E}/rotate", json={})
    make_grant(client)
    sent = {"content": body} if isinstance(body, str) else {"json": body}
    assert client.request(method, path, **sent).status_code in (200, 204)
    clock.pass_seconds(599)
    assert 200 == client.get(f"{E}/decrypt").status_code
    clock.pass_seconds(2)

    assert 400 == client.get(f"{E}/decrypt").status_code


def test_ends_what_a_rotation_shows(client: TestClient, clock: FrozenClock) -> None:
    """The result of a rotation cannot be read for longer than the grant lasts."""
    make_grant(client)
    session = client.post(f"{E}/rotate", json={}).json()["id"]
    assert 200 == client.get(f"{E}/open/{session}").status_code
    clock.pass_seconds(601)

    assert 404 == client.get(f"{E}/open/{session}").status_code


class TestSchedules:
    @staticmethod
    def run(client: TestClient, backend: Backend, clock: FrozenClock, name: str) -> str:
        """Let a schedule of an environment rotate once, and return how that ended."""
        address = f"{ENVIRONMENTS}/app/{name}/schedules"
        schedule_id = client.post(address, json={"scheduleCron": "0 5 * * *"}).json()["id"]
        clock.pass_seconds(DAY_SECONDS)
        assert 1 == schedules.run_next_due(backend)
        history = client.get(f"{address}/{schedule_id}/history").json()
        return str(history["scheduleHistoryEvents"][0]["result"])

    def test_need_a_grant_for_imports(self, client: TestClient, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """A rotator sends its inputs elsewhere, so a schedule opens no import behind a gate without a grant."""
        client.post(f"{E}/rotate", json={})
        make_gate(client, user("admin"), action="open")
        make_environment(backend, admin, "app/importing", IMPORTING)
        with StandIn(other=PeerReply({"key": "new"})) as peer:
            result = self.run(client, routed(backend, {"adapter.example.com": peer.url}), clock, "importing")

        assert (True, []) == (result.startswith("failed: "), peer.asked), result

    def test_need_a_gate_for_changes(self, client: TestClient, backend: Backend, clock: FrozenClock) -> None:
        """A schedule rotates an environment behind a gate for opening only if changes of it need an approval as well."""
        make_gate(client, user("admin"), action="open")
        assert "needs an approval" in self.run(client, backend, clock, "dev")
        for schedule in client.get(f"{E}/schedules").json()["schedules"]:
            client.delete(f"{E}/schedules/{schedule['id']}")
        make_gate(client, user("admin"))

        assert "succeeded" == self.run(client, backend, clock, "dev")


def test_comments_end_at_a_limit(client: TestClient, backend: Backend, admin: Caller) -> None:
    """A request has so many comments at most; it can be approved and applied all the same."""
    request_id = make_draft(client, "values: {}\n")
    with backend.db.begin() as tx:
        for _ in range(EVENTS_LIMIT):
            event = RequestEvent(new_id(), 0, EventKind.COMMENTED, 0, person_of(admin), "more", {}, None, 0)
            events.add(tx, request_id, event)

    code, text = message(client.post(f"{REQUESTS}/{request_id}/comments", json={"comment": "one more"}))
    assert (400, True) == (code, "1,000 comments, which is the limit" in text)
    assert 200 == apply(client, request_id).status_code
