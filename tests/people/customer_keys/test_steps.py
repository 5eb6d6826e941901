"""Migrations of data keys to another key."""

from contextlib import suppress

from sqlalchemy import update
from starlette.testclient import TestClient

from common.backend import Backend
from common.crypto import owner_keys, repository, wrapped_keys
from common.crypto.model import RetiredKey, WrappedKey
from common.db.tables.stacks import stacks
from common.outbox import steps as outbox
from common.outbox.model import CLAIM_MILLIS
from common.people.customer_keys.steps import LOST_AFTER
from common.rights.caller import Caller
from functions.jobs import deliver_messages
from tests.clocks import FrozenClock
from tests.factories.customer_keys import KEYS, FakeKms, add, arn, count_by_key, migrate, states_of_migrations
from tests.factories.people import make_org
from tests.factories.stacks import stack_id_of
from tests.wire import create_stack


class Killed(BaseException):
    """The process ends here."""


def make_stacks(client: TestClient, number: int) -> None:
    """Make some stacks."""
    for at in range(number):
        create_stack(client, f"s{at}")


def key_of_stack(server: Backend) -> WrappedKey:
    """Return the present data key of the only stack."""
    (key,) = (key for page in wrapped_keys.iterate_pages(server.db) for key in page if key.table == "stacks")
    return key


class TestMigration:
    def test_resumes_after_it_was_killed(self, server: Backend, client: TestClient, kms: FakeKms, clock: FrozenClock) -> None:
        """What was wrapped anew stays so; the next process does the rest once the claim has expired."""
        make_stacks(client, 12)
        add(client, "own")
        left = iter(range(5))

        def die() -> None:
            if next(left, None) is None:
                raise Killed

        kms.before_wrap = die
        with suppress(Killed):
            deliver_messages(server)
        killed = count_by_key(server)
        kms.before_wrap = lambda: None
        clock.pass_seconds(CLAIM_MILLIS / 1000)
        migrate(server, clock)

        assert 0 < killed["own"] < 12
        assert {"own": 12} == count_by_key(server)
        assert ["completed"] == states_of_migrations(client)

    def test_finds_what_was_stored_late(self, server: Backend, client: TestClient, clock: FrozenClock) -> None:
        """A request that read the former key stores its data key after the first pass: it is found before the migration ends."""
        make_stacks(client, 1)
        add(client, "own")
        deliver_messages(server)
        assert ["pending"] == states_of_migrations(client)
        # What such a request leaves: a data key under the master key.
        _plain, wrapped_key = server.data_keys.new(stack_id_of(server, "s0"))
        with server.db.begin() as tx:
            tx.execute(update(stacks).values(wrapped_key=wrapped_key))
        clock.pass_seconds(60)
        deliver_messages(server)

        assert {"own": 1} == count_by_key(server)
        assert ["completed"] == states_of_migrations(client)

    def test_waits_for_a_busy_key_service(self, server: Backend, client: TestClient, kms: FakeKms, clock: FrozenClock) -> None:
        """It says why it waits, and goes on by itself."""
        make_stacks(client, 3)
        add(client, "own")
        kms.is_busy = True
        deliver_messages(server)
        (waiting,) = client.get(f"{KEYS}/migration").json()
        kms.is_busy = False
        clock.pass_seconds(31)
        migrate(server, clock)

        assert ("pending", True) == (waiting["state"], "busy" in waiting["problem"])
        assert {"own": 3} == count_by_key(server)
        (done,) = client.get(f"{KEYS}/migration").json()
        assert ("completed", "", 3) == (done["state"], done["problem"], done["rewrapped"])

    def test_fails_where_a_key_is_lost_and_can_be_tried_again(
        self, server: Backend, client: TestClient, kms: FakeKms, clock: FrozenClock
    ) -> None:
        """The problem names the data key and the key; a retry does the rest. Without failed ones, it does nothing."""
        make_stacks(client, 2)
        add(client, "own")
        migrate(server, clock)
        add(client, "second")
        kms.lost = {arn("own")}
        assert 200 == client.post(f"{KEYS}/disable").status_code
        migrate(server, clock)
        failed = client.get(f"{KEYS}/migration").json()[0]
        kms.lost = set()
        assert 200 == client.post(f"{KEYS}/migration/retry").status_code
        migrate(server, clock)

        assert "failed" == failed["state"]
        assert arn("own") in failed["problem"]
        assert {"": 2} == count_by_key(server)
        assert ["completed", "completed"] == states_of_migrations(client)
        assert 200 == client.post(f"{KEYS}/migration/retry").status_code
        assert ["completed", "completed"] == states_of_migrations(client)

    def test_leaves_a_stack_alone_that_moves_meanwhile(
        self, server: Backend, client: TestClient, kms: FakeKms, admin: Caller, clock: FrozenClock
    ) -> None:
        """No data key of a stack stays under the key of its former organization, which that one may disable at any time."""
        make_org(server, "globex", admin)
        make_stacks(client, 1)
        add(client, "own")
        moves = iter([True])

        def move() -> None:
            if next(moves, False):
                assert client.post("/api/stacks/acme/shop/s0/transfer", json={"toOrg": "globex"}).is_success

        kms.before_wrap = move
        migrate(server, clock)

        assert {"": 1} == count_by_key(server)

    def test_follows_the_retired_keys_of_a_stack_that_moved(
        self, server: Backend, client: TestClient, admin: Caller, clock: FrozenClock
    ) -> None:
        """A stack moves when its present data key is under the right key already, and its retired one is not yet."""
        make_org(server, "globex", admin)
        make_stacks(client, 1)
        add(client, "own")
        migrate(server, clock)
        assert owner_keys.replace_key(server, key_of_stack(server), clock.now())
        assert {"own": 2} == count_by_key(server)
        client.post(f"{KEYS}/disable")
        key = key_of_stack(server)
        assert owner_keys.rewrap(server, key, admin.require_member("acme", missing="acme").org_id, None)

        assert client.post("/api/stacks/acme/shop/s0/transfer", json={"toOrg": "globex"}).is_success
        migrate(server, clock)

        assert {"": 2} == count_by_key(server)

    def test_goes_on_after_its_message_was_given_up(self, server: Backend, client: TestClient, clock: FrozenClock) -> None:
        """A restored installation has given up all messages: the next change of keys queues the work again."""
        make_stacks(client, 1)
        first = add(client, "first")
        with server.db.begin() as tx:
            outbox.give_up_waiting(tx, server, "restored")
        migrate(server, clock)
        assert {"": 1} == count_by_key(server)
        second = add(client, "second")

        assert 200 == client.post(f"{KEYS}/{second}/disable", json={"destID": first}).status_code
        migrate(server, clock)

        assert {"first": 1} == count_by_key(server)

    def test_gives_up_a_key_that_opens_nothing(
        self, server: Backend, client: TestClient, kms: FakeKms, clock: FrozenClock
    ) -> None:
        """A lost key with many data keys does not take the time of each message: data keys behind them are reached."""
        make_stacks(client, 1)
        add(client, "own")
        migrate(server, clock)
        stack_id = stack_id_of(server, "s0")
        own = server.keys.find_customer_key(key_of_stack(server).wrapped_key)
        with server.db.begin() as tx:
            for number in range(2 * LOST_AFTER):
                key_id = f"{number:04}"
                repository.add_retired_key(tx, RetiredKey(key_id, stack_id, server.keys.wrap(bytes(32), key_id, own), 1))
            repository.add_retired_key(tx, RetiredKey("last", stack_id, server.keys.wrap(bytes(32), "last"), 1))
        second = add(client, "second")
        kms.lost, kms.calls = {arn("own")}, 0
        client.post(f"{KEYS}/{second}/default")
        deliver_messages(server)
        clock.pass_seconds(60)
        calls = kms.calls
        deliver_messages(server)

        assert "failed" == states_of_migrations(client)[0]
        assert {"own": 2 * LOST_AFTER + 1, "second": 1} == count_by_key(server)
        # The last one is wrapped and tested, and threads that had begun end.
        assert kms.calls - calls <= LOST_AFTER + wrapped_keys.THREADS + 2
