import logging
from collections.abc import Callable
from contextlib import nullcontext

import pytest
from sqlalchemy import update

from common.backend import Backend
from common.core.errors import BackendError, BadRequest, Conflict
from common.db.tables.stacks import journal_batches
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks import steps as stacks
from common.stacks.model import FINISHING_MILLIS, Outcome, StackPath, Status
from common.stacks.state import service as state
from common.stacks.updates import finishing
from common.stacks.updates.leases import LEASE_SECONDS
from common.stacks.updates.model import Completion, InProgress
from common.stacks.updates.service import completion, progress
from tests.clocks import FrozenClock
from tests.counting import Counter
from tests.factories.stacks import (
    Running,
    beginning,
    complete,
    creation,
    exported,
    exported_names,
    import_state,
    make_running,
    make_stack,
    make_version,
    record,
    record_events,
    update_row,
)
from tests.interleaving import Crash, crash, interleaved
from tests.stacks.engine.builders import entry, inner, make_resource, make_state

DEV = StackPath("acme", "shop", "dev")
READ_JOURNAL = "SELECT journal_batches"
WRITE_END = "UPDATE updates SET status=?, outcome=?, checkpoint=?"
GRACE_SECONDS = FINISHING_MILLIS / 1000

End = Callable[[Backend, Caller, Running, FrozenClock], object]


def expire(backend: Backend, _caller: Caller, _update: Running, clock: FrozenClock) -> None:
    """Lets the lease run out and the job come by."""
    clock.pass_seconds(LEASE_SECONDS + completion.ABANDONED_AFTER_SECONDS)
    assert 1 == completion.expire_leases(backend, 10)


ENDS: dict[str, End] = {
    "failed": lambda backend, _caller, running, _clock: complete(backend, running, Completion.FAILED),
    "cancelled": lambda backend, caller, running, _clock: completion.cancel(backend, caller, DEV, running.id),
    "expired": expire,
}


@pytest.fixture
def running(backend: Backend, admin: Caller) -> Running:
    """A running update that made `a`, began `b`, and is about to end."""
    make_stack(backend, admin)
    found = make_running(backend, admin, DEV)
    record(backend, found, *creation("a", 1), beginning("b", 2))
    return found


def status(backend: Backend, running: Running) -> tuple[str, str | None]:
    """Return status and outcome of an update."""
    row = update_row(backend, running.id)
    return row.status, row.outcome


class TestFinish:
    @pytest.mark.parametrize("how", ENDS)
    def test_keeps_what_was_recorded(
        self, backend: Backend, admin: Caller, running: Running, clock: FrozenClock, how: str
    ) -> None:
        """However an update ends, what it created is in the state, and what it had begun is a pending operation."""
        ENDS[how](backend, admin, running, clock)
        found = inner(exported(backend, admin, DEV))

        assert ["a"] == exported_names(backend, admin, DEV)
        assert [("creating", make_resource("b")["urn"])] == [
            (one["type"], one["resource"]["urn"]) for one in found["pending_operations"]
        ]
        assert ("cancelled" if how == "cancelled" else "failed", how) == status(backend, running)

    def test_is_refused_to_what_does_not_run(self, backend: Backend, running: Running) -> None:
        """An update ends once: later calls change nothing."""
        assert finishing.finish(backend, running.id, Outcome.SUCCEEDED)
        assert not finishing.finish(backend, running.id, Outcome.CANCELLED)
        assert ("succeeded", "succeeded") == status(backend, running)

    def test_takes_the_changes_from_the_summary(self, backend: Backend, running: Running) -> None:
        """History's numbers of changes are those of the summary that the client sent, byte for byte."""
        record_events(backend, running, {"sequence": 1, "summaryEvent": {"resourceChanges": {"create": 2, "same": 1}}})
        complete(backend, running)

        assert '{"create":2,"same":1}' == update_row(backend, running.id).resource_changes

    def test_stores_nothing_when_nothing_changed(self, backend: Backend, admin: Caller, counter: Counter) -> None:
        """A run that found everything as it was costs no new checkpoint."""
        make_stack(backend, admin)
        make_version(backend, admin, DEV, "a")
        before = stacks.get_stack(backend, admin, DEV, Permission.STACK_READ).latest.checkpoint
        again = make_running(backend, admin, DEV)
        record(backend, again, entry(1, 0, 1, removeOld=0), entry(2, 1, 1, removeOld=0, state=make_resource("a")))
        counter.reset()
        complete(backend, again)
        after = stacks.get_stack(backend, admin, DEV, Permission.STACK_READ).latest

        assert 0 == counter.puts
        assert (2, before, 1) == (after.version, after.checkpoint, after.resource_count)

    def test_without_a_journal_keeps_the_base(self, backend: Backend, admin: Caller, counter: Counter) -> None:
        """An update that reported nothing leaves the state that it found."""
        make_stack(backend, admin, state=make_state(make_resource("old")))
        silent = make_running(backend, admin, DEV, journal=0)
        counter.reset()
        complete(backend, silent, Completion.FAILED)

        assert (0, 0) == (counter.gets, counter.puts)
        assert ["old"] == exported_names(backend, admin, DEV)

    def test_of_a_preview_changes_nothing(self, backend: Backend, admin: Caller) -> None:
        """A dry run changes no state, and entries that it sends are refused."""
        make_stack(backend, admin)
        preview = make_running(backend, admin, DEV, dry_run=True)
        with pytest.raises(BadRequest, match="a preview can record only events"):
            record(backend, preview, *creation("a", 1))
        complete(backend, preview)

        assert [] == exported_names(backend, admin, DEV)
        assert 0 == stacks.get_stack(backend, admin, DEV, Permission.STACK_READ).latest.version

    def test_mixes_small_and_large_batches(self, backend: Backend, admin: Caller, running: Running, counter: Counter) -> None:
        """Batches in rows and batches in the object store are one journal, in the order of its numbers."""
        counter.reset()
        record(backend, running, *creation("large", 4, outputs={"text": "x" * 300_000}))
        record(backend, running, *creation("small", 3))
        complete(backend, running)

        assert 2 == counter.puts  # the large batch and the state
        assert ["a", "small", "large"] == exported_names(backend, admin, DEV)


class TestDamage:
    def test_is_reported_and_loses_nothing_else(
        self, backend: Backend, admin: Caller, running: Running, caplog: pytest.LogCaptureFixture
    ) -> None:
        """An entry that makes no sense is left out, named in the row, the state and the log; the rest counts."""
        record(backend, running, entry(9, 1, 9, removeNew=77), *creation("c", 3))
        with caplog.at_level(logging.ERROR, "stackhold.state"):
            complete(backend, running)

        assert ["a", "c"] == exported_names(backend, admin, DEV)
        assert "entry 9 refers to operation 77, which created no resource" == update_row(backend, running.id).damage
        assert "operation 77" in inner(exported(backend, admin, DEV))["metadata"]["integrity_error"]["error"]
        assert f"update {running.id}: its journal is damaged" in caplog.text

    def test_of_the_store_is_an_error_that_can_be_mended(self, backend: Backend, admin: Caller, running: Running) -> None:
        """A batch that the object store lost ends in an error that names it, not in a state without it."""
        record(backend, running, *creation("large", 4, outputs={"text": "x" * 300_000}))
        [(key, _)] = backend.batches.page("batches/", "", 10)
        kept = backend.batches.get_stored(key)
        backend.batches.delete([key])

        with pytest.raises(BackendError) as caught:
            complete(backend, running)
        assert key in caught.value.message
        backend.batches.put_stored(key, kept)
        complete(backend, running)
        assert ["a", "large"] == exported_names(backend, admin, DEV)

    def test_of_a_row_leaves_the_rest(self, backend: Backend, admin: Caller, running: Running) -> None:
        """A stored batch that is no JSON any more is named as damage, and the state is put together from the others."""
        record(backend, running, *creation("c", 3))
        with backend.db.connect() as connection:
            connection.execute(update(journal_batches).where(journal_batches.c.first_sequence == 5).values(body=b"{"))
        complete(backend, running)

        assert ["a"] == exported_names(backend, admin, DEV)
        assert "a batch of entries cannot be read" in update_row(backend, running.id).damage


class TestCrash:
    @pytest.fixture(params=[READ_JOURNAL, WRITE_END], ids=["before-replay", "after-storing"])
    def half(self, request: pytest.FixtureRequest, backend: Backend, running: Running) -> Running:
        """The update after its server died in the middle of completing it."""
        with interleaved(backend, request.param, crash), pytest.raises(Crash):
            complete(backend, running)
        assert ("finishing", "succeeded") == status(backend, running)
        return running

    def test_is_mended_by_the_clients_repeat(self, backend: Backend, admin: Caller, half: Running) -> None:
        """A client repeats `complete`, and that concludes what the first one began."""
        complete(backend, half)

        assert ("succeeded", "succeeded") == status(backend, half)
        assert ["a"] == exported_names(backend, admin, DEV)

    def test_holds_the_stack_for_a_while(self, backend: Backend, admin: Caller, half: Running, clock: FrozenClock) -> None:
        """Another process may still finish it, so the stack is not free at once, and accepts no entry."""
        clock.pass_seconds(GRACE_SECONDS - 1)

        with pytest.raises(InProgress):
            make_running(backend, admin, DEV)
        with pytest.raises(BackendError):
            record(backend, half, *creation("late", 9))

    @pytest.mark.parametrize("how", ["start", "export", "import", "job", "cancel"])
    def test_is_finished_by_the_next_call(
        self, backend: Backend, admin: Caller, half: Running, clock: FrozenClock, how: str
    ) -> None:
        """Once that time is over, the next one to look at the stack concludes the update with the same result."""
        nexts: dict[str, Callable[[], object]] = {
            "start": lambda: make_running(backend, admin, DEV),
            "export": lambda: state.export(backend, admin, DEV),
            "import": lambda: import_state(backend, admin, DEV, make_state()),
            "job": lambda: completion.expire_leases(backend, 10),
            "cancel": lambda: completion.cancel(backend, admin, DEV, half.id),
        }
        clock.pass_seconds(GRACE_SECONDS)
        with pytest.raises(Conflict) if how == "cancel" else nullcontext():
            nexts[how]()

        assert ("succeeded", "succeeded") == status(backend, half)
        assert ["a"] == [one["urn"].rpartition("::")[2] for one in inner(exported(backend, admin, DEV, 1))["resources"]]

    def test_may_be_mended_twice_at_once(self, backend: Backend, admin: Caller, half: Running) -> None:
        """Two processes that conclude the same update end in the same state."""
        with interleaved(backend, "BEGIN", lambda: finishing.build_state(backend, half.id)):
            finishing.build_state(backend, half.id)

        assert ("succeeded", "succeeded") == status(backend, half)
        assert ["a"] == exported_names(backend, admin, DEV)


class TestSettle:
    def test_leaves_a_good_lease_alone(self, backend: Backend, admin: Caller, running: Running, clock: FrozenClock) -> None:
        """An update with a valid lease is not finished by others."""
        clock.pass_seconds(299)
        stack = stacks.get_stack(backend, admin, DEV, Permission.STACK_READ)

        assert not finishing.finish_if_abandoned(backend, stack)
        assert ("running", None) == status(backend, running)

    def test_leaves_a_lease_alone_that_was_renewed_meanwhile(
        self, backend: Backend, admin: Caller, running: Running, clock: FrozenClock
    ) -> None:
        """A holder who renews between the look at their lease and the attempt to end their update keeps the stack."""
        clock.pass_seconds(301)
        stack = stacks.get_stack(backend, admin, DEV, Permission.STACK_READ)
        progress.renew(backend, running.lease, DEV)
        finishing.finish_if_abandoned(backend, stack)

        assert ("running", None) == status(backend, running)
        assert Status.RUNNING is stacks.get_stack(backend, admin, DEV, Permission.STACK_READ).latest.status
