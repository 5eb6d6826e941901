"""Tells whether two states mean the same to a client, so that an update without changes need not be stored again.

Spelling counts: what is not provably the same is called different, which only costs a stored copy.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence

from msgspec import Raw

from common.state import checks, document, jsontext
from common.state.document import Document


def same_state(old: bytes, new: bytes) -> bool:
    """Tells whether the new container differs from the old only in the manifest's time and in the order of resources.

    Another order counts as the same only if the old one is valid. Raises BadDocument.
    """
    shield = jsontext.shield_for([old, new])
    before, after = (document.open_document(shield.hide(text), shield) for text in (old, new))
    if set(before.features()) != set(after.features()) or not _same_members(before, after):
        return False
    texts = before.resource_texts(), after.resource_texts()
    if len(texts[0]) != len(texts[1]):
        return False
    if all(bytes(one) == bytes(other) for one, other in zip(*texts, strict=True)):
        return True
    return _same_resources(*texts) and checks.verdict(before.heads(), None) is None


def _same_members(before: Document, after: Document) -> bool:
    names = (before.members.keys() | after.members.keys()) - {"manifest", "resources"}
    return all(jsontext.same_text(before.members.get(name), after.members.get(name)) for name in names) and _same_members_of(
        before.members.get("manifest"), after.members.get("manifest"), apart_from="time"
    )


def _same_members_of(one: Raw | None, other: Raw | None, *, apart_from: str) -> bool:
    before, after = jsontext.find_object(one) or {}, jsontext.find_object(other) or {}
    names = (before.keys() | after.keys()) - {apart_from}
    return all(jsontext.same_text(before.get(name), after.get(name)) for name in names)


def _same_resources(old: Sequence[Raw], new: Sequence[Raw]) -> bool:
    before, after = Counter(map(_digest, old)), Counter(map(_digest, new))
    if before == after:
        return True
    rest = before - after, after - before
    return Counter(_spread(old, rest[0])) == Counter(_spread(new, rest[1]))


def _spread(texts: Sequence[Raw], wanted: Counter[bytes]) -> list[bytes]:
    """Returns digests that do not depend on white space and the order of members, of the wanted texts."""
    return [hashlib.sha256(_plain(text)).digest() for text in texts if _digest(text) in wanted]


def _plain(text: Raw) -> bytes:
    members = jsontext.find_object(text)
    if members is None:
        return jsontext.compact(text)
    return b",".join(sorted(name.encode() + b":" + jsontext.compact(value) for name, value in members.items()))


def _digest(text: Raw) -> bytes:
    return hashlib.sha256(text).digest()
