"""Compares two states, so that an update without changes need not be stored again.

It compares texts. States that are not certainly the same count as different, which costs only a stored copy.
"""

from collections.abc import Sequence

from msgspec import Raw

from common.stacks.engine import document, jsontext
from common.stacks.engine.document import Document


def find_order(old: bytes, new: bytes) -> tuple[int, ...] | None:
    """Return the positions in the old container of the new one's resources, or None if more than their order is different.

    The result is empty if the order is the same. The manifest's time does not count, nor another spelling of a resource in the
    same place. Raises BadDocument.
    """
    shield = jsontext.shield_for([old, new])
    before, after = (document.open_document(shield.hide(text), shield) for text in (old, new))
    if set(before.features()) != set(after.features()) or not _same_members(before, after):
        return None
    texts = before.resource_texts(), after.resource_texts()
    if len(texts[0]) != len(texts[1]):
        return None
    return () if all(map(_same_resource, *texts)) else _positions(*texts)


def _positions(old: Sequence[Raw], new: Sequence[Raw]) -> tuple[int, ...] | None:
    # The keys are hashes: the texts would be a second copy of the state.
    places: dict[int, list[int]] = {}
    for position in range(len(old) - 1, -1, -1):
        places.setdefault(hash(bytes(old[position])), []).append(position)
    positions: list[int] = []
    for text in new:
        whole = bytes(text)
        candidates = places.get(hash(whole))
        if not candidates or bytes(old[candidates[-1]]) != whole:
            return None
        positions.append(candidates.pop())
    return tuple(positions)


def _same_members(before: Document, after: Document) -> bool:
    names = (before.members.keys() | after.members.keys()) - {"manifest", "resources"}
    return all(jsontext.same_text(before.members.get(name), after.members.get(name)) for name in names) and _same_members_of(
        before.members.get("manifest"), after.members.get("manifest"), apart_from="time"
    )


def _same_members_of(old: Raw | None, new: Raw | None, *, apart_from: str) -> bool:
    before, after = jsontext.find_object(old) or {}, jsontext.find_object(new) or {}
    names = (before.keys() | after.keys()) - {apart_from}
    return all(jsontext.same_text(before.get(name), after.get(name)) for name in names)


def _same_resource(old: Raw, new: Raw) -> bool:
    return bytes(old) == bytes(new) or _plain(old) == _plain(new)


def _plain(text: Raw) -> bytes:
    """Return the text without white space, with the members in alphabetical order."""
    members = jsontext.find_object(text)
    if members is None:
        return jsontext.compact(text)
    return b",".join(sorted(name.encode() + b":" + jsontext.compact(value) for name, value in members.items()))
