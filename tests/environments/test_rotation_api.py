"""Rotation: new states are saved before success is reported, partial success is kept, and runs are listed."""

from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.environments.model import EnvironmentPath
from common.environments.service import definitions, rotation
from common.ports.outbound import Reply
from common.rights.caller import Caller
from tests.clocks import FrozenClock
from tests.environments.providers.opening import SECRET, RoutedOutbound, StandIn
from tests.factories.clients import make_client
from tests.factories.environments import ENVIRONMENTS, make_environment, opened_values
from tests.peers.http_peer import PeerReply, PeerRequest

PASSWORD = """# kept
values:
  db:
    password:
      fn::rotate::password: {inputs: {length: 20}}   # kept too
  other:
    fn::rotate::passphrase:
      inputs: {}
"""
ADAPTER = """values:
  good: {"fn::rotate::password": {"inputs": {}}}
  api:
    fn::rotate::external:
      inputs: {url: "https://adapter.example.com/rotate", request: {name: shop}}
"""
E = f"{ENVIRONMENTS}/shop/dev"


class BrokenOutbound(RoutedOutbound):
    """Fails in a way that no caller expects."""

    def call(self, method: str, url: str, **options: Any) -> Reply:
        raise RuntimeError(f"{method} {url} with {len(options)} options")


def rotate(client: TestClient, *paths: str) -> Any:
    """Rotate, as the command line asks for it."""
    return client.post(f"{E}/rotate", json={"Paths": list(paths) or None})


def text_of(backend: Backend, caller: Caller, path: EnvironmentPath) -> str:
    """Return the stored definition, with its secrets in clear."""
    return definitions.decrypt(backend, caller, path).text.decode()


class TestRotate:
    def test_saves_new_states(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """All secrets rotate, comments stay, and the result can be read as an opened environment."""
        path = make_environment(backend, admin, "shop/dev", PASSWORD)
        reply = rotate(client)

        event = reply.json()["secretRotationEvent"]
        assert (reply.status_code, event["status"]) == (200, "succeeded"), reply.text
        assert (event["preRotationRevision"], event["postRotationRevision"]) == (2, 3)
        assert sorted(entry["environmentPath"] for entry in event["rotations"]) == ["db.password", "other"]
        opened = client.get(f"{E}/open/{reply.json()['id']}").json()["properties"]
        password = opened["db"]["value"]["password"]["value"]["current"]
        assert password["secret"] is True
        assert len(password["value"]) == 20
        assert opened_values(backend, admin, path)["db"] == {"password": {"current": password["value"]}}
        stored = definitions.get(backend, admin, path).text.decode()
        assert "# kept\n" in stored
        assert "# kept too" in stored
        assert password["value"] not in stored

    def test_keeps_the_previous_secret(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """A second rotation makes the current secret the previous one, and only at the paths that are named."""
        path = make_environment(backend, admin, "shop/dev", PASSWORD)
        rotate(client)
        first: Any = opened_values(backend, admin, path)
        rotate(client, "db.password")
        second: Any = opened_values(backend, admin, path)

        assert second["db"]["password"]["previous"] == first["db"]["password"]["current"]
        assert second["other"] == first["other"]

    @pytest.mark.parametrize("wanted", ["db", "nothing", "", '["db"].x', "a..b"])
    def test_refuses_other_paths(self, client: TestClient, backend: Backend, admin: Caller, wanted: str) -> None:
        """A path that is not a rotator is named, and nothing rotates."""
        make_environment(backend, admin, "shop/dev", PASSWORD)
        reply = client.post(f"{E}/rotate", json={"paths": [wanted]})

        assert (reply.status_code, "not the path of a secret" in reply.json()["message"]) == (400, True)
        assert client.get(f"{E}/rotate/history").json() == {"events": []}

    def test_needs_a_rotator(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """An environment without rotators says so."""
        make_environment(backend, admin, "shop/dev", "values: {a: 1}\n")

        assert "no secrets that can be rotated" in rotate(client).json()["message"]

    def test_is_needed_before_an_open(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """A secret that has not been rotated yet is a diagnostic that names the command."""
        make_environment(backend, admin, "shop/dev", PASSWORD)
        reply = client.post(f"{E}/open")

        assert reply.status_code == 400
        assert "pulumi env rotate" in reply.json()["diagnostics"][0]["summary"]

    def test_keeps_what_succeeded(self, backend: Backend, admin: Caller) -> None:
        """Where one system fails, the states of the others are saved, and the run counts as failed."""
        path = make_environment(backend, admin, "shop/dev", ADAPTER)
        with StandIn(other=PeerReply({"message": SECRET}, 500)) as peer:
            routed = replace(backend, outbound=RoutedOutbound({"adapter.example.com": peer.url}))
            with make_client(routed) as client:
                reply = rotate(client)

        event = reply.json()["secretRotationEvent"]
        assert (reply.status_code, event["status"], event["postRotationRevision"]) == (200, "failed", 3)
        failed = next(entry for entry in event["rotations"] if entry["environmentPath"] == "api")
        assert failed["errorMessage"] == "adapter.example.com answers with status 500"
        assert reply.json()["diagnostics"]
        assert "ciphertext" in definitions.get(backend, admin, path).text.decode()

    def test_keeps_what_succeeded_before_an_unexpected_error(self, backend: Backend, admin: Caller) -> None:
        """A new secret is saved also if a later rotator fails as nothing should, and the run counts as failed."""
        path = make_environment(backend, admin, "shop/dev", ADAPTER.replace("  api:", "  last:"))
        with make_client(replace(backend, outbound=BrokenOutbound({}))) as client:
            reply = rotate(client)

        event = reply.json()["secretRotationEvent"]
        assert (reply.status_code, event["status"], event["postRotationRevision"]) == (200, "failed", 3)
        failed = next(entry for entry in event["rotations"] if entry["environmentPath"] == "last")
        assert failed["errorMessage"] == "an internal error"
        assert "ciphertext" in definitions.get(backend, admin, path).text.decode()

    def test_asks_for_no_state_without_room(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """A definition that has no room for a new state is refused before the other system changes."""
        filler = "".join(f"  # {'x' * 1000}\n" for _ in range(950))
        make_environment(backend, admin, "shop/dev", f"{ADAPTER}{filler}")
        reply = rotate(client, "api")

        assert (reply.status_code, "cannot be written back" in reply.json()["message"]) == (400, True)

    def test_says_that_nothing_succeeded(self, backend: Backend, admin: Caller) -> None:
        """Where nothing could be rotated the reply is the diagnostics, nothing is saved, and the history has the outcome."""
        path = make_environment(backend, admin, "shop/dev", ADAPTER)
        with StandIn(other=PeerReply({}, 500)) as peer:
            routed = replace(backend, outbound=RoutedOutbound({"adapter.example.com": peer.url}))
            with make_client(routed) as client:
                reply = rotate(client, "api")

        assert reply.status_code == 400
        assert any(entry["summary"].startswith("rotate: adapter.example.com") for entry in reply.json()["diagnostics"])
        (row,) = rotation.list_history(backend, admin, path)
        assert (row.status, row.revision_after) == ("failed", None)
        assert row.secrets[0].error == "adapter.example.com answers with status 500"

    def test_writes_to_what_was_saved_meanwhile(self, backend: Backend, admin: Caller) -> None:
        """A revision that was saved while another system changed is kept, with the new state in it."""
        path = make_environment(backend, admin, "shop/dev", ADAPTER)

        def answer(_asked: PeerRequest) -> PeerReply:
            definitions.update(backend, admin, path, f"{ADAPTER}  more: 1\n".encode())
            return PeerReply({"password": SECRET})

        with StandIn({("POST", "/rotate"): answer}) as peer:
            routed = replace(backend, outbound=RoutedOutbound({"adapter.example.com": peer.url}))
            with make_client(routed) as client:
                reply = rotate(client, "api")

        assert reply.json()["secretRotationEvent"]["postRotationRevision"] == 4
        stored = text_of(backend, admin, path)
        assert "more: 1" in stored
        assert SECRET in stored

    def test_does_not_bring_back_what_was_removed(self, backend: Backend, admin: Caller) -> None:
        """A rotator that was removed while its system changed stays removed, and the run counts as failed."""
        path = make_environment(backend, admin, "shop/dev", ADAPTER)

        def answer(_asked: PeerRequest) -> PeerReply:
            definitions.update(backend, admin, path, b"values: {more: 1}\n")
            return PeerReply({"password": SECRET})

        with StandIn({("POST", "/rotate"): answer}) as peer:
            routed = replace(backend, outbound=RoutedOutbound({"adapter.example.com": peer.url}))
            with make_client(routed) as client:
                reply = rotate(client, "api")

        assert (reply.status_code, "not in the definition any more" in reply.json()["message"]) == (409, True)
        assert text_of(backend, admin, path) == "values: {more: 1}\n"
        (row,) = rotation.list_history(backend, admin, path)
        assert (row.status, row.revision_after) == ("failed", None)

    def test_is_one_at_a_time(self, client: TestClient, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """While one is in progress another is refused; one whose process has ended is given up after ten minutes."""
        make_environment(backend, admin, "shop/dev", ADAPTER)
        replies = []

        def answer(_asked: PeerRequest) -> PeerReply:
            replies.append(rotate(client, "good"))
            clock.pass_seconds(601)
            replies.append(rotate(client, "good"))
            return PeerReply({"password": SECRET})

        with StandIn({("POST", "/rotate"): answer}) as peer:
            routed = replace(backend, outbound=RoutedOutbound({"adapter.example.com": peer.url}))
            with make_client(routed) as other:
                rotate(other, "api")

        assert [reply.status_code for reply in replies] == [409, 200]
        assert "in progress" in replies[0].json()["message"]

    def test_is_recorded(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """The history has the newest run first, and the audit log has each."""
        make_environment(backend, admin, "shop/dev", PASSWORD)
        rotate(client)
        rotate(client, "other")

        events = client.get(f"{E}/rotate/history").json()["events"]
        assert [len(event["rotations"]) for event in events] == [1, 2]
        assert all(event["completed"] and event["userID"] == admin.user_id for event in events)
        log = client.get("/api/orgs/acme/auditlogs").json()["auditLogEvents"]
        assert "environment-secrets-rotated" in [entry["event"] for entry in log]
