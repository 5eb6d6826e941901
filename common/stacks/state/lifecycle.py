"""Changes of a stack that no client runs as an update: create, import, rename, delete. Each takes a version number.

They read the newest version, prepare what they need, and insert the next one; if another change took that number in the
meantime they look again, a few times. A state is stored before the row that names it.
"""

from dataclasses import dataclass

from common.access import grants
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, Conflict
from common.core.ids import new_id
from common.core.names import require_project_name, require_stack_name, require_tags
from common.db.retry import retry
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission
from common.stacks import blob_keys
from common.stacks import steps as sharing
from common.stacks import steps as stacks
from common.stacks.engine import document
from common.stacks.engine.document import BadDocument
from common.stacks.engine.stack_references import find_links
from common.stacks.engine.urn import ROOT_TYPE
from common.stacks.model import Kind, Stack, StackPath, Status, Version
from common.stacks.repository import stack_references, versions
from common.stacks.repository.versions import Contents
from common.stacks.state.version_lock import contents_of, load_idle, lock_idle, retried, rewritten
from common.stacks.updates.stored_state import current_text


@dataclass(frozen=True, slots=True)
class NewStack:
    """What a stack is created with; `state` and `config` are the JSON texts that the client sent.

    `teams` are those that may administer it from the start.
    """

    name: str
    tags: dict[str, str]
    state: bytes | None = None
    config: bytes | None = None
    teams: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Stored:
    """A state in the object store and what the rows say of it."""

    key: str | None
    resource_count: int
    links: frozenset[tuple[str, str, str]]


def create(backend: Backend, caller: Caller, org: str, project: str, new: NewStack) -> Stack:
    """Create a stack, with a state if one is given.

    Conflict when there is one of that name already, NotFound for a team that is not there, NotBuilt for a configuration
    in an environment.
    """
    membership = caller.require(Permission.STACK_CREATE, org, missing=missing_org(org))
    require_project_name(project)
    require_stack_name(new.name)
    require_tags(new.tags)
    stacks.require_no_config(new.config)
    path = StackPath(membership.login, project, new.name)
    stack_id, now_millis = new_id(), unix_millis(backend.clock.now())
    stored = _store(backend, stack_id, new.state)
    _plain, wrapped = backend.data_keys.new(stack_id)
    stack = Stack(
        id=stack_id,
        org_id=membership.org_id,
        path=path,
        tags=new.tags,
        config=new.config,
        wrapped_key=wrapped,
        created_by=caller.user_id,
        latest=_first_version(caller, path, stored, now_millis),
    )

    def record() -> None:
        with backend.db.begin() as tx:
            stacks.require_room(tx, backend, membership.org_id, membership.login)
            stacks.add(tx, stack, now_millis)
            versions.add_version(
                tx,
                update_id=stack.latest.update_id,
                stack_id=stack_id,
                version=0,
                kind=Kind.CREATE,
                path=path,
                user_id=caller.user_id,
                contents=Contents(stored.key, stored.resource_count),
                now_millis=now_millis,
            )
            if stored.links:
                stack_references.replace(tx, stack_id, stored.links)
            sharing.give_to_teams(tx, membership, stack_id, new.teams, backend.clock.now())

    retry(record)
    return stack


def require_import(backend: Backend, caller: Caller, path: StackPath) -> Stack:
    """Return the stack if the caller may import into it now: asked before the state itself is read from the client."""
    return load_idle(backend, caller, path, Permission.STACK_IMPORT)


def import_state(backend: Backend, caller: Caller, path: StackPath, text: bytes) -> str:
    """Make a state, kept byte for byte, the stack's next version; returns the id of that update.

    BadRequest when it is not a container; InProgress when an update holds the stack.
    """
    stack = require_import(backend, caller, path)
    stored = _store(backend, stack.id, text)
    update_id = new_id()

    def record(found: Stack) -> None:
        with backend.db.begin() as tx:
            current = lock_idle(tx, backend, found)
            versions.next_version(
                tx,
                current,
                update_id=update_id,
                kind=Kind.IMPORT,
                path=found.path,
                user_id=caller.user_id,
                contents=Contents(stored.key, stored.resource_count),
                now_millis=unix_millis(backend.clock.now()),
            )
            stack_references.replace(tx, found.id, stored.links)

    retried(stack, record, lambda: require_import(backend, caller, path))
    return update_id


def rename(backend: Backend, caller: Caller, path: StackPath, new_name: str, new_project: str) -> str:
    """Give the stack another name or project (empty keeps it), with its state rewritten; returns the id of the version.

    Conflict when a stack of that name exists or an update holds this one.
    """

    def load() -> Stack:
        return load_idle(backend, caller, path, Permission.STACK_RENAME)

    stack = load()
    target = StackPath(path.org, new_project or path.project, new_name or path.name)
    require_stack_name(target.name)
    require_project_name(target.project)
    if target == path:
        msg = f"Stack '{path}' already exists"
        raise Conflict(msg)
    update_id = new_id()
    retried(stack, lambda found: _rename(backend, caller, found, target, update_id), load)
    return update_id


def delete(backend: Backend, caller: Caller, path: StackPath, *, force: bool) -> None:
    """Delete the stack; without `force` only one that holds no resources. Its rows and states are purged later.

    What teams and people were given on it goes at once: a stack that is restored is not open to those who had left meanwhile.
    """

    def load() -> Stack:
        found = load_idle(backend, caller, path, Permission.STACK_DELETE)
        if found.latest.resource_count and not force and not _has_root_alone(backend, found):
            # Clients compare the whole message (state.md 1.4).
            raise BadRequest(exact="Bad Request: Stack still contains resources.")
        return found

    def remove(found: Stack) -> None:
        now_millis = unix_millis(backend.clock.now())
        with backend.db.begin() as tx:
            versions.next_version(
                tx,
                found,
                update_id=new_id(),
                kind=Kind.DELETE,
                path=found.path,
                user_id=caller.user_id,
                contents=contents_of(found),
                now_millis=now_millis,
            )
            stacks.mark_deleted(tx, found, now_millis)
            grants.delete_of_stack(tx, found.id)

    retried(load(), remove, load)


def _has_root_alone(backend: Backend, stack: Stack) -> bool:
    """Tell whether the stack's only resource is the one that stands for the stack itself: upstream does not count that."""
    if stack.latest.resource_count != 1:
        return False
    return all(head.type == ROOT_TYPE for head in document.open_document(current_text(backend, stack)).heads())


def _rename(backend: Backend, caller: Caller, stack: Stack, target: StackPath, update_id: str) -> None:
    contents = rewritten(backend, stack, target)
    now_millis = unix_millis(backend.clock.now())
    with backend.db.begin() as tx:
        versions.next_version(
            tx,
            stack,
            update_id=update_id,
            kind=Kind.RENAME,
            path=target,
            user_id=caller.user_id,
            contents=contents,
            now_millis=now_millis,
        )
        stacks.rename(tx, stack, target, now_millis)


def _store(backend: Backend, stack_id: str, text: bytes | None) -> _Stored:
    """Check a state and store it; None stands for a stack without one."""
    if text is None:
        return _Stored(None, 0, frozenset())
    try:
        document.check_container(text)
        count = document.count_resources(text)
    except BadDocument as error:
        msg = f"the state is not one that a client can open: {error}"
        raise BadRequest(msg) from error
    key = blob_keys.new_checkpoint_key(stack_id)
    backend.checkpoints.put(key, text)
    return _Stored(key, count, find_links(text))


def _first_version(caller: Caller, path: StackPath, stored: _Stored, now_millis: int) -> Version:
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
        base_checkpoint=stored.key,
        checkpoint=stored.key,
        written_as=path,
        resource_count=stored.resource_count,
        journal_version=0,
        cli_version="",
    )
