"""Use cases of a stack's state: export, import, outputs, resources, references, a check of all states.

A state is returned as it is stored. Versions from before a rename are rewritten to the present name when they are read
(docs/decisions/0003).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.compression import unpack
from common.core.errors import Conflict, NotFound
from common.core.ids import new_id
from common.outbox import steps as outbox
from common.ports.blobs import BlobDamaged, BlobMissing
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission
from common.stacks import events
from common.stacks import steps as stacks
from common.stacks.engine import checks, document, ordering, repair
from common.stacks.engine.document import BadDocument, StoredResource
from common.stacks.engine.repair import Plan
from common.stacks.model import Kind, Stack, StackPath, VersionReference
from common.stacks.overview.changes import ResourceVersion
from common.stacks.repository import stack_references, stored_versions, versions
from common.stacks.repository.stored_versions import VersionState
from common.stacks.repository.versions import StoredVersion
from common.stacks.state.steps import (
    find_version,
    load_idle,
    load_version,
    lock_idle,
    renamed_state,
    retry_on_new_version,
    store_state,
)
from common.stacks.updates import stored_state
from common.stacks.updates.finishing import get_current_stack, rebuild_if_damaged

REFERENCE_LIMIT = 1000
# Clients follow a link at once, and a slow connection reads a large state in this time.
LINK_SECONDS = 300
_CHECK_PAGE = 500
# States that several versions share lie near each other.
_REMEMBERED = 10_000
# So many versions are compared for one page, and no further one is read after so many bytes.
COMPARED_VERSIONS, COMPARED_BYTES = 10, 16 << 20


@dataclass(frozen=True, slots=True)
class Outputs:
    """A stack's outputs and their secrets provider, each the JSON text of the state, or None if the state has none."""

    outputs: bytes | None
    secrets_providers: bytes | None


@dataclass(frozen=True, slots=True)
class StackOverview:
    """A stack, the stacks that it refers to with their versions, and its resources in order."""

    stack: Stack
    references: list[tuple[StackPath, int]]
    resources: list[StoredResource]


@dataclass(frozen=True, slots=True)
class ResourceVersions:
    """A resource in versions that follow each other, newest first; the last one only stands for comparison."""

    stack: Stack
    versions: list[ResourceVersion]
    has_more: bool

    @property
    def newest(self) -> int:
        """Return the newest version that was compared, 0 for a stack without any."""
        return self.versions[0].number

    @property
    def oldest(self) -> int:
        """Return the oldest version that was compared with the one before it."""
        return self.versions[-2].number if len(self.versions) > 1 else self.newest


def export(backend: Backend, caller: Caller, path: StackPath) -> bytes:
    """Return the state as it is stored: gzip bytes, or the plain container of a stack without a state.

    While an update runs this is its base, or its last whole checkpoint: indices of a journal refer to it.
    """
    stack = get_current_stack(backend, caller, path, Permission.STACK_EXPORT)
    if rebuild_if_damaged(backend, stack):
        stack = stacks.get_stack(backend, caller, path, Permission.STACK_EXPORT)
    stored = stored_state.current_stored(backend, stack)
    _record_export(backend, caller, stack, None)
    return stored


def export_version(backend: Backend, caller: Caller, path: StackPath, version: int) -> bytes:
    """Return the state of a version, as gzip or plain. NotFound if the stack has no such version."""
    stack = get_current_stack(backend, caller, path, Permission.STACK_EXPORT)
    state = _state_at(backend, stack, version)
    _record_export(backend, caller, stack, version)
    return state


def export_link(backend: Backend, caller: Caller, path: StackPath, version: int | None) -> str | None:
    """Return an address that serves the stored state, the newest or that of a version, for a few minutes.

    None if the store is a folder, or if the state must be rewritten first because of a rename or an order of its own.
    """
    stack = stacks.get_stack(backend, caller, path, Permission.STACK_EXPORT)
    stored: StoredVersion | None = stored_state.newest(stack)
    if version is not None:
        stored, _at = find_version(backend, stack, VersionReference(version)) or (None, 0)
    if stored is None or stored.checkpoint is None or stored.written_as != stack.path or stored.resource_order is not None:
        return None
    return backend.checkpoints.link(stored.checkpoint, LINK_SECONDS)


def require_import(backend: Backend, caller: Caller, path: StackPath) -> Stack:
    """Return the stack if the caller may import into it now: called before the state is read from the client.

    InProgress while an update of the stack runs; errors as in stacks.get_stack.
    """
    return load_idle(backend, caller, path, Permission.STACK_IMPORT)


def import_state(backend: Backend, caller: Caller, stack: Stack, text: bytes) -> str:
    """Make a state, kept byte for byte, the next version of the stack from `require_import`, and return the update's id.

    BadRequest if it is not a deployment in its container; InProgress while an update of the stack runs.
    """
    membership = caller.require_member(stack.path.org, missing=missing_org(stack.path.org))
    stacks.require_on_stack(caller, membership, stack, Permission.STACK_IMPORT)
    return _import(backend, caller, stack, text, f"Imported a state into stack {stack.path}")


def restore_version(backend: Backend, caller: Caller, path: StackPath, version: int) -> str:
    """Make the state of an earlier version the next version of the stack, as an import of it does; return the update's id.

    NotFound if the stack has no such version; InProgress while an update of the stack runs.
    """
    stack = require_import(backend, caller, path)
    text = unpack(_state_at(backend, stack, version))
    return _import(backend, caller, stack, text, f"Restored version {version} of stack {stack.path}")


def plan_repair(backend: Backend, caller: Caller, path: StackPath, reference: VersionReference) -> tuple[Stack, int, Plan]:
    """Return (stack, version, how its state would be repaired). NotFound if the stack has no such version."""
    stack = get_current_stack(backend, caller, path, Permission.STACK_READ)
    if not stack.latest.version:
        return stack, 0, Plan(None)
    version, _at = load_version(backend, stack, reference)
    return stack, version.number, repair.plan(unpack(renamed_state(backend, stack, version)))


def find_last_good(backend: Backend, caller: Caller, path: StackPath) -> int | None:
    """Return the newest version of a stack that succeeded and breaks no rule, or None."""
    stack = stacks.get_stack(backend, caller, path, Permission.STACK_READ)
    with backend.db.connect() as connection:
        return versions.find_last_good(connection, stack.id)


def repair_state(backend: Backend, caller: Caller, path: StackPath) -> str:
    """Make the repaired newest state the next version, as an import of it does; return the update's id.

    Conflict if nothing can be repaired, or if the stack has a newer version meanwhile; InProgress while an update runs.
    """
    stack = require_import(backend, caller, path)
    plan = repair.plan(stored_state.current_text(backend, stack))
    if plan.text is None:
        raise Conflict(f"the state of stack '{stack.path}' has nothing that can be repaired without a decision")
    description = f"Repaired version {stack.latest.version} of stack {stack.path}: {len(plan.steps):,} steps"
    return _import(backend, caller, stack, plan.text, description, only_after=stack.latest.version)


def _import(
    backend: Backend, caller: Caller, stack: Stack, text: bytes, description: str, *, only_after: int | None = None
) -> str:
    stored = store_state(backend, stack.id, text)
    update_id = new_id()

    def record(current: Stack) -> None:
        with backend.db.begin() as tx:
            locked = lock_idle(tx, backend, current)
            if only_after is not None and locked.latest.version != only_after:
                raise Conflict(f"stack '{current.path}' has a newer version than {only_after}: look at it first")
            versions.add_next_version(
                tx,
                locked,
                update_id=update_id,
                kind=Kind.IMPORT,
                path=current.path,
                user_id=caller.user_id,
                contents=stored.contents,
                now_millis=unix_millis(backend.clock.now()),
            )
            stack_references.replace(tx, current.id, stored.links)
            if locked.has_webhooks:
                version = locked.latest.version + 1
                run = events.Run(current.id, current.path, update_id, Kind.IMPORT, dry_run=False, version=version)
                outbox.queue(tx, backend, events.ended(run, is_success=True))
            audit.record(tx, backend, caller, current.org_id, Event.STACK_IMPORTED, description=description)

    retry_on_new_version(stack, record, lambda: require_import(backend, caller, stack.path))
    return update_id


def get_outputs(backend: Backend, caller: Caller, path: StackPath) -> Outputs:
    """Return the stack's outputs in its newest state, byte for byte."""
    stack = get_current_stack(backend, caller, path, Permission.STACK_READ)
    if stack.latest.checkpoint is None:
        return Outputs(None, None)
    outputs = Outputs(*document.outputs(stored_state.current_text(backend, stack)))
    description = f"Read the outputs of stack {stack.path}"
    audit.record_alone(backend, caller, stack.org_id, Event.STACK_OUTPUTS_READ, description=description)
    return outputs


def list_resources(backend: Backend, caller: Caller, path: StackPath, version: int | None) -> tuple[int, list[StoredResource]]:
    """Return (version, its resources in order) of the newest state or of a version. NotFound if it does not exist."""
    stack = get_current_stack(backend, caller, path, Permission.STACK_READ)
    if version is None:
        return stack.latest.version, list(document.resources(stored_state.current_text(backend, stack)))
    return version, list(document.resources(unpack(_state_at(backend, stack, version))))


def get_resource(backend: Backend, caller: Caller, path: StackPath, version: int | None, urn: str) -> tuple[int, StoredResource]:
    """Return (version, the first resource with a URN) of the newest state or of a version. NotFound without one."""
    number, resources = list_resources(backend, caller, path, version)
    resource = next((resource for resource in resources if resource.urn == urn), None)
    if resource is None:
        raise NotFound(f"Resource {urn[:300]!a} not found")
    return number, resource


def list_resource_versions(
    backend: Backend, caller: Caller, path: StackPath, urn: str, *, before: int | None
) -> ResourceVersions:
    """Return a resource as it was in each of the newest versions, or in those before a version; what is read is bounded."""
    stack = get_current_stack(backend, caller, path, Permission.STACK_READ)
    with backend.db.connect() as connection:
        rows = versions.page_before(connection, stack.id, before, COMPARED_VERSIONS + 1)
    texts: dict[tuple[str | None, StackPath], bytes | None] = {}
    found: list[ResourceVersion] = []
    size = 0
    for version, at in rows:
        if version.is_deleted:  # Of those before it, most are deleted too.
            return ResourceVersions(stack, found or [ResourceVersion(0, 0, None)], has_more=False)
        key = (version.checkpoint, version.written_as)
        if key not in texts:
            if size > COMPARED_BYTES and len(found) > 1:
                break
            text = unpack(renamed_state(backend, stack, version))
            size += len(text)
            texts[key] = next((item.text for item in document.resources(text) if item.urn == urn), None)
        found.append(ResourceVersion(version.number, at, texts[key]))
    # The version before the first one has no resources.
    if len(found) == len(rows) <= COMPARED_VERSIONS:
        return ResourceVersions(stack, [*found, ResourceVersion(0, 0, None)], has_more=False)
    return ResourceVersions(stack, found, has_more=True)


def get_overview(backend: Backend, caller: Caller, path: StackPath) -> StackOverview:
    """Return a stack with the resources of its newest state and the stacks that it refers to and the caller can see."""
    stack = get_current_stack(backend, caller, path, Permission.STACK_READ)
    with backend.db.connect() as connection:
        scopes = stacks.visible_scopes(caller, None)
        references = stack_references.list_upstream(connection, stack.id, scopes, REFERENCE_LIMIT)
    return StackOverview(stack, references, list(document.resources(stored_state.current_text(backend, stack))))


def count_resources(backend: Backend, caller: Caller, path: StackPath) -> tuple[int, int]:
    """Return (version, number of resources) of the newest state."""
    stack = get_current_stack(backend, caller, path, Permission.STACK_READ)
    return stack.latest.version, stack.latest.resource_count


def list_downstream_references(backend: Backend, caller: Caller, path: StackPath) -> list[tuple[StackPath, int]]:
    """Return (name, version) of the stacks that refer to this one, among those that the caller can see."""
    stacks.get_stack(backend, caller, path, Permission.STACK_READ)
    with backend.db.connect() as connection:
        return stack_references.list_downstream(connection, path, stacks.visible_scopes(caller, None), REFERENCE_LIMIT)


def list_upstream_references(backend: Backend, caller: Caller, path: StackPath) -> list[tuple[StackPath, int]]:
    """Return (name, version) of the stacks that this one refers to, among those that the caller can see."""
    stack = stacks.get_stack(backend, caller, path, Permission.STACK_READ)
    with backend.db.connect() as connection:
        return stack_references.list_upstream(connection, stack.id, stacks.visible_scopes(caller, None), REFERENCE_LIMIT)


def check_states(backend: Backend, *, newest_only: bool) -> Iterator[tuple[VersionState, str]]:
    """Yield each stored version with the reason why its state cannot be read, or an empty text. Changes nothing."""
    # No permission check: the operator, who runs this with the installation's settings, may read everything.
    after, problems = "", dict[tuple[str, str | None], str]()
    while True:
        with backend.db.connect() as connection:
            page = stored_versions.page(connection, after, _CHECK_PAGE, newest_only=newest_only)
        for version in page:
            yield version, "; ".join(filter(None, (version.damage, _problem(backend, version, problems))))
        if len(problems) > _REMEMBERED:
            problems.clear()
        if len(page) < _CHECK_PAGE:
            return
        after = page[-1].update_id


def _record_export(backend: Backend, caller: Caller, stack: Stack, version: int | None) -> None:
    what = "the state" if version is None else f"version {version}"
    description = f"Exported {what} of stack {stack.path}"
    audit.record_alone(backend, caller, stack.org_id, Event.STACK_EXPORTED, description=description)


def _problem(backend: Backend, version: VersionState, problems: dict[tuple[str, str | None], str]) -> str:
    """Return what is wrong with a stored state; one that several versions share is read once."""
    if version.checkpoint is None:
        return ""
    key = (version.checkpoint, version.resource_order)
    if key not in problems:
        try:
            text = backend.checkpoints.get(version.checkpoint)
            document.check_container(text)
            problems[key] = _broken_rule(ordering.applied(text, version.resource_order))
        except (BlobMissing, BlobDamaged) as error:
            problems[key] = error.detail
        except BadDocument as error:
            problems[key] = f"the stored document {version.checkpoint} is not a state: {error}"
    return problems[key]


def _broken_rule(text: bytes) -> str:
    """Return what Pulumi's engine says of a state that it would refuse, or an empty text."""
    error = checks.verify(text)
    return f"Pulumi's engine would refuse this state: {error}" if error is not None else ""


def _state_at(backend: Backend, stack: Stack, version: int) -> bytes:
    return renamed_state(backend, stack, load_version(backend, stack, VersionReference(version))[0])
