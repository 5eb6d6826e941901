"""What the entries of a journal have done to the base so far, and the deployment that this amounts to.

Source of the rules: pkg/backend/journal.go:120-453 at v3.274.1, state.md 6.4.
"""

from dataclasses import dataclass, field, replace

from msgspec import Raw

from common.stacks.engine import features, jsontext, references, resource
from common.stacks.engine.document import Document
from common.stacks.engine.entry import ENTRY_BYTES, Damage, TooMuch
from common.stacks.engine.jsontext import Members
from common.stacks.engine.resource import Resource

# About what a number in a set takes in memory.
_NUMBER_BYTES = 100
# How many resources all settling together may look at. A client settles once or twice, whatever the size of its state.
_MOST_VISITS = 10_000_000


@dataclass(frozen=True, slots=True)
class Operation:
    """A step under way, as `pending_operations` lists it."""

    text: Raw
    type: str
    resource: Resource


@dataclass(frozen=True, slots=True)
class Base:
    """The deployment that base indices refer to; `members` are its other members."""

    resources: list[Resource]
    operations: list[Operation]
    members: Members
    features: frozenset[str] = frozenset()

    def extensions(self) -> Members:
        """The extensions by their reference."""
        return jsontext.find_object(self.members.get("extensions")) or {}

    def with_members(self, **members: Raw) -> "Base":
        """Returns the base with some members replaced."""
        return replace(self, members=self.members | members)


@dataclass(frozen=True, slots=True)
class Settled:
    """The deployment that a journal amounts to at one point."""

    resources: list[Resource]
    operations: list[Operation]
    features: frozenset[str]
    snippets: Raw | None
    extensions: Members
    damage: tuple[str, ...]


@dataclass(slots=True)
class Progress:
    """The base and everything recorded about it. Sets and keys of `replaced` are base indices."""

    base: Base
    new: list[Resource] = field(default_factory=list)  # made by this update, in order of creation
    by_operation: dict[int, int] = field(default_factory=dict)  # operation ID → index in `new`
    dead: set[int] = field(default_factory=set)  # indices in `new`
    removed: set[int] = field(default_factory=set)
    condemned: set[int] = field(default_factory=set)
    pending_replacement: set[int] = field(default_factory=set)
    replaced: dict[int, Resource] = field(default_factory=dict)
    begun: dict[int, Operation | None] = field(default_factory=dict)  # operation ID → what it will do
    extensions: Members = field(default_factory=dict)
    refreshed: bool = False
    byte_strings: bool = False
    damage: Damage = field(default_factory=Damage)
    visits: int = 0  # how many resources were looked at beside the entries' own

    @property
    def size_bytes(self) -> int:
        """About the memory that the progress takes; it takes as long as there are resources."""
        operations = [operation for operation in self.begun.values() if operation is not None]
        resources = [*self.base.resources, *self.new, *self.replaced.values()]
        texts = [item.text for item in resources] + [operation.text for operation in operations]
        numbers = (self.by_operation, self.dead, self.removed, self.condemned, self.pending_replacement, self.begun)
        extensions = sum(map(len, self.extensions.values()))
        return sum(map(len, texts)) + ENTRY_BYTES * len(texts) + _NUMBER_BYTES * sum(map(len, numbers)) + extensions

    def visit(self) -> None:
        """Counts a look at all resources; raises TooMuch when the entries ask for more of them than any client's do."""
        self.visits += len(self.base.resources) + len(self.new)
        if self.visits > _MOST_VISITS:
            raise TooMuch("its entries rebuild the base more often than any client does")

    def settle(self) -> Settled:
        """Returns the deployment so far. The progress stays as it is."""
        made = [item for index, item in enumerate(self.new) if index not in self.dead]
        left, untouched = self._rest_of_base()
        resources = made + left
        creating = [operation for operation in self.base.operations if operation.type == "creating"]
        operations = [operation for _, operation in sorted(self.begun.items()) if operation] + creating
        snippets = self.base.members.get("snippets")
        needed = self._features(resources, operations, keeps_base=untouched or bool(creating))
        if self.refreshed:
            resources = references.repair(resources)
        normalized = references.normalize(resources, snippets)
        extensions = self.extensions | self.base.extensions()
        return Settled(normalized.resources, operations, needed, normalized.snippets, extensions, normalized.damage)

    def find_new(self, operation_id: int, sequence_id: int | None) -> int | None:
        """Returns the index of the resource an operation made; an unknown operation is damage."""
        index = self.by_operation.get(operation_id)
        if index is None:
            self.damage.append(f"entry {sequence_id} refers to operation {operation_id}, which made no resource")
        return index

    def _rest_of_base(self) -> tuple[list[Resource], bool]:
        """Returns the base's resources that were not removed, and whether any of them is not replaced."""
        left, untouched = [], False
        for index, item in enumerate(self.base.resources):
            if index in self.removed:
                continue
            if index in self.replaced:
                left.append(self.replaced[index])  # marks do not apply to it
                continue
            untouched = True
            marks: dict[str, object] = {}
            if index in self.pending_replacement:
                marks["pendingReplacement"] = True
            if index in self.condemned:
                marks["delete"] = True
            left.append(item.edited(marks) if marks else item)
        return left, untouched

    def _features(self, resources: list[Resource], operations: list[Operation], *, keeps_base: bool) -> frozenset[str]:
        needed = features.needed_by(item.head for item in [*resources, *(o.resource for o in operations)])
        if self.byte_strings and (resources or operations):
            needed.add(features.BYTE_STRING)
        if not jsontext.is_empty(self.base.members.get("snippets")):
            needed.add(features.SNIPPETS)
        if keeps_base:
            needed |= features.not_recognizable(self.base.features)
        return frozenset(needed)


def start(document: Document) -> Progress:
    """Returns the progress of an update that has reported nothing yet."""
    return Progress(read_base(document.members, frozenset(document.features())))


def read_base(members: Members, known_features: frozenset[str]) -> Base:
    """Returns the base in a deployment's members, whatever state they are in."""
    resources = [resource.read_leniently(text) for text in jsontext.find_list(members.get("resources")) or []]
    operations = [_lenient_operation(text) for text in jsontext.find_list(members.get("pending_operations")) or []]
    others = {name: value for name, value in members.items() if name not in ("resources", "pending_operations")}
    return Base(resources, operations, others, known_features)


def _lenient_operation(text: Raw) -> Operation:
    members = jsontext.find_object(text) or {}
    kind = jsontext.find_text(members.get("type")) or ""
    return Operation(text, kind, resource.read_leniently(members.get("resource", Raw(b"null"))))
