"""Tells whether two states mean the same to a client, so that an update without changes need not be stored again.

Spelling counts: what is not provably the same is called different, which only costs a stored copy.
"""

from msgspec import Raw

from common.state import document, jsontext
from common.state.document import Document


def same_state(old: bytes, new: bytes) -> bool:
    """Tells whether the new container differs from the old only in the manifest's time and in spelling.

    Another order of resources is a difference, though both may be valid: it is what upstream's replay gives. Raises BadDocument.
    """
    shield = jsontext.shield_for([old, new])
    before, after = (document.open_document(shield.hide(text), shield) for text in (old, new))
    if set(before.features()) != set(after.features()) or not _same_members(before, after):
        return False
    texts = before.resource_texts(), after.resource_texts()
    return len(texts[0]) == len(texts[1]) and all(map(_same_resource, *texts))


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
