"""Who runs which job, and when it is due: rows that one of many processes takes by a guarded update."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, and_, insert, or_, select, update

from common.db.tables.installation import jobs

PROBLEM_LIMIT = 255


@dataclass(frozen=True, slots=True)
class JobRow:
    """When a job is due, how far its last run came, when that ended, how much it did and what went wrong.

    Times in unix milliseconds; `claimed_until` while a process runs the job.
    """

    name: str
    due_at: int
    resume_after: str
    claimed_until: int | None = None
    ended_at: int | None = None
    done: int = 0
    problem: str = ""

    def is_running(self, now_millis: int) -> bool:
        """Tell whether a process runs the job."""
        return self.claimed_until is not None and self.claimed_until > now_millis


def read(connection: Connection) -> list[JobRow]:
    """Return all rows."""
    rows = connection.execute(select(jobs).order_by(jobs.c.due_at, jobs.c.name))
    return [
        JobRow(row.name, row.due_at, row.resume_after or "", row.claimed_until, row.ended_at, row.done or 0, row.problem or "")
        for row in rows
    ]


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


def finish(connection: Connection, name: str, owner: str, row: JobRow) -> None:
    """Give a job back with what its run did, unless its claim ran out and another owner has it."""
    statement = (
        update(jobs)
        .where(jobs.c.name == name, jobs.c.claimed_by == owner)
        .values(
            claimed_by=None,
            claimed_until=None,
            due_at=row.due_at,
            resume_after=row.resume_after,
            ended_at=row.ended_at,
            done=row.done,
            problem=row.problem[:PROBLEM_LIMIT],
        )
    )
    connection.execute(statement)


def update_due(connection: Connection, name: str, now_millis: int) -> bool:
    """Make a job due that no process runs; tell whether it is."""
    is_free = or_(jobs.c.claimed_until.is_(None), jobs.c.claimed_until <= now_millis)
    return connection.execute(update(jobs).where(jobs.c.name == name, is_free).values(due_at=now_millis)).rowcount == 1
