"""Rows of downloads."""

from dataclasses import asdict
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, insert, select, update

from common.audit.downloads.download import Download, Query
from common.db.tables.audit import audit_downloads


def add(tx: Connection, download: Download) -> None:
    """Insert a download."""
    tx.execute(
        insert(audit_downloads).values(
            id=download.id,
            org_id=download.org_id,
            user_id=download.user_id,
            query=_to_text(download.query),
            created_at=download.created_at,
            claimed_until=0,
            parts=0,
            is_complete=False,
            is_fetched=False,
        )
    )


def find(connection: Connection, download_id: str) -> Download | None:
    """Return a download, or None."""
    row = connection.execute(select(audit_downloads).where(audit_downloads.c.id == download_id)).one_or_none()
    return _to_download(row) if row is not None else None


def find_unfetched(connection: Connection, org_id: str, user_id: str, query: Query, since: int) -> Download | None:
    """Return the newest download of a user with this query that was created since a moment and not fetched yet, or None."""
    is_of_user = (audit_downloads.c.user_id == user_id, audit_downloads.c.org_id == org_id)
    is_open = (audit_downloads.c.created_at >= since, audit_downloads.c.is_fetched.is_(False))
    rows = select(audit_downloads).where(*is_of_user, *is_open, audit_downloads.c.query == _to_text(query))
    row = connection.execute(rows.order_by(audit_downloads.c.created_at.desc()).limit(1)).one_or_none()
    return _to_download(row) if row is not None else None


def claim(connection: Connection, download: Download, until_millis: int) -> bool:
    """Claim a download until a moment; False when another process was first, or made a part since it was read."""
    is_free = (audit_downloads.c.id == download.id, audit_downloads.c.claimed_until == download.claimed_until)
    is_same = (audit_downloads.c.parts == download.parts, audit_downloads.c.is_complete.is_(False))
    return connection.execute(update(audit_downloads).where(*is_free, *is_same).values(claimed_until=until_millis)).rowcount == 1


def store_progress(connection: Connection, download: Download, claimed_until: int) -> bool:
    """Store how far a download came, and its claim; False when another process has claimed it meanwhile."""
    moment, record_id = download.last or (None, None)
    values = {"parts": download.parts, "last_at": moment, "last_id": record_id, "is_complete": download.is_complete}
    is_claimed = (audit_downloads.c.id == download.id, audit_downloads.c.claimed_until == claimed_until)
    change = update(audit_downloads).where(*is_claimed).values(**values, claimed_until=download.claimed_until)
    return connection.execute(change).rowcount == 1


def store_fetched(connection: Connection, download_id: str) -> None:
    """Note that the client of a download was sent to its link."""
    connection.execute(update(audit_downloads).where(audit_downloads.c.id == download_id).values(is_fetched=True))


def delete_before(connection: Connection, before_millis: int, limit: int) -> int:
    """Delete some downloads that were created before a moment, and return how many."""
    rows = select(audit_downloads.c.id).where(audit_downloads.c.created_at < before_millis)
    ids = list(connection.scalars(rows.order_by(audit_downloads.c.created_at).limit(limit)))
    if ids:
        connection.execute(delete(audit_downloads).where(audit_downloads.c.id.in_(ids)))
    return len(ids)


def _to_text(query: Query) -> str:
    return msgspec.json.encode(asdict(query)).decode()


def _to_download(row: Row[Any]) -> Download:
    return Download(
        id=row.id,
        org_id=row.org_id,
        user_id=row.user_id,
        query=msgspec.json.decode(row.query, type=Query),
        created_at=row.created_at,
        claimed_until=row.claimed_until,
        parts=row.parts,
        last=(row.last_at, row.last_id) if row.last_at is not None else None,
        is_complete=row.is_complete,
    )
