"""Statements about the runs of `stackhold backup`."""

from sqlalchemy import Connection, delete, desc, func, insert, select, union, update

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


def find_newest(connection: Connection, limit: int) -> list[BackupRun]:
    """Return the newest runs, the newest first, and the last good one behind them if it is older."""
    newest = select(backup_runs).order_by(*_NEWEST_FIRST).limit(limit).subquery()
    good = select(backup_runs).where(backup_runs.c.problem == "").order_by(*_NEWEST_FIRST).limit(1).subquery()
    rows = connection.execute(union(select(newest), select(good)).order_by(desc("began_at"), desc("id")))
    return [
        BackupRun(
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
        for row in rows
    ]


def find_installed_at(connection: Connection) -> int | None:
    """Return when the first organization was created, in unix milliseconds, or None."""
    created_at: int | None = connection.scalar(select(func.min(organizations.c.created_at)))
    return created_at


def delete_older(connection: Connection, keep: int) -> None:
    """Delete all runs but the newest and the last good one."""
    kept = [run.id for run in find_newest(connection, keep)]
    if len(kept) >= keep:
        connection.execute(delete(backup_runs).where(backup_runs.c.id.not_in(kept)))
