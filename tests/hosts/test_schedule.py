"""The schedule of a database that pauses: what the names in the store say, and what becomes due when."""

from pathlib import Path

from common.ports.blobs import Bucket
from common.ports.blobs.files import Files
from functions.hosts import schedule
from functions.hosts.schedule import LONGEST_MILLIS, MARK_MILLIS, RESERVE_MILLIS, SETTLED_MILLIS, Schedule
from functions.jobs import JOBS

# Jobs that run more often than hourly, each with what makes it run in time where the database pauses.
FREQUENT = {
    "expire_leases": "an open update",
    "cancel_revoked": "an open update",
    "send_mail": "the mail's due time",
    "deliver_messages": "the message's due time",
    "rotate_secrets": "the schedule's due time",
    "queue_audit_copies": "the activity that made the records",
    "queue_audit_exports": "the run an hour after the activity that made the records",
}
NOW = 1_790_000_000_000
ACTIVE = MARK_MILLIS + RESERVE_MILLIS


class TestSchedule:
    def test_is_due_while_processes_are_active_and_once_after_that(self) -> None:
        """What a request made last may not have been there yet when jobs looked before."""
        active = Schedule(active_until=NOW, ran_at=NOW - 1, next_at=NOW + LONGEST_MILLIS)

        assert active.is_due(NOW - 1)
        assert active.is_due(NOW + 1)
        assert not Schedule(active_until=NOW, ran_at=NOW + 1, next_at=NOW + LONGEST_MILLIS).is_due(NOW + 2)

    def test_is_due_when_nothing_is_known(self) -> None:
        """An installation begins so, and one that lost its store's objects goes on."""
        assert Schedule().is_due(NOW)

    def test_is_due_when_a_wrong_clock_put_the_last_run_in_the_future(self, tmp_path: Path) -> None:
        """Such a run must not keep jobs from running until then, whatever it says is due next; the next one replaces it."""
        store = Bucket(Files(tmp_path))
        schedule.store_run(store, Schedule(), NOW + LONGEST_MILLIS, NOW + 2 * LONGEST_MILLIS)
        wrong = schedule.load(store)
        assert wrong.is_due(NOW)
        schedule.store_run(store, wrong, NOW, NOW + 9)

        right = schedule.load(store)
        assert (NOW, NOW + 9) == (right.ran_at, right.next_at)
        assert not right.is_due(NOW + 8)

    def test_names_the_next_run(self) -> None:
        """What is due first counts: work that was found, the end of the hour after the last activity, or a day."""
        idle, busy = Schedule(active_until=NOW - SETTLED_MILLIS), Schedule(active_until=NOW)

        assert NOW + LONGEST_MILLIS == idle.next_after(NOW, None)
        assert NOW + 7 == idle.next_after(NOW, NOW + 7)
        assert NOW == idle.next_after(NOW, NOW - 7)
        assert NOW + SETTLED_MILLIS == busy.next_after(NOW, None)


def test_knows_every_frequent_job() -> None:
    """A new job that runs often needs a due time in next_due_at of functions/jobs.py, or must follow activity."""
    assert set(FREQUENT) == {job.name for job in JOBS if job.period_seconds < 3600}


class TestStore:
    def test_keeps_the_newest_of_each_kind(self, tmp_path: Path) -> None:
        """A run replaces the one before it and the activity that it saw; what came meanwhile stays."""
        store = Bucket(Files(tmp_path))
        assert Schedule() == schedule.load(store)
        for at in (NOW, NOW + 1):
            schedule.mark_active(store, at)
        first = schedule.load(store)
        schedule.mark_active(store, NOW + 2)
        schedule.store_run(store, first, NOW + ACTIVE + 5, NOW + 9)
        second = schedule.load(store)
        schedule.store_run(store, second, NOW + ACTIVE + 6, NOW + 10)
        third = schedule.load(store)

        assert (NOW + 1 + ACTIVE, 0, 0) == (first.active_until, first.ran_at, first.next_at)
        assert (NOW + 2 + ACTIVE, NOW + ACTIVE + 5, NOW + 9) == (second.active_until, second.ran_at, second.next_at)
        assert (NOW + 2 + ACTIVE, NOW + ACTIVE + 6, NOW + 10) == (third.active_until, third.ran_at, third.next_at)
        assert [2, 3, 2] == [len(view.keys) for view in (first, second, third)]
