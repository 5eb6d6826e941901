"""Policy groups of an organization: list, create, get, update, delete, and who is in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, Conflict
from common.core.ids import new_id
from common.core.paging import make_token, read_token, seal
from common.db.faults import unless_taken
from common.db.retry import retry
from common.policies.groups import counts, model, repository, steps
from common.policies.groups.counts import BATCH_SIZE
from common.policies.groups.model import (
    GROUP_LIMIT,
    Coverage,
    EntityType,
    Group,
    GroupChange,
    GroupDetails,
    GroupSummary,
    MemberStack,
    Mode,
    PackInGroup,
    Source,
    TaggedStack,
)
from common.rights.caller import Caller, missing_org
from common.rights.membership import Membership, StackScope
from common.rights.permissions import Permission
from common.stacks import required_policies
from common.stacks import steps as stacks
from common.stacks.engine.policy_groups import AppliedPack, RequiredPolicy, StackGroup, groups_of_stack, require_rule
from common.stacks.model import Stack, StackPath

PAGE_LIMIT = 500
PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class StackPolicies:
    """A stack, and the groups that it is in with the packs that each applies."""

    stack: Stack
    groups: Mapping[StackGroup, Sequence[AppliedPack]]


def list_groups(backend: Backend, caller: Caller, org: str) -> list[GroupSummary]:
    """Return an organization's groups by name, with the number of their stacks and packs."""
    membership = _require(caller, Permission.POLICY_GROUPS_READ, org)
    with backend.db.connect() as connection:
        return _summaries(connection, membership.org_id)


def get_group(backend: Backend, caller: Caller, org: str, name: str) -> GroupDetails:
    """Return a group with its packs and those of its stacks that the caller may see; NotFound for an unknown one."""
    membership = _require(caller, Permission.POLICY_GROUPS_READ, org)
    with backend.db.connect() as connection:
        group, members = _load_members(connection, membership, caller, name)
        packs = repository.list_packs(connection, group.id) if group.id else {}
    return GroupDetails(group, tuple(members), tuple(packs.values()))


def list_groups_with_pack(backend: Backend, caller: Caller, org: str, pack: str) -> list[PackInGroup]:
    """Return an organization's groups by name, each with the version of a pack that it applies, or None."""
    membership = _require(caller, Permission.POLICY_GROUPS_READ, org)
    with backend.db.connect() as connection:
        groups = _with_default(repository.list_groups(connection, membership.org_id))
        applied = repository.find_applied(connection, membership.org_id, pack)
    return [PackInGroup(group, applied.get(group.id)) for group in groups]


def create_group(backend: Backend, caller: Caller, org: str, group: Group) -> None:
    """Create a group without packs; Conflict for a name that is taken."""
    membership = _require(caller, Permission.POLICY_GROUPS_CREATE, org)
    model.require_name(group.name)
    steps.require_rules(group)
    taken = f"policy group {group.name} already exists"
    if model.canonical_name(group.name) == model.DEFAULT_GROUP:
        raise Conflict(taken)

    def create() -> None:
        with backend.db.begin() as tx:
            repository.lock(tx, membership.org_id)
            if len(repository.list_groups(tx, membership.org_id)) >= GROUP_LIMIT:
                raise BadRequest(f"an organization may have at most {GROUP_LIMIT} policy groups")
            new = Group(
                new_id(), group.name, group.entity_type, group.mode, group.agent_pool_id, group.stack_rule, group.account_rule
            )
            with unless_taken(taken):
                repository.add(tx, membership.org_id, new, unix_millis(backend.clock.now()))
            description = f"Created {group.mode} policy group {group.name!a} for {group.entity_type}"
            audit.record(tx, backend, caller, membership.org_id, Event.POLICY_GROUP_CREATED, description=description)

    retry(create)


def update_group(backend: Backend, caller: Caller, org: str, name: str, changes: list[GroupChange]) -> None:
    """Apply changes in their order, all or none; errors as in the steps of a change."""
    membership = _require(caller, Permission.POLICY_GROUPS_UPDATE, org)

    def change() -> None:
        with backend.db.begin() as tx:
            repository.lock(tx, membership.org_id)
            old = steps.load_state(tx, membership.org_id, name)
            new = steps.changed(tx, membership.org_id, _scope(caller, membership), old, changes)
            steps.store(tx, backend, caller, membership.org_id, (old, new))

    retry(change)


def delete_group(backend: Backend, caller: Caller, org: str, name: str) -> None:
    """Delete a group; BadRequest for the default one."""
    membership = _require(caller, Permission.POLICY_GROUPS_DELETE, org)

    def delete() -> None:
        with backend.db.begin() as tx:
            repository.lock(tx, membership.org_id)
            group = _get(tx, membership.org_id, name)
            if group.is_default:
                raise BadRequest("the default policy group cannot be deleted")
            repository.delete_group(tx, group.id)
            steps.update_flag(tx, membership.org_id)
            description = f"Deleted policy group {group.name!a}"
            audit.record(tx, backend, caller, membership.org_id, Event.POLICY_GROUP_DELETED, description=description)

    retry(delete)


def page_stacks(
    backend: Backend,
    caller: Caller,
    org: str,
    name: str,
    *,
    source: Source | None,
    count: int,
    token: str | None,
    batch_size: int = BATCH_SIZE,
) -> tuple[list[MemberStack], str | None]:
    """Return a page of a group's stacks that the caller may see, and the token of the next page or None.

    Rules are not SQL, so stacks are read in batches until the page is full.
    """
    membership = _require(caller, Permission.POLICY_GROUPS_READ, org)
    sealed = seal(caller.user_id, membership.org_id, model.canonical_name(name), source)
    after = _read_position(token, sealed)
    members: list[MemberStack] = []
    is_last = False
    with backend.db.connect() as connection:
        group, groups = _load_groups(connection, membership.org_id, name)
        while len(members) <= count and not is_last:
            batch = repository.page_tagged_stacks(connection, _scope(caller, membership), after, batch_size)
            explicit = repository.list_explicit(connection, membership.org_id, [stack.id for stack in batch])
            found = model.members_of(groups, explicit, batch)[group.name]
            members += [member for member in found if source in (None, member.source)]
            is_last = len(batch) < batch_size or group.entity_type is not EntityType.STACKS
            after = _position(batch[-1]) if batch else after
    page = members[:count]
    return page, make_token(sealed, *_position(page[-1].stack)) if len(members) > count else None


def require_account_group(backend: Backend, caller: Caller, org: str, name: str) -> None:
    """Raise NotFound for an unknown group: there are no accounts, so that no group has any."""
    membership = _require(caller, Permission.POLICY_GROUPS_READ, org)
    with backend.db.connect() as connection:
        _get(connection, membership.org_id, name)


def preview_stack_rule(
    backend: Backend, caller: Caller, org: str, rule: str | None, *, search: str, count: int, token: str | None
) -> tuple[list[TaggedStack], int, int, str | None]:
    """Return a page of the stacks that match a rule, how many match, how many there are, and the next token or None.

    Only stacks that the caller may see count; `search` is a part of the stack's name.
    """
    membership = _require(caller, Permission.POLICY_GROUPS_READ, org)
    if rule is None:
        raise BadRequest("`stackMatchRule` is missing")
    require_rule(rule.encode())
    sealed = seal(caller.user_id, membership.org_id, rule, search)
    after = _read_position(token, sealed)
    scope = _scope(caller, membership)
    with backend.db.connect() as connection:
        matching, total = counts.count_matching(connection, scope, rule)
        rows = counts.page_matching(connection, scope, rule, search=search, after=after, limit=count + 1)
    page = rows[:count]
    return page, matching, total, make_token(sealed, *_position(page[-1])) if len(rows) > count else None


def get_coverage(backend: Backend, caller: Caller, org: str) -> dict[str, Coverage]:
    """Return how many stacks are protected by any pack, by a preventative one, by an audit one, and how many there are."""
    membership = _require(caller, Permission.POLICY_GROUPS_READ, org)
    org_id = membership.org_id
    with backend.db.connect() as connection:
        groups = _with_default(repository.list_groups(connection, org_id))
        with_packs = repository.count_packs(connection, org_id).keys()
        return counts.get_coverage(connection, org_id, groups, with_packs)


def list_groups_of_stack(backend: Backend, caller: Caller, path: StackPath) -> list[GroupSummary]:
    """Return the groups that a stack is in."""
    stack = stacks.get_stack(backend, caller, path, Permission.STACK_READ)
    with backend.db.connect() as connection:
        every = list(required_policies.list_groups(connection, stack))
        names = {group.name for group in groups_of_stack(every, stack.entity)}
        summaries = _summaries(connection, stack.org_id)
    # Without a row the default group is not among them.
    is_protected = any(group.mode is Mode.PREVENTATIVE for group in every if group.name in names)
    return [
        summary
        for summary in summaries
        if summary.group.name in names or (summary.group.is_default and not summary.group.id and not is_protected)
    ]


def get_stack_policies(backend: Backend, caller: Caller, path: StackPath) -> StackPolicies:
    """Return a stack with the groups that it is in and their packs. Without a row the default group is not among them."""
    with backend.db.connect() as connection:
        stack = stacks.load_stack(connection, caller, path, Permission.STACK_READ)
        packs = required_policies.list_groups_with_packs(connection, stack)
    return StackPolicies(stack, {group: packs[group] for group in groups_of_stack(packs, stack.entity)})


def list_packs_of_stack(backend: Backend, caller: Caller, path: StackPath, mode: Mode | None) -> tuple[RequiredPolicy, ...]:
    """Return the packs of a stack's groups, of one mode or of both."""
    with backend.db.connect() as connection:
        stack = stacks.load_stack(connection, caller, path, Permission.STACK_READ)
        return required_policies.find_of_mode(connection, backend, caller, stack, mode)


def _require(caller: Caller, permission: Permission, org: str) -> Membership:
    return caller.require(permission, org, missing=missing_org(org))


def _get(connection: Connection, org_id: str, name: str) -> Group:
    group = steps.find_group(connection, org_id, name)
    if group is None:
        raise steps.missing(name)
    return group


def _summaries(connection: Connection, org_id: str) -> list[GroupSummary]:
    groups = _with_default(repository.list_groups(connection, org_id))
    packs = repository.count_packs(connection, org_id)
    members = counts.count_members(connection, org_id, groups)
    return [GroupSummary(group, members[group.name], packs.get(group.id, 0)) for group in groups]


def _load_groups(connection: Connection, org_id: str, name: str) -> tuple[Group, list[Group]]:
    """Return a group, and the groups that decide which stacks it has: for the default one all of them."""
    groups = _with_default(repository.list_groups(connection, org_id))
    group = next((group for group in groups if group.name == model.canonical_name(name)), None)
    if group is None:
        raise steps.missing(name)
    return group, groups if group.is_default else [group]


def _load_members(connection: Connection, membership: Membership, caller: Caller, name: str) -> tuple[Group, list[MemberStack]]:
    group, groups = _load_groups(connection, membership.org_id, name)
    if group.entity_type is not EntityType.STACKS:
        return group, []
    explicit = repository.list_explicit(connection, membership.org_id)
    visible = repository.list_tagged_stacks(connection, _scope(caller, membership))
    return group, model.members_of(groups, explicit, visible)[group.name]


def _with_default(groups: list[Group]) -> list[Group]:
    default = Group("", model.DEFAULT_GROUP)
    return groups if any(group.is_default for group in groups) else sorted([default, *groups], key=lambda group: group.name)


def _scope(caller: Caller, membership: Membership) -> StackScope:
    return caller.stack_scope(membership, stacks.LISTABLE)


def _position(stack: TaggedStack) -> tuple[str, str]:
    return stack.project, stack.name


def _read_position(token: str | None, sealed: str) -> tuple[str, str] | None:
    if not token:
        return None
    project, name = read_token(token, sealed, 2)
    return project, name
