"""States that were lost or damaged in the store: the error says which, everything else goes on, and the stack can be ended."""

from collections.abc import Callable

import pytest
from sqlalchemy import update as change
from starlette.testclient import TestClient

from common.backend import Backend
from common.db.tables.stacks import journal_batches
from common.rights.caller import Caller
from common.stacks.model import StackPath
from common.stacks.service import transfer
from common.stacks.updates.stored_state import StateDamaged
from tests.factories.people import ADMIN_TOKEN, caller_of, make_org
from tests.factories.stacks import creation, make_running, make_stack, make_version, update_row
from tests.stacks.engine.builders import make_resource, make_state, names
from tests.wire import LiveUpdate, begin, create_stack, create_update, error_of, export, import_state, start_update

S = "/api/stacks/acme/shop/dev"
A, B = make_state(make_resource("a")), make_state(make_resource("b"))
Harm = Callable[[Backend, str], None]


def lose(backend: Backend, key: str) -> None:
    """Remove a document."""
    backend.checkpoints.delete([key])


def put(stored: Callable[[bytes], bytes]) -> Harm:
    """Return what puts other bytes in the place of a document."""

    def harm(backend: Backend, key: str) -> None:
        kept = backend.checkpoints.get_stored(key)
        backend.checkpoints.delete([key])
        backend.checkpoints.put_stored(key, stored(kept))

    return harm


HARMS = {
    "lost": lose,
    "empty": put(lambda _: b""),
    "cut off": put(lambda kept: kept[:-9]),
    "head alone": put(lambda kept: kept[:2]),
    "other bytes": put(lambda _: b"<html>an error page of a proxy</html>"),
    "changed": put(lambda kept: kept[:30] + bytes([kept[30] ^ 0xFF]) + kept[31:]),
}


def newest_key(backend: Backend) -> str:
    """Return the key of the document that was stored last."""
    return max(key for key, _ in backend.checkpoints.page("checkpoints/", "", 100))


@pytest.fixture(params=HARMS)
def damaged(client: TestClient, backend: Backend, request: pytest.FixtureRequest) -> str:
    """A stack with version 1 intact and version 2 damaged; returns the key of the latter."""
    create_stack(client)
    import_state(client, S, A)
    import_state(client, S, B)
    key = newest_key(backend)
    HARMS[request.param](backend, key)
    return key


@pytest.fixture(params=HARMS)
def running(client: TestClient, backend: Backend, request: pytest.FixtureRequest) -> LiveUpdate:
    """A running update that has created a resource, with a base that is damaged meanwhile."""
    create_stack(client)
    import_state(client, S, A)
    import_state(client, S, B)
    found = begin(client, S)
    found.journal(*creation("c", 1))
    HARMS[request.param](backend, newest_key(backend))
    return found


class TestDamagedState:
    @pytest.mark.parametrize("call", ["export", "export/2", "outputs", "resources/latest", "resources/2"])
    @pytest.mark.parametrize("accepted", ["gzip", "identity"])
    def test_is_an_error_that_names_version_and_document(
        self, client: TestClient, damaged: str, call: str, accepted: str
    ) -> None:
        """Nothing that was damaged goes out as a state; the error says which version is damaged, where, and what is left."""
        status, code, message = error_of(client.get(f"{S}/{call}", headers={"Accept-Encoding": accepted}))

        assert (500, 500) == (status, code)
        assert message.startswith("Internal Server Error: version 2 of stack 'acme/shop/dev' cannot be read: ")
        assert damaged in message
        assert "`pulumi stack export --version 1` shows the state before it" in message

    def test_leaves_other_versions_readable(self, client: TestClient, damaged: str) -> None:
        """The version before is served, and imported it becomes the newest state."""
        assert A == export(client, S, 1)
        import_state(client, S, export(client, S, 1))

        assert A == export(client, S)

    def test_is_left_behind_by_a_forced_deletion(self, client: TestClient, damaged: str) -> None:
        """The stack can be deleted."""
        assert 204 == client.delete(S, params={"force": "true"}).status_code

    def test_holds_nobody_up_who_wanted_to_begin(self, client: TestClient, damaged: str) -> None:
        """An update cannot begin from it, and the attempt leaves the stack free."""
        body = {"updateKind": "update", "program": {"options": {}}, "journalVersion": 2}
        status, _, message = error_of(client.post(f"{S}/begin-update", json=body))

        assert 500 == status
        assert damaged in message
        import_state(client, S, A)

    def test_does_not_keep_others_from_moving(self, backend: Backend, admin: Caller) -> None:
        """A transfer of all stacks moves those that it can and names the one that it cannot."""
        make_org(backend, "beta", admin)
        caller = caller_of(backend, ADMIN_TOKEN)
        for name in "abc":
            make_version(backend, caller, make_stack(backend, caller, name), "x")
        stack = [key for key, _ in backend.checkpoints.page("checkpoints/", "", 100)]
        lose(backend, stack[1])

        with pytest.raises(StateDamaged, match=r"2 of 3 stacks have moved, and 'acme/shop/b' cannot: .*version 1 of stack"):
            transfer.transfer_all(backend, caller, "acme", "beta")


class TestDamagedBase:
    def test_ends_by_complete_with_the_reason(self, client: TestClient, running: LiveUpdate, backend: Backend) -> None:
        """The client is told what is damaged; the update has failed, and the stack is free."""
        status, _, message = error_of(running.complete())

        assert 500 == status
        assert "version 3 of stack 'acme/shop/dev' could not be built: the stored document " in message
        assert newest_key(backend) in message or "missing" in message
        assert ("failed", "damaged") == (update_row(backend, running.id).status, update_row(backend, running.id).outcome)
        import_state(client, S, A)

    @pytest.mark.parametrize("call", ["start", "begin-update"])
    def test_is_a_warning_when_the_next_update_begins(self, client: TestClient, backend: Backend, call: str) -> None:
        """The client of the next update shows what was wrong with the one before, and that of the one after it nothing."""
        create_stack(client)
        import_state(client, S, A)
        found = begin(client, S)
        found.journal(*creation("c", 1))
        with backend.db.connect() as connection:
            connection.execute(change(journal_batches).values(body=b"x"))
        assert 500 == found.complete().status_code

        def warning() -> str:
            if call == "begin-update":
                body = {"updateKind": "update", "program": {"options": {}}, "journalVersion": 2}
                reply = client.post(f"{S}/begin-update", json=body)
            else:
                reply = start_update(client, S, create_update(client, S))
            assert 200 == reply.status_code
            return str(reply.headers.get("X-Pulumi-Warning", ""))

        assert "version 2 of stack 'acme/shop/dev' could not be built: the stored batch " in warning()
        client.post(f"{S}/update/{client.get(S).json()['activeUpdate']}/cancel")
        assert not warning()

    @pytest.mark.parametrize("call", ["start", "begin-update"])
    def test_a_broken_state_is_a_warning_too(self, client: TestClient, call: str) -> None:
        """It names the rule, the resources, and the last good version."""
        create_stack(client)
        import_state(client, S, A)
        import_state(client, S, make_state(make_resource("a", dependencies=["urn:gone"])))
        if call == "begin-update":
            body = {"updateKind": "update", "program": {"options": {}}, "journalVersion": 2}
            reply = client.post(f"{S}/begin-update", json=body)
        else:
            reply = start_update(client, S, create_update(client, S))
        warning = reply.headers["X-Pulumi-Warning"]

        assert warning.startswith(
            "version 2 of the stack breaks a rule of Pulumi: `stackhold state repair acme/shop/dev` can mend it"
        )
        assert "version 1 is the last good one" in warning
        assert "refers to missing dependency urn:gone" in warning

    @pytest.mark.parametrize("end", ["cancel", "delete"])
    def test_ends_by_cancel_and_deletion(self, client: TestClient, running: LiveUpdate, backend: Backend, end: str) -> None:
        """Neither asks for the damaged base."""
        assert 204 == running.cancel().status_code
        if end == "delete":
            assert 204 == client.delete(S, params={"force": "true"}).status_code

        row = update_row(backend, running.id)
        assert ("failed", "damaged") == (row.status, row.outcome)
        assert "could not be built" in row.damage

    def test_can_be_repaired(self, client: TestClient, backend: Backend) -> None:
        """With the document back from a backup, `cancel` puts together what the update recorded."""
        create_stack(client)
        import_state(client, S, A)
        found = begin(client, S)
        found.journal(*creation("c", 1))
        key = newest_key(backend)
        kept = backend.checkpoints.get_stored(key)
        lose(backend, key)
        assert 500 == found.complete().status_code
        backend.checkpoints.put_stored(key, kept)
        assert 204 == found.cancel().status_code

        assert ["c", "a"] == names(export(client, S))

    def test_is_no_reason_to_keep_a_stack_locked_whose_holder_is_gone(
        self, backend: Backend, admin: Caller, client: TestClient
    ) -> None:
        """An import after the lease ran out ends the update first, whatever has become of its base."""
        path = make_stack(backend, admin, state=A)
        make_running(backend, admin, path)
        lose(backend, newest_key(backend))
        backend.clock.pass_seconds(301)  # type: ignore[attr-defined]

        import_state(client, S, B)
        assert StackPath("acme", "shop", "dev") == path
