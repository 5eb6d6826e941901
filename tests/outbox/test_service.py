"""The outbox: a message is delivered once and in order, tried again, given up, shown to administrators, and deleted."""

import threading

import pytest
from sqlalchemy import func, select

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, Forbidden, NotFound
from common.db.tables.outbox import outbox as table
from common.outbox import cleanup, steps
from common.outbox import service as outbox
from common.outbox.model import Message, NewMessage, NotDelivered, Postponed
from common.rights.caller import Caller
from tests.clocks import FrozenClock
from tests.factories.messages import TOPIC, Receiver, deliver_messages, queue_messages
from tests.factories.people import caller_of, make_user
from tests.factories.sign_in import at_once
from tests.interleaving import Crash, crash

DAY = 86_400


@pytest.fixture
def receiver() -> Receiver:
    """A handler that takes everything."""
    return Receiver()


def list_failed(backend: Backend, admin: Caller) -> list[Message]:
    """Return the messages that were given up."""
    messages, following = outbox.page_failed(backend, admin, None)
    assert following is None
    return messages


def row_count(backend: Backend) -> int:
    """Return how many messages there are, in any state."""
    with backend.db.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


class TestDelivery:
    def test_delivers_each_message_once(self, backend: Backend, clock: FrozenClock, receiver: Receiver) -> None:
        """What was delivered is not delivered again."""
        queue_messages(backend, "1", "2", "3")

        assert (3, ["1", "2", "3"]) == (deliver_messages(backend, receiver), receiver.take())
        clock.pass_seconds(3_600)
        assert (0, []) == (deliver_messages(backend, receiver), receiver.take())

    def test_goes_with_its_transaction(self, backend: Backend, receiver: Receiver) -> None:
        """A message of a change that was rolled back is not delivered."""

        def change() -> None:
            with backend.db.begin() as tx:
                steps.queue(tx, backend, [NewMessage(TOPIC, "a", "s", "1")])
                crash()

        with pytest.raises(Crash):
            change()
        assert (0, []) == (deliver_messages(backend, receiver), receiver.take())

    def test_keeps_the_order_within_a_subject(self, backend: Backend, clock: FrozenClock, receiver: Receiver) -> None:
        """A message that fails holds up those about the same subject, also those that come later, and no others."""
        queue_messages(backend, "1", "2")
        receiver.failure = NotDelivered("down")
        deliver_messages(backend, receiver)
        receiver.failure = None
        queue_messages(backend, "3")
        queue_messages(backend, "other subject", subject="t")
        queue_messages(backend, "other target", target="b")
        first = receiver.take()
        deliver_messages(backend, receiver)

        assert (["1"], {"other subject", "other target"}) == (first, set(receiver.take()))
        clock.pass_seconds(40)
        deliver_messages(backend, receiver)
        assert ["1", "2", "3"] == receiver.take()

    def test_is_due_next_when_the_first_of_its_subject_is(self, backend: Backend, clock: FrozenClock, receiver: Receiver) -> None:
        """A message behind one that failed wakes no database that pauses before that one is tried again."""
        queue_messages(backend, "1")
        receiver.failure = NotDelivered("down")
        deliver_messages(backend, receiver)
        due_at = outbox.next_due_at(backend)
        queue_messages(backend, "2")

        assert due_at is not None
        assert unix_millis(clock.now()) < due_at == outbox.next_due_at(backend)

    def test_goes_by_the_database_not_by_clocks(self, backend: Backend, clock: FrozenClock, receiver: Receiver) -> None:
        """Two messages of hosts with different clocks keep the order of their transactions."""
        clock.pass_seconds(30)
        queue_messages(backend, "1")
        clock.pass_seconds(-30)
        queue_messages(backend, "2")
        clock.pass_seconds(60)
        deliver_messages(backend, receiver)

        assert ["1", "2"] == receiver.take()

    def test_takes_a_key_once(self, backend: Backend, receiver: Receiver) -> None:
        """A target gets one message of a key, and another target gets its own."""
        for target in ("a", "a", "b"):
            with backend.db.begin() as tx:
                steps.queue(
                    tx, backend, [NewMessage(TOPIC, target, "s", target, "key"), NewMessage(TOPIC, target, "s", "x", "key")]
                )
        deliver_messages(backend, receiver)

        assert ["a", "b"] == sorted(receiver.take())

    def test_two_processes_deliver_once(self, backend: Backend, receiver: Receiver) -> None:
        """Two processes at once never deliver the same message, and keep the order of each subject."""
        for number in range(20):
            queue_messages(backend, f"x {number:02}", subject="x")
            queue_messages(backend, f"y {number:02}", target="b", subject="y")
        at_once(*[lambda: deliver_messages(backend, receiver)] * 2)
        deliver_messages(backend, receiver)
        contents = receiver.take()

        assert sorted({*contents}) == sorted(contents)
        for subject in "xy":
            assert [f"{subject} {number:02}" for number in range(20)] == [text for text in contents if text[0] == subject]

    def test_a_slow_target_does_not_hold_up_others(self, backend: Backend, receiver: Receiver) -> None:
        """While one target keeps its message, the others get theirs."""
        go_on, arrived = threading.Event(), threading.Event()

        def wait(message: Message) -> None:
            if message.target == "slow":
                queue_messages(backend, "later", target="quick")
                assert go_on.wait(10)
            elif message.content == "later":
                arrived.set()

        receiver.meanwhile = wait
        queue_messages(backend, "1", target="slow")
        thread = threading.Thread(target=deliver_messages, args=(backend, receiver))
        thread.start()
        is_delivered = arrived.wait(10)
        go_on.set()
        thread.join()

        assert is_delivered
        assert ["1", "later"] == receiver.take()

    def test_a_slow_topic_does_not_hold_up_others(self, backend: Backend, receiver: Receiver) -> None:
        """However many targets of one topic are slow, messages of another topic that were queued later are delivered."""
        go_on, arrived = threading.Event(), threading.Event()
        receiver.meanwhile = lambda _: go_on.wait(10)
        for number in range(9):
            queue_messages(backend, "slow", target=str(number))
        with backend.db.begin() as tx:
            steps.queue(tx, backend, [NewMessage("other", "a", "s", "1")])
        handlers = {TOPIC: receiver.deliver, "other": lambda *_: arrived.set()}
        thread = threading.Thread(target=outbox.deliver_due, args=(backend, handlers))
        thread.start()
        is_delivered = arrived.wait(5)
        go_on.set()
        thread.join()

        assert (True, 9) == (is_delivered, len(receiver.take()))

    def test_leaves_topics_without_handler(self, backend: Backend, receiver: Receiver) -> None:
        """A message of a topic that this release does not know waits."""
        with backend.db.begin() as tx:
            steps.queue(tx, backend, [NewMessage("newer", "a", "s", "1")])

        assert (0, 0) == (deliver_messages(backend, receiver), outbox.deliver_due(backend, {}))
        assert 1 == outbox.deliver_due(backend, {"newer": receiver.deliver})

    def test_announces_messages_to_its_process(self, backend: Backend) -> None:
        """A thread that waits for messages is woken."""
        assert not backend.new_messages.is_set()
        queue_messages(backend, "1")
        assert backend.new_messages.is_set()


class TestFailures:
    def test_are_tried_again_after_growing_pauses(
        self, backend: Backend, admin: Caller, clock: FrozenClock, receiver: Receiver
    ) -> None:
        """Eight attempts: 30 seconds, then twice as long each time up to an hour, give or take a quarter; then it is given up."""
        receiver.failure = NotDelivered("down")
        queue_messages(backend, "1")
        pauses = []
        for _ in range(8):
            assert 1 == deliver_messages(backend, receiver)
            with backend.db.connect() as connection:
                due_at = connection.scalar(select(table.c.due_at))
            pauses.append((due_at or 0) / 1000 - clock.moment.timestamp())
            clock.pass_seconds(max(pauses[-1] + 1, 1))

        for number, pause in enumerate(pauses[:-1]):
            usual = min(30 * 2**number, 3_600)
            assert usual * 0.74 <= pause <= usual * 1.26
        [message] = list_failed(backend, admin)
        assert ("1", "down", 8) == (message.content, message.problem, message.attempts)
        clock.pass_seconds(DAY)
        assert 0 == deliver_messages(backend, receiver)

    def test_let_those_behind_go_when_given_up(self, backend: Backend, admin: Caller, receiver: Receiver) -> None:
        """A message that can never be delivered is given up at once, and the next one about its subject is delivered."""
        queue_messages(backend, "1", "2")
        receiver.failure = NotDelivered("never", is_final=True)
        receiver.meanwhile = lambda message: setattr(receiver, "failure", None) if message.content == "2" else None
        deliver_messages(backend, receiver)

        assert ["1", "2"] == receiver.take()
        assert [("1", "never", 1)] == [(one.content, one.problem, one.attempts) for one in list_failed(backend, admin)]

    def test_of_a_handler_are_failures_of_the_message(
        self, backend: Backend, clock: FrozenClock, receiver: Receiver, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A handler with a bug does not end the job, and its message is tried again; the log says why."""
        receiver.failure = ZeroDivisionError("a secret")
        queue_messages(backend, "1")
        queue_messages(backend, "2", target="b")
        assert 2 == deliver_messages(backend, receiver)
        receiver.failure = None
        clock.pass_seconds(40)
        deliver_messages(backend, receiver)

        assert ["1", "1", "2", "2"] == sorted(receiver.take())
        assert "a message of topic test could not be delivered" in caplog.text

    def test_a_process_that_ended_is_replaced(
        self, backend: Backend, admin: Caller, clock: FrozenClock, receiver: Receiver
    ) -> None:
        """A message is delivered again, with the same key, when its process ended before it could say so; eight times at most."""
        queue_messages(backend, "1")
        receiver.failure = Crash()
        for _ in range(8):
            with pytest.raises(Crash):
                deliver_messages(backend, receiver)
            assert 0 == deliver_messages(backend, receiver)
            clock.pass_seconds(60)
        keys = {message.dedupe_key for message in receiver.messages}
        receiver.failure = None
        receiver.take()
        deliver_messages(backend, receiver)

        assert (1, []) == (len(keys), receiver.take())
        assert [outbox.ABANDONED] == [message.problem for message in list_failed(backend, admin)]

    def test_a_late_process_changes_nothing(self, backend: Backend, clock: FrozenClock, receiver: Receiver) -> None:
        """A process whose claim has expired does not overwrite what another one stored."""
        queue_messages(backend, "1")
        other = Receiver()

        def meanwhile(_: Message) -> None:
            clock.pass_seconds(61)
            deliver_messages(backend, other)

        receiver.meanwhile, receiver.failure = meanwhile, NotDelivered("late")
        deliver_messages(backend, receiver)
        clock.pass_seconds(DAY)

        assert (["1"], ["1"], 0) == (receiver.take(), other.take(), deliver_messages(backend, other))


class TestPostponed:
    def test_waits_and_is_no_attempt(self, backend: Backend, clock: FrozenClock, receiver: Receiver) -> None:
        """A paused target gets nothing until its moment, for any subject; then it gets all, with no attempt lost."""
        until = unix_millis(clock.now()) + 100_000
        queue_messages(backend, "1", "2")
        queue_messages(backend, "3", subject="t")
        receiver.failure = Postponed(until)
        deliver_messages(backend, receiver)
        receiver.failure = None
        clock.pass_seconds(99)
        receiver.take()

        assert 0 == deliver_messages(backend, receiver)
        clock.pass_seconds(1)
        deliver_messages(backend, receiver)
        assert {0} == {message.attempts for message in receiver.messages}
        assert ["1", "2", "3"] == sorted(receiver.take())

    def test_goes_on_when_its_target_is_resumed(self, backend: Backend, clock: FrozenClock, receiver: Receiver) -> None:
        """A target that is ready before its moment gets what waits for it at once; another one's messages stay."""
        until = unix_millis(clock.now()) + 100_000
        receiver.failure = Postponed(until)
        for target in ("a", "b"):
            queue_messages(backend, target, target=target)
        deliver_messages(backend, receiver)
        receiver.failure = None
        receiver.take()
        with backend.db.begin() as tx:
            steps.resume(tx, backend, TOPIC, "a", until)
        deliver_messages(backend, receiver)

        assert ["a"] == receiver.take()

    def test_is_given_up_after_three_days(self, backend: Backend, admin: Caller, clock: FrozenClock, receiver: Receiver) -> None:
        """A target that stays paused does not collect messages for ever."""
        queue_messages(backend, "1")
        clock.pass_seconds(3 * DAY + 1)
        receiver.failure = Postponed(unix_millis(clock.now()) + 1_000)
        deliver_messages(backend, receiver)

        assert [outbox.TOO_OLD] == [message.problem for message in list_failed(backend, admin)]

    def test_leaves_claimed_messages_alone(self, backend: Backend, clock: FrozenClock, receiver: Receiver) -> None:
        """A message that another process is delivering is not delivered twice because its target was paused meanwhile."""
        queue_messages(backend, "1")
        queue_messages(backend, "2", subject="t")
        until, other = unix_millis(clock.now()) + 100_000, Receiver()
        other.failure = Postponed(until)
        receiver.meanwhile = lambda _: deliver_messages(backend, other)
        deliver_messages(backend, receiver)
        clock.pass_seconds(200)
        receiver.meanwhile = lambda _: None
        deliver_messages(backend, receiver)

        assert ["1", "2"] == sorted(receiver.take())


class TestAdministration:
    def test_retries_what_was_given_up(self, backend: Backend, admin: Caller, receiver: Receiver) -> None:
        """A site administrator lists messages that were given up, and has one delivered after all."""
        receiver.failure = NotDelivered("never", is_final=True)
        queue_messages(backend, "1")
        deliver_messages(backend, receiver)
        receiver.failure = None
        receiver.take()
        [message] = list_failed(backend, admin)
        outbox.retry(backend, admin, message.sequence)
        deliver_messages(backend, receiver)

        assert (["1"], []) == (receiver.take(), list_failed(backend, admin))
        with pytest.raises(NotFound):
            outbox.retry(backend, admin, message.sequence)

    def test_pages(self, backend: Backend, admin: Caller, receiver: Receiver) -> None:
        """A long list comes in pages, the newest first."""
        receiver.failure = NotDelivered("never", is_final=True)
        queue_messages(backend, *(str(number) for number in range(51)))
        deliver_messages(backend, receiver)
        page, following = outbox.page_failed(backend, admin, None)
        rest, end = outbox.page_failed(backend, admin, following)

        assert ([str(number) for number in reversed(range(51))], None) == ([one.content for one in page + rest], end)
        with pytest.raises(BadRequest):
            outbox.page_failed(backend, admin, "x")

    def test_is_for_site_administrators(self, backend: Backend) -> None:
        """No one else sees or retries messages."""
        alice = caller_of(backend, make_user(backend, "alice", org=None))

        with pytest.raises(Forbidden):
            outbox.page_failed(backend, alice, None)
        with pytest.raises(Forbidden):
            outbox.retry(backend, alice, 1)


class TestCleanup:
    def test_deletes_old_messages(self, backend: Backend, clock: FrozenClock, receiver: Receiver) -> None:
        """Delivered messages stay for a day, given up ones for 30 days, and waiting ones until they are either."""
        queue_messages(backend, "delivered")
        deliver_messages(backend, receiver)
        receiver.failure = NotDelivered("never", is_final=True)
        queue_messages(backend, "failed")
        deliver_messages(backend, receiver)
        queue_messages(backend, "waiting")
        clock.pass_seconds(DAY - 1)
        before = cleanup.delete_expired(backend)
        clock.pass_seconds(2)
        after_a_day = cleanup.delete_expired(backend)
        clock.pass_seconds(29 * DAY)

        assert (0, 1, 1) == (before, after_a_day, cleanup.delete_expired(backend))
        assert 1 == row_count(backend)
