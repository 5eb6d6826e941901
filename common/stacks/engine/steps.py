"""Applies journal entries of each kind, state.md 6.4.

No resource that was reported as created is ever lost: an invalid entry is skipped as a whole, a reference to an unknown operation
changes nothing, and both are recorded as damage.
"""

from collections.abc import Callable, Mapping

import msgspec
from msgspec import Raw

from common.stacks.engine import jsontext, migration
from common.stacks.engine.entry import Entry, Kind, MalformedEntry, payload, read_resource
from common.stacks.engine.progress import Base, Operation, Progress, read_base
from common.stacks.engine.resource import Resource


def apply(progress: Progress, entry: Entry) -> None:
    """Apply one entry to the progress, or add it to the damage."""
    try:
        _APPLY[entry.known_kind()](progress, entry)
    except MalformedEntry as error:
        progress.damage.append(f"entry {entry.sequence_id} is skipped: {error}")
        return
    progress.byte_strings |= bool(entry.requires_byte_string)


def _begin(progress: Progress, entry: Entry) -> None:
    text = jsontext.present(entry.operation)
    progress.begun[entry.operation_key] = payload(text, _operation, "operation") if text is not None else None


def _succeed(progress: Progress, entry: Entry) -> None:
    state = entry.read_state()
    progress.begun.pop(entry.operation_key, None)
    if state is not None:
        progress.by_operation[entry.operation_key] = len(progress.new)
        progress.new.append(state)
    if entry.remove_old is not None:
        progress.removed.add(entry.remove_old)
    if entry.remove_new is not None:
        _kill(progress, entry, entry.remove_new)
    if entry.delete_old is not None:
        progress.condemned.add(entry.delete_old)
    if entry.delete_new is not None:
        _mark(progress, entry, entry.delete_new, "delete")
    if entry.pending_replacement_old is not None:
        progress.pending_replacement.add(entry.pending_replacement_old)
    if entry.pending_replacement_new is not None:
        _mark(progress, entry, entry.pending_replacement_new, "pendingReplacement")
    progress.refreshed |= bool(entry.is_refresh)


def _fail(progress: Progress, entry: Entry) -> None:
    progress.begun.pop(entry.operation_key, None)


def _refresh(progress: Progress, entry: Entry) -> None:
    state = entry.read_state()
    progress.begun.pop(entry.operation_key, None)
    progress.refreshed = True
    if state is not None:
        _replace(progress, entry, state, rename_operation=True)
        return
    if entry.remove_old is not None:
        progress.removed.add(entry.remove_old)
    if entry.remove_new is not None:
        _kill(progress, entry, entry.remove_new)


def _outputs(progress: Progress, entry: Entry) -> None:
    state = entry.read_state()
    if state is not None:
        _replace(progress, entry, state, rename_operation=False)


def _write(progress: Progress, entry: Entry) -> None:
    members = payload(entry.new_snapshot, jsontext.open_object, "newSnapshot")
    for name in ("resources", "pending_operations"):
        if jsontext.present(members.get(name)) is not None:
            payload(members[name], jsontext.open_list, f"newSnapshot.{name}")
    provider = progress.base.members.get("secrets_providers")
    if jsontext.present(members.get("secrets_providers")) is None and provider is not None:
        # Upstream loses the provider that the first entry of the journal set: its secrets could never be decrypted.
        members["secrets_providers"] = provider
    progress.base = read_base(members, progress.base.features)


def _set_secrets_provider(progress: Progress, entry: Entry) -> None:
    provider = payload(entry.secrets_provider, jsontext.open_object, "secretsProvider")
    if not jsontext.find_text(provider.get("type")):
        raise MalformedEntry("'secretsProvider' has no type")
    current = jsontext.find_object(progress.base.members.get("secrets_providers")) or {}
    if all(jsontext.same_text(current.get(k), provider.get(k)) for k in ("type", "state")):
        return
    progress.base = progress.base.with_members(secrets_providers=entry.secrets_provider)


def _rebuild(progress: Progress, _entry: Entry) -> None:
    progress.visit()
    deployment = progress.deployment()
    members = dict(progress.base.members)
    if deployment.snippets is not None:
        members["snippets"] = deployment.snippets
    if deployment.extensions:
        members["extensions"] = jsontext.raw(deployment.extensions)
    progress.base = Base(deployment.resources, deployment.operations, members, deployment.features)
    progress.damage.extend(deployment.damage)
    progress.new, progress.by_operation, progress.dead = [], {}, set()
    progress.removed, progress.condemned, progress.pending_replacement = set(), set(), set()
    progress.replaced, progress.begun, progress.extensions = {}, {}, {}


def _parameterize(progress: Progress, entry: Entry) -> None:
    payload(entry.extension, jsontext.open_object, "extension")
    if entry.extension_ref is None:
        raise MalformedEntry("'extensionRef' is missing")
    progress.extensions[entry.extension_ref] = entry.extension


def _set_snippets(progress: Progress, entry: Entry) -> None:
    listed = jsontext.present(entry.snippets) or Raw(b"[]")
    payload(listed, jsontext.open_list, "snippets")
    progress.base = progress.base.with_members(snippets=listed)


def _kill(progress: Progress, entry: Entry, operation_id: int) -> None:
    index = progress.find_new(operation_id, entry.sequence_id)
    if index is not None:
        progress.dead.add(index)


def _mark(progress: Progress, entry: Entry, operation_id: int, member: str) -> None:
    index = progress.find_new(operation_id, entry.sequence_id)
    if index is not None:
        progress.new[index] = progress.new[index].edited({member: True})


def _replace(progress: Progress, entry: Entry, state: Resource, *, rename_operation: bool) -> None:
    """Replace the former state of the resource."""
    if entry.remove_old is not None:
        progress.replaced[entry.remove_old] = state
    if entry.remove_new is None:
        return
    index = progress.find_new(entry.remove_new, entry.sequence_id)
    if index is None:
        _adopt(progress, entry, state)
        return
    progress.new[index] = state
    if rename_operation:
        # From now on the client refers to the resource by the operation of the refresh.
        progress.by_operation[entry.operation_key] = index


def _adopt(progress: Progress, entry: Entry, state: Resource) -> None:
    """Keep the state of a resource for which no creation arrived, unless its URN is known."""
    progress.visit()
    known = {item.urn for index, item in enumerate(progress.new) if index not in progress.dead}
    known |= {item.urn for index, item in enumerate(progress.base.resources) if index not in progress.removed}
    if state.urn and state.urn not in known:
        progress.by_operation[entry.operation_key] = len(progress.new)
        progress.new.append(state)


def _operation(text: Raw) -> Operation:
    members = jsontext.open_object(text)
    kind = msgspec.json.decode(members.get("type", Raw(b'""')), type=str)
    return Operation(text, kind, read_resource(members.get("resource", Raw(b"null")), "operation.resource"))


_APPLY: Mapping[Kind, Callable[[Progress, Entry], None]] = {
    Kind.BEGIN: _begin,
    Kind.SUCCESS: _succeed,
    Kind.FAILURE: _fail,
    Kind.REFRESH_SUCCESS: _refresh,
    Kind.OUTPUTS: _outputs,
    Kind.WRITE: _write,
    Kind.SECRETS_MANAGER: _set_secrets_provider,
    Kind.REBUILT_BASE_STATE: _rebuild,
    Kind.EXTENSION_PARAMETERIZE: _parameterize,
    Kind.SNIPPETS: _set_snippets,
    Kind.STATE_MIGRATION: migration.migrate,
}
