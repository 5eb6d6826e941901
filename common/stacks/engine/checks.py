"""The integrity check that Pulumi's engine makes before it uses a state, with the engine's own messages.

The result is advice to a person; this module repairs and rejects nothing. Source: pkg/resource/stack/snapshot/integrity.go and
state.md B.5.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec import Raw

from common.stacks.engine import document, jsontext, urn
from common.stacks.engine.resource import Head

# A URN, which messages name, may be as long as a request.
_MARK_LIMIT = 2000


@dataclass(slots=True)
class _Seen:
    """The resources before the one under check."""

    urns: set[str] = field(default_factory=set)
    live: set[str] = field(default_factory=set)  # URNs of resources that are not to be deleted
    duplicates: set[str] = field(default_factory=set)
    providers: set[str] = field(default_factory=set)
    parsed: set[str] = field(default_factory=set)  # provider references known to be well formed


def verify(text: bytes) -> str | None:
    """Return the first error of a container's deployment, or None if a client accepts it; raises BadDocument."""
    opened = document.open_document(text)
    error = magic_error(opened.members.get("manifest")) or verdict(opened.heads(), opened.members.get("snippets"))
    return opened.shield.show_words(error) if error is not None else None


def find_error(text: bytes) -> str | None:
    """Return what `verify` does, and why a state cannot be read, as a mark of a version; never raises."""
    try:
        return shortened(verify(text))
    except document.BadDocument as error:
        return shortened(str(error))


def shortened(error: str | None) -> str | None:
    """Return an error that fits in a row which is read with every page: its first part."""
    return error if error is None or len(error) <= _MARK_LIMIT else f"{error[: _MARK_LIMIT - 1]}…"


def magic(version: str) -> str:
    """Return the manifest's `magic` for a client version."""
    return hashlib.sha256(version.encode()).hexdigest() if version else ""


def magic_error(manifest: bytes | None) -> str | None:
    """Return an error if the manifest's `magic` is not that of its `version`."""
    members = jsontext.find_object(manifest) or {}
    version, stored_magic = (jsontext.find_text(members.get(name)) or "" for name in ("version", "magic"))
    return None if stored_magic == magic(version) else "magic cookie mismatch: possible tampering/corruption detected"


def verdict(heads: Sequence[Head], snippets: Raw | None) -> str | None:
    """Return the first error in a list of resources and in the snippets, or None."""
    seen = _Seen()
    for index, head in enumerate(heads):
        if error := _resource_error(heads, index, seen):
            return error
        _remember(head, seen)
    if seen.duplicates:
        return f"duplicate resource {min(seen.duplicates)} (not marked for deletion)"
    return _snippet_error(snippets)


def _resource_error(heads: Sequence[Head], index: int, seen: _Seen) -> str | None:
    head = heads[index]
    if not head.urn:
        return f"resource at index {index} missing required 'urn' field"
    if not head.type:
        return f"resource '{head.urn}' missing required 'type' field"
    if not head.custom and head.id:
        # The missing quote is upstream's.
        return f"resource '{head.urn}' has 'custom false but non-empty ID"
    return (
        _provider_error(head, seen)
        or _parent_error(heads, index, seen)
        or _dependency_error(heads, index, seen)
        or _deleted_with_error(heads, index, seen)
    )


def _provider_error(head: Head, seen: _Seen) -> str | None:
    if urn.is_provider_type(head.type or ""):
        try:
            seen.providers.add(str(urn.reference_to(head.urn or "", head.id or "")))
        except urn.UrnError as error:
            return f"provider {head.urn} is not referenceable: {error}"
    if not head.provider:
        return None
    if head.provider not in seen.parsed:
        try:
            urn.parse_reference(head.provider)
        except urn.UrnError as error:
            return f"failed to parse provider reference for resource {head.urn}: {error}"
        seen.parsed.add(head.provider)
    if head.provider not in seen.providers and not head.pending_replacement:
        return f"resource {head.urn} refers to unknown provider {head.provider}"
    return None


def _parent_error(heads: Sequence[Head], index: int, seen: _Seen) -> str | None:
    head = heads[index]
    if not head.parent:
        return None
    if head.parent not in seen.urns:
        if _comes_later(heads, index, head.parent):
            return f"child resource {head.urn}'s parent {head.parent} comes after it"
        return f"child resource {head.urn} refers to missing parent {head.parent}"
    for text in (head.urn or "", head.parent):
        if urn.find(text) is None:
            # Upstream compares the two URNs' types and crashes on an invalid one.
            return f"child resource {head.urn} or its parent has an invalid URN: '{text}'"
    return None


def _dependency_error(heads: Sequence[Head], index: int, seen: _Seen) -> str | None:
    head = heads[index]
    groups = [("dependency", head.dependencies or [])]
    groups += [("property dependency", listed or []) for listed in (head.property_dependencies or {}).values()]
    for kind, listed in groups:
        for other in listed:
            if other in seen.urns:
                continue
            if _comes_later(heads, index, other):
                return f"resource {head.urn}'s {kind} {other} comes after it"
            return f"resource {head.urn} refers to missing {kind} {other}"
    return None


def _deleted_with_error(heads: Sequence[Head], index: int, seen: _Seen) -> str | None:
    head = heads[index]
    if not head.deleted_with or head.deleted_with in seen.urns:
        return None
    start = f"resource {head.urn} is specified as being deleted with {head.deleted_with}, which "
    return start + ("comes after it" if _comes_later(heads, index, head.deleted_with) else "is missing")


def _comes_later(heads: Sequence[Head], index: int, other: str) -> bool:
    return any(head.urn == other for head in heads[index + 1 :])


def _remember(head: Head, seen: _Seen) -> None:
    name = head.urn or ""
    seen.urns.add(name)
    if head.delete:
        return
    if name in seen.live:
        seen.duplicates.add(name)
    seen.live.add(name)


def _snippet_error(snippets: Raw | None) -> str | None:
    first: dict[str, int] = {}
    for index, text in enumerate(jsontext.find_list(snippets) or []):
        uuid = jsontext.find_text((jsontext.find_object(text) or {}).get("uuid"))
        if not uuid:
            return f"snippet at index {index} missing required 'uuid' field"
        if uuid in first:
            return f'duplicate snippet uuid "{uuid}" at indexes {first[uuid]} and {index}'
        first[uuid] = index
    return None
