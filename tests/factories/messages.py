"""Queues messages of the outbox, and delivers them to a handler that notes them."""

from collections.abc import Callable
from threading import Lock

from common.backend import Backend
from common.outbox import service as outbox
from common.outbox import steps
from common.outbox.model import Message, NewMessage

TOPIC = "test"


class Receiver:
    """A handler that notes what it gets, and raises `failure` if there is one."""

    def __init__(self) -> None:
        self.failure: BaseException | None = None
        self.messages: list[Message] = []
        self.meanwhile: Callable[[Message], object] = lambda _: None
        self._lock = Lock()

    def deliver(self, _backend: Backend, message: Message) -> None:
        """Take a message."""
        with self._lock:
            self.messages.append(message)
        self.meanwhile(message)
        if self.failure is not None:
            raise self.failure

    def take(self) -> list[str]:
        """Return the content of what came since the last time."""
        taken, self.messages = self.messages, []
        return [message.content for message in taken]


def queue_messages(backend: Backend, *contents: str, target: str = "a", subject: str = "s") -> None:
    """Queue messages, each in a transaction of its own."""
    for content in contents:
        with backend.db.begin() as tx:
            steps.queue(tx, backend, [NewMessage(TOPIC, target, subject, content)])


def deliver_messages(backend: Backend, receiver: Receiver, may_continue: Callable[[], bool] = lambda: True) -> int:
    """Deliver what is due, and return how many attempts there were."""
    return outbox.deliver_due(backend, {TOPIC: receiver.deliver}, may_continue)
