"""Use cases that create, rename and delete a stack. Each of them takes a version number, as an update does."""

from dataclasses import dataclass

from common.access import grants
from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, Conflict
from common.core.ids import new_id
from common.core.names import require_project_name, require_stack_name, require_tags
from common.db.retry import retry
from common.outbox import steps as outbox
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission
from common.stacks import events
from common.stacks import steps as stacks
from common.stacks.engine import document
from common.stacks.engine.urn import ROOT_TYPE
from common.stacks.managed_environments import Attach
from common.stacks.model import Kind, Stack, StackPath, Status, UpdateMails, Version
from common.stacks.repository import stack_references, versions
from common.stacks.repository import stacks as repository
from common.stacks.repository.versions import Contents
from common.stacks.state.steps import NO_STATE, latest_contents, load_idle, retry_on_new_version, store_renamed, store_state
from common.stacks.updates.stored_state import current_text


@dataclass(frozen=True, slots=True)
class NewStack:
    """The request to create a stack; `state` and `config` are the JSON texts that the client sent.

    `teams` may administer the stack from the start. `attach` makes what belongs to the stack elsewhere, in the same transaction.
    `managed_environment` is the environment that belongs to it, as `project/name`.
    """

    name: str
    tags: dict[str, str]
    state: bytes | None = None
    config: bytes | None = None
    teams: tuple[str, ...] = ()
    attach: Attach | None = None
    managed_environment: str | None = None


def create(backend: Backend, caller: Caller, org: str, project: str, new: NewStack) -> Stack:
    """Create a stack, with a state if the request has one, and return it.

    Conflict if a stack has that name, NotFound for a team that does not exist.
    """
    membership = caller.require(Permission.STACK_CREATE, org, missing=missing_org(org))
    require_project_name(project)
    require_stack_name(new.name)
    require_tags(new.tags)
    path = StackPath(membership.login, project, new.name)
    stack_id, now_millis = new_id(), unix_millis(backend.clock.now())
    stored = store_state(backend, stack_id, new.state) if new.state is not None else NO_STATE
    _plain, wrapped_key = backend.data_keys.new(stack_id, membership.settings.customer_key)
    mails = UpdateMails(membership.settings.mails_on_failure, membership.settings.mails_on_success)
    stack = Stack(
        id=stack_id,
        org_id=membership.org_id,
        path=path,
        tags=new.tags,
        config=new.config,
        wrapped_key=wrapped_key,
        created_by=caller.user_id,
        latest=_first_version(caller, path, stored.contents, now_millis),
        managed_environment=new.managed_environment,
    )

    def record() -> None:
        with backend.db.begin() as tx:
            stacks.require_room(tx, backend, membership.org_id, membership.login)
            stacks.add(tx, stack, now_millis, mails)
            versions.add_version(
                tx,
                update_id=stack.latest.update_id,
                stack_id=stack_id,
                version=0,
                kind=Kind.CREATE,
                path=path,
                user_id=caller.user_id,
                contents=stored.contents,
                now_millis=now_millis,
            )
            if stored.links:
                stack_references.replace(tx, stack_id, stored.links)
            if new.attach is not None:
                new.attach(tx, stack)
            stacks.grant_to_teams(tx, membership, stack_id, new.teams, backend.clock.now())
            outbox.queue(tx, backend, [events.stack_created(stack, caller)])
            audit.record(tx, backend, caller, stack.org_id, Event.STACK_CREATED, description=f"Created stack {path}")

    retry(record)
    return stack


def rename(backend: Backend, caller: Caller, path: StackPath, new_name: str, new_project: str) -> str:
    """Change the stack's name or project (an empty text keeps it) and rewrite its state; return the id of the version.

    Conflict if a stack has the new name, or while an update of this one runs.
    """

    def load() -> Stack:
        return load_idle(backend, caller, path, Permission.STACK_RENAME)

    stack = load()
    target = StackPath(path.org, new_project or path.project, new_name or path.name)
    require_stack_name(target.name)
    require_project_name(target.project)
    if target == path:
        raise Conflict(stacks.taken_text(path))
    update_id = new_id()

    def record(current: Stack) -> None:
        contents = store_renamed(backend, current, target)
        now_millis = unix_millis(backend.clock.now())
        with backend.db.begin() as tx:
            versions.add_next_version(
                tx,
                current,
                update_id=update_id,
                kind=Kind.RENAME,
                path=target,
                user_id=caller.user_id,
                contents=contents,
                now_millis=now_millis,
            )
            stacks.rename(tx, current, target, now_millis)
            description = f"Renamed stack {current.path} to {target}"
            audit.record(tx, backend, caller, current.org_id, Event.STACK_RENAMED, description=description)

    retry_on_new_version(stack, record, load)
    return update_id


def delete(backend: Backend, caller: Caller, path: StackPath, *, force: bool, detach: Attach | None = None) -> None:
    """Delete the stack; one with resources only with `force`. A job deletes its rows and states later.

    The grants on it are deleted at once, and kept beside it: if it is restored, those of users who have left do not come back.
    `detach` deletes the environment that belongs to it, in the same transaction.
    """

    def load() -> Stack:
        stack = load_idle(backend, caller, path, Permission.STACK_DELETE)
        if stack.latest.resource_count and not force and not _has_only_root(backend, stack):
            # Clients compare the whole message (state.md 1.4).
            raise BadRequest(exact="Bad Request: Stack still contains resources.")
        return stack

    def record(stack: Stack) -> None:
        now_millis = unix_millis(backend.clock.now())
        with backend.db.begin() as tx:
            versions.add_next_version(
                tx,
                stack,
                update_id=new_id(),
                kind=Kind.DELETE,
                path=stack.path,
                user_id=caller.user_id,
                contents=latest_contents(stack),
                now_millis=now_millis,
            )
            # This waits for a grant that is being added. Once it is there, it is kept with the others.
            repository.mark_deleted(tx, stack.id, now_millis)
            deleted_grants = grants.delete_of_stack(tx, stack.id)
            if deleted_grants is not None:
                repository.keep_grants(tx, stack.id, deleted_grants)
            if stack.managed_environment is not None and detach is not None:
                detach(tx, stack)
            if stack.has_webhooks:
                outbox.queue(tx, backend, [events.stack_deleted(stack, caller)])
            audit.record(tx, backend, caller, stack.org_id, Event.STACK_DELETED, description=f"Deleted stack {stack.path}")

    retry_on_new_version(load(), record, load)


def _has_only_root(backend: Backend, stack: Stack) -> bool:
    """Tell whether the stack's only resource is the one that represents the stack itself: upstream does not count that."""
    if stack.latest.resource_count != 1:
        return False
    return all(head.type == ROOT_TYPE for head in document.open_document(current_text(backend, stack)).heads())


def _first_version(caller: Caller, path: StackPath, contents: Contents, now_millis: int) -> Version:
    return Version(
        update_id=new_id(),
        version=0,
        kind=Kind.CREATE,
        status=Status.SUCCEEDED,
        started_at=now_millis,
        ended_at=now_millis,
        lease_expires_at=None,
        author=caller.login,
        origin="",
        base_checkpoint=contents.checkpoint,
        checkpoint=contents.checkpoint,
        written_as=path,
        resource_count=contents.resource_count,
        journal_version=0,
        cli_version="",
    )
