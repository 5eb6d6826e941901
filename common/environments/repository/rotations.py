"""Rows of rotations: one for each run, with the outcome of every secret."""

import msgspec
from sqlalchemy import Connection, insert, select, update

from common.db.tables.environments import environment_rotations
from common.environments.model import FAILED, RotatedSecret, RotationRow

_T = environment_rotations.c
_ERROR_LIMIT = 500


def add(tx: Connection, row: RotationRow) -> None:
    """Insert a run that is in progress; IntegrityError while the environment has another one."""
    tx.execute(
        insert(environment_rotations).values(
            id=row.id,
            environment_id=row.environment_id,
            user_id=row.user_id,
            running=1,
            status=row.status,
            revision_before=row.revision_before,
            error="",
            secrets="[]",
            created_at=row.created_at,
            schedule_id=row.schedule_id,
        )
    )


def end_stale(tx: Connection, environment_id: str, before_millis: int, error: str) -> None:
    """Let a run that began before a time count as failed: its process has ended."""
    is_stale = (_T.environment_id == environment_id, _T.running == 1, _T.created_at < before_millis)
    tx.execute(update(environment_rotations).where(*is_stale).values(running=None, status=FAILED, error=error))


def end(tx: Connection, row: RotationRow) -> None:
    """Store how a run ended."""
    tx.execute(
        update(environment_rotations)
        .where(_T.id == row.id)
        .values(
            running=None,
            status=row.status,
            completed_at=row.completed_at,
            revision_after=row.revision_after,
            error=row.error[:_ERROR_LIMIT],
            secrets=msgspec.json.encode(row.secrets).decode(),
        )
    )


def list_newest(connection: Connection, environment_id: str, limit: int) -> list[RotationRow]:
    """Return the newest runs of an environment, the newest first."""
    rows = connection.execute(
        select(environment_rotations)
        .where(_T.environment_id == environment_id)
        .order_by(_T.created_at.desc(), _T.id.desc())
        .limit(limit)
    )
    return [
        RotationRow(
            id=row.id,
            environment_id=row.environment_id,
            user_id=row.user_id,
            created_at=row.created_at,
            revision_before=row.revision_before,
            status=row.status,
            completed_at=row.completed_at,
            revision_after=row.revision_after,
            error=row.error,
            secrets=msgspec.json.decode(row.secrets, type=tuple[RotatedSecret, ...]),
            schedule_id=row.schedule_id,
        )
        for row in rows
    ]
