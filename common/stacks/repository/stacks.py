"""Statements about stacks, their tags and their former names."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.sql import Select
from sqlalchemy.sql.selectable import ScalarSelect

from common.db.tables.access import roles, stack_grants
from common.db.tables.people import organizations, users
from common.db.tables.stacks import stack_names, stack_tags, stacks, updates
from common.db.tables.webhooks import webhooks
from common.rights.membership import Grant, StackScope
from common.rights.permissions import StackLevel
from common.rights.rules import parse
from common.stacks.model import Kind, Place, Stack, StackPath, Status, UpdateMails, Version
from common.stacks.repository.visibility import in_scopes

_newest = updates.alias("newest")


def _latest_of(stack_id: ColumnElement[str]) -> ScalarSelect[int | None]:
    """Return the newest version number of a stack in an enclosing query."""
    return select(func.max(_newest.c.version)).where(_newest.c.stack_id == stack_id).scalar_subquery()


STACK_COLUMNS = (
    stacks.c.id,
    stacks.c.org_id,
    stacks.c.project,
    stacks.c.name,
    stacks.c.tags,
    stacks.c.config,
    stacks.c.wrapped_key,
    stacks.c.created_by,
    stacks.c.managed_environment,
    organizations.c.login.label("org_login"),
)
# Whether an active webhook of the stack or its organization may be subscribed to its events.
HAS_WEBHOOKS = exists(
    select(webhooks.c.id).where(
        webhooks.c.org_id == stacks.c.org_id,
        or_(webhooks.c.stack_id == "", webhooks.c.stack_id == stacks.c.id),
        webhooks.c.active,
    )
).label("has_webhooks")
VERSION_COLUMNS = (
    updates.c.id.label("update_id"),
    updates.c.version,
    updates.c.kind,
    updates.c.status,
    updates.c.started_at,
    updates.c.ended_at,
    updates.c.lease_expires_at,
    updates.c.origin,
    updates.c.base_checkpoint,
    updates.c.checkpoint,
    updates.c.resource_order,
    updates.c.damage,
    updates.c.integrity_error,
    updates.c.state_owner,
    updates.c.state_project,
    updates.c.state_name,
    updates.c.resource_count,
    updates.c.journal_version,
    updates.c.cli_version,
    users.c.login.label("author"),
)


def with_latest_version() -> Select[tuple[object, ...]]:
    """Return the query of live stacks joined with their newest version, for the parameter `principals`.

    It has one row of a stack for each grant of the principals on it, or one row without a grant: see `one_stack`. Add a WHERE
    once, when the module is loaded: building a query takes longer than running it on SQLite.
    """
    return any_with_latest_version().where(stacks.c.live == 1)


def any_with_latest_version() -> Select[tuple[object, ...]]:
    """Return the same query of all stacks, also deleted ones."""
    has_grant = and_(
        stack_grants.c.stack_id == stacks.c.id,
        stack_grants.c.principal_id.in_(bindparam("principals", expanding=True)),
    )
    return (
        select(*STACK_COLUMNS, *VERSION_COLUMNS, HAS_WEBHOOKS, stack_grants.c.permission, roles.c.rules)
        .join(organizations, organizations.c.id == stacks.c.org_id)
        .join(updates, and_(updates.c.stack_id == stacks.c.id, updates.c.version == _latest_of(stacks.c.id)))
        .join(users, users.c.id == updates.c.requested_by)
        .outerjoin(stack_grants, has_grant)
        .outerjoin(roles, roles.c.id == stack_grants.c.set_id)
    )


IS_NAMED = and_(
    stacks.c.org_id == bindparam("org_id"),
    stacks.c.project == bindparam("project"),
    stacks.c.name == bindparam("name"),
)
_BY_NAME = with_latest_version().where(IS_NAMED)
_BY_ID = with_latest_version().where(stacks.c.id == bindparam("stack_id"))
_former = organizations.alias("former")
_BY_FORMER_NAME = (
    select(stacks.c.id, organizations.c.login)
    .select_from(stack_names)
    .join(_former, and_(_former.c.id == stack_names.c.org_id, _former.c.login == bindparam("org")))
    .join(stacks, and_(stacks.c.id == stack_names.c.stack_id, stacks.c.live == 1))
    .join(organizations, organizations.c.id == stacks.c.org_id)
    .where(stack_names.c.project == bindparam("project"), stack_names.c.name == bindparam("name"))
    .order_by(stack_names.c.left_at.desc())
    .limit(1)
)


def one_stack(rows: Sequence[Row[tuple[object, ...]]]) -> Stack | None:
    """Return the stack of all rows of `with_latest_version`, with the grants in them, or None without rows."""
    return to_stack(rows[0], tuple(_to_grant(row) for row in rows if row.permission is not None)) if rows else None


def find(connection: Connection, org_id: str, project: str, name: str, principals: Sequence[str]) -> Stack | None:
    """Return the live stack of a name with the principals' grants on it, or None."""
    parameters = {"org_id": org_id, "project": project, "name": name, "principals": list(principals)}
    return one_stack(connection.execute(_BY_NAME, parameters).all())


def find_by_id(connection: Connection, stack_id: str, principals: Sequence[str]) -> Stack | None:
    """Return the live stack of an id with the principals' grants on it, or None."""
    return one_stack(connection.execute(_BY_ID, {"stack_id": stack_id, "principals": list(principals)}).all())


def find_by_former_name(connection: Connection, path: StackPath) -> tuple[str, str] | None:
    """Return (id, login of its organization) of the live stack that had this name last, or None."""
    parameters = {"org": path.org, "project": path.project, "name": path.name}
    row = connection.execute(_BY_FORMER_NAME, parameters).one_or_none()
    return (row[0], row[1]) if row is not None else None


def project_exists(connection: Connection, scope: StackScope, project: str) -> bool:
    """Tell whether a live stack of the project is in the scope."""
    return bool(connection.scalar(select(exists().where(stacks.c.project == project, stacks.c.live == 1, in_scopes([scope])))))


def count_of_org(connection: Connection, org_id: str) -> tuple[int, int]:
    """Return how many live stacks an organization has, and how many with the deleted ones that are not purged yet."""
    row = connection.execute(select(func.count(stacks.c.live), func.count()).where(stacks.c.org_id == org_id)).one()
    return int(row[0]), int(row[1])


def add(tx: Connection, stack: Stack, created_at: int, mails: UpdateMails) -> None:
    """Insert the stack and its tags. IntegrityError if a live stack has the name."""
    tx.execute(
        insert(stacks).values(
            id=stack.id,
            org_id=stack.org_id,
            project=stack.path.project,
            name=stack.path.name,
            live=1,
            tags=_tags_text(stack.tags),
            config=stack.config.decode() if stack.config is not None else None,
            wrapped_key=stack.wrapped_key,
            created_by=stack.created_by,
            created_at=created_at,
            mails_failure=mails.on_failure,
            mails_success=mails.on_success,
            managed_environment=stack.managed_environment,
        ),
    )
    _add_tags(tx, stack.id, stack.tags)


def lock(tx: Connection, stack_id: str) -> bool:
    """Lock a live stack until the transaction ends. False if it does not exist.

    It may have changed while this waited, so read it again.
    """
    query = select(stacks.c.id).where(stacks.c.id == stack_id, stacks.c.live == 1)
    return tx.scalar(query.with_for_update()) is not None


def lock_tags(tx: Connection, stack_id: str) -> dict[str, str] | None:
    """Lock a live stack until the transaction ends and return its tags. None if it does not exist."""
    query = select(stacks.c.tags).where(stacks.c.id == stack_id, stacks.c.live == 1)
    text = tx.scalar(query.with_for_update())
    return msgspec.json.decode(text, type=dict[str, str]) if text is not None else None


def replace_tags(tx: Connection, stack_id: str, tags: dict[str, str]) -> bool:
    """Replace all tags of a live stack, which locks it. False if it does not exist."""
    changed = tx.execute(update(stacks).values(tags=_tags_text(tags)).where(stacks.c.id == stack_id, stacks.c.live == 1))
    if changed.rowcount != 1:
        return False
    tx.execute(delete(stack_tags).where(stack_tags.c.stack_id == stack_id))
    _add_tags(tx, stack_id, tags)
    return True


def update_config(connection: Connection, stack_id: str, config: bytes | None) -> None:
    """Replace the stack's configuration reference, or delete it."""
    connection.execute(
        update(stacks).values(config=config.decode() if config is not None else None).where(stacks.c.id == stack_id),
    )


def rename(tx: Connection, stack: Stack, target: Place, now_millis: int) -> bool:
    """Change the name or organization of a live stack and keep the old name. False if the stack does not exist.

    IntegrityError if a live stack has the new name.
    """
    place = {"org_id": target.org_id, "project": target.project, "name": target.name}
    changed = tx.execute(update(stacks).values(place).where(stacks.c.id == stack.id, stacks.c.live == 1))
    if changed.rowcount != 1:
        return False
    add_former_name(tx, stack, target, now_millis)
    return True


def add_former_name(tx: Connection, stack: Stack, target: Place, now_millis: int) -> None:
    """Keep the old name of a stack that is renamed; the new name is no longer one of its former names."""
    old, columns = stack.path, stack_names.c
    is_old = and_(columns.org_id == stack.org_id, columns.project == old.project, columns.name == old.name)
    is_new = and_(columns.org_id == target.org_id, columns.project == target.project, columns.name == target.name)
    tx.execute(delete(stack_names).where(columns.stack_id == stack.id, or_(is_old, is_new)))
    tx.execute(
        insert(stack_names).values(
            stack_id=stack.id,
            org_id=stack.org_id,
            project=old.project,
            name=old.name,
            left_at=now_millis,
        ),
    )


def mark_deleted(tx: Connection, stack_id: str, now_millis: int) -> bool:
    """Delete a live stack, which makes its name free. False if it does not exist. Its rows are purged later."""
    changed = tx.execute(
        update(stacks).values(live=None, deleted_at=now_millis).where(stacks.c.id == stack_id, stacks.c.live == 1),
    )
    return changed.rowcount == 1


def keep_grants(tx: Connection, stack_id: str, deleted_grants: str) -> None:
    """Store the text of the grants that a deleted stack had."""
    tx.execute(update(stacks).values(deleted_grants=deleted_grants).where(stacks.c.id == stack_id))


def to_stack(row: Row[tuple[object, ...]], grants: tuple[Grant, ...]) -> Stack:
    """Map a row of `with_latest_version`."""
    return Stack(
        id=row.id,
        org_id=row.org_id,
        path=StackPath(row.org_login, row.project, row.name),
        tags=msgspec.json.decode(row.tags, type=dict[str, str]),
        config=row.config.encode() if row.config is not None else None,
        wrapped_key=bytes(row.wrapped_key),
        created_by=row.created_by,
        latest=to_version(row),
        grants=grants,
        has_webhooks=bool(row.has_webhooks),
        managed_environment=row.managed_environment,
    )


def _to_grant(row: Row[tuple[object, ...]]) -> Grant:
    return Grant(StackLevel(row.permission), parse(row.rules) if row.rules is not None else None)


def to_version(row: Row[tuple[object, ...]]) -> Version:
    """Map the columns of a version."""
    return Version(
        update_id=row.update_id,
        version=row.version,
        kind=Kind(row.kind),
        status=Status(row.status),
        started_at=row.started_at,
        ended_at=row.ended_at,
        lease_expires_at=row.lease_expires_at,
        author=row.author,
        origin=row.origin,
        base_checkpoint=row.base_checkpoint,
        checkpoint=row.checkpoint,
        written_as=StackPath(row.state_owner, row.state_project, row.state_name),
        resource_count=row.resource_count,
        journal_version=row.journal_version,
        cli_version=row.cli_version,
        resource_order=row.resource_order,
        damage=row.damage,
        integrity_error=row.integrity_error,
    )


def _tags_text(tags: dict[str, str]) -> str:
    return msgspec.json.encode(tags).decode()


def _add_tags(tx: Connection, stack_id: str, tags: dict[str, str]) -> None:
    if tags:
        tx.execute(insert(stack_tags), [{"stack_id": stack_id, "name": name, "value": value} for name, value in tags.items()])
