import os
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Table, func, insert, select, update

from common.backend import Backend
from common.core.ids import new_id
from common.db.tables import stacks as core_tables
from common.rights.caller import Caller
from common.stacks import blob_keys
from common.stacks.model import StackPath, Status
from common.stacks.service import blobs as unused_blobs
from common.stacks.service import deleted, lifecycle
from common.stacks.service.lifecycle import NewStack
from common.stacks.updates.service import cleanup
from functions.jobs import Job, page_by_page, run_due, until_none_left
from tests.clocks import FrozenClock

STATE = b'{"version":3,"deployment":{"manifest":{"time":"2026-01-02T03:04:05Z"},"resources":[]}}'
DAY = 86_400


def count(backend: Backend, table: Table) -> int:
    """The number of rows of a table."""
    with backend.db.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def blobs(backend: Backend) -> set[str]:
    """The keys in the store."""
    return {key for key, _ in backend.checkpoints.page("", "", 10_000)}


def put_blob(backend: Backend, key: str, age: timedelta) -> str:
    """Store a blob as if it had been written a while ago, by the backend's clock."""
    backend.checkpoints.put(key, b"{}")
    return make_old(backend, key, age)


def make_old(backend: Backend, key: str, age: timedelta) -> str:
    """Set the time at which a blob was written."""
    written_at = (backend.clock.now() - age).timestamp()
    os.utime(Path(backend.settings.data_folder, "objects", key), (written_at, written_at))
    return key


def add_batches(backend: Backend, update_id: str, blob_key: str | None = None) -> None:
    """Give an update a journal batch and an event batch."""
    common = {"update_id": update_id, "first_sequence": 1, "last_sequence": 2, "blob_key": blob_key, "received_at": 0}
    with backend.db.begin() as tx:
        tx.execute(insert(core_tables.journal_batches).values(id=new_id(), entry_count=2, **common))
        tx.execute(insert(core_tables.event_batches).values(id=new_id(), event_count=2, **common))


@pytest.fixture
def latest(backend: Backend, admin: Caller) -> str:
    """The id of the newest update of stack acme/web/dev, which has a state."""
    return lifecycle.create(backend, admin, "acme", "web", NewStack("dev", {}, state=STATE)).latest.update_id


def named_checkpoint(backend: Backend, update_id: str) -> str:
    """The key of an update's state, made old."""
    with backend.db.connect() as connection:
        key = connection.scalar(select(core_tables.updates.c.checkpoint).where(core_tables.updates.c.id == update_id))
    assert key is not None
    return put_blob(backend, key, timedelta(days=9))


class TestSweepBlobs:
    def run(self, backend: Backend) -> None:
        run_due(backend, [Job("blobs", 60, page_by_page(unused_blobs.delete_unused))])

    def test_keeps_what_rows_name(self, backend: Backend, latest: str) -> None:
        """States and batches that some row names stay, however old they are."""
        named = named_checkpoint(backend, latest)
        base = put_blob(backend, blob_keys.new_checkpoint_key(new_id()), timedelta(days=9))
        batch = put_blob(backend, blob_keys.new_batch_key(latest), timedelta(days=9))
        add_batches(backend, latest, batch)
        with backend.db.connect() as connection:
            connection.execute(update(core_tables.updates).values(base_checkpoint=base))

        self.run(backend)

        assert {named, base, batch} == blobs(backend)

    def test_removes_what_no_row_names(self, backend: Backend, latest: str) -> None:
        """A state or batch without a row goes once it is a day old; younger ones may still get theirs."""
        named = named_checkpoint(backend, latest)
        for key in (blob_keys.new_checkpoint_key(new_id()), blob_keys.new_batch_key(new_id())):
            put_blob(backend, key, timedelta(hours=25))
        young = put_blob(backend, blob_keys.new_checkpoint_key(new_id()), timedelta(hours=23))

        self.run(backend)

        assert {named, young} == blobs(backend)

    def test_removes_what_a_crash_left_half_written(self, backend: Backend, latest: str) -> None:
        """A temporary file beside a state is deleted."""
        named = named_checkpoint(backend, latest)
        half = backend.settings.data_folder / "objects" / Path(named).parent / ".part-1"
        half.write_bytes(b"{")
        os.utime(half, (0, 0))

        self.run(backend)

        assert not half.exists()
        assert {named} == blobs(backend)

    def test_works_through_pages(self, backend: Backend, latest: str) -> None:
        """Many blobs are looked at page by page; none is left out between two pages."""
        named = named_checkpoint(backend, latest)
        for number in range(9):
            new_key = blob_keys.new_batch_key if number % 2 else blob_keys.new_checkpoint_key
            put_blob(backend, new_key(new_id()), timedelta(days=2))
        after, steps = "", 0
        while steps == 0 or after:
            _, after = unused_blobs.delete_unused(backend, after, page_size=2)
            steps += 1

        assert {named} == blobs(backend)
        assert 3 + 4 + 1 == steps  # 4 batches, 6 states and no large configuration, two at a time, and an empty page each


class TestCompactJournals:
    def test_drops_journals_of_updates_that_ended_long_ago(self, backend: Backend, latest: str, clock: FrozenClock) -> None:
        """After the days of the setting the journal goes; events, history and state stay."""
        add_batches(backend, latest)
        clock.pass_seconds(7 * DAY - 1)
        run_due(backend, [Job("journals", 0, until_none_left(cleanup.delete_old_journals))])
        assert 1 == count(backend, core_tables.journal_batches)

        clock.pass_seconds(2)
        run_due(backend, [Job("journals", 0, until_none_left(cleanup.delete_old_journals))])

        assert 0 == count(backend, core_tables.journal_batches)
        assert 1 == count(backend, core_tables.event_batches)
        assert 1 == count(backend, core_tables.updates)

    @pytest.mark.parametrize("status", [Status.RUNNING, Status.FINISHING, Status.NOT_STARTED])
    def test_keeps_journals_that_are_not_in_a_state_yet(
        self, backend: Backend, latest: str, clock: FrozenClock, status: Status
    ) -> None:
        """The journal of an update that has not ended is all there is of its work, however old."""
        add_batches(backend, latest)
        with backend.db.connect() as connection:
            connection.execute(update(core_tables.updates).values(status=status))
        clock.pass_seconds(100 * DAY)

        run_due(backend, [Job("journals", 0, until_none_left(cleanup.delete_old_journals))])

        assert 1 == count(backend, core_tables.journal_batches)


class TestPurgeDeleted:
    def run(self, backend: Backend) -> None:
        run_due(backend, [Job("stacks", 0, until_none_left(deleted.purge_deleted))])

    def test_drops_all_rows_of_a_stack_deleted_long_ago(
        self, backend: Backend, admin: Caller, clock: FrozenClock, latest: str
    ) -> None:
        """A month after its deletion nothing of a stack is left, and its states are swept."""
        other = lifecycle.create(backend, admin, "acme", "web", NewStack("other", {"a": "b"}, state=STATE))
        add_batches(backend, latest)
        dev = StackPath("acme", "web", "dev")
        lifecycle.delete(backend, admin, dev, force=False)
        clock.pass_seconds(30 * DAY - 1)
        self.run(backend)
        assert 2 == count(backend, core_tables.stacks)

        clock.pass_seconds(2)
        self.run(backend)
        for key in blobs(backend):
            make_old(backend, key, timedelta(days=9))
        run_due(backend, [Job("blobs", 60, page_by_page(unused_blobs.delete_unused))])

        assert 1 == count(backend, core_tables.stacks) == count(backend, core_tables.updates)
        assert 0 == count(backend, core_tables.journal_batches) == count(backend, core_tables.event_batches)
        assert [other.latest.checkpoint] == list(blobs(backend))
        assert STATE == backend.checkpoints.get(other.latest.checkpoint or "")

    def test_leaves_live_stacks_alone(self, backend: Backend, clock: FrozenClock, latest: str) -> None:
        """Age alone removes nothing."""
        clock.pass_seconds(1000 * DAY)
        self.run(backend)

        assert 1 == count(backend, core_tables.stacks) == count(backend, core_tables.updates)
