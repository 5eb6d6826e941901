"""The clock of a server of one's own: jobs by their periods, messages of the outbox at once."""

import threading
import time

import pytest

from common.backend import Backend
from common.outbox.model import Message
from functions.server.ticker import TICK_SECONDS, Ticker
from tests.factories.messages import Receiver, deliver_messages, queue_messages


@pytest.fixture
def receiver() -> Receiver:
    """The handler of the topic of tests."""
    return Receiver()


def ticker(backend: Backend, receiver: Receiver, *, enabled: bool = True) -> Ticker:
    """Return a clock that delivers to the receiver."""
    return Ticker(backend, enabled=enabled, deliver=lambda server, go_on: deliver_messages(server, receiver, go_on))


class TestTicker:
    def test_delivers_messages_at_once(self, backend: Backend, receiver: Receiver) -> None:
        """A message is delivered long before the next tick."""
        is_delivered = threading.Event()
        receiver.meanwhile = lambda _message: is_delivered.set()
        with ticker(backend, receiver):
            began = time.monotonic()
            queue_messages(backend, "1")

            assert is_delivered.wait(10)
            assert time.monotonic() - began < TICK_SECONDS / 2
        assert ["1"] == receiver.take()

    def test_delivers_nothing_where_jobs_are_run_elsewhere(self, backend: Backend, receiver: Receiver) -> None:
        """A process that serves requests alone leaves messages to the one that runs jobs."""
        with ticker(backend, receiver, enabled=False):
            queue_messages(backend, "1")
            time.sleep(0.3)
        assert [] == receiver.take()

    def test_ends_while_messages_are_left(self, backend: Backend, receiver: Receiver) -> None:
        """A server that stops does not wait for all messages to be delivered."""
        has_begun = threading.Event()

        def be_slow(_: Message) -> None:
            has_begun.set()
            time.sleep(0.5)

        receiver.meanwhile = be_slow
        for number in range(50):
            queue_messages(backend, str(number), target=str(number % 10))
        with ticker(backend, receiver):
            assert has_begun.wait(10)
            began = time.monotonic()
        assert time.monotonic() - began < 5
        assert len(receiver.take()) < 50
