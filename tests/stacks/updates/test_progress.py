import gzip
from typing import Any

import pytest
from sqlalchemy import select

from common.backend import Backend
from common.core.compression import pack
from common.core.errors import BadRequest, Forbidden, NotFound
from common.core.ids import new_id
from common.db.tables.stacks import event_batches, journal_batches
from common.rights.caller import Caller
from common.stacks.model import StackPath
from common.stacks.updates.leases import Lease
from common.stacks.updates.service import progress
from tests.counting import Counter
from tests.factories.stacks import (
    Running,
    complete,
    creation,
    exported,
    exported_names,
    make_running,
    make_stack,
    record,
    update_row,
)
from tests.stacks.engine.builders import dump, entry, make_batch, make_resource

DEV = StackPath("acme", "shop", "dev")
ROW_LIMIT = 256 << 10


@pytest.fixture
def update(backend: Backend, admin: Caller) -> Running:
    """A running update."""
    make_stack(backend, admin)
    return make_running(backend, admin, DEV)


def rows(backend: Backend, table: Any = journal_batches) -> list[Any]:
    """Return all stored batches."""
    with backend.db.connect() as connection:
        return list(connection.execute(select(table).order_by(table.c.id)))


class TestAppendJournal:
    def test_keeps_the_clients_own_bytes(self, backend: Backend, update: Running) -> None:
        """A batch is one row that holds the compressed bytes as they came, with what its envelope says."""
        text = make_batch(entry(7, 0, 1), entry(3, 1, 1))
        stored = gzip.compress(text, 1)
        progress.append_journal(backend, update.lease, stored, text)
        [row] = rows(backend)

        assert (stored, None, 3, 7, 2) == (bytes(row.body), row.blob_key, row.first_sequence, row.last_sequence, row.entry_count)

    @pytest.mark.parametrize(("size", "spilled"), [(ROW_LIMIT, False), (ROW_LIMIT + 1, True)])
    def test_spills_what_is_too_large_for_a_row(self, backend: Backend, update: Running, size: int, spilled: bool) -> None:
        """Up to the limit a batch is in its row; above it the row names a blob with the same bytes."""
        empty = make_batch(entry(1, 0, 1, note=""))
        text = make_batch(entry(1, 0, 1, note="x" * (size - len(empty))))
        progress.append_journal(backend, update.lease, text, text)
        [row] = rows(backend)

        assert spilled == (row.body is None) == (row.blob_key is not None)
        if spilled:
            assert text == backend.batches.get_stored(row.blob_key)

    @pytest.mark.parametrize("text", [b"{}", b'{"entries":null}', b'{"entries":[]}'])
    def test_of_nothing_stores_nothing(self, backend: Backend, update: Running, text: bytes) -> None:
        """An empty batch is accepted and leaves no row, but only under a good lease."""
        progress.append_journal(backend, update.lease, text, text)

        assert [] == rows(backend)

    @pytest.mark.parametrize("text", [b"", b"[]", b"{", b'{"entries":{}}', b'{"entries":[1]}', b'{"entries":[{"a":"\xff"}]}'])
    def test_refuses_what_no_replay_could_open(self, backend: Backend, update: Running, text: bytes) -> None:
        """Text that is no batch is 400 and nothing is stored."""
        with pytest.raises(BadRequest):
            progress.append_journal(backend, update.lease, text, text)
        assert [] == rows(backend)

    def test_takes_repeats_and_overlaps(self, backend: Backend, admin: Caller, update: Running) -> None:
        """A retried batch, and one that shares entries with another, count once; the first to arrive counts."""
        first, second = creation("a", 1), creation("b", 2)
        record(backend, update, *first)
        record(backend, update, *first)
        record(backend, update, *first, *second)
        record(backend, update, entry(2, 1, 1, state=make_resource("other")))
        complete(backend, update)

        assert 4 == len(rows(backend))
        assert ["a", "b"] == exported_names(backend, admin, DEV)

    def test_takes_batches_in_any_order(self, backend: Backend, admin: Caller, update: Running) -> None:
        """Entries are put in order by their numbers, whatever order they arrive in."""
        for step in (3, 1, 2):
            record(backend, update, *reversed(creation(f"r{step}", step)))
        complete(backend, update)

        assert ["r1", "r2", "r3"] == exported_names(backend, admin, DEV)

    def test_goes_on_over_a_gap(self, backend: Backend, admin: Caller, update: Running) -> None:
        """Entries that never arrived are missing; those around them count."""
        record(backend, update, *creation("a", 1))
        record(backend, update, *creation("c", 3))
        complete(backend, update)

        assert ["a", "c"] == exported_names(backend, admin, DEV)

    def test_keeps_what_nobody_understands(self, backend: Backend, admin: Caller, update: Running) -> None:
        """Unknown members and the spelling of numbers pass from the entry to the state."""
        odd = b'{"urn":"urn:pulumi:dev::shop::t:m:R::a","custom":true,"type":"t:m:R","inputs":{"n":1E5},"future":[1.0]}'
        text = make_batch(
            b'{"version":1,"kind":1,"sequenceID":1,"operationID":1,"removeOld":null,"removeNew":null,"state":%s}' % odd
        )
        progress.append_journal(backend, update.lease, text, text)
        complete(backend, update)

        assert odd in exported(backend, admin, DEV)

    def test_of_an_unknown_update(self, backend: Backend, update: Running) -> None:
        """A lease of a deleted update is 404."""
        with pytest.raises(NotFound):
            record(backend, Running(DEV, "", Lease(new_id()), update.started), *creation("a", 1))

    def test_after_the_end(self, backend: Backend, admin: Caller, update: Running) -> None:
        """Entries after `complete` are refused and do not appear."""
        complete(backend, update)

        with pytest.raises(Forbidden):
            record(backend, update, *creation("late", 1))
        assert [] == exported_names(backend, admin, DEV)

    def test_leaves_an_unnamed_blob_when_the_lease_is_lost(self, backend: Backend, update: Running) -> None:
        """A large batch that came too late is in no row: its blob is for the sweep."""
        complete(backend, update)

        with pytest.raises(Forbidden):
            record(backend, update, *creation("late", 1, outputs={"x": "y" * ROW_LIMIT}))
        assert [] == rows(backend)


class TestAppendEvents:
    def test_keeps_a_batch_and_its_summary(self, backend: Backend, update: Running) -> None:
        """Events are kept as they came, and the changes of a real update's summary beside them."""
        text = dump(
            {"events": [{"sequence": 4, "stdoutEvent": {}}, {"sequence": 5, "summaryEvent": {"resourceChanges": {"same": 1}}}]}
        )
        progress.append_events(backend, update.lease, pack(text), text)
        [row] = rows(backend, event_batches)

        assert (pack(text), 4, 5, 2, '{"same":1}') == (
            bytes(row.body),
            row.first_sequence,
            row.last_sequence,
            row.event_count,
            row.resource_changes,
        )

    def test_takes_a_single_one(self, backend: Backend, update: Running) -> None:
        """Old clients send one event at a time."""
        progress.append_event(backend, update.lease, b'{"sequence":3,"cancelEvent":{}}')

        assert [(3, 1)] == [(row.first_sequence, row.event_count) for row in rows(backend, event_batches)]

    @pytest.mark.parametrize("text", [b"7", b"{", b"[]", b'"x"', b"null"])
    def test_refuses_a_single_one_that_is_none(self, backend: Backend, update: Running, text: bytes) -> None:
        """What is no event is 400."""
        with pytest.raises(BadRequest):
            progress.append_event(backend, update.lease, text)

    def test_costs_one_statement(self, backend: Backend, update: Running, counter: Counter) -> None:
        """The statement that writes is the one that checks the lease."""
        counter.reset()
        progress.append_events(backend, update.lease, b'{"events":[{"sequence":1}]}', b'{"events":[{"sequence":1}]}')

        assert (1, 0, 0, 0) == counter.cost
        assert "running" == update_row(backend, update.id).status
