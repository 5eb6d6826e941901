"""Updates of a client that disappears, sleeps, or comes back late."""

from collections.abc import Callable

import pytest

from common.backend import Backend
from common.core.errors import Forbidden
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks import steps as stacks
from common.stacks.model import StackPath
from common.stacks.state import service as state
from common.stacks.updates.model import Completion
from common.stacks.updates.service import completion, progress
from tests.clocks import FrozenClock
from tests.factories.stacks import (
    Running,
    complete,
    creation,
    exported_names,
    make_running,
    make_stack,
    record,
    record_events,
    update_row,
)
from tests.interleaving import Crash, crash, interleaved

DEV = StackPath("acme", "shop", "dev")
EXPIRED = "Forbidden: The provided update token has expired."


@pytest.fixture
def asleep(backend: Backend, admin: Caller, clock: FrozenClock) -> Running:
    """An update that created `a` and has just lost its lease."""
    make_stack(backend, admin)
    found = make_running(backend, admin, DEV)
    record(backend, found, *creation("a", 1))
    clock.pass_seconds(300)
    return found


def result(backend: Backend, update: Running) -> tuple[str, str | None]:
    """Return status and outcome."""
    row = update_row(backend, update.id)
    return row.status, row.outcome


class TestLease:
    def test_is_good_for_five_minutes(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """Up to the last moment of its lease an update may write."""
        make_stack(backend, admin)
        found = make_running(backend, admin, DEV)
        clock.pass_seconds(299.999)
        record(backend, found, *creation("a", 1))

        assert ("running", None) == result(backend, found)

    def test_that_ran_out_takes_nothing(self, backend: Backend, asleep: Running) -> None:
        """After it entries and events are refused with the status that tells a client that its lease is lost."""
        sends: list[Callable[[], object]] = [
            lambda: record(backend, asleep, *creation("b", 2)),
            lambda: record(backend, asleep),
            lambda: record_events(backend, asleep, {"sequence": 1}),
        ]

        for send in sends:
            with pytest.raises(Forbidden) as caught:
                send()
            assert EXPIRED == caught.value.message

    def test_that_ran_out_is_renewed_if_nobody_took_the_stack(self, backend: Backend, admin: Caller, asleep: Running) -> None:
        """A laptop that slept goes on where it was."""
        progress.renew(backend, asleep.lease, DEV)
        record(backend, asleep, *creation("b", 2))
        complete(backend, asleep)

        assert ["a", "b"] == exported_names(backend, admin, DEV)

    def test_is_prolonged_from_the_moment_of_renewal(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """Each renewal gives the full length once more, and the first token stays good."""
        make_stack(backend, admin)
        found = make_running(backend, admin, DEV)
        for _ in range(3):
            clock.pass_seconds(200)
            token, expires_at = progress.renew(backend, found.lease, DEV)

        assert int(clock.now().timestamp() * 1000) + 300_000 == expires_at
        assert token == found.started.token
        record(backend, found, *creation("a", 1))

    def test_is_not_renewed_after_the_end(self, backend: Backend, admin: Caller) -> None:
        """An update that has ended has no lease to renew."""
        make_stack(backend, admin)
        found = make_running(backend, admin, DEV)
        complete(backend, found)

        with pytest.raises(Forbidden) as caught:
            progress.renew(backend, found.lease, DEV)
        assert EXPIRED == caught.value.message


class TestNextOne:
    def test_takes_the_stack_over(self, backend: Backend, admin: Caller, asleep: Running) -> None:
        """A start after the lease ended finishes the old update as failed, with what it recorded, and goes on from there."""
        following = make_running(backend, admin, DEV)

        assert 2 == following.started.version
        assert ("failed", "expired") == result(backend, asleep)
        assert ["a"] == exported_names(backend, admin, DEV)

    def test_ends_the_lease_for_good(self, backend: Backend, admin: Caller, asleep: Running) -> None:
        """After another update has started, the old client can neither renew, nor write, nor complete."""
        make_running(backend, admin, DEV)
        calls: list[Callable[[], object]] = [
            lambda: progress.renew(backend, asleep.lease, DEV),
            lambda: record(backend, asleep, *creation("b", 2)),
            lambda: complete(backend, asleep),
        ]

        for call in calls:
            with pytest.raises(Forbidden) as caught:
                call()
            assert EXPIRED == caught.value.message
        assert ("failed", "expired") == result(backend, asleep)

    def test_may_be_an_export(self, backend: Backend, admin: Caller, asleep: Running) -> None:
        """An export of a stack shows the recorded state of an expired update."""
        assert ["a"] == exported_names(backend, admin, DEV)
        assert ("failed", "expired") == result(backend, asleep)

    def test_may_be_any_read_of_the_state(self, backend: Backend, admin: Caller, asleep: Running) -> None:
        """A count of resources settles as an export does."""
        assert (1, 1) == state.count_resources(backend, admin, DEV)

    def test_is_not_a_look_at_the_stack(self, backend: Backend, admin: Caller, asleep: Running) -> None:
        """Reading the stack's row ends nothing: only who needs the state puts it together."""
        stacks.get_stack(backend, admin, DEV, Permission.STACK_READ)

        assert ("running", None) == result(backend, asleep)


class TestLateComplete:
    @pytest.mark.parametrize("how", [Completion.SUCCEEDED, Completion.FAILED])
    def test_of_a_lease_that_ran_out(self, backend: Backend, admin: Caller, asleep: Running, how: Completion) -> None:
        """The client may complete late while no other update has started."""
        complete(backend, asleep, how)

        assert (how, how) == result(backend, asleep)
        assert ["a"] == exported_names(backend, admin, DEV)

    def test_after_the_update_was_given_up(self, backend: Backend, asleep: Running, clock: FrozenClock) -> None:
        """It even counts after the job gave the update up, and a repeat succeeds."""
        clock.pass_seconds(completion.ABANDONED_AFTER_SECONDS)
        completion.expire_leases(backend, 10)
        complete(backend, asleep)
        complete(backend, asleep)

        assert ("succeeded", "succeeded") == result(backend, asleep)

    def test_after_giving_it_up_stopped_half_way(
        self, backend: Backend, admin: Caller, asleep: Running, clock: FrozenClock
    ) -> None:
        """A holder who comes back while their update is half given up concludes it, with the result that they report."""
        clock.pass_seconds(completion.ABANDONED_AFTER_SECONDS)
        with interleaved(backend, "SELECT journal_batches", crash), pytest.raises(Crash):
            completion.expire_leases(backend, 10)
        complete(backend, asleep)

        assert ("succeeded", "succeeded") == result(backend, asleep)
        assert ["a"] == exported_names(backend, admin, DEV)

    def test_is_refused_once_somebody_took_the_stack(self, backend: Backend, admin: Caller, asleep: Running) -> None:
        """A newer version, even a finished one, means that the client cannot complete."""
        complete(backend, make_running(backend, admin, DEV))

        with pytest.raises(Forbidden) as caught:
            complete(backend, asleep)
        assert EXPIRED == caught.value.message


class TestExpireLeases:
    def test_finishes_what_is_abandoned_and_nothing_else(
        self, backend: Backend, admin: Caller, asleep: Running, clock: FrozenClock
    ) -> None:
        """The job ends updates and previews with an expired lease, and no others."""
        preview = make_running(backend, admin, make_stack(backend, admin, "preview"), dry_run=True)
        clock.pass_seconds(300 + completion.ABANDONED_AFTER_SECONDS)
        good = make_running(backend, admin, make_stack(backend, admin, "good"))

        assert [2, 0] == [completion.expire_leases(backend, 10) for _ in range(2)]
        assert [("failed", "expired")] * 2 == [result(backend, one) for one in (asleep, preview)]
        assert ("running", None) == result(backend, good)

    def test_leaves_time_to_wake_up(self, backend: Backend, asleep: Running, clock: FrozenClock) -> None:
        """An update with an expired lease stays open for a while, so that its client can renew it and continue."""
        clock.pass_seconds(completion.ABANDONED_AFTER_SECONDS - 1)

        assert 0 == completion.expire_leases(backend, 10)
        assert ("running", None) == result(backend, asleep)

    def test_is_bounded_and_goes_on(self, backend: Backend, admin: Caller, asleep: Running, clock: FrozenClock) -> None:
        """A step ends as many updates as its limit allows, and the next step goes on."""
        for number in range(2):
            make_running(backend, admin, make_stack(backend, admin, f"s{number}"))
        clock.pass_seconds(300 + completion.ABANDONED_AFTER_SECONDS)

        assert [2, 1, 0] == [completion.expire_leases(backend, 2) for _ in range(3)]


class TestClock:
    def test_that_was_ahead_makes_no_lease_longer_than_it_is(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """A lease that was given while the clock was a day ahead ends 300 seconds after the job has seen it."""
        make_stack(backend, admin)
        clock.pass_seconds(86_400)
        found = make_running(backend, admin, DEV)
        record(backend, found, *creation("a", 1))
        clock.pass_seconds(-86_400)
        completion.expire_leases(backend, 10)
        record(backend, found, *creation("b", 2))
        clock.pass_seconds(301)

        assert ["a", "b"] == exported_names(backend, admin, DEV)
        assert ("failed", "expired") == result(backend, found)

    def test_that_was_ahead_does_not_keep_half_an_end(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """An update is finished even if a process with such a clock began to finish it and died."""
        make_stack(backend, admin)
        found = make_running(backend, admin, DEV)
        clock.pass_seconds(86_400)
        progress.renew(backend, found.lease, DEV)
        record(backend, found, *creation("a", 1))
        with interleaved(backend, "SELECT journal_batches", crash), pytest.raises(Crash):
            complete(backend, found)
        clock.pass_seconds(-86_400)
        completion.expire_leases(backend, 10)
        clock.pass_seconds(61)

        assert ["a"] == exported_names(backend, admin, DEV)
