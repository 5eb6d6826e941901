"""Policy groups: which packs they apply, to which stacks, and how they change. No I/O."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from common.core.errors import BadRequest, Conflict
from common.rights.predicate import Entity, EntityKind
from common.stacks.engine.policy_groups import DEFAULT_GROUP, DEFAULT_GROUP_ALIAS, Mode, matches

__all__ = ["DEFAULT_GROUP", "Mode"]

GROUP_LIMIT = 500
CHANGE_LIMIT = 5_000
ENVIRONMENT_LIMIT = 50
_NAME = re.compile(r"[a-zA-Z0-9-_.]{1,100}")
_ENVIRONMENT = re.compile(r"[a-zA-Z0-9-_.]+(/[a-zA-Z0-9-_.]+)?(@[a-zA-Z0-9-_.]+)?")
_ENVIRONMENT_CHARACTERS = 300


class EntityType(StrEnum):
    """What a group's policies are applied to."""

    STACKS = "stacks"
    ACCOUNTS = "accounts"


class Source(StrEnum):
    """Why a stack is in a group."""

    EXPLICIT = "explicit"
    RULE = "rule"


@dataclass(frozen=True, slots=True)
class Group:
    """A policy group; rules are JSON texts. The default group exists without a row, and has an empty id then."""

    id: str
    name: str
    entity_type: EntityType = EntityType.STACKS
    mode: Mode = Mode.PREVENTATIVE
    agent_pool_id: str | None = None
    stack_rule: str | None = None
    account_rule: str | None = None

    @property
    def is_default(self) -> bool:
        """Tell whether it is the organization's default group."""
        return self.name == DEFAULT_GROUP


@dataclass(frozen=True, slots=True)
class StackName:
    """A stack as a request names it."""

    project: str
    name: str


@dataclass(frozen=True, slots=True)
class TaggedStack:
    """A live stack of the organization with its tags."""

    id: str
    project: str
    name: str
    tags: Mapping[str, str] = field(default_factory=dict)
    resource_count: int = 0

    @property
    def entity(self) -> Entity:
        """Return the stack in the form that rules match."""
        return Entity(EntityKind.STACK, self.id, self.tags)


@dataclass(frozen=True, slots=True)
class PackReference:
    """A pack as a request names it: by tag, else by number, else the newest version."""

    name: str
    tag: str = ""
    version: int = 0
    config: Mapping[str, Any] | None = None
    environments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AppliedPack:
    """A version of a pack in a group; `config` and `environments` are JSON texts."""

    name: str
    version_id: str
    version: int
    tag: str
    display_name: str
    config: str | None = None
    environments: str | None = None


@dataclass(frozen=True, slots=True)
class GroupChange:
    """One change of a group; members that are None or empty change nothing."""

    new_name: str | None = None
    add_stacks: tuple[StackName, ...] = ()
    remove_stacks: tuple[StackName, ...] = ()
    only_stacks: tuple[StackName, ...] | None = None
    add_packs: tuple[PackReference, ...] = ()
    remove_packs: tuple[PackReference, ...] = ()
    only_packs: tuple[PackReference, ...] | None = None
    add_accounts: tuple[str, ...] = ()
    agent_pool_id: str | None = None
    stack_rule: str | None = None
    removes_stack_rule: bool = False
    account_rule: str | None = None
    removes_account_rule: bool = False

    @property
    def new_stacks(self) -> tuple[StackName, ...]:
        """Return the stacks that must exist."""
        return self.add_stacks + (self.only_stacks or ())

    @property
    def new_packs(self) -> tuple[PackReference, ...]:
        """Return the packs that must exist."""
        return self.add_packs + (self.only_packs or ())


@dataclass(frozen=True, slots=True)
class GroupState:
    """A group with the stacks that were added to it and its packs, by name."""

    group: Group
    stack_ids: frozenset[str]
    packs: Mapping[str, AppliedPack]


@dataclass(frozen=True, slots=True)
class MemberStack:
    """A stack of a group, and why it is in it."""

    stack: TaggedStack
    source: Source


@dataclass(frozen=True, slots=True)
class GroupDetails:
    """A group as one reply has it; `members` are the stacks that the caller may see."""

    group: Group
    members: tuple[MemberStack, ...]
    packs: tuple[AppliedPack, ...]


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """A group as a list has it."""

    group: Group
    stack_count: int
    pack_count: int


@dataclass(frozen=True, slots=True)
class PackInGroup:
    """A group, and the version of one pack that it applies, or None."""

    group: Group
    applied: AppliedPack | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many stacks of an organization have policies, and how many resources they have."""

    stacks: int
    resources: int


def canonical_name(name: str) -> str:
    """Return the name that a group is stored under."""
    return DEFAULT_GROUP if name == DEFAULT_GROUP_ALIAS else name


def require_name(name: str) -> None:
    """Raise BadRequest unless a policy group may have this name."""
    if not _NAME.fullmatch(name):
        raise BadRequest(f"invalid policy group name {name[:100]!a}: 1 to 100 letters, digits, hyphens, underscores or periods")


def require_environments(environments: Iterable[str]) -> None:
    """Raise BadRequest unless these can be names of environments, with or without a version."""
    names = list(environments)
    if len(names) > ENVIRONMENT_LIMIT:
        raise BadRequest(f"a policy pack may have at most {ENVIRONMENT_LIMIT} environments in a group")
    for name in names:
        if len(name) > _ENVIRONMENT_CHARACTERS or not _ENVIRONMENT.fullmatch(name):
            raise BadRequest(f"invalid environment {name[:100]!a}: write project/environment, with @version if you want one")


def rename(state: GroupState, name: str) -> GroupState:
    """Return the group with another name; BadRequest for the default group and a bad name, Conflict for a reserved one."""
    if name == state.group.name:
        return state
    if state.group.is_default:
        raise BadRequest("the default policy group cannot be renamed")
    require_name(name)
    if canonical_name(name) == DEFAULT_GROUP:
        raise Conflict(f"policy group {name} already exists")
    return replace(state, group=replace(state.group, name=name))


def members_of(
    groups: Iterable[Group], explicit: Mapping[str, frozenset[str]], stacks: Iterable[TaggedStack]
) -> dict[str, list[MemberStack]]:
    """Return group name → stacks, for all groups of an organization; `explicit` is group id → ids of added stacks."""
    of_stacks = [(group, explicit.get(group.id, frozenset())) for group in groups if group.entity_type is EntityType.STACKS]
    result: dict[str, list[MemberStack]] = {group.name: [] for group in groups}
    for stack in stacks:
        is_protected = False
        default: Group | None = None
        entity = stack.entity
        for group, added in of_stacks:
            is_explicit = stack.id in added
            is_member = is_explicit or (group.stack_rule is not None and matches(group.stack_rule, entity))
            if is_member:
                result[group.name].append(MemberStack(stack, Source.EXPLICIT if is_explicit else Source.RULE))
            if group.is_default:
                default = None if is_member else group
            elif is_member and group.mode is Mode.PREVENTATIVE:
                is_protected = True
        if default is not None and not is_protected:
            result[default.name].append(MemberStack(stack, Source.RULE))
    return result
