"""Queues messages in the transaction of their cause."""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection

from common.backend import Backend
from common.core.clock import unix_millis
from common.outbox import repository
from common.outbox.model import NewMessage


def queue(tx: Connection, backend: Backend, new: Sequence[NewMessage]) -> None:
    """Queue messages, in one statement; they are delivered after the caller's transaction is committed."""
    # No permission check in this module: the use case made it.
    if new:
        repository.add(tx, new, unix_millis(backend.clock.now()))
        backend.new_messages.set()


def resume(tx: Connection, backend: Backend, topic: str, target: str, until_millis: int) -> None:
    """Deliver the messages at once that a handler postponed until a moment, such as after a change of the target's settings."""
    repository.resume(tx, topic, target, until_millis=until_millis, now_millis=unix_millis(backend.clock.now()))
    backend.new_messages.set()


def delete_of_targets(tx: Connection, topic: str, targets: Collection[str]) -> None:
    """Delete the messages to targets that were deleted, delivered or not."""
    repository.delete_of_targets(tx, topic, targets)
