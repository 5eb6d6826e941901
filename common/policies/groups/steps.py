"""Steps of a change of a policy group: look up what it names, make the new state, store the difference."""

from dataclasses import replace

import msgspec
from sqlalchemy import Connection

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, NotFound
from common.core.ids import new_id
from common.db.faults import unless_taken
from common.people.orgs.steps import get_settings, update_settings
from common.policies.groups import model, repository
from common.policies.groups.model import (
    CHANGE_LIMIT,
    AppliedPack,
    EntityType,
    Group,
    GroupChange,
    GroupState,
    PackReference,
    StackName,
)
from common.policies.packs.config import require_config
from common.policies.packs.model import LATEST, NewPack
from common.rights.caller import Caller
from common.rights.descriptor import InsightsAccount, decode_condition
from common.rights.membership import StackScope
from common.stacks.engine.policy_groups import Mode, require_rule

_SHOWN = 20


def load_state(tx: Connection, org_id: str, name: str) -> GroupState:
    """Return a group with its stacks and packs; NotFound for an unknown one. The default group need not have a row."""
    group = find_group(tx, org_id, name)
    if group is None:
        raise missing(name)
    if not group.id:
        return GroupState(group, frozenset(), {})
    return GroupState(group, repository.list_stack_ids(tx, group.id), repository.list_packs(tx, group.id))


def find_group(connection: Connection, org_id: str, name: str) -> Group | None:
    """Return a group by name, or None; the default group need not have a row."""
    name = model.canonical_name(name)
    group = repository.find(connection, org_id, name)
    return group or (Group("", model.DEFAULT_GROUP) if name == model.DEFAULT_GROUP else None)


def changed(tx: Connection, org_id: str, scope: StackScope, old: GroupState, changes: list[GroupChange]) -> GroupState:
    """Return the state of a group after changes; BadRequest or NotFound for what one of them cannot be."""
    stacks = [name for change in changes for name in (*change.new_stacks, *change.remove_stacks)]
    packs = [pack for change in changes for pack in (*change.new_packs, *change.remove_packs)]
    if len(stacks) + len(packs) > CHANGE_LIMIT:
        raise BadRequest(f"a request may name at most {CHANGE_LIMIT:,} stacks and packs")
    stack_ids = repository.find_stacks(tx, scope, set(stacks))
    versions = repository.find_versions(tx, org_id, packs)
    hidden: frozenset[str] = frozenset()
    if any(change.only_stacks is not None for change in changes):
        hidden = old.stack_ids - repository.list_visible_stack_ids(tx, scope, old.group.id)
    state = old
    for change in changes:
        state = _with_packs(_with_stacks(_with_rules(state, change), change, stack_ids, hidden), change, versions)
    references = [pack for change in changes for pack in change.new_packs]
    _require_configs(tx, state, references)
    return state


def store(tx: Connection, backend: Backend, caller: Caller, org_id: str, states: tuple[GroupState, GroupState]) -> None:
    """Store the difference between the old and the new state of a group, and record it."""
    old, new = states
    group = new.group
    if not group.id:
        group = replace(group, id=new_id())
        repository.add(tx, org_id, group, unix_millis(backend.clock.now()))
    elif group != old.group:
        with unless_taken(f"policy group {group.name} already exists"):
            repository.replace(tx, group)
    removed, added = old.stack_ids - new.stack_ids, new.stack_ids - old.stack_ids
    repository.replace_stacks(tx, group.id, removed=removed, added=added)
    dropped = [pack for name, pack in old.packs.items() if new.packs.get(name) != pack]
    applied = [pack for name, pack in new.packs.items() if old.packs.get(name) != pack]
    repository.replace_packs(tx, group.id, removed=[pack.name for pack in dropped], added=applied)
    if dropped or applied:
        update_flag(tx, org_id)
    _record(tx, backend, caller, org_id, states)


def update_flag(tx: Connection, org_id: str) -> None:
    """Note in the organization's settings whether a group applies a pack, so that updates need not look without one."""
    has_policies = repository.has_packs(tx, org_id)
    if get_settings(tx, org_id).has_policies != has_policies:
        update_settings(tx, org_id, lambda settings: msgspec.structs.replace(settings, has_policies=has_policies))


def missing(name: str) -> NotFound:
    """Return the error for a policy group that does not exist."""
    return NotFound(f"Policy group {name[:100]!a} not found")


def _with_rules(state: GroupState, change: GroupChange) -> GroupState:
    if change.new_name is not None:
        state = model.rename(state, change.new_name)
    group = state.group
    if change.agent_pool_id is not None:
        group = replace(group, agent_pool_id=change.agent_pool_id or None)
    if change.removes_stack_rule or change.stack_rule is not None:
        group = replace(group, stack_rule=change.stack_rule)
    if change.removes_account_rule or change.account_rule is not None:
        group = replace(group, account_rule=change.account_rule)
    require_rules(group)
    return replace(state, group=group)


def require_rules(group: Group) -> None:
    """Raise BadRequest for a rule that the group cannot have."""
    if group.stack_rule is not None:
        if group.entity_type is not EntityType.STACKS:
            raise BadRequest("only a policy group for stacks can have a rule over stacks")
        if group.is_default:
            raise BadRequest("the default policy group has no rule: it has the stacks that are in no other preventative group")
        require_rule(group.stack_rule.encode())
    if group.account_rule is not None:
        if group.entity_type is not EntityType.ACCOUNTS or group.mode is not Mode.AUDIT:
            raise BadRequest("only an audit policy group for accounts can have a rule over accounts")
        decode_condition(group.account_rule.encode(), InsightsAccount)


def _with_stacks(state: GroupState, change: GroupChange, ids: dict[StackName, str], hidden: frozenset[str]) -> GroupState:
    """Return the group with other stacks; those that the caller does not see, `hidden`, stay in it."""
    absent = next((name for name in change.new_stacks if name not in ids), None)
    if absent is not None:
        raise NotFound(f"Stack '{absent.project[:100]}/{absent.name[:100]}' not found")
    if change.add_accounts:
        raise NotFound(f"Insights account {change.add_accounts[0][:100]!a} not found")
    if change.new_stacks and state.group.entity_type is not EntityType.STACKS:
        raise BadRequest(f"policy group {state.group.name} is for accounts and takes no stacks")
    kept = state.stack_ids if change.only_stacks is None else hidden | {ids[name] for name in change.only_stacks}
    # A stack that is gone cannot be in the group, so removing it is done.
    removed = {ids[name] for name in change.remove_stacks if name in ids}
    return replace(state, stack_ids=(kept | {ids[name] for name in change.add_stacks}) - removed)


def _with_packs(state: GroupState, change: GroupChange, versions: dict[str, list[AppliedPack]]) -> GroupState:
    packs = dict(state.packs) if change.only_packs is None else {}
    for reference in change.new_packs:
        packs[reference.name] = _applied(reference, versions.get(reference.name, []))
    for reference in change.remove_packs:
        applied = packs.get(reference.name)
        if applied is None and reference.name not in versions:
            raise NotFound(f"Policy pack {reference.name[:100]!a} not found")
        if applied is not None and reference.tag not in ("", applied.tag, str(applied.version)):
            raise BadRequest(
                f"version {reference.tag[:100]} of policy pack {reference.name} is not enabled in policy group"
                f" {state.group.name}; version {applied.tag} is"
            )
        packs.pop(reference.name, None)
    return replace(state, packs=packs)


def _applied(reference: PackReference, versions: list[AppliedPack]) -> AppliedPack:
    model.require_environments(reference.environments)
    wanted = reference.tag if reference.tag != LATEST else ""
    if wanted:
        candidates = [version for version in versions if version.tag == wanted]
        candidates += [version for version in versions if str(version.version) == wanted]
    elif reference.version:
        candidates = [version for version in versions if version.version == reference.version]
    else:
        candidates = versions
    if not candidates:
        name = f"{reference.name[:100]} {wanted[:100] or reference.version or ''}".strip()
        raise NotFound(f"Policy pack {name!a} not found")
    return replace(
        candidates[0],
        config=msgspec.json.encode(reference.config).decode() if reference.config else None,
        environments=msgspec.json.encode(reference.environments).decode() if reference.environments else None,
    )


def _require_configs(tx: Connection, state: GroupState, references: list[PackReference]) -> None:
    with_config = {reference.name for reference in references if reference.config} & state.packs.keys()
    packs = [state.packs[name] for name in sorted(with_config) if state.packs[name].config is not None]
    details = repository.find_details(tx, {pack.version_id for pack in packs})
    for pack in packs:
        policies = msgspec.json.decode(details[pack.version_id], type=NewPack).policies
        require_config(msgspec.json.decode(pack.config or "{}"), policies)


def _record(tx: Connection, backend: Backend, caller: Caller, org_id: str, states: tuple[GroupState, GroupState]) -> None:
    old, new = states
    name = new.group.name
    disabled = [f"{pack.name} {pack.tag}" for key, pack in old.packs.items() if key not in new.packs]
    enabled = [f"{pack.name} {pack.tag}" for key, pack in new.packs.items() if old.packs.get(key) != pack]
    if enabled:
        text = f"Enabled policy packs in group {name!a}: {_listed(enabled)}"
        audit.record(tx, backend, caller, org_id, Event.POLICY_PACK_ENABLED, description=text)
    if disabled:
        text = f"Disabled policy packs in group {name!a}: {_listed(disabled)}"
        audit.record(tx, backend, caller, org_id, Event.POLICY_PACK_DISABLED, description=text)
    changes = _group_changes(old, new)
    if changes or not (enabled or disabled):
        text = f"Changed policy group {name!a}: {', '.join(changes) or 'nothing'}"
        audit.record(tx, backend, caller, org_id, Event.POLICY_GROUP_UPDATED, description=text)


def _group_changes(old: GroupState, new: GroupState) -> list[str]:
    added, removed = len(new.stack_ids - old.stack_ids), len(old.stack_ids - new.stack_ids)
    texts = (
        (f"renamed from {old.group.name!a}", old.group.name != new.group.name),
        ("a new rule" if new.group.stack_rule or new.group.account_rule else "no rule", _rules(old.group) != _rules(new.group)),
        ("another agent pool", old.group.agent_pool_id != new.group.agent_pool_id),
        (f"{added} stacks added", added > 0),
        (f"{removed} stacks removed", removed > 0),
    )
    return [text for text, is_true in texts if is_true]


def _rules(group: Group) -> tuple[str | None, str | None]:
    return group.stack_rule, group.account_rule


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
