"""Messages of the outbox. No I/O."""

from dataclasses import dataclass, field
from enum import StrEnum

from common.core.ids import new_id

# How long a process may take to deliver a message before another one does so. Calls end after ten seconds.
CLAIM_MILLIS = 60_000


class State(StrEnum):
    """The state of a message."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to queue.

    `topic` selects the handler, and `target` is the receiver, such as the id of a webhook: each target is served by itself, so
    that a slow one does not hold up the others. Messages to one target about one `subject` are delivered in the order in which
    they were queued; one that fails holds up those behind it, until it is delivered or given up. `content` is text, usually JSON,
    and holds no secret. A target gets one message of a `dedupe_key`, however often it is queued within a day of its delivery.
    Limits: a topic has 20 characters, target, subject and key 100 each.
    """

    topic: str
    target: str
    subject: str
    content: str
    dedupe_key: str = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class Message:
    """A queued message; times are unix milliseconds. `attempts` are those before this one."""

    sequence: int
    topic: str
    target: str
    subject: str
    dedupe_key: str
    content: str
    created_at: int
    due_at: int
    attempts: int
    problem: str = ""
    finished_at: int | None = None


class NotDelivered(Exception):
    """A delivery failed; the text says why, without secrets. With `is_final` there is no further attempt."""

    def __init__(self, problem: str, *, is_final: bool = False) -> None:
        """Take the reason."""
        super().__init__(problem)
        self.is_final = is_final


class Postponed(Exception):
    """A target takes no messages until a moment; this was no attempt."""

    def __init__(self, until_millis: int) -> None:
        """Take the moment, in unix milliseconds."""
        super().__init__(f"paused until {until_millis}")
        self.until_millis = until_millis
