"""The changes that the entries of a journal have made to the base, and the resulting deployment.

Source of the rules: pkg/backend/journal.go:120-453 at v3.274.1, state.md 6.4.
"""

from dataclasses import dataclass, field, replace

from msgspec import Raw

from common.stacks.engine import features, jsontext, references, resource
from common.stacks.engine.document import Document
from common.stacks.engine.entry import ENTRY_BYTES, Damage, TooMuch
from common.stacks.engine.jsontext import Members
from common.stacks.engine.resource import Resource

# The approximate memory of a number in a set.
_NUMBER_BYTES = 100
# The number of resources that all rebuilds of the base together may read. A client rebuilds it once or twice.
VISIT_LIMIT = 10_000_000


@dataclass(frozen=True, slots=True)
class Operation:
    """A step that has begun, as `pending_operations` lists it."""

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
        """Return the extensions by their reference."""
        return jsontext.find_object(self.members.get("extensions")) or {}

    def with_members(self, **members: Raw) -> "Base":
        """Return the base with some members replaced."""
        return replace(self, members=self.members | members)


@dataclass(frozen=True, slots=True)
class ReplayedDeployment:
    """The deployment after the entries that have been replayed."""

    resources: list[Resource]
    operations: list[Operation]
    features: frozenset[str]
    snippets: Raw | None
    extensions: Members
    damage: tuple[str, ...]


@dataclass(slots=True)
class Progress:
    """The base and all changes of it. Sets and the keys of `replaced` contain base indices."""

    base: Base
    new: list[Resource] = field(default_factory=list)  # created by this update, in order of creation
    by_operation: dict[int, int] = field(default_factory=dict)  # operation ID → index in `new`
    dead: set[int] = field(default_factory=set)  # indices in `new`
    removed: set[int] = field(default_factory=set)
    condemned: set[int] = field(default_factory=set)
    pending_replacement: set[int] = field(default_factory=set)
    replaced: dict[int, Resource] = field(default_factory=dict)
    begun: dict[int, Operation | None] = field(default_factory=dict)  # operation ID → the operation
    extensions: Members = field(default_factory=dict)
    refreshed: bool = False
    byte_strings: bool = False
    damage: Damage = field(default_factory=Damage)
    visits: int = 0  # number of resources that were read beside the entries' own
    visit_limit: int = VISIT_LIMIT

    @property
    def size_bytes(self) -> int:
        """The approximate memory of the progress; computing it reads all resources."""
        operations = [operation for operation in self.begun.values() if operation is not None]
        resources = [*self.base.resources, *self.new, *self.replaced.values()]
        texts = [item.text for item in resources] + [operation.text for operation in operations]
        numbers = (self.by_operation, self.dead, self.removed, self.condemned, self.pending_replacement, self.begun)
        extensions = sum(map(len, self.extensions.values()))
        return sum(map(len, texts)) + ENTRY_BYTES * len(texts) + _NUMBER_BYTES * sum(map(len, numbers)) + extensions

    def visit(self) -> None:
        """Count a read of all resources; raises TooMuch if the entries need more of them than those of a real client."""
        self.visits += len(self.base.resources) + len(self.new)
        if self.visits > self.visit_limit:
            raise TooMuch("its entries rebuild the base too often")

    def deployment(self) -> ReplayedDeployment:
        """Return the deployment at this point; the progress does not change."""
        created = [item for index, item in enumerate(self.new) if index not in self.dead]
        remaining, untouched = self._rest_of_base()
        resources = created + remaining
        creating = [operation for operation in self.base.operations if operation.type == "creating"]
        operations = [operation for _, operation in sorted(self.begun.items()) if operation] + creating
        snippets = self.base.members.get("snippets")
        needed = self._features(resources, operations, keeps_base=untouched or bool(creating))
        if self.refreshed:
            resources = references.repair(resources)
        normalized = references.normalize(resources, snippets)
        extensions = self.extensions | self.base.extensions()
        return ReplayedDeployment(normalized.resources, operations, needed, normalized.snippets, extensions, normalized.damage)

    def find_new(self, operation_id: int, sequence_id: int | None) -> int | None:
        """Return the index of the resource that an operation created; an unknown operation is damage."""
        index = self.by_operation.get(operation_id)
        if index is None:
            self.damage.append(f"entry {sequence_id} refers to operation {operation_id}, which created no resource")
        return index

    def _rest_of_base(self) -> tuple[list[Resource], bool]:
        """Return the base's resources that were not removed, and whether any of them is not replaced."""
        remaining, untouched = [], False
        for index, item in enumerate(self.base.resources):
            if index in self.removed:
                continue
            if index in self.replaced:
                remaining.append(self.replaced[index])  # marks do not apply to a replaced resource
                continue
            untouched = True
            marks: dict[str, object] = {}
            if index in self.pending_replacement:
                marks["pendingReplacement"] = True
            if index in self.condemned:
                marks["delete"] = True
            remaining.append(item.edited(marks) if marks else item)
        return remaining, untouched

    def _features(self, resources: list[Resource], operations: list[Operation], *, keeps_base: bool) -> frozenset[str]:
        needed = features.needed_by(item.head for item in [*resources, *(o.resource for o in operations)])
        if self.byte_strings and (resources or operations):
            needed.add(features.BYTE_STRING)
        if not jsontext.is_empty(self.base.members.get("snippets")):
            needed.add(features.SNIPPETS)
        if keeps_base:
            needed |= features.not_recognizable(self.base.features)
        return frozenset(needed)


def start(document: Document, visit_limit: int = VISIT_LIMIT) -> Progress:
    """Return the progress before the first entry."""
    return Progress(read_base(document.members, frozenset(document.features())), visit_limit=visit_limit)


def read_base(members: Members, known_features: frozenset[str]) -> Base:
    """Return the base in a deployment's members, also if they are invalid."""
    resources = [resource.read_leniently(text) for text in jsontext.find_list(members.get("resources")) or []]
    operations = [_lenient_operation(text) for text in jsontext.find_list(members.get("pending_operations")) or []]
    others = {name: value for name, value in members.items() if name not in ("resources", "pending_operations")}
    return Base(resources, operations, others, known_features)


def _lenient_operation(text: Raw) -> Operation:
    members = jsontext.find_object(text) or {}
    kind = jsontext.find_text(members.get("type")) or ""
    return Operation(text, kind, resource.read_leniently(members.get("resource", Raw(b"null"))))
