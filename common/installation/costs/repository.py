"""Statements that count what an installation was used for."""

from collections.abc import Iterator

from sqlalchemy import Connection, and_, func, select

from common.db.tables.people import organizations
from common.db.tables.stacks import event_batches, updates
from common.installation.costs.model import Run


def iterate_runs(connection: Connection, since_millis: int, now_millis: int) -> Iterator[Run]:
    """Yield the updates and previews that clients started since a moment; one that runs ends now.

    What the server itself recorded as a version, such as an import, was started by no token.
    """
    query = select(updates.c.dry_run, updates.c.started_at, updates.c.ended_at).where(
        updates.c.started_at >= since_millis, updates.c.token_id.is_not(None)
    )
    for dry_run, began_at, ended_at in connection.execute(query):
        yield Run(bool(dry_run), began_at, now_millis if ended_at is None else ended_at)


def count_event_batches(connection: Connection, since_millis: int) -> int:
    """Return how many batches of engine events came from updates that started since a moment."""
    is_recent = and_(updates.c.id == event_batches.c.update_id, updates.c.started_at >= since_millis)
    return connection.scalar(select(func.count()).select_from(event_batches.join(updates, is_recent))) or 0


def find_oldest_organization(connection: Connection) -> int | None:
    """Return when the first organization was created, in unix milliseconds, or None."""
    created_at: int | None = connection.scalar(select(func.min(organizations.c.created_at)))
    return created_at
