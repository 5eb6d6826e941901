"""Updates with more data than a server can replay, or with unreadable data: they end, and hold up no other update."""

import gzip
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy import update as change
from starlette.testclient import TestClient

from common.backend import Backend
from common.core.compression import unpack
from common.core.errors import BackendError, BadRequest, Unavailable
from common.db.tables.audit import audit_events
from common.db.tables.stacks import event_batches, journal_batches
from common.rights.caller import Caller
from common.stacks.model import StackPath
from common.stacks.updates import finishing
from common.stacks.updates.model import InProgress
from common.stacks.updates.service import cleanup, completion, events, progress
from common.stacks.updates.service.events import EventQuery
from functions.jobs import JOBS, run_due
from tests.clocks import FrozenClock
from tests.factories.clients import make_client
from tests.factories.settings import with_settings
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
from tests.interleaving import Crash, crash, failing, interleaved
from tests.stacks.engine.builders import dump, entry, make_batch, make_resource
from tests.wire import begin, create_stack, error_of

DEV = StackPath("acme", "shop", "dev")
MIB = 1 << 20
BLANKS = b" " * MIB


def peak_bytes(work: Callable[[], object]) -> int:
    """Return how much memory Python's allocators had given out at most while something was done."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def blank_batch(step: int, blanks: bytes = BLANKS) -> bytes:
    """Return a batch that is nothing but blanks for the most part."""
    return make_batch(*creation(f"r{step}", step)).replace(b"[", b"[" + blanks, 1)


@pytest.fixture
def update(backend: Backend, admin: Caller) -> Running:
    """A running update."""
    make_stack(backend, admin)
    return make_running(backend, admin, DEV)


class TestBatch:
    def test_that_inflates_to_too_much_is_halved_by_its_client(self, backend: Backend, admin: Caller) -> None:
        """A small request that holds a large batch is 413, for journals as for events, and the update goes on."""
        assert admin.login == "admin"
        client = make_client(with_settings(backend, STACKHOLD_BATCH_LIMIT_BYTES="1000"))
        found = begin(client, create_stack(client))
        large = {"sequence": 1, "stdoutEvent": {"message": "x" * 1000}}

        for reply in (found.journal(*creation("a", 1, inputs={"x": "y" * 1000})), found.events(large)):
            status, code, message = error_of(reply)
            assert (413, 413) == (status, code)
            assert "STACKHOLD_BATCH_LIMIT_BYTES" in message
        assert 204 == found.journal(entry(1, 0, 1)).status_code

    def test_of_a_great_many_entries_is_refused_before_there_is_an_object_for_each(self, client: TestClient) -> None:
        """Entries of two bytes take much more memory than their text, so their number is limited too."""
        found = begin(client, create_stack(client))
        body = b'{"entries":[' + b",".join([b"{}"] * 500_000) + b"]}"

        used = peak_bytes(lambda: found.send("PATCH", "journalentries", body))
        status, _, message = error_of(found.send("PATCH", "journalentries", body))

        assert 413 == status
        assert "more than 100,000 entries" in message
        assert used < 8 * len(body)

    def test_is_kept_without_the_blanks_that_are_most_of_it(self, backend: Backend, admin: Caller, update: Running) -> None:
        """Six batches of blanks take what their entries take, when they are kept and when they are put together."""
        for step in range(1, 7):
            text = blank_batch(step)
            progress.append_journal(backend, update.lease, gzip.compress(text), text)
        with backend.db.connect() as connection:
            kept = [unpack(row.body) for row in connection.execute(journal_batches.select())]
        used = peak_bytes(lambda: complete(backend, update))

        assert max(map(len, kept)) < 1000
        assert used < 2 * MIB
        assert [f"r{step}" for step in range(1, 7)] == exported_names(backend, admin, DEV)

    @pytest.mark.parametrize("padding", [gzip.compress(b"") * 5000, b"\0" * 100_000], ids=["members", "zeros"])
    def test_is_kept_without_padding_that_is_no_text(self, backend: Backend, update: Running, padding: bytes) -> None:
        """Compressed bytes that inflate to nothing count for nothing, so they are not kept either."""
        text = make_batch(*creation("a", 1))
        progress.append_journal(backend, update.lease, gzip.compress(text) + padding, text)
        events = b'{"events":[{"sequence":1}]}'
        progress.append_events(backend, update.lease, gzip.compress(events) + padding, events)
        with backend.db.connect() as connection:
            kept = [*connection.execute(journal_batches.select()), *connection.execute(event_batches.select())]

        assert [text, events] == [unpack(row.body) for row in kept]
        assert max(len(row.body) for row in kept) <= len(text)

    def test_with_an_endless_summary_is_kept_without_reading_it(self, backend: Backend, update: Running) -> None:
        """A summary of millions of names would take gigabytes when it is read, and stand in every listing of updates."""
        changes = b",".join(b'"%d":1' % number for number in range(100_000))
        text = b'{"events":[{"sequence":1,"summaryEvent":{"isPreview":false,"resourceChanges":{%b}}}]}' % changes

        assert 2 * len(text) > peak_bytes(lambda: progress.append_events(backend, update.lease, text, text))
        with backend.db.connect() as connection:
            assert connection.scalar(event_batches.select().with_only_columns(event_batches.c.resource_changes)) is None


class TestUpdate:
    def test_that_has_recorded_as_much_as_it_may_keeps_what_it_has(
        self, backend: Backend, admin: Caller, update: Running
    ) -> None:
        """Beyond the limit of an update a batch is refused by the name of the setting, and what was recorded stays."""
        backend = with_settings(backend, STACKHOLD_UPDATE_LIMIT_BYTES="10000")
        record(backend, update, *creation("a", 1, inputs={"x": "y" * 2000}))
        with pytest.raises(BadRequest, match=r"10,000 bytes \(STACKHOLD_UPDATE_LIMIT_BYTES\). What it recorded is kept"):
            record(backend, update, *creation("b", 2, inputs={"x": "y" * 2000}))
        record_events(backend, update, {"sequence": 1})
        complete(backend, update)

        assert ["a"] == exported_names(backend, admin, DEV)

    def test_counts_a_batch_and_an_entry_beside_their_text(self, backend: Backend, update: Running) -> None:
        """A great many tiny batches reach the limit too."""
        backend = with_settings(backend, STACKHOLD_UPDATE_LIMIT_BYTES=str(10 * progress.BATCH_BYTES))

        for step in range(7):
            record(backend, update, entry(step, 0, step))
        with pytest.raises(BadRequest):
            record(backend, update, entry(7, 0, 7))

    def test_leaves_no_blob_of_a_batch_that_is_refused(self, backend: Backend, update: Running) -> None:
        """A batch too large for a row is not kept in the object store once it was refused."""
        backend = with_settings(backend, STACKHOLD_UPDATE_LIMIT_BYTES="10000", STACKHOLD_BATCH_ROW_LIMIT_BYTES="10")
        with pytest.raises(BadRequest):
            record(backend, update, *creation("a", 1, inputs={"x": "y" * 10_000}))

        assert [] == backend.batches.page("batches/", "", 10)


def poison_overlapping(backend: Backend, update: Running) -> None:
    """Record batches that all reach from the first entry to the last, so that each must be read before any is done."""
    for step in range(1, 9):
        made = make_resource(f"r{step}", inputs={"x": "y" * (MIB // 4)})
        record(backend, update, entry(step, 1, step, state=made), entry(1000 + step, 6, 1))


def poison_large(backend: Backend, update: Running) -> None:
    """Record a state that is larger than one may be."""
    for step in range(1, 9):
        record(backend, update, *creation(f"r{step}", step, inputs={"x": "y" * (MIB // 4)}))


def poison_old(backend: Backend, update: Running) -> None:
    """Leaves a batch of an older release, which inflates to more than any request may."""
    record(backend, update, *creation("a", 1))
    with backend.db.connect() as connection:
        connection.execute(
            change(journal_batches)
            .where(journal_batches.c.update_id == update.id)
            .values(body=gzip.compress(blank_batch(1, BLANKS * 2)))
        )


def poison_cut(backend: Backend, update: Running) -> None:
    """Damage a stored batch."""
    record(backend, update, *creation("a", 1))
    with backend.db.connect() as connection:
        connection.execute(
            change(journal_batches).where(journal_batches.c.update_id == update.id).values(body=gzip.compress(b"{}" * 100)[:20])
        )


def cut_batch(backend: Backend, admin: Caller, update: Running) -> tuple[Path, bytes]:
    """Complete an update with a batch that the object store gives half of; return the batch's file and all of it."""
    backend = with_settings(backend, STACKHOLD_BATCH_ROW_LIMIT_BYTES="10")
    record(backend, update, *creation("a", 1))
    [batch] = (backend.settings.data_folder / "objects" / "batches").rglob("*-*-*-*-*/*")
    whole = batch.read_bytes()
    batch.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(finishing.StateNotBuilt):
        complete(backend, update)
    return batch, whole


def ends_of(backend: Backend) -> int:
    """Return how often the audit log has the end of an update."""
    with backend.db.connect() as connection:
        kind = audit_events.c.description.like("Update 1 of stack % ended%")
        return int(connection.scalar(select(func.count()).select_from(audit_events).where(kind)) or 0)


POISONS = (poison_overlapping, poison_large, poison_old, poison_cut)


class TestSetAside:
    @pytest.mark.parametrize("poison", POISONS)
    def test_is_what_becomes_of_a_poisoned_update(
        self, backend: Backend, admin: Caller, update: Running, clock: FrozenClock, poison: Callable[[Backend, Running], None]
    ) -> None:
        """The job ends it as failed with the reason, keeps its journal, frees the stack, and goes on with the next update."""
        backend = with_settings(backend, STACKHOLD_BODY_LIMIT_BYTES=str(MIB))
        other = make_running(backend, admin, make_stack(backend, admin, "other"))
        record(backend, other, *creation("o", 1))
        poison(backend, update)
        clock.pass_seconds(300 + completion.ABANDONED_AFTER_SECONDS)
        used = peak_bytes(lambda: run_due(backend, [job for job in JOBS if job.name == "expire_leases"]))

        row = update_row(backend, update.id)
        assert ("failed", "damaged") == (row.status, row.outcome)
        assert f"version 1 of stack '{DEV}'" in row.damage
        assert ("failed", "expired") == (update_row(backend, other.id).status, update_row(backend, other.id).outcome)
        assert used < 24 * MIB
        assert [] == exported_names(backend, admin, DEV)
        clock.pass_seconds(8 * 86400)
        cleanup.delete_old_journals(backend)
        with backend.db.connect() as connection:
            assert update.id in {one.update_id for one in connection.execute(journal_batches.select())}
        make_running(backend, admin, DEV)

    def test_is_reported_only_to_the_client_that_completes(self, backend: Backend, admin: Caller, update: Running) -> None:
        """The client learns why; a repeat tries again, which helps once what was damaged has been repaired."""
        record(backend, update, *creation("a", 1))
        with backend.db.connect() as connection:
            whole = connection.execute(journal_batches.select()).one().body
            connection.execute(
                change(journal_batches).where(journal_batches.c.update_id == update.id).values(body=gzip.compress(whole)[:30])
            )
        for _ in range(2):
            with pytest.raises(
                finishing.StateNotBuilt,
                match=r"version 1 of stack 'acme/shop/dev' could not be built: the stored batch .* damaged",
            ):
                complete(backend, update)
        assert [] == exported_names(backend, admin, DEV)
        with backend.db.connect() as connection:
            connection.execute(change(journal_batches).where(journal_batches.c.update_id == update.id).values(body=whole))
        completion.cancel(backend, admin, DEV, update.id)

        assert ("cancelled", "cancelled") == (update_row(backend, update.id).status, update_row(backend, update.id).outcome)
        assert ["a"] == exported_names(backend, admin, DEV)

    @pytest.mark.parametrize("goes_on", [exported_names, make_running], ids=["export", "start"])
    def test_is_tried_again_before_the_stack_goes_on(
        self, backend: Backend, admin: Caller, update: Running, goes_on: Callable[[Backend, Caller, StackPath], object]
    ) -> None:
        """A store that gave a wrong answer once costs nothing: the next export or update finds all that was accepted."""
        batch, whole = cut_batch(backend, admin, update)
        batch.write_bytes(whole)

        goes_on(backend, admin, DEV)

        assert ["a"] == exported_names(backend, admin, DEV)
        assert ("failed", None) == (update_row(backend, update.id).status, update_row(backend, update.id).damage)

    def test_is_tried_by_readers_without_a_trace(
        self, backend: Backend, admin: Caller, update: Running, clock: FrozenClock
    ) -> None:
        """An export that cannot build the state either changes nothing: no end in the audit log, no message, no other date."""
        batch, whole = cut_batch(backend, admin, update)
        clock.pass_seconds(3600)
        before, ends = update_row(backend, update.id), ends_of(backend)
        assert [] == exported_names(backend, admin, DEV)
        assert (before, ends) == (update_row(backend, update.id), ends_of(backend))

        batch.write_bytes(whole)
        assert ["a"] == exported_names(backend, admin, DEV)
        assert (before.ended_at, ends + 1) == (update_row(backend, update.id).ended_at, ends_of(backend))

    def test_is_built_by_one_process_at_a_time(
        self, backend: Backend, admin: Caller, update: Running, clock: FrozenClock
    ) -> None:
        """Meanwhile the stack is busy, and others do not count as further attempts."""
        batch, whole = cut_batch(backend, admin, update)
        batch.write_bytes(whole)
        clock.pass_seconds(3600)

        def meanwhile() -> None:
            assert [] == exported_names(backend, admin, DEV)
            with pytest.raises(InProgress):
                make_running(backend, admin, DEV)
            assert 1 == update_row(backend, update.id).attempts

        with interleaved(backend, "SELECT journal_batches", meanwhile):
            assert ["a"] == exported_names(backend, admin, DEV)

    def test_that_is_built_while_the_next_update_starts_is_not_passed_over(
        self, backend: Backend, admin: Caller, update: Running
    ) -> None:
        """The start could not build the state, an export can a moment later: the start reads the stack again."""
        batch, whole = cut_batch(backend, admin, update)
        transactions = 0

        def meanwhile() -> None:
            nonlocal transactions
            transactions += 1
            if transactions == 2:  # The first one ends the attempt of the start itself.
                batch.write_bytes(whole)
                assert ["a"] == exported_names(backend, admin, DEV)

        with interleaved(backend, "BEGIN", meanwhile, times=2):
            make_running(backend, admin, DEV)

        assert ["a"] == exported_names(backend, admin, DEV)

    def test_is_not_built_once_the_next_update_has_started_without_it(
        self, backend: Backend, admin: Caller, update: Running
    ) -> None:
        """Its row says so, for a process that has not seen the new version yet."""
        cut_batch(backend, admin, update)
        make_running(backend, admin, DEV)

        assert update_row(backend, update.id).attempts > finishing.MOST_ATTEMPTS

    def test_is_not_tried_again_once_the_stack_has_gone_on(self, backend: Backend, admin: Caller, update: Running) -> None:
        """A newer version was made from the state before it, so that nothing can be put in between any more."""
        poison_cut(backend, update)
        with pytest.raises(finishing.StateNotBuilt):
            complete(backend, update)
        complete(backend, make_running(backend, admin, DEV))

        with pytest.raises(finishing.StateNotBuilt):
            complete(backend, update)
        assert "damaged" == update_row(backend, update.id).outcome

    def test_is_what_becomes_of_an_update_that_kills_its_server(
        self, backend: Backend, admin: Caller, update: Running, clock: FrozenClock
    ) -> None:
        """A process that dies during the replay leaves a count, and after several deaths it is not tried again."""
        record(backend, update, *creation("a", 1))
        clock.pass_seconds(300 + completion.ABANDONED_AFTER_SECONDS)
        for _ in range(finishing.MOST_ATTEMPTS):
            with interleaved(backend, "SELECT journal_batches", crash), pytest.raises(Crash):
                completion.expire_leases(backend, 10)
            clock.pass_seconds(61)
        with interleaved(backend, "SELECT journal_batches", crash, times=0):
            assert 1 == completion.expire_leases(backend, 10)

        assert "damaged" == update_row(backend, update.id).outcome
        assert "the server stopped 3 times" in update_row(backend, update.id).damage
        # Nor is it by the next update, which a process would die of too.
        make_running(backend, admin, DEV)
        assert "damaged" == update_row(backend, update.id).outcome

    def test_is_not_what_becomes_of_an_update_whose_client_is_impatient(
        self, backend: Backend, admin: Caller, update: Running
    ) -> None:
        """Repeats of `complete` while an attempt is under way, or after the connection was lost, count as one attempt."""
        record(backend, update, *creation("a", 1))
        for _ in range(finishing.MOST_ATTEMPTS + 2):
            with interleaved(backend, "SELECT journal_batches", crash), pytest.raises(Crash):
                complete(backend, update)
        complete(backend, update)

        assert ["a"] == exported_names(backend, admin, DEV)

    def test_is_not_what_happens_to_an_update_that_waited_long_for_its_next_attempt(
        self, backend: Backend, admin: Caller, update: Running, clock: FrozenClock
    ) -> None:
        """Repeats count as one attempt also hours after the update ended, such as after a long outage of the database."""
        record(backend, update, *creation("a", 1))
        for pause_seconds in (0, 4 * 3600, *[1] * finishing.MOST_ATTEMPTS):
            clock.pass_seconds(pause_seconds)
            with interleaved(backend, "SELECT journal_batches", crash), pytest.raises(Crash):
                complete(backend, update)
        assert 2 == update_row(backend, update.id).attempts
        complete(backend, update)

        assert ["a"] == exported_names(backend, admin, DEV)

    def test_is_not_what_a_database_causes_that_fails_at_the_end_of_each_attempt(
        self, backend: Backend, admin: Caller, update: Running, clock: FrozenClock
    ) -> None:
        """Wherever an attempt meets a database that does not answer, it does not count."""
        fail = failing(Unavailable("the database does not answer"))
        record(backend, update, *creation("a", 1))
        for _ in range(finishing.MOST_ATTEMPTS + 2):
            with interleaved(backend, "UPDATE updates SET status=?, outcome=?, checkpoint", fail), pytest.raises(Unavailable):
                complete(backend, update)
            clock.pass_seconds(61)
        complete(backend, update)

        assert ["a"] == exported_names(backend, admin, DEV)

    def test_waits_for_a_store_that_does_not_answer(
        self, backend: Backend, admin: Caller, update: Running, clock: FrozenClock
    ) -> None:
        """That is no fault of the update: it is tried again as long as it takes."""
        backend = with_settings(backend, STACKHOLD_BATCH_ROW_LIMIT_BYTES="10")
        record(backend, update, *creation("a", 1))
        clock.pass_seconds(300 + completion.ABANDONED_AFTER_SECONDS)
        folder = backend.settings.data_folder / "objects" / "batches"
        hidden = folder.rename(folder.with_name("hidden"))
        folder.write_bytes(b"")
        for _ in range(finishing.MOST_ATTEMPTS + 2):
            assert 0 == completion.expire_leases(backend, 10)
            clock.pass_seconds(61)
        folder.unlink()
        hidden.rename(folder)

        assert 1 == completion.expire_leases(backend, 10)
        assert ["a"] == exported_names(backend, admin, DEV)


class TestEvents:
    def test_that_cannot_be_read_do_not_take_the_others_with_them(self, backend: Backend, admin: Caller, update: Running) -> None:
        """A damaged batch of events is left out of the page."""
        for number in range(3):
            record_events(backend, update, {"sequence": number})
        complete(backend, update)
        with backend.db.connect() as connection:
            connection.execute(change(event_batches).where(event_batches.c.first_sequence == 1).values(body=b"\x1f\x8bno"))
        found, following = events.page_events(backend, admin, DEV, update.id, EventQuery())

        assert ([dump({"sequence": 0}), dump({"sequence": 2})], None) == (found, following)

    def test_are_inflated_a_page_at_a_time(self, backend: Backend, admin: Caller, update: Running) -> None:
        """Events that inflate to many times what they take on the disk are served in pages of a few megabytes."""
        for number in range(20):
            text = dump({"events": [{"sequence": number, "stdoutEvent": {"message": "x" * MIB}}]})
            progress.append_events(backend, update.lease, gzip.compress(text), text)
        complete(backend, update)
        found: list[int] = []
        used = peak_bytes(lambda: found.append(len(events.page_events(backend, admin, DEV, update.id, EventQuery())[0])))

        assert [4] == found
        assert used < 24 * MIB


class TestPreview:
    def test_stores_nothing_but_events(self, client: TestClient) -> None:
        """A preview cannot store states and journals."""
        found = begin(client, create_stack(client), dry_run=True)
        state = b'{"version":3,"deployment":{}}'

        for reply in (found.journal(entry(1, 0, 1)), found.checkpoint(state), found.verbatim(state, 1)):
            assert (400, 400, "Bad Request: a preview can record only events") == error_of(reply)
        assert 200 == found.events({"sequence": 1}).status_code


class TestJob:
    def test_goes_on_after_an_update_that_fails_in_an_unexpected_way(
        self, backend: Backend, admin: Caller, update: Running, clock: FrozenClock
    ) -> None:
        """One update's trouble does not hold up the others."""
        other = make_running(backend, admin, make_stack(backend, admin, "other"))
        clock.pass_seconds(300 + completion.ABANDONED_AFTER_SECONDS)

        def fail() -> None:
            raise BackendError("unexpected")

        with interleaved(backend, "SELECT journal_batches", fail):
            assert 1 == completion.expire_leases(backend, 10)
        assert {"finishing", "failed"} == {update_row(backend, one.id).status for one in (update, other)}
