"""Change gates and approvals over HTTP: who may approve, what counts, and what a gate refuses."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.environments.model import EnvironmentPath
from common.rights.caller import Caller
from common.rights.permissions import Role
from tests.clocks import FrozenClock
from tests.factories.approvals import (
    GATES,
    REQUESTS,
    E,
    apply,
    approve,
    gate,
    get,
    holders,
    make_draft,
    make_gate,
    message,
    team,
    user,
)
from tests.factories.clients import make_client
from tests.factories.environments import ENVIRONMENTS, make_environment
from tests.factories.people import ORG, caller_of, make_org, make_user
from tests.factories.teams import make_team

TEXT = "values: {a: 1, s: {fn::secret: hunter2}}\n"
DRAFT = "values: {a: 2}\n"
OPENING = {"grantExpirationSeconds": 3600, "accessDurationSeconds": 600}


@pytest.fixture(autouse=True)
def dev(backend: Backend, admin: Caller) -> EnvironmentPath:
    """An environment with a secret."""
    return make_environment(backend, admin, "app/dev", TEXT)


@dataclass
class People:
    """Admins of the organization beside the first, each with a client of their own: ann, ben and kim."""

    backend: Backend
    stack: ExitStack
    tokens: dict[str, str]
    clients: dict[str, TestClient] = field(default_factory=dict)

    def __call__(self, login: str) -> TestClient:
        if login not in self.clients:
            self.clients[login] = self.stack.enter_context(make_client(self.backend, self.tokens[login]))
        return self.clients[login]


@pytest.fixture
def as_user(backend: Backend) -> Iterator[People]:
    """Return a function from a login to a client."""
    tokens = {login: make_user(backend, login, org=ORG, role=Role.ADMIN) for login in ("ann", "ben", "kim")}
    with ExitStack() as stack:
        yield People(backend, stack, tokens)


def events(client: TestClient, request_id: str) -> list[dict[str, Any]]:
    """Return the log of a request."""
    return list(client.get(f"{REQUESTS}/{request_id}/events").json()["events"])


def statuses(client: TestClient, request_id: str) -> list[tuple[str, str, str]]:
    """Return the changes of a request's status."""
    return [
        (event["previousStatus"], event["newStatus"], event["reason"])
        for event in events(client, request_id)
        if event["eventType"] == "status_changed"
    ]


class TestGates:
    def test_are_created_shown_changed_and_deleted(self, client: TestClient, as_user: People, backend: Backend) -> None:
        """A gate names users by login and teams by name, and comes back with both."""
        assert "ann" in as_user.tokens
        make_team(backend, "ops")
        gate_id = make_gate(client, user("ann"), team("ops"), holders("environment:write"), numApprovalsRequired=2)
        shown = client.get(f"{GATES}/{gate_id}").json()

        ann, ops, writers = shown["rule"]["eligibleApprovers"]
        assert ("ann", "ops", "environment:write") == (ann["user"]["githubLogin"], ops["name"], writers["permission"])
        assert {"entityType": "environment", "project": "app", "name": "dev"} == shown["target"]["entityInfo"]
        assert "two eyes" == client.get(GATES).json()["gates"][0]["name"]
        changed = client.put(f"{GATES}/{gate_id}", json={**gate(user("ann")), "name": "other", "enabled": False}).json()
        assert ("other", False, 1) == (changed["name"], changed["enabled"], changed["rule"]["numApprovalsRequired"])
        assert [204, 404] == [client.delete(f"{GATES}/{gate_id}").status_code for _ in range(2)]

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"numApprovalsRequired": 0}, 400),
            ({"eligibleApprovers": []}, 400),
            ({"ruleType": "vote"}, 400),
            ({"eligibleApprovers": [user("nobody")]}, 404),
            ({"eligibleApprovers": [team("nothing")]}, 404),
            ({"eligibleApprovers": [holders("environment:fly")]}, 400),
            ({"eligibleApprovers": [{"eligibilityType": "moon_phase"}]}, 400),
            ({"target": "app/none"}, 404),
            ({"action": "delete"}, 400),
        ],
    )
    def test_refuse_what_cannot_be(self, client: TestClient, change: dict[str, Any], code: int) -> None:
        """Approvers, target and action of a gate exist."""
        assert code == client.post(GATES, json=gate(user("admin"), **change)).status_code

    def test_are_narrowed_to_a_target(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """The gates of one environment are its own and those of all environments."""
        make_environment(backend, admin, "app/other")
        ids = [make_gate(client, user("admin"), target=target) for target in ("app/dev", None, "app/other")]

        page = client.get(GATES, params={"entityType": "environment", "qualifiedName": "app/dev"}).json()
        assert set(ids[:2]) == {one["id"] for one in page["gates"]}
        assert "" == page["continuationToken"]

    def test_belong_to_their_organization(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """An administrator of another organization finds neither gate nor request."""
        gate_id, request_id = make_gate(client, user("admin")), make_draft(client, DRAFT)
        token = make_user(backend, "gina")
        make_org(backend, "globex", caller_of(backend, token))
        with make_client(backend, token) as gina:
            for path in ("change-gates/globex/" + gate_id, "change-requests/globex/" + request_id):
                assert 404 == gina.get(f"/api/{path}").status_code
            assert 404 == gina.post(f"/api/change-requests/globex/{request_id}/apply").status_code


class TestUpdateGate:
    def test_refuses_a_direct_change(self, client: TestClient) -> None:
        """The refusal says what to do; it is no conflict, which `env edit` would take for another user's change."""
        make_gate(client, user("admin"))

        code, text = message(client.patch(E, content=DRAFT))
        assert 400 == code
        assert "need an approval" in text
        assert "--draft" in text
        assert ["update"] == client.get(f"{E}/metadata").json()["gatedActions"]

    def test_holds_for_a_copy_under_its_name(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """A gate is for a name: deleting the environment and copying another one to it does not pass the gate."""
        make_gate(client, user("admin"))
        make_environment(backend, admin, "app/other", DRAFT)
        client.delete(E)

        assert 400 == client.post(f"{ENVIRONMENTS}/app/other/clone", json={"name": "dev"}).status_code

    def test_stops_restoring_an_older_environment(
        self, client: TestClient, backend: Backend, admin: Caller, clock: FrozenClock
    ) -> None:
        """Of those that were deleted under a name, only the last one that had a definition can be restored."""
        client.delete(E)
        clock.pass_seconds(5)
        make_environment(backend, admin, "app/dev", DRAFT)
        make_gate(client, user("admin"))
        client.delete(E)
        clock.pass_seconds(5)
        client.post(ENVIRONMENTS, json={"project": "app", "name": "dev"})
        client.delete(E)
        times = sorted(one["deletedAt"] for one in client.get(f"{ENVIRONMENTS}/restore").json()["environments"])
        named = {"project": "app", "name": "dev"}
        older = client.put(f"{ENVIRONMENTS}/restore", json={**named, "deletionTimestamp": times[0]})

        assert (400, True) == (older.status_code, "need an approval" in older.json()["message"])
        assert 204 == client.put(f"{ENVIRONMENTS}/restore", json={**named, "deletionTimestamp": times[1]}).status_code
        assert DRAFT == client.get(E).text

    def test_lets_changes_pass_while_it_is_off(self, client: TestClient) -> None:
        """A gate that is not enabled stops nothing."""
        gate_id = make_gate(client, user("admin"))
        client.put(f"{GATES}/{gate_id}", json={**gate(user("admin")), "enabled": False})

        assert 200 == client.patch(E, content=DRAFT).status_code


class TestApprove:
    def test_makes_a_request_ready(self, client: TestClient, as_user: People) -> None:
        """With the last approval that is missing the request may be applied; the log has the words of the command line."""
        make_gate(client, user("ann"), user("ben"), numApprovalsRequired=2)
        request_id = make_draft(as_user("kim"), DRAFT)
        assert 204 == approve(as_user("ann"), request_id, comment="fine").status_code
        code, text = message(apply(client, request_id))
        assert (409, True) == (code, "two eyes has 1 of 2 approvals" in text)

        assert 204 == approve(as_user("ben"), request_id).status_code
        shown = get(client, request_id)
        assert ("ready", True) == (shown["status"], shown["gateEvaluation"]["satisfied"])
        assert 200 == apply(as_user("kim"), request_id).status_code
        assert [
            ("", "draft", "created"),
            ("draft", "pending", "submitted_for_approval"),
            ("pending", "ready", "gate_evaluation"),
            ("ready", "applied", "applied successfully"),
        ] == statuses(client, request_id)

    def test_counts_a_user_once(self, client: TestClient, as_user: People) -> None:
        """Approving twice is one approval, and the log hides the first."""
        make_gate(client, user("ann"), user("ben"), numApprovalsRequired=2)
        request_id = make_draft(client, DRAFT)
        approve(as_user("ann"), request_id)
        approve(as_user("ann"), request_id)

        assert "pending" == get(client, request_id)["status"]
        first, second = (event for event in events(client, request_id) if event["eventType"] == "approved_by_user")
        assert (second["id"], False) == (first["replacedBy"], "replacedBy" in second)

    def test_is_not_for_authors(self, client: TestClient, as_user: People) -> None:
        """Neither the creator nor someone who changed the draft approves it, unless the gate says so."""
        gate_id = make_gate(client, user("kim"), user("ann"))
        request_id = make_draft(as_user("kim"), DRAFT)
        assert 403 == approve(as_user("kim"), request_id).status_code
        as_user("ann").patch(f"{E}/drafts/{request_id}", content="values: {a: 3}\n")
        assert 403 == approve(as_user("ann"), request_id, 1).status_code

        client.put(f"{GATES}/{gate_id}", json=gate(user("kim"), allowSelfApproval=True))
        assert 204 == approve(as_user("kim"), request_id, 1).status_code
        assert "ready" == get(client, request_id)["status"]

    def test_is_for_approvers(self, client: TestClient, as_user: People) -> None:
        """Who is named by no gate is refused, an administrator as well."""
        make_gate(client, user("ann"))

        code, text = message(approve(client, make_draft(as_user("kim"), DRAFT)))
        assert (403, True) == (code, "not among the approvers" in text)

    def test_is_not_for_machines(self, client: TestClient, as_user: People) -> None:
        """A token of the organization approves nothing: a person could approve a second time with it."""
        make_gate(client, holders("environment:write"))
        request_id = make_draft(as_user("kim"), DRAFT)
        body = {"name": "ci", "description": "", "admin": True, "expires": 0}
        token = client.post(f"/api/orgs/{ORG}/tokens", json=body).json()["tokenValue"]

        reply = client.post(
            f"{REQUESTS}/{request_id}/approve", json={"revisionNumber": 0}, headers={"Authorization": f"token {token}"}
        )
        assert 403 == reply.status_code

    def test_lapses_when_the_draft_changes(self, client: TestClient, as_user: People) -> None:
        """A gate that wants it needs approvals of the newest revision; one that does not keeps those there are."""
        gate_id = make_gate(client, user("ann"))
        request_id = make_draft(as_user("kim"), DRAFT)
        approve(as_user("ann"), request_id)
        as_user("kim").patch(f"{E}/drafts/{request_id}", content="values: {a: 3}\n")

        assert "pending" == get(client, request_id)["status"]
        assert ("ready", "pending", "gate_evaluation") == statuses(client, request_id)[-1]
        assert 409 == apply(as_user("kim"), request_id).status_code
        assert 400 == approve(as_user("ann"), request_id, 0).status_code
        client.put(f"{GATES}/{gate_id}", json=gate(user("ann"), requireReapprovalOnChange=False))
        assert "ready" == get(client, request_id)["status"]

    def test_ends_with_the_membership(self, client: TestClient, as_user: People) -> None:
        """The approval of someone who left the organization does not count."""
        make_gate(client, user("ann"))
        request_id = make_draft(as_user("kim"), DRAFT)
        approve(as_user("ann"), request_id)
        assert 204 == client.delete(f"/api/orgs/{ORG}/members/ann").status_code

        assert 409 == apply(client, request_id).status_code
        assert "pending" == client.get(REQUESTS).json()["changeRequests"][0]["status"]

    def test_is_withdrawn(self, client: TestClient, as_user: People) -> None:
        """Without the approval the request is pending again; withdrawing twice is a refusal."""
        make_gate(client, user("ann"))
        request_id = make_draft(as_user("kim"), DRAFT)
        approve(as_user("ann"), request_id)

        withdrawn = [as_user("ann").request("DELETE", f"{REQUESTS}/{request_id}/approve", json={}).status_code for _ in range(2)]
        assert [204, 400] == withdrawn
        assert "pending" == get(client, request_id)["status"]

    def test_of_two_at_once_counts_both(self, client: TestClient, as_user: People) -> None:
        """Two approvers who approve at the same time make the request ready."""
        make_gate(client, user("ann"), user("ben"), numApprovalsRequired=2)
        request_id = make_draft(client, DRAFT)
        codes: list[int] = []

        def run(who: TestClient) -> None:
            codes.append(approve(who, request_id).status_code)

        threads = [Thread(target=run, args=(as_user(login),)) for login in ("ann", "ben")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [204, 204] == codes
        assert "ready" == get(client, request_id)["status"]
        assert 1 == statuses(client, request_id).count(("pending", "ready", "gate_evaluation"))


class TestClose:
    def test_is_for_authors_writers_and_approvers(self, client: TestClient, as_user: People) -> None:
        """A closed request stays closed, and the log has the comment."""
        request_id = make_draft(client, DRAFT)
        assert 204 == as_user("ann").post(f"{REQUESTS}/{request_id}/close", json={"comment": "no"}).status_code

        last = events(client, request_id)[-1]
        assert ("closed", "manually_closed", "no") == (last["newStatus"], last["reason"], last["comment"])
        assert 409 == client.post(f"{REQUESTS}/{request_id}/close", json={}).status_code
        assert 400 == client.post(f"{REQUESTS}/{request_id}/submit", json={}).status_code


def test_submit_knows_the_words_of_the_client(client: TestClient) -> None:
    """Submitting twice says which status the request has."""
    request_id = make_draft(client, DRAFT)

    expected = "change request must be in draft status to submit (current status: ready)"
    assert message(client.post(f"{REQUESTS}/{request_id}/submit", json={})) == (400, f"Bad Request: {expected}")


def test_lists_are_paged(client: TestClient) -> None:
    """The newest first, and the log from its beginning."""
    ids = [make_draft(client, f"values: {{a: {number}}}\n") for number in range(5)]
    shown: list[str] = []
    token = ""
    while True:
        page = client.get(REQUESTS, params={"count": 2, "entityType": "environment", "continuationToken": token}).json()
        shown += [one["id"] for one in page["changeRequests"]]
        token = page["continuationToken"]
        if not token:
            break
    assert ids[::-1] == shown
    assert [] == client.get(REQUESTS, params={"entityType": "policy_exceptions"}).json()["changeRequests"]


class TestOpenGate:
    @pytest.fixture
    def gated(self, client: TestClient, as_user: People) -> Callable[[], str]:
        """A gate on opening, and a function that requests to open the environment and returns the id."""
        make_gate(client, user("ann"), action="open")

        def request() -> str:
            (result,) = as_user("kim").post(f"{E}/open/request", json=OPENING).json()["changeRequests"]
            request_id = str(result["changeRequestId"])
            assert 204 == client.post(f"{REQUESTS}/{request_id}/submit", json={"description": "incident"}).status_code
            return request_id

        return request

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("POST", "/open", None),
            ("POST", "/versions/2/open", None),
            ("GET", "/decrypt", None),
            ("GET", "/versions/2/decrypt", None),
            ("POST", "/check?showSecrets=true", None),
            ("POST", "/decrypt-secrets", {"ciphertexts": []}),
            ("POST", "/rotate", {}),
            ("POST", "/clone", {"name": "copy"}),
        ],
    )
    def test_stops_every_way_to_the_secrets(
        self, client: TestClient, gated: Callable[[], str], method: str, path: str, body: Any
    ) -> None:
        """Whatever shows secrets needs the grant, also for administrators; the refusal names the command."""
        assert callable(gated)
        code, text = message(client.request(method, E + path, json=body))

        assert 400 == code
        assert "pulumi env open-request acme/app/dev" in text

    def test_stops_imports(self, client: TestClient, gated: Callable[[], str], backend: Backend, admin: Caller) -> None:
        """An environment that imports one behind a gate does not open; saving and checking it is free."""
        assert callable(gated)
        make_environment(backend, admin, "app/importing", "imports: [app/dev]\nvalues: {}\n")
        reply = client.post(f"{ENVIRONMENTS}/app/importing/open")

        assert 400 == reply.status_code
        assert "needs an approval" in reply.json()["diagnostics"][0]["summary"]
        assert 400 == client.post(f"{ENVIRONMENTS}/yaml/open", content="imports: [app/dev]").status_code
        assert 200 == client.post(f"{ENVIRONMENTS}/yaml/check", content="imports: [app/dev]").status_code
        results = client.post(f"{ENVIRONMENTS}/app/importing/open/request", json=OPENING).json()["changeRequests"]
        assert ["dev"] == [result["environmentName"] for result in results]

    def test_opens_for_who_asked_and_for_a_time(
        self, client: TestClient, as_user: People, gated: Callable[[], str], clock: FrozenClock
    ) -> None:
        """The grant is the requester's own, must be used in time, and from then on lasts as long as was requested."""
        kim, request_id = as_user("kim"), gated()
        assert 400 == kim.post(f"{E}/open").status_code
        approve(as_user("ann"), request_id)
        assert "Allowed kim to open" in apply(kim, request_id).json()["message"]

        assert 200 == kim.post(f"{E}/open").status_code
        assert 400 == client.post(f"{E}/open").status_code
        assert not kim.get(f"{E}/metadata").json()["openRequestNeeded"]
        clock.pass_seconds(599)
        assert 200 == kim.post(f"{E}/open").status_code
        clock.pass_seconds(2)
        assert 400 == kim.post(f"{E}/open").status_code
        assert kim.get(f"{E}/metadata").json()["openRequestNeeded"]

    def test_forgets_a_grant_that_is_not_used(self, as_user: People, gated: Callable[[], str], clock: FrozenClock) -> None:
        """A grant that is not used before it expires opens nothing."""
        request_id = gated()
        approve(as_user("ann"), request_id)
        apply(as_user("kim"), request_id)
        clock.pass_seconds(3601)

        assert 400 == as_user("kim").post(f"{E}/open").status_code

    def test_shortens_sessions(self, as_user: People, gated: Callable[[], str], clock: FrozenClock) -> None:
        """What was opened cannot be read for longer than the grant lasts."""
        kim, request_id = as_user("kim"), gated()
        approve(as_user("ann"), request_id)
        apply(kim, request_id)
        session = kim.post(f"{E}/open", params={"duration": "24h"}).json()["id"]
        clock.pass_seconds(601)

        assert 404 == kim.get(f"{E}/open/{session}").status_code

    def test_needs_another_approval_for_other_terms(self, client: TestClient, as_user: People, gated: Callable[[], str]) -> None:
        """Who asks for more time after the approval needs another one."""
        request_id = gated()
        approve(as_user("ann"), request_id)
        longer = {**OPENING, "accessDurationSeconds": 86_400}
        assert 1 == as_user("kim").put(f"{E}/open/request/{request_id}", json=longer).json()["latestRevisionNumber"]

        assert 409 == apply(as_user("kim"), request_id).status_code
        assert longer == client.get(f"{E}/open/request/{request_id}").json()
        assert 400 == client.post(f"{E}/open/request", json={**OPENING, "accessDurationSeconds": 0}).status_code
