"""How far each log was copied; a NULL stands for nothing yet."""

from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, select, update

from common.db.tables.audit import audit_events, audit_heads

_copied = func.coalesce(audit_heads.c.copied_sequence, 0)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a log was copied.

    `copied` is a sequence, `newest` that of the newest record, and `unchained` the position (time, id) of the last record that
    was copied of those from before the chain.
    """

    copied: int = 0
    newest: int = 0
    unchained: tuple[int, str] = (0, "")


def find_progress(connection: Connection, org_id: str) -> Progress:
    """Return how far a log was copied."""
    columns = (audit_heads.c.sequence, audit_heads.c.copied_unchained_at, audit_heads.c.copied_unchained_id)
    query = select(_copied.label("copied"), *columns).where(audit_heads.c.org_id == org_id)
    row = connection.execute(query).first()
    if row is None:
        return Progress()
    return Progress(row.copied, row.sequence, (row.copied_unchained_at or 0, row.copied_unchained_id or ""))


def has_copy(connection: Connection, org_id: str, since: int) -> bool:
    """Tell whether a log was copied, but for records from a moment on.

    Records from before the chain are copied before its first record, so while nothing of the chain is copied they may be missing.
    """
    is_next = and_(audit_events.c.org_id == audit_heads.c.org_id, audit_events.c.sequence == _copied + 1)
    query = select(_copied.label("copied"), audit_events.c.recorded_at).outerjoin(audit_events, is_next)
    row = connection.execute(query.where(audit_heads.c.org_id == org_id)).first()
    return row is not None and row.copied > 0 and (row.recorded_at is None or row.recorded_at >= since)


def update_copied(connection: Connection, org_id: str, sequence: int) -> None:
    """Note that a log was copied up to a sequence; one that was copied further stays so."""
    change = update(audit_heads).where(audit_heads.c.org_id == org_id, _copied < sequence)
    connection.execute(change.values(copied_sequence=sequence))


def update_copied_unchained(connection: Connection, org_id: str, position: tuple[int, str]) -> None:
    """Note that the records from before the chain were copied up to a position."""
    change = update(audit_heads).where(audit_heads.c.org_id == org_id)
    connection.execute(change.values(copied_unchained_at=position[0], copied_unchained_id=position[1]))


def list_behind(connection: Connection, after: str, limit: int) -> list[tuple[str, int]]:
    """Return (organization's id, sequence copied) of some logs that were not copied to their end, by id, after one."""
    query = (
        select(audit_heads.c.org_id, _copied.label("copied"))
        .where(audit_heads.c.org_id > after, _copied < audit_heads.c.sequence)
        .order_by(audit_heads.c.org_id)
        .limit(limit)
    )
    return [(row.org_id, row.copied) for row in connection.execute(query)]
