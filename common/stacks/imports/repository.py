"""Statements about versions that another backend made, and that a stack is created with."""

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from common.db.tables.stacks import stacks, updates
from common.stacks.imports.model import ExistingVersion, PastVersion
from common.stacks.model import Status


def add(tx: Connection, stack_id: str, versions: Sequence[PastVersion]) -> None:
    """Insert the versions of a new stack, which have ended."""
    if versions:
        tx.execute(insert(updates), [_values(stack_id, version) for version in versions])


def find_existing(connection: Connection, org_id: str, project: str, name: str) -> tuple[str, list[ExistingVersion]] | None:
    """Return (id, versions in order, without its creation) of a live stack, or None."""
    query = select(stacks.c.id).where(
        stacks.c.org_id == org_id, stacks.c.project == project, stacks.c.name == name, stacks.c.live == 1
    )
    stack_id = connection.scalar(query)
    if stack_id is None:
        return None
    rows = connection.execute(
        select(
            updates.c.version,
            updates.c.kind,
            updates.c.status,
            updates.c.started_at,
            updates.c.ended_at,
            updates.c.checkpoint,
            updates.c.resource_order,
        )
        .where(updates.c.stack_id == stack_id, updates.c.version > 0)
        .order_by(updates.c.version)
    )
    return stack_id, [ExistingVersion(*row) for row in rows]


def _values(stack_id: str, version: PastVersion) -> dict[str, object]:
    status = Status.SUCCEEDED if version.is_success else Status.FAILED
    path = version.written_as
    return {
        "id": version.update_id,
        "stack_id": stack_id,
        "kind": version.kind,
        "dry_run": False,
        "status": status,
        "outcome": status,
        "version": version.version,
        "program": version.program.decode(),
        "requested_by": version.user_id,
        "origin": "",
        "cli_version": "",
        "created_at": version.started_at,
        "started_at": version.started_at,
        "ended_at": version.ended_at,
        "after_version": version.version - 1,
        "journal_version": 0,
        "base_checkpoint": version.checkpoint,
        "checkpoint": version.checkpoint,
        "checkpoint_sequence": 0,
        "resource_count": version.resource_count,
        "resource_changes": version.resource_changes.decode() if version.resource_changes is not None else None,
        "damage": version.damage,
        "integrity_error": version.integrity_error,
        "state_owner": path.org,
        "state_project": path.project,
        "state_name": path.name,
    }
