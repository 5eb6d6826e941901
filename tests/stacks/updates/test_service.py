from collections.abc import Callable

import pytest

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, Conflict, Forbidden, NotFound
from common.core.ids import new_id
from common.people.orgs import service as orgs
from common.rights.caller import Caller
from common.rights.permissions import Permission, Role, StackLevel
from common.stacks import steps as stacks
from common.stacks.model import Kind, StackPath
from common.stacks.updates.leases import Lease
from common.stacks.updates.model import Completion, InProgress, Program, StartedUpdate, StartRequest
from common.stacks.updates.service import completion, progress
from common.stacks.updates.service import start as updates
from tests.clocks import FrozenClock
from tests.factories.people import caller_of, make_user
from tests.factories.stacks import (
    CLIENT,
    Running,
    complete,
    creation,
    exported_names,
    make_program,
    make_running,
    make_stack,
    make_update,
    record,
    start,
    update_row,
)
from tests.stacks.engine.builders import make_batch, make_resource, make_state

DEV = StackPath("acme", "shop", "dev")


@pytest.fixture(autouse=True)
def stack(backend: Backend, admin: Caller) -> None:
    """The stack acme/shop/dev with one resource."""
    make_stack(backend, admin, tags={"env": "x"}, state=make_state(make_resource("old")))


def version(backend: Backend, caller: Caller) -> int:
    """Return the number of the stack's newest version."""
    return stacks.get_stack(backend, caller, DEV, Permission.STACK_READ).latest.version


class TestCreate:
    def test_locks_nothing(self, backend: Backend, admin: Caller) -> None:
        """A created update has no number; any number of them may wait."""
        made = [make_update(backend, admin, DEV) for _ in range(3)]

        assert {("not started", None)} == {(update_row(backend, one).status, update_row(backend, one).version) for one in made}
        assert 0 == version(backend, admin)

    def test_keeps_the_request_as_sent(self, backend: Backend, admin: Caller) -> None:
        """The program is stored in the client's own spelling: history repeats it."""
        text = b'{"name":"shop", "config":{"shop:n":{"string":"1.0","secret":false,"object":true}},"future":1E5}'
        update_id = updates.create(backend, admin, DEV, Kind.REFRESH, Program(text, dry_run=False)).update_id

        assert (text.decode(), "refresh") == (update_row(backend, update_id).program, update_row(backend, update_id).kind)

    def test_needs_the_permission(self, backend: Backend, admin: Caller) -> None:
        """To a billing manager the stack does not exist, and no more to a stranger."""
        bob = caller_of(backend, make_user(backend, "bob", org="acme", role=Role.BILLING_MANAGER))
        mallory = caller_of(backend, make_user(backend, "mallory"))

        for outsider in (bob, mallory):
            with pytest.raises(NotFound):
                make_update(backend, outsider, DEV)


class TestPreviewOfReaders:
    def test_needs_only_to_read(self, backend: Backend, admin: Caller) -> None:
        """A user who may read a stack may preview it, in both ways to begin, but not update it."""
        alice = reader(backend, admin)
        created = make_running(backend, alice, DEV, kind=Kind.PREVIEW, dry_run=True)
        begun = updates.begin(
            backend,
            alice,
            DEV,
            kind=Kind.PREVIEW,
            program=make_program(dry_run=True),
            request=StartRequest(None, 2),
            client=CLIENT,
        )

        assert created.id != begun.update_id
        with pytest.raises(Forbidden, match="stack:write"):
            make_update(backend, alice, DEV)
        with pytest.raises(Forbidden, match="stack:write"):
            start(backend, alice, DEV, make_update(backend, admin, DEV))

    def test_leaves_the_tags_alone(self, backend: Backend, admin: Caller) -> None:
        """Clients send tags with a preview; a reader's do not change the stack's."""
        alice = reader(backend, admin)
        start(backend, alice, DEV, make_update(backend, alice, DEV, kind=Kind.PREVIEW, dry_run=True), tags={"env": "y"})

        assert {"env": "x"} == stacks.get_stack(backend, admin, DEV, Permission.STACK_READ).tags


def reader(backend: Backend, admin: Caller) -> Caller:
    """Return alice, a member of acme, which lets its members read stacks and no more."""
    orgs.update_organization(backend, admin, "acme", {"default_stack_permission": StackLevel.READ})
    return caller_of(backend, make_user(backend, "alice", org="acme"))


class TestStart:
    def test_takes_the_next_number_and_a_lease(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """A started update is the newest version, based on the state that is there, under a lease of five minutes."""
        found = make_running(backend, admin, DEV)
        row = update_row(backend, found.id)

        assert (1, 2, unix_millis(clock.now()) + 300_000) == (
            found.started.version,
            found.started.journal_version,
            found.started.lease_expires_at,
        )
        assert (1, "v3.274.1", row.base_checkpoint, 1) == (row.version, row.cli_version, row.checkpoint, row.resource_count)
        assert row.base_checkpoint

    @pytest.mark.parametrize(("offered", "answered"), [(0, 0), (1, 1), (2, 2), (3, 2), (-1, 0), (99, 2)])
    def test_negotiates_the_journal(self, backend: Backend, admin: Caller, offered: int, answered: int) -> None:
        """The journal's version is the client's or ours, whichever is lower."""
        assert answered == make_running(backend, admin, DEV, journal=offered).started.journal_version

    @pytest.mark.parametrize(
        ("tags", "expected"), [(None, {"env": "x"}), ({}, {}), ({"a": "1"}, {"a": "1"}), ({"env": "x"}, {"env": "x"})]
    )
    def test_replaces_the_tags(
        self, backend: Backend, admin: Caller, tags: dict[str, str] | None, expected: dict[str, str]
    ) -> None:
        """Tags that are sent replace the stack's, an empty map removes them, none leaves them alone."""
        found = start(backend, admin, DEV, make_update(backend, admin, DEV), tags=tags)

        assert expected == found.started.tags == stacks.get_stack(backend, admin, DEV, Permission.STACK_READ).tags

    def test_with_bad_tags_starts_nothing(self, backend: Backend, admin: Caller) -> None:
        """A bad tag refuses the start, and the stack stays free."""
        with pytest.raises(BadRequest):
            start(backend, admin, DEV, make_update(backend, admin, DEV), tags={"a b": ""})

        assert 1 == make_running(backend, admin, DEV).started.version

    def test_is_refused_while_another_runs(self, backend: Backend, admin: Caller) -> None:
        """The refusal is upstream's text, with who holds the stack, since when and from where beside it."""
        make_running(backend, admin, DEV, kind=Kind.DESTROY)

        with pytest.raises(InProgress) as caught:
            make_running(backend, admin, DEV)
        assert "Conflict: Another update is currently in progress." == caught.value.message
        assert (
            "admin has been running destroy of acme/shop/dev since 2026-01-02 03:04:05 UTC from 192.0.2.7 (pulumi v3.274.1 on linux)"
            == caught.value.warning
        )

    def test_twice_is_a_conflict(self, backend: Backend, admin: Caller) -> None:
        """An update starts once, also after it ended."""
        found = make_running(backend, admin, DEV)
        complete(backend, found)

        with pytest.raises(Conflict) as caught:
            start(backend, admin, DEV, found.id)
        assert f"Conflict: Update '{found.id}' was started before" == caught.value.message
        assert 1 == version(backend, admin)

    @pytest.mark.parametrize("update_id", ["none", "", "01a211e1-4f41-7b85-a4e3-34034de1625e", "../x"])
    def test_of_what_is_not_there(self, backend: Backend, admin: Caller, update_id: str) -> None:
        """An unknown update is missing, in upstream's words."""
        with pytest.raises(NotFound) as caught:
            start(backend, admin, DEV, update_id)
        assert f"Not Found: Update '{update_id}' not found" == caught.value.message

    def test_of_another_stacks_update(self, backend: Backend, admin: Caller) -> None:
        """An update is found at its own stack only."""
        other = make_stack(backend, admin, "other")
        update_id = make_update(backend, admin, other)

        with pytest.raises(NotFound):
            start(backend, admin, DEV, update_id)

    def test_next_to_dry_runs(self, backend: Backend, admin: Caller) -> None:
        """Dry runs take no number and no lock, and start while an update runs."""
        before = make_running(backend, admin, DEV, dry_run=True)
        real = make_running(backend, admin, DEV)
        during = [make_running(backend, admin, DEV, dry_run=True, kind=Kind.DESTROY) for _ in range(2)]

        assert (0, 1, 1, 1) == tuple(one.started.version for one in (before, real, *during))
        assert all(one.started.token for one in during)


class TestBegin:
    def test_is_create_and_start_in_one(self, backend: Backend, admin: Caller) -> None:
        """One call gives number, lease, tags and the stack as it was when it started."""
        started = updates.begin(
            backend,
            admin,
            DEV,
            kind=Kind.RESOURCE_IMPORT,
            program=make_program(),
            request=StartRequest({"a": "1"}, 2),
            client=CLIENT,
        )
        row = update_row(backend, started.update_id)

        assert (1, "running", "resource-import", {"a": "1"}) == (row.version, row.status, row.kind, started.tags)
        assert row.base_checkpoint == started.stack.latest.checkpoint

    def test_obeys_the_same_lock(self, backend: Backend, admin: Caller) -> None:
        """It is refused while an update runs, and a dry run never is."""
        make_running(backend, admin, DEV)

        def begin(*, dry_run: bool) -> StartedUpdate:
            program = make_program(dry_run=dry_run)
            return updates.begin(
                backend, admin, DEV, kind=Kind.UPDATE, program=program, request=StartRequest(None, 2), client=CLIENT
            )

        with pytest.raises(InProgress):
            begin(dry_run=False)
        assert 1 == begin(dry_run=True).version


class TestComplete:
    @pytest.mark.parametrize("how", [Completion.SUCCEEDED, Completion.FAILED])
    def test_ends_as_the_client_says(self, backend: Backend, admin: Caller, how: Completion) -> None:
        """The result is the client's, and a repeat of the call succeeds without changing it."""
        found = make_running(backend, admin, DEV)
        record(backend, found, *creation("a", 1))
        complete(backend, found, how)
        complete(backend, found, Completion.SUCCEEDED)

        assert (how, how) == (update_row(backend, found.id).status, update_row(backend, found.id).outcome)
        assert ["a", "old"] == exported_names(backend, admin, DEV)

    def test_as_cancelled_means_failed(self, backend: Backend, admin: Caller) -> None:
        """Upstream's type knows the word, so it is understood, though no client sends it."""
        found = make_running(backend, admin, DEV)
        complete(backend, found, Completion.CANCELLED)

        complete(backend, found, Completion.CANCELLED)

        assert "failed" == update_row(backend, found.id).status

    def test_frees_the_stack(self, backend: Backend, admin: Caller) -> None:
        """After it the next update starts at once, with the next number, on what this one left."""
        for number in (1, 2, 3):
            found = make_running(backend, admin, DEV)
            assert number == found.started.version
            complete(backend, found, Completion.FAILED if number == 2 else Completion.SUCCEEDED)

    def test_of_nothing_known(self, backend: Backend, admin: Caller) -> None:
        """A lease of an update that is gone is told so."""
        with pytest.raises(NotFound):
            completion.complete(backend, Lease(new_id()), Completion.SUCCEEDED)


class TestCancel:
    def test_ends_a_running_update_and_revokes_its_lease(self, backend: Backend, admin: Caller) -> None:
        """A cancelled update keeps what it recorded, its lease is no good for anything, and the stack is free."""
        found = make_running(backend, admin, DEV)
        record(backend, found, *creation("a", 1))
        completion.cancel(backend, admin, DEV, found.id)
        batch = make_batch(*creation("b", 2))
        calls: list[Callable[[], object]] = [
            lambda: progress.append_journal(backend, found.lease, batch, batch),
            lambda: progress.append_events(backend, found.lease, b'{"events":[{}]}', b'{"events":[{}]}'),
            lambda: progress.update_checkpoint(backend, found.lease, make_state()),
            lambda: progress.renew(backend, found.lease, DEV),
            lambda: complete(backend, found),
        ]

        for call in calls:
            with pytest.raises(Forbidden) as caught:
                call()
            assert "Forbidden: The update was cancelled; its token is no longer valid." == caught.value.message
        assert ["a", "old"] == exported_names(backend, admin, DEV)
        assert 2 == make_running(backend, admin, DEV).started.version

    def test_twice_succeeds(self, backend: Backend, admin: Caller) -> None:
        """A repeat of a cancellation is harmless, for started and for created updates."""
        for update_id in (make_running(backend, admin, DEV).id, make_update(backend, admin, DEV)):
            completion.cancel(backend, admin, DEV, update_id)
            completion.cancel(backend, admin, DEV, update_id)
            assert "cancelled" == update_row(backend, update_id).status

    def test_of_a_created_update_keeps_it_from_starting(self, backend: Backend, admin: Caller) -> None:
        """An update that was cancelled before its start never starts."""
        update_id = make_update(backend, admin, DEV)
        completion.cancel(backend, admin, DEV, update_id)

        with pytest.raises(Conflict):
            start(backend, admin, DEV, update_id)

    @pytest.mark.parametrize("how", [Completion.SUCCEEDED, Completion.FAILED])
    def test_of_a_finished_update(self, backend: Backend, admin: Caller, how: Completion) -> None:
        """What has ended otherwise cannot be cancelled any more."""
        found = make_running(backend, admin, DEV)
        complete(backend, found, how)

        with pytest.raises(Conflict) as caught:
            completion.cancel(backend, admin, DEV, found.id)
        assert f"Conflict: Update '{found.id}' has already finished" == caught.value.message

    def test_of_a_dry_run(self, backend: Backend, admin: Caller) -> None:
        """A preview can be cancelled too, and no version comes of it."""
        preview: Running = make_running(backend, admin, DEV, dry_run=True)
        completion.cancel(backend, admin, DEV, preview.id)

        assert ("cancelled", 0) == (update_row(backend, preview.id).status, version(backend, admin))
