"""Steps that create a stack with the updates that it had in another backend: all of it in one transaction, or nothing."""

from sqlalchemy import Connection

from common.audit import steps as audit
from common.audit.steps import Actor, Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.ids import new_id
from common.stacks import steps as stacks
from common.stacks.imports import repository
from common.stacks.imports.model import ExistingVersion, ImportedStack, NewOwner
from common.stacks.model import Kind, Stack, Status, UpdateMails, Version
from common.stacks.repository import stack_references, versions
from common.stacks.repository.versions import Contents


def find_existing(backend: Backend, owner: NewOwner, project: str, name: str) -> tuple[str, list[ExistingVersion]] | None:
    """Return (id, versions in order) of a stack of the organization, or None."""
    # No permission check in this module: the operator holds the database.
    with backend.db.connect() as connection:
        return repository.find_existing(connection, owner.org_id, project, name)


def add(tx: Connection, backend: Backend, owner: NewOwner, imported: ImportedStack) -> None:
    """Insert a stack with its versions. Conflict if a stack has that name, BadRequest above the organization's limit."""
    stacks.require_room(tx, backend, owner.org_id, owner.org)
    created_at = imported.versions[0].started_at if imported.versions else unix_millis(backend.clock.now())
    stack = _stack(owner, imported, created_at)
    stacks.add(tx, stack, created_at, UpdateMails())
    versions.add_version(
        tx,
        update_id=stack.latest.update_id,
        stack_id=imported.id,
        version=0,
        kind=Kind.CREATE,
        path=imported.path,
        user_id=owner.user_id,
        contents=Contents(None, 0),
        now_millis=created_at,
    )
    repository.add(tx, imported.id, imported.versions)
    if imported.links:
        stack_references.replace(tx, imported.id, imported.links)
    description = f"Imported stack {imported.path} with {len(imported.versions):,} updates from another backend"
    audit.record_as(tx, backend, Actor(owner.user_id, owner.login), owner.org_id, Event.STACK_CREATED, description=description)


def _stack(owner: NewOwner, imported: ImportedStack, created_at: int) -> Stack:
    first = Version(
        update_id=new_id(),
        version=0,
        kind=Kind.CREATE,
        status=Status.SUCCEEDED,
        started_at=created_at,
        ended_at=created_at,
        lease_expires_at=None,
        author=owner.login,
        origin="",
        base_checkpoint=None,
        checkpoint=None,
        written_as=imported.path,
        resource_count=0,
        journal_version=0,
        cli_version="",
    )
    return Stack(
        id=imported.id,
        org_id=owner.org_id,
        path=imported.path,
        tags=imported.tags,
        config=imported.config,
        wrapped_key=imported.wrapped_key,
        created_by=owner.user_id,
        latest=first,
    )
