"""Who runs which job, and when it is due: rows that one of many processes takes by a guarded update."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, and_, insert, or_, select, update

from common.db.tables.installation import jobs


@dataclass(frozen=True, slots=True)
class JobRow:
    """When a job is due, and how far its last run came."""

    name: str
    due_at: int
    resume_after: str


def read(connection: Connection) -> list[JobRow]:
    """Return all rows."""
    statement = select(jobs.c.name, jobs.c.due_at, jobs.c.resume_after).order_by(jobs.c.due_at, jobs.c.name)
    return [JobRow(row.name, row.due_at, row.resume_after or "") for row in connection.execute(statement)]


def add(connection: Connection, names: Iterable[str], due_at: int) -> None:
    """Insert rows that are missing; IntegrityError when another process just did."""
    connection.execute(insert(jobs), [{"name": name, "due_at": due_at} for name in names])


def claim(connection: Connection, name: str, owner: str, *, now_millis: int, until_millis: int) -> bool:
    """Claim a job that is due and unclaimed; tell whether this owner has it now."""
    is_free = or_(jobs.c.claimed_until.is_(None), jobs.c.claimed_until <= now_millis)
    statement = (
        update(jobs)
        .where(and_(jobs.c.name == name, jobs.c.due_at <= now_millis, is_free))
        .values(claimed_by=owner, claimed_until=until_millis)
    )
    return connection.execute(statement).rowcount == 1


def finish(connection: Connection, name: str, owner: str, *, due_at: int, resume_after: str) -> None:
    """Give a job back, unless its claim ran out and another owner has it."""
    statement = (
        update(jobs)
        .where(jobs.c.name == name, jobs.c.claimed_by == owner)
        .values(claimed_by=None, claimed_until=None, due_at=due_at, resume_after=resume_after)
    )
    connection.execute(statement)
