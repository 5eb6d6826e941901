"""Which policy groups a stack is in. No I/O.

A stack is in the groups that it was added to and in those with a rule that matches its tags. The default group has the stacks
that are in no other preventative group: an audit group blocks nothing, so it does not replace the policies of the default group.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from common.rights import descriptor as d
from common.rights.predicate import Entity, EntityKind, Predicate, holds, outcome

DEFAULT_GROUP = "default-policy-group"
# Documents of upstream call it so; the command line sends the name above.
DEFAULT_GROUP_ALIAS = "default-preventative-policy-group"
# Parsing is a pure function of the text, so a process may cache a few results.
_CACHE_SIZE = 128


class Mode(StrEnum):
    """What a group's policies do: stop an update, or report alone."""

    AUDIT = "audit"
    PREVENTATIVE = "preventative"


@dataclass(frozen=True, slots=True)
class StackGroup:
    """A policy group, and whether one stack was added to it; `rule` is the JSON text of its condition over tags."""

    id: str
    name: str
    mode: Mode
    rule: str | None
    is_explicit: bool

    @property
    def is_default(self) -> bool:
        """Tell whether it is the organization's default group."""
        return self.name == DEFAULT_GROUP


@dataclass(frozen=True, slots=True)
class AppliedPack:
    """A version of a pack in a group. `details` is the text of its publication, for groups of mode audit alone.

    `has_exceptions` tells that the pack has exceptions, which may have expired.
    """

    name: str
    version: int
    tag: str
    display_name: str
    blob_key: str
    config: str | None
    environments: str | None
    details: str | None
    has_exceptions: bool


@dataclass(frozen=True, slots=True)
class RequiredPolicy:
    """A pack that an update must run; `config`, `environments` and `exceptions` are JSON texts."""

    name: str
    version: int
    tag: str
    display_name: str
    location: str
    config: str | None = None
    environments: str | None = None
    exceptions: str | None = None


def groups_of_stack(groups: Iterable[StackGroup], stack: Entity) -> list[StackGroup]:
    """Return the groups among all of an organization that a stack is in."""
    everything = list(groups)
    members = [group for group in everything if group.is_explicit or matches(group.rule, stack)]
    if any(group.mode is Mode.PREVENTATIVE and not group.is_default for group in members):
        return members
    return [group for group in everything if group in members or group.is_default]


def matches(rule: str | None, stack: Entity) -> bool:
    """Tell whether a stack matches a rule; nothing matches without one."""
    return rule is not None and holds(predicate_of(rule), stack)


def require_rule(rule: bytes) -> None:
    """Raise BadRequest unless a text is a condition over the tags of stacks."""
    d.decode_condition(rule, d.Stack)


@lru_cache(maxsize=_CACHE_SIZE)
def predicate_of(rule: str) -> Predicate:
    """Return a rule as a predicate over stacks."""
    return outcome(d.decode_condition(rule.encode(), d.Stack), EntityKind.STACK)[0]
