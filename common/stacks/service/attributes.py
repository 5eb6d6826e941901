"""Use cases for what users keep with a stack beside its state: tags and the configuration reference."""

from collections.abc import Callable, Collection

from sqlalchemy import Connection

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.config.public_urls import base_url
from common.core.errors import BadRequest, NotFound
from common.core.names import require_tag, require_tag_count, require_tags
from common.db.retry import retry
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks import steps
from common.stacks.model import Stack, StackPath
from common.stacks.repository import stacks
from common.stacks.starter_workflow import Pipeline, write_workflow
from common.stacks.steps import PROJECT_TAG

RUNTIME_TAG = "pulumi:runtime"
BULK_LIMIT = 100
# Clients set these on every update, all at once; the calls for single tags leave them alone (platform.md 16).
BUILT_IN_TAGS = frozenset(
    {PROJECT_TAG, RUNTIME_TAG, "pulumi:description", "pulumi:template", "vcs:owner", "vcs:repo", "vcs:kind", "vcs:root"}
)


def replace_tags(backend: Backend, caller: Caller, path: StackPath, tags: dict[str, str]) -> None:
    """Replace all tags of the stack. BadRequest for a name or value that is not valid."""

    def replace() -> None:
        stack = steps.get_stack(backend, caller, path, Permission.STACK_TAGS_UPDATE)
        require_tags(tags)
        if tags != stack.tags:
            with backend.db.begin() as tx:
                _record(tx, backend, caller, stack, _change_tags(tx, stack, stack.tags, tags))

    retry(replace)


def create_tag(backend: Backend, caller: Caller, path: StackPath, name: str, value: str) -> None:
    """Add a tag to the stack. BadRequest if it has one of that name, or if the name or value is not valid."""

    def create() -> None:
        with backend.db.begin() as tx:
            stack = steps.load_stack(tx, caller, path, Permission.STACK_TAGS_UPDATE)
            require_tag(name, value)
            tags = steps.lock_tags(tx, stack)
            if name in tags:
                raise BadRequest(f"Stack '{path}' has a tag {name[:80]!a} already")
            require_tag_count(len(tags) + 1)
            _record(tx, backend, caller, stack, _change_tags(tx, stack, tags, {**tags, name: value}))

    retry(create)


def update_tag(backend: Backend, caller: Caller, path: StackPath, name: str, value: str, *, name_in_body: str = "") -> None:
    """Change the value of a tag. NotFound if the stack has no tag of that name.

    The request's body names the tag again, or leaves its name empty; BadRequest for another name.
    """

    def update() -> None:
        with backend.db.begin() as tx:
            stack = steps.load_stack(tx, caller, path, Permission.STACK_TAGS_UPDATE)
            require_tag(name, value)
            _require_not_built_in(name)
            if name_in_body not in ("", name):
                raise BadRequest(f"the tag {name[:80]!a} cannot be renamed to {name_in_body[:80]!a}")
            tags = steps.lock_tags(tx, stack)
            if name not in tags:
                raise NotFound(_missing_tag(name, path))
            _record(tx, backend, caller, stack, _change_tags(tx, stack, tags, {**tags, name: value}))

    retry(update)


def delete_tag(backend: Backend, caller: Caller, path: StackPath, name: str) -> None:
    """Delete a tag. NotFound if the stack has no tag of that name."""

    def delete() -> None:
        with backend.db.begin() as tx:
            stack = steps.load_stack(tx, caller, path, Permission.STACK_TAGS_UPDATE)
            _require_not_built_in(name)
            tags = steps.lock_tags(tx, stack)
            if name not in tags:
                raise NotFound(_missing_tag(name, path))
            _record(
                tx,
                backend,
                caller,
                stack,
                _change_tags(tx, stack, tags, {key: value for key, value in tags.items() if key != name}),
            )

    retry(delete)


def update_tag_of_stacks(backend: Backend, caller: Caller, paths: Collection[StackPath], name: str, value: str | None) -> None:
    """Set a tag on several stacks, or delete it where they have it with the value None: on all of them or on none.

    Errors are those of the calls for one stack; BadRequest for more stacks than are changed at once.
    """
    if len(paths) > BULK_LIMIT:
        raise BadRequest(f"at most {BULK_LIMIT} stacks can be changed at once")

    def update() -> None:
        changes = list[tuple[str, str]]()
        with backend.db.begin() as tx:
            # In one order, so that two of these calls do not wait for each other.
            for path in sorted(set(paths), key=str):
                stack, description = _set_or_delete_tag(tx, caller, path, name, value)
                changes += [(stack.org_id, description)] if description else []
            for org_id, description in sorted(changes):
                audit.record(tx, backend, caller, org_id, Event.STACK_TAGS_UPDATED, description=description)

    retry(update)


def _set_or_delete_tag(tx: Connection, caller: Caller, path: StackPath, name: str, value: str | None) -> tuple[Stack, str]:
    stack = steps.load_stack(tx, caller, path, Permission.STACK_TAGS_UPDATE)
    require_tag(name, value or "")
    _require_not_built_in(name)
    old = steps.lock_tags(tx, stack)
    new = {key: text for key, text in old.items() if key != name}
    if value is not None:
        new[name] = value
        require_tag_count(len(new))
    return stack, _change_tags(tx, stack, old, new)


def _record(tx: Connection, backend: Backend, caller: Caller, stack: Stack, change: str) -> None:
    """Record a change of tags, if there was one."""
    if change:
        audit.record(tx, backend, caller, stack.org_id, Event.STACK_TAGS_UPDATED, description=change)


def _change_tags(tx: Connection, stack: Stack, old: dict[str, str], new: dict[str, str]) -> str:
    """Store tags and return what changed, as the audit log says it; an empty text if nothing did."""
    if new == old:
        return ""
    steps.update_tags(tx, stack, new)
    changed = sorted(name for name, value in new.items() if old.get(name) != value)
    parts = [f"set {', '.join(changed)}"] if changed else []
    if deleted := sorted(old.keys() - new.keys()):
        parts.append(f"deleted {', '.join(deleted)}")
    return f"Changed tags of stack {stack.path}: {'; '.join(parts)}"


def get_config(backend: Backend, caller: Caller, path: StackPath) -> bytes:
    """Return the configuration reference as the client sent it. NotFound if the stack has none."""
    stack = steps.get_stack(backend, caller, path, Permission.STACK_READ)
    if stack.config is None:
        raise NotFound(f"Stack '{path}' has no configuration stored with the service")
    return stack.config


def get_starter_workflow(
    backend: Backend, caller: Caller, path: StackPath, ci_system: str, directory: str, *, filters_paths: bool
) -> str:
    """Return the text of a pipeline for the stack. BadRequest unless the stack has a tag that names its runtime."""
    stack = steps.get_stack(backend, caller, path, Permission.STACK_READ)
    runtime = stack.tags.get(RUNTIME_TAG)
    if not runtime:
        raise BadRequest(f"Stack '{path}' has no tag {RUNTIME_TAG}; its first update sets it")
    pipeline = Pipeline(stack.path, runtime, directory, filters_paths, base_url(backend.settings))
    return write_workflow(ci_system, pipeline)


def update_config(
    backend: Backend, caller: Caller, path: StackPath, config: bytes | None, require: Callable[[], None] | None = None
) -> None:
    """Store the configuration reference, or delete it (None); `require` raises unless the caller may use what it names."""
    stack = steps.get_stack(backend, caller, path, Permission.STACK_WRITE)
    if config is not None and stack.managed_environment is not None:
        raise BadRequest(f"stack '{path}' has its configuration in environment {stack.managed_environment}, which belongs to it")
    if require is not None:
        require()

    def update() -> None:
        with backend.db.begin() as tx:
            stacks.update_config(tx, stack.id, config)
            event = Event.STACK_CONFIG_UPDATED if config is not None else Event.STACK_CONFIG_DELETED
            verb = "Set" if config is not None else "Deleted"
            description = f"{verb} the configuration reference of stack {stack.path}"
            audit.record(tx, backend, caller, stack.org_id, event, description=description)

    retry(update)


def _require_not_built_in(name: str) -> None:
    if name in BUILT_IN_TAGS:
        raise BadRequest(f"{name} is a built-in tag, which clients set themselves")


def _missing_tag(name: str, path: StackPath) -> str:
    return f"Stack '{path}' has no tag {name[:80]!a}"
