"""What is different between two states of a stack, or between the states of two stacks."""

from dataclasses import dataclass, field
from enum import StrEnum


class Change(StrEnum):
    """How a resource or a property is different; only resources are moved or replaced."""

    ADDED = "added"
    REMOVED = "removed"
    REPLACED = "replaced"
    MOVED = "moved"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class PropertyDifference:
    """A property that is different; the values are text, or JSON, with secrets hidden, and empty for no value.

    The path is written as Pulumi writes it: `rules[0].port`, `tags["a b"]`.
    """

    path: str
    change: Change
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ResourceDifference:
    """A resource that is different.

    `urn` is that of the later state if the resource is in it, and `former_urn` that of the earlier one if it is another.
    `moves` names what places the resource and is different: name, parent, provider. `others` are the other members of the
    resource, such as `protect` and `dependencies`. `is_cut` is set if there are more properties than are listed.
    """

    change: Change
    urn: str
    former_urn: str
    type: str
    name: str
    moves: list[str] = field(default_factory=list)
    inputs: list[PropertyDifference] = field(default_factory=list)
    outputs: list[PropertyDifference] = field(default_factory=list)
    others: list[PropertyDifference] = field(default_factory=list)
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class StateDifference:
    """The resources that are different, in the order of the later state, then the removed ones; and how many are the same.

    Of the states of two stacks, ids and outputs are not compared: each stack has its own.
    """

    resources: list[ResourceDifference]
    unchanged: int
    is_of_one_stack: bool

    def counts(self) -> dict[Change, int]:
        """Return how many resources there are of each change, without those there are none of."""
        counts = {change: sum(resource.change is change for resource in self.resources) for change in Change}
        return {change: count for change, count in counts.items() if count}
