import gzip
import os
from typing import Any

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.rights.caller import Caller
from functions.api.updates import BASE_LIMIT_BYTES
from tests.clocks import FrozenClock
from tests.factories.people import make_user
from tests.factories.stacks import creation
from tests.stacks.engine.builders import dump, make_resource, make_state
from tests.wire import CLI, IN_PROGRESS, begin, create_stack, create_update, error_of, export, import_state, program, start_update

# Shapes, statuses and texts; that both databases do the same, the tests of the services show.
pytestmark = pytest.mark.dialects("sqlite")
S = "/api/stacks/acme/shop/dev"
KINDS = ("update", "preview", "refresh", "destroy")


@pytest.fixture(autouse=True)
def stack(client: TestClient) -> None:
    """The stack acme/shop/dev."""
    create_stack(client, tags={"env": "x"})


class TestCreate:
    @pytest.mark.parametrize("kind", KINDS)
    def test_answers_for_every_kind(self, client: TestClient, kind: str) -> None:
        """An update of each kind gets an id, and no policies, messages or AI."""
        made = client.post(f"{S}/{kind}", json=program()).json()

        assert 36 == len(made.pop("updateID"))
        assert {"requiredPolicies": [], "messages": [], "aiSettings": {"copilotIsEnabled": False}} == made

    @pytest.mark.parametrize(
        "body", [b"", b"[]", b"{", b'"x"', b'{"options":7}', b'{"options":{"dryRun":"yes"}}', b'{"config":[]}', b"\xff{}"]
    )
    def test_refuses_a_bad_body(self, client: TestClient, body: bytes) -> None:
        """What is no program is 400."""
        assert (400, 400) == error_of(client.post(f"{S}/update", content=body))[:2]

    def test_of_an_unknown_kind(self, client: TestClient) -> None:
        """An unknown kind is an unknown address."""
        assert error_of(client.post(f"{S}/explode", json=program()))[:2] in ((404, 404), (400, 400))


class TestStart:
    def test_answers_with_number_lease_and_journal(self, client: TestClient, clock: FrozenClock) -> None:
        """The reply has the version, a token, its end in unix seconds, and the journal that was agreed on."""
        reply = begin(client, S).reply

        assert reply.pop("token")
        assert {"version": 1, "tokenExpiration": int(clock.moment.timestamp()) + 300, "journalVersion": 2} == reply

    def test_while_another_runs(self, client: TestClient) -> None:
        """The refusal is compared literally by clients; who holds the stack stands in a warning, which they print."""
        begin(client, S, "refresh")
        refused = start_update(client, S, create_update(client, S))

        assert (409, 409, IN_PROGRESS) == error_of(refused)
        assert (
            "admin has been running refresh of acme/shop/dev since 2026-01-02 03:04:05 UTC from testclient (pulumi v3.274.1 on linux)"
            == refused.headers["X-Pulumi-Warning"]
        )

    @pytest.mark.parametrize("body", [b"", b"[]", b'{"journalVersion":"2"}', b'{"tags":{"a":1}}', b'{"tags":{"a b":""}}'])
    def test_refuses_a_bad_body(self, client: TestClient, body: bytes) -> None:
        """A bad body is 400 and starts nothing."""
        update_id = create_update(client, S)

        assert (400, 400) == error_of(client.post(f"{S}/update/{update_id}", content=body))[:2]
        assert 200 == start_update(client, S, update_id).status_code

    @pytest.mark.parametrize(
        ("agent", "version"),
        [(CLI, "v3.274.1"), ("pulumi-cli/1 (3.100.0; darwin; cmd=up)", "3.100.0"), ("curl/8", "v3.0.0"), ("", "v3.0.0")],
    )
    def test_learns_the_clients_version(self, client: TestClient, agent: str, version: str) -> None:
        """The state says which client made it; with an unknown client the base's version stays."""
        base = {"time": "2026-01-01T00:00:00Z", "magic": "", "version": "v3.0.0"}
        client.post(f"{S}/import", content=dump({"version": 3, "deployment": {"manifest": base}}))
        update_id = create_update(client, S)
        started = client.post(f"{S}/update/{update_id}", json={"journalVersion": 2}, headers={"User-Agent": agent}).json()
        headers = {"Authorization": f"update-token {started['token']}"}
        client.patch(f"{S}/update/{update_id}/journalentries", json={"entries": creation("a", 1)}, headers=headers)
        client.post(f"{S}/update/{update_id}/complete", json={"status": "succeeded"}, headers=headers)

        assert f'"version":"{version}"'.encode() in export(client, S)


class TestBeginUpdate:
    def body(self, **members: Any) -> dict[str, Any]:
        """Return the body of a start in one call."""
        return {"updateKind": "update", "program": program(), "tags": {"env": "y"}, "journalVersion": 2, **members}

    def test_gives_everything_at_once(self, client: TestClient) -> None:
        """One reply has what create, start, export and the read of the stack gave."""
        text = make_state(make_resource("a", inputs={"n": 1}))
        client.post(f"{S}/import", content=text)
        found = client.post(f"{S}/begin-update", json=self.body())
        reply = found.json()

        assert b'"deployment":' + text in found.content
        assert ({"env": "y"}, 2, 2, []) == (
            reply["stack"]["tags"],
            reply["version"],
            reply["journalVersion"],
            reply["requiredPolicies"],
        )
        assert reply["updateID"] == client.get(S).json()["activeUpdate"]

    def test_of_a_stack_without_state(self, client: TestClient) -> None:
        """The base is then the empty container that every client opens."""
        reply = client.post(f"{S}/begin-update", json=self.body()).json()

        assert (3, 1) == (reply["deployment"]["version"], reply["version"])

    def test_of_a_dry_run(self, client: TestClient) -> None:
        """A preview locks nothing, whatever its kind is called."""
        begin(client, S)
        reply = client.post(f"{S}/begin-update", json=self.body(program=program(dry_run=True), tags=None)).json()

        assert (1, {"env": "x"}) == (reply["version"], reply["stack"]["tags"])

    def test_leaves_out_a_base_that_is_too_large(self, client: TestClient) -> None:
        """A client then exports it separately."""
        # Random digits shrink to half of their length.
        import_state(client, S, make_state(make_resource("a", inputs={"x": os.urandom(BASE_LIMIT_BYTES).hex()})))

        assert "deployment" not in client.post(f"{S}/begin-update", json=self.body()).json()

    def test_while_another_runs(self, client: TestClient) -> None:
        """The conflict is that of start."""
        begin(client, S)

        assert (409, 409, IN_PROGRESS) == error_of(client.post(f"{S}/begin-update", json=self.body()))

    @pytest.mark.parametrize(
        "change", [{"updateKind": "x"}, {"updateKind": None}, {"program": []}, {"program": None}, {"tags": []}]
    )
    def test_refuses_a_bad_body(self, client: TestClient, change: dict[str, Any]) -> None:
        """A bad body is 400 and starts nothing."""
        assert (400, 400) == error_of(client.post(f"{S}/begin-update", json=self.body(**change)))[:2]
        assert 0 == client.get(S).json()["version"]


class TestLease:
    CALLS = (
        ("PATCH", "journalentries"),
        ("POST", "events/batch"),
        ("POST", "events"),
        ("POST", "renew_lease"),
        ("POST", "complete"),
        ("PATCH", "checkpoint"),
        ("PATCH", "checkpointverbatim"),
        ("PATCH", "checkpointdelta"),
    )

    @pytest.mark.parametrize(("method", "call"), CALLS)
    @pytest.mark.parametrize(
        ("authorization", "status"),
        [("", 401), ("token pul-" + "a1" * 20, 401), ("update-token", 403), ("update-token x.y", 403)],
    )
    def test_is_the_only_key(self, client: TestClient, method: str, call: str, authorization: str, status: int) -> None:
        """Calls of an update take its lease and nothing else, an administrator's token included."""
        update = begin(client, S)
        found = client.request(method, f"{update.url}/{call}", content=b"{}", headers={"Authorization": authorization})

        assert (status, status) == error_of(found)[:2]

    @pytest.mark.parametrize("kind", KINDS)
    def test_is_good_at_every_kind_of_address(self, client: TestClient, kind: str) -> None:
        """Clients name `update` whatever the kind, and the vendor's own programs name the kind."""
        update = begin(client, S, "destroy")
        headers = {"Authorization": f"update-token {update.token}"}
        found = client.post(f"{S}/{kind}/{update.id}/renew_lease", json={"token": "", "duration": 300}, headers=headers)

        assert 200 == found.status_code
        assert 200 == client.get(f"{S}/{kind}/{update.id}").status_code

    def test_is_lost_with_403(self, client: TestClient, clock: FrozenClock) -> None:
        """Any other status would make the client try again and fail late."""
        update = begin(client, S)
        clock.pass_seconds(301)

        assert (403, 403, "Forbidden: The provided update token has expired.") == error_of(update.journal(*creation("a", 1)))
        update.cancel()
        assert (403, 403, "Forbidden: The update was cancelled; its token is no longer valid.") == error_of(update.renew())

    def test_is_renewed_with_its_end(self, client: TestClient, clock: FrozenClock) -> None:
        """A renewal gives the token and the new end in unix seconds."""
        update = begin(client, S)
        clock.pass_seconds(100)
        reply = update.renew()

        assert {"token": update.token, "tokenExpiration": int(clock.moment.timestamp()) + 300} == reply.json()


class TestComplete:
    def test_answers_empty_and_again(self, client: TestClient) -> None:
        """Completing is answered 204, and so is its repeat."""
        update = begin(client, S)

        assert [204, 204] == [update.complete().status_code for _ in range(2)]

    @pytest.mark.parametrize("body", [b"", b"{}", b'{"status":"done"}', b'{"status":7}', b'{"status":"running"}'])
    def test_refuses_a_bad_body(self, client: TestClient, body: bytes) -> None:
        """An unknown status is 400 and ends nothing."""
        update = begin(client, S)

        assert (400, 400) == error_of(update.send("POST", "complete", body))[:2]
        assert "running" == client.get(update.url).json()["status"]


class TestStatus:
    def test_of_each_stage(self, client: TestClient) -> None:
        """The status is upstream's word; the token is null once the update is over, and fits a URL until then."""
        created = create_update(client, S)
        running, failed = begin(client, S), begin(client, S, dry_run=True)
        failed.complete("failed")
        found = [client.get(f"{S}/update/{one}").json() for one in (created, running.id, failed.id)]
        running.cancel()

        assert [("not started", "0"), ("running", "0"), ("failed", None)] == [
            (one["status"], one["continuationToken"]) for one in found
        ]
        assert {"status": "cancelled", "events": [], "continuationToken": None} == client.get(running.url).json()

    def test_of_an_import(self, client: TestClient) -> None:
        """A client polls an import once: it is done by then."""
        update_id = client.post(f"{S}/import", content=make_state()).json()["updateId"]

        assert {"status": "succeeded", "events": [], "continuationToken": None} == client.get(f"{S}/update/{update_id}").json()
        assert 200 == client.get(f"{S}/update/{update_id}?continuationToken=0").status_code

    @pytest.mark.parametrize("update_id", ["none", "0190b7a8-0000-7000-8000-000000000000", "1"])
    def test_of_nothing_known(self, client: TestClient, update_id: str) -> None:
        """An unknown update is missing in upstream's words."""
        assert (404, 404, f"Not Found: Update '{update_id}' not found") == error_of(client.get(f"{S}/update/{update_id}"))


class TestCancel:
    def test_answers_empty_and_again(self, client: TestClient) -> None:
        """Cancelling is answered 204, and so is its repeat; a finished update is a conflict."""
        update, done = begin(client, S), begin(client, S, dry_run=True)
        done.complete()

        assert [204, 204] == [update.cancel().status_code for _ in range(2)]
        assert (409, 409, f"Conflict: Update '{done.id}' has already finished") == error_of(done.cancel())

    def test_takes_a_body_that_is_empty_or_not(self, client: TestClient) -> None:
        """The client sends no body with a JSON content type; the server does not read it."""
        update = begin(client, S)

        assert 204 == client.post(f"{update.url}/cancel", content=b"", headers={"Content-Type": "application/json"}).status_code

    def test_may_be_a_colleagues(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """A member of the organization may cancel another's update."""
        update = begin(client, S)
        bob = {"Authorization": f"token {make_user(backend, 'bob', org='acme')}"}

        assert 204 == client.post(f"{update.url}/cancel", headers=bob).status_code


class TestJournal:
    @pytest.mark.parametrize("encode", [lambda text: text, gzip.compress], ids=["plain", "gzip"])
    def test_is_durable_when_answered(self, client: TestClient, encode: Any) -> None:
        """A batch is answered 204 without a body, and its entries are in the state of a cancelled update."""
        update = begin(client, S)
        text = encode(dump({"entries": creation("a", 1)}))
        found = update.send("PATCH", "journalentries", text, **({"Content-Encoding": "gzip"} if text[:1] != b"{" else {}))
        update.cancel()

        assert (204, b"") == (found.status_code, found.content)
        assert b'"a-id"' in export(client, S)

    def test_with_a_query_of_other_clients(self, client: TestClient) -> None:
        """A query parameter that we do not know is no reason to refuse."""
        update = begin(client, S)

        assert 204 == update.send("PATCH", "journalentries?include_non_activated=true", b"{}").status_code
