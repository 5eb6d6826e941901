"""Rows of mails."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, exists, func, insert, or_, select, update
from sqlalchemy import delete as delete_from

from common.db.tables.sign_in import mails
from common.mailing.model import NewMail, Purpose, QueuedMail

_MAILS: Select[Any] = select(
    mails.c.id,
    mails.c.purpose,
    mails.c.address,
    mails.c.user_id,
    mails.c.subject_id,
    mails.c.created_at,
    mails.c.due_at,
    mails.c.attempts,
    mails.c.problem,
    mails.c.sent_at,
)


def add(tx: Connection, new: Sequence[tuple[str, NewMail]], now_millis: int) -> None:
    """Insert mails by their ids, due at once."""
    rows = [
        {
            "id": mail_id,
            "purpose": mail.purpose,
            "address": mail.address,
            "user_id": mail.user_id,
            "subject_id": mail.subject_id,
            "created_at": now_millis,
            "due_at": now_millis,
            "attempts": 0,
            "problem": "",
            "sent_at": None,
        }
        for mail_id, mail in new
    ]
    tx.execute(insert(mails), rows)


def has_recent(tx: Connection, mail: NewMail, since_millis: int) -> bool:
    """Tell whether a mail of the same purpose about the same thing to the same address was queued after a moment."""
    same = (mails.c.purpose == mail.purpose, mails.c.address == mail.address, mails.c.subject_id == mail.subject_id)
    return bool(tx.scalar(select(exists().where(mails.c.created_at > since_millis, *same))))


def find_due(connection: Connection, now_millis: int) -> QueuedMail | None:
    """Return the mail that has been due for the longest time, or None."""
    query = _MAILS.where(mails.c.due_at <= now_millis).order_by(mails.c.due_at, mails.c.id).limit(1)
    row = connection.execute(query).one_or_none()
    return _to_mail(row) if row is not None else None


def find_next_due(connection: Connection) -> int | None:
    """Return when the next mail is due, or None if none waits."""
    due_at: int | None = connection.scalar(select(func.min(mails.c.due_at)))
    return due_at


def find(connection: Connection, mail_id: str) -> QueuedMail | None:
    """Return a mail, or None."""
    row = connection.execute(_MAILS.where(mails.c.id == mail_id)).one_or_none()
    return _to_mail(row) if row is not None else None


def page(connection: Connection, before: tuple[int, str] | None, limit: int) -> list[QueuedMail]:
    """Return mails, the newest first, after a position (time, id) if there is one."""
    query = _MAILS.order_by(mails.c.created_at.desc(), mails.c.id.desc()).limit(limit)
    if before is not None:
        created_at, mail_id = before
        query = query.where(or_(mails.c.created_at < created_at, and_(mails.c.created_at == created_at, mails.c.id < mail_id)))
    return [_to_mail(row) for row in connection.execute(query)]


def claim(connection: Connection, mail: QueuedMail, until_millis: int) -> bool:
    """Claim a mail that is due until a moment, and count the attempt; False when another process was first."""
    change = update(mails).values(due_at=until_millis, attempts=mails.c.attempts + 1)
    return connection.execute(change.where(mails.c.id == mail.id, mails.c.due_at == mail.due_at)).rowcount == 1


def store_result(
    connection: Connection,
    mail_id: str,
    claimed_until: int,
    *,
    due_at: int | None,
    sent_at: int | None,
    problem: str,
) -> None:
    """Store the result of an attempt, unless the claim has expired and another process has the mail."""
    change = update(mails).values(due_at=due_at, sent_at=sent_at, problem=problem)
    connection.execute(change.where(mails.c.id == mail_id, mails.c.due_at == claimed_until))


def give_up_waiting(tx: Connection, problem: str) -> None:
    """Give up all mails that wait."""
    tx.execute(update(mails).where(mails.c.due_at.is_not(None)).values(due_at=None, problem=problem))


def retry(connection: Connection, mail_id: str, now_millis: int) -> bool:
    """Make a mail that was given up due at once, with no attempts counted. False if there is no such mail."""
    has_failed = (mails.c.due_at.is_(None), mails.c.sent_at.is_(None))
    change = update(mails).values(due_at=now_millis, created_at=now_millis, attempts=0)
    return connection.execute(change.where(mails.c.id == mail_id, *has_failed)).rowcount == 1


def delete(connection: Connection, mail_id: str) -> None:
    """Delete a mail."""
    connection.execute(delete_from(mails).where(mails.c.id == mail_id))


def delete_expired(connection: Connection, *, sent_before: int, given_up_before: int, limit: int) -> int:
    """Delete some mails that were sent, or queued and given up, before a moment each; return how many."""
    is_old = or_(
        and_(mails.c.sent_at.is_not(None), mails.c.created_at < sent_before),
        and_(mails.c.due_at.is_(None), mails.c.created_at < given_up_before),
    )
    mail_ids = list(connection.scalars(select(mails.c.id).where(is_old).order_by(mails.c.created_at).limit(limit)))
    if mail_ids:
        connection.execute(delete_from(mails).where(mails.c.id.in_(mail_ids)))
    return len(mail_ids)


def _to_mail(row: Row[Any]) -> QueuedMail:
    return QueuedMail(
        id=row.id,
        purpose=Purpose(row.purpose),
        address=row.address,
        user_id=row.user_id,
        subject_id=row.subject_id,
        created_at=row.created_at,
        due_at=row.due_at,
        attempts=row.attempts,
        problem=row.problem,
        sent_at=row.sent_at,
    )
