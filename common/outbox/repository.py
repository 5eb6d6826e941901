"""Rows of the outbox."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Insert, Row, and_, bindparam, delete, exists, func, insert, or_, select, update
from sqlalchemy.dialects import mysql, sqlite

from common.db.tables.outbox import outbox
from common.outbox.model import CLAIM_MILLIS, Message, NewMessage, State

_IS_WAITING = outbox.c.state == State.WAITING
_HAS_FAILED = outbox.c.state == State.FAILED
_earlier = outbox.alias("earlier")
# An earlier message to the same target about the same subject comes first, also while it waits for its next attempt.
_IS_FIRST = ~exists(
    select(_earlier.c.sequence).where(
        _earlier.c.topic == outbox.c.topic,
        _earlier.c.target == outbox.c.target,
        _earlier.c.subject == outbox.c.subject,
        _earlier.c.state == State.WAITING,
        _earlier.c.sequence < outbox.c.sequence,
    )
)


def add(tx: Connection, new: Sequence[NewMessage], now_millis: int) -> None:
    """Insert messages that are due at once, but for those whose target has one of the same key."""
    tx.execute(_insert(tx), [_to_row(message, now_millis) for message in new])


def add_unless_postponed(tx: Connection, new: NewMessage, now_millis: int) -> None:
    """Insert a message that is due at once, unless its target has one that was postponed and that no process has claimed."""
    row = _to_row(new, now_millis)
    values = [bindparam(f"new_{name}", value, type_=outbox.c[name].type) for name, value in row.items()]
    is_of_target = (_earlier.c.topic == new.topic, _earlier.c.target == new.target, _earlier.c.state == State.WAITING)
    postponed = select(_earlier.c.sequence).where(
        *is_of_target, _earlier.c.attempts == 0, _earlier.c.due_at > _earlier.c.created_at
    )
    tx.execute(insert(outbox).from_select([*row], select(*values).where(~exists(postponed))))


def _to_row(message: NewMessage, now_millis: int) -> dict[str, str | int]:
    return {
        "topic": message.topic,
        "target": message.target,
        "subject": message.subject,
        "dedupe_key": message.dedupe_key,
        "content": message.content,
        "state": State.WAITING,
        "created_at": now_millis,
        "due_at": now_millis,
        "attempts": 0,
        "problem": "",
    }


def _insert(tx: Connection) -> Insert:
    """Return the statement that inserts a message, unless its target has one of the same key."""
    if tx.dialect.name == "mysql":
        return mysql.insert(outbox).on_duplicate_key_update(dedupe_key=outbox.c.dedupe_key)
    return sqlite.insert(outbox).on_conflict_do_nothing()


def list_due_targets(
    connection: Connection, topics: Collection[str], besides: Collection[tuple[str, str]], now_millis: int, limit: int
) -> list[tuple[str, str]]:
    """Return (topic, target) of messages that can be delivered now, besides some; those due for the longest time first."""
    is_other = [or_(outbox.c.topic != topic, outbox.c.target != target) for topic, target in besides]
    query = (
        select(outbox.c.topic, outbox.c.target)
        .where(_IS_WAITING, outbox.c.due_at <= now_millis, outbox.c.topic.in_(topics), *is_other, _IS_FIRST)
        .group_by(outbox.c.topic, outbox.c.target)
        .order_by(func.min(outbox.c.due_at), outbox.c.target)
        .limit(limit)
    )
    return [(row.topic, row.target) for row in connection.execute(query)]


def find_next_due(connection: Connection) -> int | None:
    """Return when the next message is due, or None if none waits; those behind another one wait for it."""
    due_at: int | None = connection.scalar(select(func.min(outbox.c.due_at)).where(_IS_WAITING, _IS_FIRST))
    return due_at


def find_due(connection: Connection, topic: str, target: str, now_millis: int) -> Message | None:
    """Return the message to a target that is due and comes first, or None."""
    query = (
        select(outbox)
        .where(outbox.c.topic == topic, outbox.c.target == target, _IS_WAITING, outbox.c.due_at <= now_millis, _IS_FIRST)
        .order_by(outbox.c.due_at, outbox.c.sequence)
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return _to_message(row) if row is not None else None


def claim(connection: Connection, message: Message, until_millis: int) -> bool:
    """Claim a message that is due until a moment, and count the attempt; False when another process was first."""
    change = update(outbox).values(due_at=until_millis, attempts=outbox.c.attempts + 1)
    is_unclaimed = (outbox.c.due_at == message.due_at, outbox.c.attempts == message.attempts)
    return connection.execute(change.where(outbox.c.sequence == message.sequence, _IS_WAITING, *is_unclaimed)).rowcount == 1


def store_result(
    connection: Connection, message: Message, claimed_until: int, *, state: State, now_millis: int, problem: str = ""
) -> None:
    """Store that a claimed message was delivered, or given up."""
    change = update(outbox).values(state=state, finished_at=now_millis, problem=problem)
    connection.execute(change.where(*_is_claimed(message, claimed_until)))


def store_failure(tx: Connection, message: Message, claimed_until: int, *, due_at: int, now_millis: int, problem: str) -> None:
    """Store that an attempt failed, and when the next one is due; messages behind it wait as long."""
    change = update(outbox).values(due_at=due_at, problem=problem)
    if tx.execute(change.where(*_is_claimed(message, claimed_until))).rowcount:
        is_behind = (*_is_unclaimed_of(message, now_millis), outbox.c.subject == message.subject)
        tx.execute(update(outbox).values(due_at=due_at).where(*is_behind))


def postpone(tx: Connection, message: Message, claimed_until: int, *, until_millis: int, now_millis: int) -> None:
    """Take back the claim of a message, and let all messages to its target wait until a moment."""
    change = update(outbox).values(due_at=until_millis, attempts=outbox.c.attempts - 1)
    tx.execute(change.where(*_is_claimed(message, claimed_until)))
    tx.execute(update(outbox).values(due_at=until_millis).where(*_is_unclaimed_of(message, now_millis)))


def resume(tx: Connection, topic: str, target: str, *, postponed_until: int, later_than: int, now_millis: int) -> None:
    """Make the messages to a target due that wait until a moment, or until later than another one."""
    is_of_target = (outbox.c.topic == topic, outbox.c.target == target, _IS_WAITING)
    is_later = or_(outbox.c.due_at == postponed_until, outbox.c.due_at > later_than)
    tx.execute(update(outbox).values(due_at=now_millis).where(*is_of_target, is_later))


def list_surplus(connection: Connection, topic: str, target: str, now_millis: int, *, kept: int, limit: int) -> list[Message]:
    """Return the oldest messages that wait for a target beyond so many, without one that may be being delivered."""
    is_waiting = (outbox.c.topic == topic, outbox.c.target == target, _IS_WAITING)
    newest = select(outbox.c.sequence).where(*is_waiting).order_by(outbox.c.sequence.desc()).offset(kept).limit(1)
    last = connection.scalar(newest)
    if last is None:
        return []
    # A claimed message has an attempt and is due within the time of a claim.
    is_claimed = and_(outbox.c.attempts > 0, outbox.c.due_at > now_millis, outbox.c.due_at <= now_millis + CLAIM_MILLIS)
    query = select(outbox).where(*is_waiting, outbox.c.sequence <= last, ~is_claimed).order_by(outbox.c.sequence).limit(limit)
    return [_to_message(row) for row in connection.execute(query)]


def give_up(tx: Connection, message: Message, now_millis: int, problem: str) -> bool:
    """Give up a message that waits and that no other process took since it was read."""
    is_same = (outbox.c.sequence == message.sequence, _IS_WAITING)
    is_untouched = (outbox.c.due_at == message.due_at, outbox.c.attempts == message.attempts)
    change = update(outbox).values(state=State.FAILED, finished_at=now_millis, problem=problem)
    return tx.execute(change.where(*is_same, *is_untouched)).rowcount == 1


def give_up_waiting(tx: Connection, now_millis: int, problem: str) -> None:
    """Give up all messages that wait."""
    tx.execute(update(outbox).where(_IS_WAITING).values(state=State.FAILED, finished_at=now_millis, problem=problem))


def page_failed(connection: Connection, before: int | None, limit: int) -> list[Message]:
    """Return messages that were given up, the newest first, before a sequence number if there is one."""
    query = select(outbox).where(_HAS_FAILED).order_by(outbox.c.sequence.desc()).limit(limit)
    if before is not None:
        query = query.where(outbox.c.sequence < before)
    return [_to_message(row) for row in connection.execute(query)]


def retry(connection: Connection, sequence: int, now_millis: int) -> bool:
    """Make a message that was given up due at once, with no attempts counted. False if there is no such message."""
    change = update(outbox).values(state=State.WAITING, due_at=now_millis, created_at=now_millis, attempts=0, finished_at=None)
    return connection.execute(change.where(outbox.c.sequence == sequence, _HAS_FAILED)).rowcount == 1


def delete_of_targets(tx: Connection, topic: str, targets: Collection[str]) -> None:
    """Delete all messages to targets that were deleted."""
    tx.execute(delete(outbox).where(outbox.c.topic == topic, outbox.c.target.in_(targets)))


def delete_finished(connection: Connection, state: State, before_millis: int, limit: int, topic: str | None = None) -> int:
    """Delete some messages, of a topic or of all, that came to a state before a moment; return how many."""
    is_old = [outbox.c.state == state, outbox.c.finished_at < before_millis]
    if topic is not None:
        is_old.append(outbox.c.topic == topic)
    numbers = list(connection.scalars(select(outbox.c.sequence).where(*is_old).order_by(outbox.c.finished_at).limit(limit)))
    if numbers:
        connection.execute(delete(outbox).where(outbox.c.sequence.in_(numbers), outbox.c.state == state))
    return len(numbers)


def _is_claimed(message: Message, claimed_until: int) -> tuple[Any, ...]:
    return outbox.c.sequence == message.sequence, _IS_WAITING, outbox.c.due_at == claimed_until


def _is_unclaimed_of(message: Message, now_millis: int) -> tuple[Any, ...]:
    """Return the condition for messages to the same target that are due; a claimed one is not due."""
    return outbox.c.topic == message.topic, outbox.c.target == message.target, _IS_WAITING, outbox.c.due_at <= now_millis


def _to_message(row: Row[Any]) -> Message:
    return Message(
        sequence=row.sequence,
        topic=row.topic,
        target=row.target,
        subject=row.subject,
        dedupe_key=row.dedupe_key,
        content=row.content,
        created_at=row.created_at,
        due_at=row.due_at,
        attempts=row.attempts,
        problem=row.problem,
        finished_at=row.finished_at,
    )
