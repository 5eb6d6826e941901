"""Tells how a state lies in another one, so that an update without changes need not be stored again.

Spelling counts: what is not provably the same is called different, which only costs a stored copy.
"""

from collections.abc import Sequence

from msgspec import Raw

from common.stacks.engine import document, jsontext
from common.stacks.engine.document import Document


def find_order(old: bytes, new: bytes) -> tuple[int, ...] | None:
    """Returns how the new container's resources lie in the old one, None if anything but their order is different.

    The order is the positions in the old container, and empty if it is the old one's. The manifest's time and other
    spellings of the same resource in the same place do not count. Raises BadDocument.
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
    # By their hashes: the texts themselves as keys would be a second copy of the state.
    places: dict[int, list[int]] = {}
    for position in range(len(old) - 1, -1, -1):
        places.setdefault(hash(bytes(old[position])), []).append(position)
    found: list[int] = []
    for text in new:
        whole = bytes(text)
        candidates = places.get(hash(whole))
        if not candidates or bytes(old[candidates[-1]]) != whole:
            return None
        found.append(candidates.pop())
    return tuple(found)


def _same_members(before: Document, after: Document) -> bool:
    names = (before.members.keys() | after.members.keys()) - {"manifest", "resources"}
    return all(jsontext.same_text(before.members.get(name), after.members.get(name)) for name in names) and _same_members_of(
        before.members.get("manifest"), after.members.get("manifest"), apart_from="time"
    )


def _same_members_of(one: Raw | None, other: Raw | None, *, apart_from: str) -> bool:
    before, after = jsontext.find_object(one) or {}, jsontext.find_object(other) or {}
    names = (before.keys() | after.keys()) - {apart_from}
    return all(jsontext.same_text(before.get(name), after.get(name)) for name in names)


def _same_resource(old: Raw, new: Raw) -> bool:
    return bytes(old) == bytes(new) or _plain(old) == _plain(new)


def _plain(text: Raw) -> bytes:
    """Returns a text that does not depend on white space and the order of members."""
    members = jsontext.find_object(text)
    if members is None:
        return jsontext.compact(text)
    return b",".join(sorted(name.encode() + b":" + jsontext.compact(value) for name, value in members.items()))
