"""Repairs states that fail the integrity check of Pulumi's engine: a plan of small steps, and the state that they lead to.

A step never drops a resource that may exist in the cloud, and never guesses: what only a person can decide is explained instead.
The rules are those of `checks`; missing references are dropped as upstream's own repair after a refresh does (state.md B.3).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from msgspec import Raw

from common.stacks.engine import checks, document, jsontext, urn
from common.stacks.engine.journal import INTEGRITY_ERROR
from common.stacks.engine.jsontext import Members
from common.stacks.engine.resource import Head, Resource


class StepKind(StrEnum):
    """What a step does; EXPLAIN changes nothing and says what a person has to decide."""

    REORDER = "reorder"
    DROP_REFERENCE = "drop-reference"
    REMOVE_DUPLICATE = "remove-duplicate"
    SET_MEMBER = "set-member"
    EXPLAIN = "explain"


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a repair, the resource that it is about (empty for the whole state), and a sentence for a person."""

    kind: StepKind
    urn: str
    text: str


@dataclass(frozen=True, slots=True)
class Plan:
    """How a state is repaired: its first error, the steps, and the repaired text, None if no step changes anything.

    `remaining` is the first error after the repair, which the explaining steps are about.
    """

    error: str | None
    steps: list[Step] = field(default_factory=list)
    text: bytes | None = None
    remaining: str | None = None


def plan(text: bytes) -> Plan:
    """Return the repair of a container's deployment; raises BadDocument for one that cannot be read at all."""
    error = checks.verify(text)
    if error is None:
        return Plan(None)
    opened = document.open_document(text)
    repair = _Repair(opened.resources())
    resources = repair.run()
    members = {**opened.members, "resources": jsontext.raw([item.text for item in resources])}
    if checks.magic_error(members.get("manifest")):
        members["manifest"] = repair.repaired_manifest(members["manifest"])
    if checks.verdict([item.head for item in resources], jsontext.present(members.get("snippets"))) is None:
        members = _without_finding(members)
    repaired = opened.shield.show(jsontext.write_object({**opened.outer, "deployment": Raw(jsontext.write_object(members))}))
    steps = [Step(step.kind, opened.shield.show_words(step.urn), opened.shield.show_words(step.text)) for step in repair.steps]
    is_changed = any(step.kind is not StepKind.EXPLAIN for step in steps)
    remaining = checks.verify(repaired)
    if remaining is not None and not any(step.kind is StepKind.EXPLAIN for step in steps):
        steps.append(Step(StepKind.EXPLAIN, "", f"{remaining}: edit an export of the state by hand, and import it"))
    return Plan(error, steps, repaired if is_changed else None, remaining)


def _without_finding(members: Members) -> Members:
    """Return the deployment's members without the error that a replay wrote into its metadata."""
    metadata = jsontext.find_object(members.get("metadata")) or {}
    if INTEGRITY_ERROR not in metadata:
        return members
    kept = {name: value for name, value in metadata.items() if name != INTEGRITY_ERROR}
    return {**members, "metadata": Raw(jsontext.write_object(kept))}


class _Repair:
    """The resources of a state on their way to a sound one, and the steps so far."""

    def __init__(self, resources: Sequence[Resource]) -> None:
        self.steps: list[Step] = []
        self._providers: set[str] = set()
        self._resources = list(resources)

    def run(self) -> list[Resource]:
        """Return the resources after all steps."""
        self._remove_duplicates()
        self._resources = [self._with_type(item) for item in self._resources]
        self._resources = [self._with_provider(item) for item in self._resources]
        known = Counter(item.urn for item in self._resources)
        self._resources = [self._without(item, known, "does not exist") for item in self._resources]
        self._reorder()
        self._drop_cycles()
        self._providers = {str(found) for found in (_reference_to(item.head) for item in self._resources) if found is not None}
        for item in self._resources:
            self._explain(item)
        return self._resources

    def repaired_manifest(self, manifest: Raw) -> Raw:
        """Return the manifest with the checksum of its version."""
        members = jsontext.find_object(manifest) or {}
        version = jsontext.find_text(members.get("version")) or ""
        self._add(StepKind.SET_MEMBER, "", f"Set the checksum of the manifest to that of version {version or 'no version'}")
        return Raw(jsontext.write_object({**members, "magic": jsontext.raw(checks.magic(version))}))

    def _remove_duplicates(self) -> None:
        """Keep one of live resources with the same URN and id: the last one, which was written last."""
        last = {(item.urn, item.head.id): place for place, item in enumerate(self._resources) if not item.head.delete}
        kept = []
        for place, item in enumerate(self._resources):
            if item.urn and not item.head.delete and last[item.urn, item.head.id] != place:
                self._add(StepKind.REMOVE_DUPLICATE, item.urn, "Remove an older entry of the same resource, with the same id")
            else:
                kept.append(item)
        live = Counter(item.urn for item in kept if item.urn and not item.head.delete)
        for name in (name for name, count in live.items() if count > 1):
            ids = ", ".join(item.head.id or "no id" for item in kept if item.urn == name and not item.head.delete)
            advice = "find out which of them exists, and delete the other with `pulumi state delete`"
            self._add(StepKind.EXPLAIN, name, f"Entries with different ids ({ids}): {advice}")
        self._resources = kept

    def _with_type(self, item: Resource) -> Resource:
        parsed = urn.find(item.urn)
        if item.head.type or parsed is None or not parsed.type:
            return item
        self._add(StepKind.SET_MEMBER, item.urn, f"Set the type to {parsed.type}, as in the URN")
        return item.edited({"type": parsed.type})

    def _with_provider(self, item: Resource) -> Resource:
        """Return the resource with the reference to the one provider that has the URN of the reference."""
        reference = item.head.provider
        if not reference or item.head.pending_replacement:
            return item
        name = reference.rpartition("::")[0]
        candidates = [other.head for other in self._resources if other.urn == name and not other.head.delete]
        references = [str(found) for found in map(_reference_to, candidates) if found is not None]
        if reference in references or len(references) != 1:
            return item
        self._add(StepKind.SET_MEMBER, item.urn, f"Refer to provider {name.rpartition('::')[2]} by its present id")
        return item.edited({"provider": references[0]})

    def _without(self, item: Resource, known: Counter[str], reason: str) -> Resource:
        """Return the resource without references to what is not known, or to itself; `known` counts resources by URN."""
        head, changes = item.head, dict[str, object]()

        def is_missing(name: str) -> bool:
            return known[name] < (2 if name == item.urn else 1)

        if head.parent and is_missing(head.parent):
            changes["parent"] = None
        if head.deleted_with and is_missing(head.deleted_with):
            changes["deletedWith"] = None
        if any(map(is_missing, head.dependencies or ())):
            changes["dependencies"] = [name for name in head.dependencies or () if not is_missing(name)] or None
        groups = {key: listed or [] for key, listed in (head.property_dependencies or {}).items()}
        if any(is_missing(name) for listed in groups.values() for name in listed):
            kept = {key: [name for name in listed if not is_missing(name)] for key, listed in groups.items()}
            changes["propertyDependencies"] = {key: listed for key, listed in kept.items() if listed} or None
        if not changes:
            return item
        missing = dict.fromkeys("itself" if name == item.urn else name for name in _references(head) if is_missing(name))
        self._add(StepKind.DROP_REFERENCE, item.urn, f"Remove references to what {reason}: {', '.join(missing)}")
        return item.edited(changes)

    def _reorder(self) -> None:
        """Put each resource behind what it refers to; resources that need no move keep their order."""
        ordered = _sorted(self._resources)
        if ordered != self._resources:
            moved = [item for item, other in zip(ordered, self._resources, strict=True) if item is not other]
            self._add(StepKind.REORDER, "", f"Put each resource behind what it needs; {len(moved):,} change their place")
        self._resources = ordered

    def _drop_cycles(self) -> None:
        """Drop references to resources that still come later: they need one another in a circle."""
        seen: Counter[str] = Counter()
        for place, item in enumerate(self._resources):
            # The resource itself counts, so that a reference to it needs another resource of that URN before.
            seen[item.urn] += 1
            if any(seen[name] < (2 if name == item.urn else 1) for name in _references(item.head)):
                self._resources[place] = self._without(item, seen, "needs it in turn")

    def _explain(self, item: Resource) -> None:
        head = item.head
        if not item.urn:
            self._add(StepKind.EXPLAIN, "", "A resource has no URN: edit an export of the state by hand, and import it")
        elif not head.type:
            self._add(StepKind.EXPLAIN, item.urn, "The resource has no type, and its URN does not say it")
        elif not head.custom and head.id:
            reason = "A component has an id: if it is a resource of a provider, set `custom`, else remove the id"
            self._add(StepKind.EXPLAIN, item.urn, reason)
        elif urn.is_provider_type(head.type) and _reference_to(head) is None:
            self._add(StepKind.EXPLAIN, item.urn, "The resource is a provider, and its URN is that of another type")
        elif head.provider and (reason := self._provider_problem(head)):
            self._add(StepKind.EXPLAIN, item.urn, reason)
        elif head.parent and (urn.find(item.urn) is None or urn.find(head.parent) is None):
            self._add(StepKind.EXPLAIN, item.urn, "The URN of the resource or of its parent is not a valid one")

    def _provider_problem(self, head: Head) -> str:
        try:
            urn.parse_reference(head.provider or "")
        except urn.UrnError as error:
            return f"The reference to its provider cannot be read: {error}"
        if head.pending_replacement or head.provider in self._providers:
            return ""
        return (
            f"Its provider {head.provider} does not exist: restore a version that has it, or delete the resource from the state"
        )

    def _add(self, kind: StepKind, name: str, text: str) -> None:
        self.steps.append(Step(kind, name, text))


def _sorted(resources: Sequence[Resource]) -> list[Resource]:
    """Return the resources, each behind what it refers to as far as there is no circle."""
    places: dict[str, list[int]] = {}
    for place, item in enumerate(resources):
        places.setdefault(item.urn, []).append(place)
    result: list[Resource] = []
    state = [0] * len(resources)  # 1: what it needs is being placed, 2: placed
    for start in range(len(resources)):
        pending = [start]
        while pending:
            place = pending[-1]
            needed = [other for other in _needed(resources[place], places) if state[other] == 0] if state[place] < 2 else []
            if state[place] == 0 and needed:
                state[place] = 1
                pending += reversed(needed)
                continue
            pending.pop()
            if state[place] < 2:
                state[place] = 2
                result.append(resources[place])
    return result


def _needed(item: Resource, places: dict[str, list[int]]) -> Iterator[int]:
    names = [*_references(item.head), (item.head.provider or "").rpartition("::")[0]]
    for name in names:
        found = places.get(name, [])
        if name and name != item.urn and found:
            yield found[0]


def _references(head: Head) -> Iterator[str]:
    """Yield the URNs that a resource refers to, except its provider's."""
    yield from filter(None, (head.parent, head.deleted_with))
    yield from head.dependencies or ()
    for listed in (head.property_dependencies or {}).values():
        yield from listed or ()


def _reference_to(head: Head) -> urn.ProviderReference | None:
    if not urn.is_provider_type(head.type or ""):
        return None
    try:
        return urn.reference_to(head.urn or "", head.id or "")
    except urn.UrnError:
        return None
