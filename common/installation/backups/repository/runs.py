"""Statements about the runs of `stackhold backup`."""

from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, union, update

from common.db.tables.installation import backup_runs
from common.db.tables.people import organizations
from common.installation.backups.model import BackupRun

_NEWEST_FIRST = (backup_runs.c.began_at.desc(), backup_runs.c.id.desc())


def add(connection: Connection, run: BackupRun) -> None:
    """Note that a backup begins."""
    values = {"id": run.id, "began_at": run.began_at, "place": run.place, "release_version": run.release}
    connection.execute(insert(backup_runs).values(values))


def end(connection: Connection, run: BackupRun) -> None:
    """Note how a backup ended."""
    connection.execute(
        update(backup_runs)
        .where(backup_runs.c.id == run.id)
        .values(
            ended_at=run.ended_at,
            backup_id=run.backup_id,
            row_count=run.rows,
            document_count=run.documents,
            document_bytes=run.document_bytes,
            copied_bytes=run.copied_bytes,
            missing_count=run.missing,
            problem=run.problem,
        )
    )


def find_newest(connection: Connection, limit: int) -> tuple[int | None, list[BackupRun]]:
    """Return when the installation's first organization was created, or None, and the newest runs, the newest first.

    The last good one is behind them if it is older. All in one statement.
    """
    newest = select(backup_runs).order_by(*_NEWEST_FIRST).limit(limit).subquery()
    good = select(backup_runs).where(backup_runs.c.problem == "").order_by(*_NEWEST_FIRST).limit(1).subquery()
    runs = union(select(newest), select(good)).subquery()
    installed = select(func.min(organizations.c.created_at).label("installed_at")).subquery()
    query = select(installed.c.installed_at, *runs.c).select_from(installed.outerjoin(runs, runs.c.began_at.is_not(None)))
    rows = connection.execute(query.order_by(runs.c.began_at.desc(), runs.c.id.desc())).all()
    return rows[0].installed_at, [_run(row) for row in rows if row.id is not None]


def delete_older(connection: Connection, keep: int) -> None:
    """Delete all runs but the newest and the last good one."""
    kept = [run.id for run in find_newest(connection, keep)[1]]
    if len(kept) >= keep:
        connection.execute(delete(backup_runs).where(backup_runs.c.id.not_in(kept)))


def _run(row: Row[Any]) -> BackupRun:
    return BackupRun(
        id=row.id,
        began_at=row.began_at,
        place=row.place,
        release=row.release_version,
        ended_at=row.ended_at,
        backup_id=row.backup_id or "",
        rows=row.row_count or 0,
        documents=row.document_count or 0,
        document_bytes=row.document_bytes or 0,
        copied_bytes=row.copied_bytes or 0,
        missing=row.missing_count or 0,
        problem=row.problem or "",
    )
