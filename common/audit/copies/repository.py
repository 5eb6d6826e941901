"""How far each log was copied; a NULL stands for nothing yet."""

from sqlalchemy import Connection, and_, func, select, update

from common.db.tables.audit import audit_events, audit_heads

_copied = func.coalesce(audit_heads.c.copied_sequence, 0)


def find_progress(connection: Connection, org_id: str) -> tuple[int, int]:
    """Return the sequence up to which a log was copied, and that of its newest record."""
    query = select(_copied.label("copied"), audit_heads.c.sequence).where(audit_heads.c.org_id == org_id)
    row = connection.execute(query).first()
    return (row.copied, row.sequence) if row is not None else (0, 0)


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


def list_behind(connection: Connection, after: str, limit: int) -> list[tuple[str, int]]:
    """Return (organization's id, sequence copied) of some logs that were not copied to their end, by id, after one."""
    query = (
        select(audit_heads.c.org_id, _copied.label("copied"))
        .where(audit_heads.c.org_id > after, _copied < audit_heads.c.sequence)
        .order_by(audit_heads.c.org_id)
        .limit(limit)
    )
    return [(row.org_id, row.copied) for row in connection.execute(query)]
