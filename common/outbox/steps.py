"""Queues messages in the transaction of their cause."""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection

from common.backend import Backend
from common.core.clock import unix_millis
from common.outbox import repository
from common.outbox.model import CLAIM_MILLIS, Message, NewMessage, State


def queue(tx: Connection, backend: Backend, new: Sequence[NewMessage]) -> None:
    """Queue messages, in one statement; they are delivered after the caller's transaction is committed."""
    # No permission check in this module: the use case made it.
    if new:
        repository.add(tx, new, unix_millis(backend.clock.now()))
        backend.new_messages.set()


def queue_unless_postponed(tx: Connection, backend: Backend, new: NewMessage) -> None:
    """Queue a message, in one statement, unless one waits for a target that takes no messages: for messages that say the same.

    So messages do not pile up while the target is away.
    """
    repository.add_unless_postponed(tx, new, unix_millis(backend.clock.now()))
    backend.new_messages.set()


def resume(tx: Connection, backend: Backend, topic: str, target: str, postponed_until: int | None) -> None:
    """Deliver what waits for a target, such as one whose settings were changed, without waiting for the next attempt.

    `postponed_until` is the moment until which the handler postponed messages, if it did. A message whose next attempt is less
    than a minute away waits for it, since it may be one that is being delivered.
    """
    now_millis = unix_millis(backend.clock.now())
    repository.resume(
        tx,
        topic,
        target,
        postponed_until=postponed_until or now_millis,
        later_than=now_millis + CLAIM_MILLIS,
        now_millis=now_millis,
    )
    backend.new_messages.set()


def give_up_surplus(
    tx: Connection, backend: Backend, topic: str, target: str, *, kept: int, limit: int, problem: str
) -> list[Message]:
    """Give up the oldest messages that wait for a target beyond so many, a bounded number at a time; return them."""
    now_millis = unix_millis(backend.clock.now())
    surplus = repository.list_surplus(tx, topic, target, now_millis, kept=kept, limit=limit)
    return [message for message in surplus if repository.give_up(tx, message, now_millis, problem)]


def give_up_waiting(tx: Connection, backend: Backend, problem: str) -> None:
    """Give up all messages that wait, in an installation that no server runs on."""
    repository.give_up_waiting(tx, unix_millis(backend.clock.now()), problem)


def delete_of_targets(tx: Connection, topic: str, targets: Collection[str]) -> None:
    """Delete the messages to targets that were deleted, delivered or not."""
    repository.delete_of_targets(tx, topic, targets)


def delete_failed(connection: Connection, topic: str, before_millis: int, limit: int) -> int:
    """Delete some messages of a topic that were given up before a moment, earlier than others are; return how many."""
    return repository.delete_finished(connection, State.FAILED, before_millis, limit, topic)
