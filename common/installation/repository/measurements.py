"""Statements that measure the installation's work."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from common.db.tables.outbox import outbox
from common.db.tables.people import organizations, users
from common.db.tables.sign_in import mails
from common.db.tables.stacks import stacks, updates


@dataclass(frozen=True, slots=True)
class Measured:
    """How much there is of what, and since when the oldest message waits, in unix milliseconds."""

    waiting_messages: int
    failed_messages: int
    mails: int
    running_updates: int
    expired_leases: int
    stacks: int
    organizations: int
    users: int
    oldest_message_at: int | None


def measure(connection: Connection, now_millis: int) -> Measured:
    """Return how much there is of everything, in one statement."""
    is_running = updates.c.status == "running"
    is_waiting = outbox.c.state == "waiting"
    query: Select[Any] = select(
        _count(outbox, is_waiting),
        _count(outbox, outbox.c.state == "failed"),
        _count(mails, mails.c.sent_at.is_(None)),
        _count(updates, is_running),
        _count(updates, is_running & (updates.c.lease_expires_at <= now_millis)),
        _count(stacks, stacks.c.live == 1),
        _count(organizations, organizations.c.personal_user_id.is_(None)),
        _count(users, users.c.is_machine.is_(False)),
        select(func.min(outbox.c.created_at)).where(is_waiting).scalar_subquery(),
    )
    return Measured(*connection.execute(query).one())


def _count(table: Any, condition: ColumnElement[bool]) -> Any:  # noqa: ANN401 - a table, a scalar subquery
    return select(func.count()).select_from(table).where(condition).scalar_subquery()
