"""Entries of kind 10 in a journal: a component rearranges its part of the base, state.md 6.6.

An entry that upstream would reject changes nothing and raises MalformedEntry.
Source: pkg/backend/journal.go and sdk/go/common/apitype/journal.go at v3.274.1; `removeOlds` is 3.261's form.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
from msgspec import Raw

from common.stacks.engine import checks, jsontext, urn
from common.stacks.engine.entry import BasePatch, Entry, LayoutItem, MalformedEntry, NewPatch, payload, read_resource
from common.stacks.engine.progress import Progress
from common.stacks.engine.resource import Head, Resource

_layout_decoder = msgspec.json.Decoder(list[LayoutItem])
_removal_decoder = msgspec.json.Decoder(list[int])
_base_patch_decoder = msgspec.json.Decoder(list[BasePatch])
_new_patch_decoder = msgspec.json.Decoder(list[NewPatch])
_EMPTY_LIST = Raw(b"[]")


@dataclass(frozen=True, slots=True)
class _Plan:
    """A migration that was checked."""

    states: list[Resource]
    layout: list[LayoutItem]
    base_patches: dict[int, Resource]  # by old base index
    new_patches: dict[int, Resource]  # by index in the progress's new resources

    def new_index(self) -> dict[int, int]:
        """Old base index → new one, for the resources that stay."""
        return {item.base_index: place for place, item in enumerate(self.layout) if item.base_index is not None}


def migrate(progress: Progress, entry: Entry) -> None:
    """Rearrange the progress's base; raises MalformedEntry and changes nothing if the result would fail the integrity check."""
    progress.visit()
    plan = _plan(progress, entry)
    attempt = _rearranged(progress, plan)
    deployment = attempt.deployment()
    if error := checks.verdict([item.head for item in deployment.resources], deployment.snippets):
        raise MalformedEntry(f"the migrated state would fail the integrity check: {error}")
    progress.base, progress.new, progress.replaced = attempt.base, attempt.new, attempt.replaced
    progress.removed, progress.condemned = attempt.removed, attempt.condemned
    progress.pending_replacement = attempt.pending_replacement


def _rearranged(progress: Progress, plan: _Plan) -> Progress:
    """Return a copy of the progress after the migration."""
    moved = plan.new_index()
    old = progress.base.resources
    resources = [
        plan.base_patches.get(item.base_index, old[item.base_index])
        if item.base_index is not None
        else plan.states[item.state_index or 0]
        for item in plan.layout
    ]
    return replace(
        progress,
        base=replace(progress.base, resources=resources),
        new=[plan.new_patches.get(index, item) for index, item in enumerate(progress.new)],
        removed={moved[index] for index in progress.removed if index in moved},
        condemned={moved[index] for index in progress.condemned if index in moved},
        pending_replacement={moved[index] for index in progress.pending_replacement if index in moved},
        replaced={
            moved[index]: item for index, item in progress.replaced.items() if index in moved and index not in plan.base_patches
        },
    )


def _plan(progress: Progress, entry: Entry) -> _Plan:
    if progress.base.operations or any(progress.begun.values()):
        raise MalformedEntry("a state migration while operations are pending")
    texts = payload(jsontext.present(entry.states) or _EMPTY_LIST, jsontext.open_list, "states")
    states = [read_resource(text, "states") for text in texts]
    if not states:
        raise MalformedEntry("a state migration without states")
    _check_inserted([state.head for state in states], progress)
    layout = _layout(entry, len(progress.base.resources), len(states))
    _check_layout(layout, len(progress.base.resources), len(states))
    kept = {item.base_index for item in layout if item.base_index is not None}
    return _Plan(states, layout, _base_patches(entry, kept), _new_patches(entry, progress))


def _layout(entry: Entry, base_count: int, state_count: int) -> list[LayoutItem]:
    if jsontext.present(entry.layout) is not None or jsontext.present(entry.remove_olds) is None:
        return payload(entry.layout, _layout_decoder.decode, "layout")
    removed = payload(entry.remove_olds, _removal_decoder.decode, "removeOlds")
    if not removed or removed != sorted(set(removed)) or not 0 <= removed[0] <= removed[-1] < base_count:
        raise MalformedEntry("'removeOlds' is not an ascending list of base indices")
    inserted = [LayoutItem(state_index=index) for index in range(state_count)]
    before = [LayoutItem(base_index=index) for index in range(removed[-1]) if index not in set(removed)]
    return before + inserted + [LayoutItem(base_index=index) for index in range(removed[-1] + 1, base_count)]


def _check_layout(layout: Sequence[LayoutItem], base_count: int, state_count: int) -> None:
    if any((item.base_index is None) == (item.state_index is None) for item in layout):
        raise MalformedEntry("a place in the layout has both or neither of a base and a state index")
    base = [item.base_index for item in layout if item.base_index is not None]
    states = [item.state_index for item in layout if item.state_index is not None]
    if len(set(base)) < len(base) or not all(0 <= index < base_count for index in base):
        raise MalformedEntry("the layout repeats a base index, or one is out of range")
    if sorted(states) != list(range(state_count)):
        raise MalformedEntry("the layout does not place every state once")


def _check_inserted(heads: Sequence[Head], progress: Progress) -> None:
    extensions = progress.extensions | progress.base.extensions()
    seen: set[str] = set()
    for head in heads:
        parsed = urn.find(head.urn or "")
        if parsed is None or parsed.type != head.type:
            raise MalformedEntry("an inserted state has no valid URN, or a URN of another type")
        if head.delete or head.view_of:
            raise MalformedEntry(f"the inserted state {head.urn} is marked for deletion or a view")
        if head.custom and not head.id:
            raise MalformedEntry(f"the inserted state {head.urn} has no ID")
        if head.extension_ref and head.extension_ref not in extensions:
            raise MalformedEntry(f"the inserted state {head.urn} refers to an unknown extension")
        if str(parsed) in seen:
            raise MalformedEntry(f"the state {head.urn} is inserted twice")
        seen.add(str(parsed))


def _base_patches(entry: Entry, kept: set[int]) -> dict[int, Resource]:
    patches: dict[int, Resource] = {}
    for patch in payload(
        jsontext.present(entry.base_state_patches) or _EMPTY_LIST, _base_patch_decoder.decode, "baseStatePatches"
    ):
        if patch.index not in kept or patch.index in patches:
            raise MalformedEntry(f"base resource {patch.index} is patched twice, or is not kept")
        patches[patch.index] = read_resource(patch.state, "baseStatePatches.state")
    return patches


def _new_patches(entry: Entry, progress: Progress) -> dict[int, Resource]:
    patches: dict[int, Resource] = {}
    for patch in payload(jsontext.present(entry.new_state_patches) or _EMPTY_LIST, _new_patch_decoder.decode, "newStatePatches"):
        index = progress.by_operation.get(patch.operation_id)
        if index is None or index in progress.dead or index in patches:
            raise MalformedEntry(f"operation {patch.operation_id} is patched twice, or has no resource")
        patches[index] = read_resource(patch.state, "newStatePatches.state")
    return patches
