"""Statements about versions that are complete when they are inserted: create, import, rename, transfer, delete, restore.

They are in the same table as the updates that clients run, since the unique index on (stack, version) must contain both: it is
the stack's lock.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, Row, Select, func, insert, select

from common.db.tables.stacks import updates
from common.stacks.model import Kind, Stack, StackPath, Status, VersionReference


@dataclass(frozen=True, slots=True)
class Contents:
    """The state of a version: its blob (None: no state), its number of resources, and their order if it is not the blob's.

    `packages` are those that it uses, None if they are those of the version before. `integrity_error` is the first rule of
    Pulumi's engine that it breaks.
    """

    checkpoint: str | None
    resource_count: int
    resource_order: str | None = None
    packages: str | None = None
    integrity_error: str | None = None


def add_version(
    connection: Connection,
    *,
    update_id: str,
    stack_id: str,
    version: int,
    kind: Kind,
    path: StackPath,
    user_id: str,
    contents: Contents,
    now_millis: int,
) -> None:
    """Insert a finished version. IntegrityError if the number is taken: then the caller reads the stack again."""
    connection.execute(
        insert(updates).values(
            id=update_id,
            stack_id=stack_id,
            kind=kind,
            dry_run=False,
            status=Status.SUCCEEDED,
            outcome=Status.SUCCEEDED,
            version=version,
            program="{}",
            requested_by=user_id,
            origin="",
            cli_version="",
            created_at=now_millis,
            started_at=now_millis,
            ended_at=now_millis,
            after_version=version - 1,
            journal_version=0,
            base_checkpoint=contents.checkpoint,
            checkpoint=contents.checkpoint,
            checkpoint_sequence=0,
            state_owner=path.org,
            state_project=path.project,
            state_name=path.name,
            resource_count=contents.resource_count,
            resource_order=contents.resource_order,
            packages=contents.packages,
            integrity_error=contents.integrity_error,
        ),
    )


def add_next_version(
    connection: Connection,
    stack: Stack,
    *,
    update_id: str,
    kind: Kind,
    path: StackPath,
    user_id: str,
    contents: Contents,
    now_millis: int,
) -> None:
    """Insert the version after the stack's newest one as it was read. IntegrityError if that is no longer the newest."""
    add_version(
        connection,
        update_id=update_id,
        stack_id=stack.id,
        version=stack.latest.version + 1,
        kind=kind,
        path=path,
        user_id=user_id,
        contents=contents,
        now_millis=now_millis,
    )


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """Where the state of a version is: its blob (None: no state yet), the order of its resources, the name of the stack in it.

    `is_deleted`: the retention policy of the organization did not keep it.
    """

    number: int
    checkpoint: str | None
    resource_order: str | None
    written_as: StackPath
    is_deleted: bool = False


def find_version(connection: Connection, stack_id: str, reference: VersionReference) -> tuple[StoredVersion, int] | None:
    """Return where the state of a stack's version is, and the time of the version in unix milliseconds; or None."""
    query = _stored_versions(stack_id)
    if reference.number is not None:
        query = query.where(updates.c.version == reference.number)
    elif reference.update_id is not None:
        query = query.where(updates.c.id == reference.update_id)
    elif reference.at is not None:
        query = query.where(_at <= reference.at)
    row = connection.execute(query.limit(1)).one_or_none()
    return _to_stored_version(row) if row is not None else None


def page_before(connection: Connection, stack_id: str, before: int | None, limit: int) -> list[tuple[StoredVersion, int]]:
    """Return where the states of versions are, with the time of each, newest first: all of them, or those before a version."""
    query = _stored_versions(stack_id).limit(limit)
    rows = connection.execute(query if before is None else query.where(updates.c.version < before))
    return [_to_stored_version(row) for row in rows]


def find_number_before(connection: Connection, stack_id: str, version: int, checkpoint: str) -> int | None:
    """Return the newest version before a version that has its state in another blob, or None."""
    number: int | None = connection.scalar(
        select(func.max(updates.c.version)).where(
            updates.c.stack_id == stack_id,
            updates.c.version < version,
            updates.c.version > 0,
            updates.c.checkpoint.is_not(None),
            updates.c.checkpoint != checkpoint,
        ),
    )
    return number


def find_last_good(connection: Connection, stack_id: str) -> int | None:
    """Return the newest version that succeeded and breaks no rule, or None."""
    query = select(updates.c.version).where(
        updates.c.stack_id == stack_id, updates.c.version > 0, updates.c.kind != Kind.DELETE, *IS_GOOD
    )
    number: int | None = connection.scalar(query.order_by(updates.c.version.desc()).limit(1))
    return number


IS_GOOD = (
    updates.c.status == Status.SUCCEEDED,
    updates.c.damage.is_(None),
    updates.c.integrity_error.is_(None),
    updates.c.state_deleted_at.is_(None),
)
_at = func.coalesce(updates.c.ended_at, updates.c.started_at, updates.c.created_at)


def _stored_versions(stack_id: str) -> Select[tuple[object, ...]]:
    return (
        select(
            updates.c.version,
            updates.c.checkpoint,
            updates.c.resource_order,
            updates.c.state_owner,
            updates.c.state_project,
            updates.c.state_name,
            updates.c.state_deleted_at,
            _at.label("at"),
        )
        .where(updates.c.stack_id == stack_id, updates.c.version > 0)
        .order_by(updates.c.version.desc())
    )


def _to_stored_version(row: Row[tuple[object, ...]]) -> tuple[StoredVersion, int]:
    written_as = StackPath(row.state_owner, row.state_project, row.state_name)
    is_deleted = row.state_deleted_at is not None
    return StoredVersion(row.version, row.checkpoint, row.resource_order, written_as, is_deleted), row.at
