"""The copy of audit logs in DynamoDB: every record arrives once, whatever happens to the table."""

from dataclasses import replace

import pytest
from sqlalchemy import delete, func, select, update

from common.audit import integrity, reading, repository, steps
from common.audit.copies import steps as copies
from common.audit.copies.items import to_item
from common.audit.copies.repository import find_progress
from common.audit.events import Actor, Entry, Event, Search
from common.backend import Backend
from common.core.clock import unix_millis
from common.db.tables.audit import audit_events, audit_heads
from common.db.tables.outbox import outbox as outbox_messages
from common.outbox import service as outbox
from common.outbox.model import Message
from common.ports.audit_table import AuditTable
from common.ports.aws import ATTEMPTS, Access
from tests.aws.moto_process import REGION, Moto
from tests.clocks import FrozenClock
from tests.counting import Counter
from tests.factories.audit_tables import copy_logs, items_of, make_table, refusing, schema

ORG, OTHER = "org-1", "org-2"
ACTOR = Actor("u1", "alice", "t1", "ci", "192.0.2.7")


@pytest.fixture
def table(moto: Moto) -> AuditTable:
    """An empty table."""
    return make_table(moto)


@pytest.fixture
def backend(backend: Backend, table: AuditTable) -> Backend:
    """A backend whose logs are copied to the table."""
    return replace(backend, audit_table=table)


def record(backend: Backend, *numbers: int, org: str = ORG) -> None:
    """Record events, each in a transaction of its own."""
    for number in numbers:
        with backend.db.begin() as tx:
            steps.record_as(tx, backend, ACTOR, org, Event.TEAM_CREATED, description=str(number))


def copied(moto: Moto, table: AuditTable, org: str = ORG) -> list[int]:
    """Return the numbers of the records of an organization in the table, in order."""
    return sorted(int(item["description"]["S"]) for item in items_of(moto, table) if item["org_id"]["S"] == org)


def descriptions(entries: list[Entry]) -> list[str]:
    """Return the descriptions of entries."""
    return [entry.description for entry in entries]


class TestCopy:
    def test_has_the_originals_schema(self, backend: Backend, moto: Moto, table: AuditTable, clock: FrozenClock) -> None:
        """An item has the organization, its place in time, and its user for the index, beside all that was recorded."""
        record(backend, 1)
        copy_logs(backend)
        (item,) = items_of(moto, table)

        moment = f"{unix_millis(clock.now()):015d}"
        assert (ORG, f"{ORG}_u1") == (item["org_id"]["S"], item["org_user_id"]["S"])
        assert f"{moment}_{item['id']['S']}" == item["timestamp_id"]["S"]
        assert {"event", "description", "user_id", "login", "token_id", "token_name", "source_ip"} <= item.keys()

    def test_costs_one_statement(self, backend: Backend, counter: Counter) -> None:
        """A record and its message are one transaction: three statements, two without a table."""
        record(backend, 1)
        counter.reset()
        record(backend, 2)
        with_table = counter.statements
        counter.reset()
        record(replace(backend, audit_table=None), 3)

        assert (3, 2) == (with_table, counter.statements)

    def test_goes_with_its_transaction(self, backend: Backend, moto: Moto, table: AuditTable) -> None:
        """What was not done is not copied."""

        def fail() -> None:
            with backend.db.begin() as tx:
                steps.record_as(tx, backend, ACTOR, ORG, Event.TEAM_CREATED, description="1")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        copy_logs(backend)

        assert [] == copied(moto, table)

    def test_is_made_in_parts(self, backend: Backend, moto: Moto, table: AuditTable) -> None:
        """Logs from before the table was set are copied too, a bounded part at a time."""
        count = copies.RECORDS_PER_MESSAGE + 20
        record(replace(backend, audit_table=None), *range(count))
        record(replace(backend, audit_table=None), 7, org=OTHER)

        assert (2, "") == copies.queue_missing(backend, "")
        copy_logs(backend)
        assert (list(range(count)), [7]) == (copied(moto, table), copied(moto, table, OTHER))
        assert (0, "") == copies.queue_missing(backend, "")

    def test_goes_on_where_it_was(self, backend: Backend, moto: Moto, table: AuditTable) -> None:
        """Records from before the chain are copied first, a bounded part at a time, and none again after a failure."""
        count = copies.RECORDS_PER_MESSAGE + 20
        record(replace(backend, audit_table=None), *range(count + 1))
        with backend.db.begin() as tx:
            # As an old version left them: without a sequence, all but the last one.
            unchained = audit_events.c.sequence <= count
            tx.execute(update(audit_events).where(unchained).values(sequence=None, hash=None))
            tx.execute(update(audit_events).where(audit_events.c.sequence == count + 1).values(sequence=1))
            tx.execute(update(audit_heads).values(sequence=1))
        with backend.db.connect() as connection:
            first = repository.page_unchained(connection, ORG, (0, ""), copies.RECORDS_PER_MESSAGE)
        message = Message(1, copies.TOPIC, ORG, ORG, "", "", 0, 0, 0)
        copies.deliver(backend, message)
        after_one = items_of(moto, table)
        with backend.db.connect() as connection:
            progress = find_progress(connection, ORG)
        copies.deliver(backend, message)
        copies.deliver(backend, message)

        assert {one.id for one in first} == {item["id"]["S"] for item in after_one}
        assert (first[-1].recorded_at, first[-1].id) == progress.unchained
        assert list(range(count + 1)) == copied(moto, table)
        assert (0, "") == copies.queue_missing(backend, "")

    def test_keeps_the_chain_in_the_database(self, backend: Backend) -> None:
        """The hash chain is in the database, with a table or without."""
        record(backend, 1, 2)
        copy_logs(backend)

        assert 2 == integrity.verify_log(backend, ORG).chained


class TestFailure:
    def test_of_an_absent_table_loses_and_blocks_nothing(
        self, backend: Backend, moto: Moto, table: AuditTable, clock: FrozenClock
    ) -> None:
        """While the table is gone for an hour, events are recorded; when it is back, each arrives once."""
        record(backend, 0, 1)
        copy_logs(backend)
        moto.client("dynamodb").delete_table(TableName=table.name)
        for minute in range(60):
            record(backend, minute + 2)
            copies.queue_missing(backend, "")
            copy_logs(backend)
            clock.pass_seconds(60)
        moto.client("dynamodb").create_table(**schema(table.name))
        record(backend, 62)
        clock.pass_seconds(60)
        copy_logs(backend)

        assert list(range(2, 63)) == copied(moto, table)

    def test_of_an_absent_table_queues_few_messages(self, backend: Backend, moto: Moto, table: AuditTable) -> None:
        """While the table is away, records wait for the messages that are queued already."""
        moto.client("dynamodb").delete_table(TableName=table.name)
        record(backend, 1, 2)
        copy_logs(backend)
        record(backend, *range(3, 30))
        with backend.db.connect() as connection:
            waiting = connection.scalar(select(func.count()).select_from(outbox_messages))

        assert 2 == waiting

    def test_of_a_throttled_table_loses_nothing(
        self, backend: Backend, moto: Moto, table: AuditTable, clock: FrozenClock
    ) -> None:
        """Calls that are refused as too many are repeated later; what was written before is not written under another key."""
        with refusing(moto) as front:
            throttled = replace(backend, audit_table=AuditTable(table.name, Access(region=REGION, endpoint=front.url)))
            for number in range(20):
                record(throttled, number)
                front.refusals = ATTEMPTS if number % 3 == 0 else 1
                copy_logs(throttled)
                clock.pass_seconds(20)
            front.refusals = 0
            clock.pass_seconds(60)
            copy_logs(throttled)

        assert list(range(20)) == copied(moto, table)
        assert 20 == len(items_of(moto, table))

    def test_after_a_crash_repeats_under_the_same_key(self, backend: Backend, moto: Moto, table: AuditTable) -> None:
        """A process that ended before it noted its progress: the records are written again and are there once."""
        record(backend, 1, 2, 3)
        with backend.db.connect() as connection:
            first, *_ = repository.page_chain(connection, ORG, 0, 3, 10)
        table.put(to_item(first))
        copy_logs(backend)

        assert [1, 2, 3] == copied(moto, table)


class TestWithoutTable:
    def test_forgets_what_waits(self, backend: Backend) -> None:
        """Messages from before the setting was removed are delivered to nothing."""
        record(backend, 1)
        without = replace(backend, audit_table=None)

        assert (0, "") == copies.queue_missing(without, "")
        assert 1 == _deliver(without)


def _deliver(backend: Backend) -> int:
    return outbox.deliver_due(backend, {copies.TOPIC: copies.deliver})


class TestReading:
    def test_waits_for_the_copy_of_old_records(self, backend: Backend) -> None:
        """Where the table was just set, the database is read until older records are copied, those from before the chain too."""
        unset = replace(backend, audit_table=None)
        record(unset, 1)
        with backend.db.begin() as tx:
            tx.execute(update(audit_events).values(sequence=None, hash=None))
            tx.execute(delete(audit_heads))
        unchained = reading.page(backend, ORG, Search(), after=None, limit=10)
        record(unset, 2)
        both = reading.page(backend, ORG, Search(), after=None, limit=10)
        copies.queue_missing(backend, "")
        copy_logs(backend)

        assert (["1"], {"1", "2"}) == (descriptions(unchained), {*descriptions(both)})
        assert both == reading.page(backend, ORG, Search(), after=None, limit=10)

    def test_waits_for_the_copy_of_late_records(
        self, backend: Backend, moto: Moto, table: AuditTable, clock: FrozenClock
    ) -> None:
        """While the table takes no records but answers, the database is read as soon as a record waits for a minute."""
        record(backend, 1)
        copy_logs(backend)
        record(backend, 2)
        clock.pass_seconds(60)
        healthy = reading.page(backend, ORG, Search(), after=None, limit=10)
        clock.pass_seconds(1)
        late = reading.page(backend, ORG, Search(), after=None, limit=10)
        copy_logs(backend)

        assert (["1"], {"1", "2"}) == (descriptions(healthy), {*descriptions(late)})
        assert late == reading.page(backend, ORG, Search(), after=None, limit=10)

    def test_costs_one_statement_more(self, backend: Backend, counter: Counter) -> None:
        """How far the log was copied is one statement, and the profiles of those in it another one; the database takes one."""
        record(backend, 1)
        copy_logs(backend)
        counter.reset()
        reading.page(backend, ORG, Search(), after=None, limit=10)
        with_table = counter.statements
        counter.reset()
        reading.page(replace(backend, audit_table=None), ORG, Search(), after=None, limit=10)

        assert (2, 1) == (with_table, counter.statements)

    def test_falls_back_to_the_database(self, backend: Backend, moto: Moto, table: AuditTable) -> None:
        """A table that is gone, or has items of another program, is not read: the database has every record."""
        record(backend, 1, 2)
        copy_logs(backend)
        moto.client("dynamodb").put_item(
            TableName=table.name, Item={"org_id": {"S": ORG}, "timestamp_id": {"S": "1"}, "org_user_id": {"S": "x"}}
        )
        beside_others = reading.page(backend, ORG, Search(), after=None, limit=10)
        moto.client("dynamodb").delete_table(TableName=table.name)

        assert beside_others == reading.page(backend, ORG, Search(), after=None, limit=10)
        assert 2 == len(beside_others)
