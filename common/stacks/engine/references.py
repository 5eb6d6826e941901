"""References between resources: replaces aliases, and repairs references that a refresh left without a resource.

Both are last steps of a replay and work on the whole list. They delete no resource.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec import Raw

from common.stacks.engine import jsontext, urn
from common.stacks.engine.resource import Head, Resource


@dataclass(frozen=True, slots=True)
class NormalizedResources:
    """Resources and snippets without aliases, and the errors in them."""

    resources: list[Resource]
    snippets: Raw | None
    damage: tuple[str, ...]


def normalize(resources: Sequence[Resource], snippets: Raw | None) -> NormalizedResources:
    """Return resources and snippets with aliases replaced by the URNs that now have them, state.md B.1.

    Upstream rejects two resources with the same alias, and crashes on an invalid provider reference. Here the first resource
    gets the alias, the reference stays as it is, and both are reported as damage.
    """
    damage: list[str] = []
    renamed = _renamed(resources, damage)
    providers = _ProviderNames(renamed, damage)
    result = [item.edited(changes) if (changes := _normal(item.head, renamed, providers)) else item for item in resources]
    if renamed and snippets is not None:
        snippets = rewrite_snippets(snippets, lambda name: renamed.get(name, name))
    return NormalizedResources(result, snippets, tuple(damage))


def repair(resources: Sequence[Resource]) -> list[Resource]:
    """Return the resources after a refresh: only references to earlier resources stay, and to any parent, state.md B.3.

    Source: pkg/backend/journal.go:289-341 at v3.274.1.
    """
    seen: set[str] = set()
    known = {item.urn for item in resources}
    result = []
    for item in resources:
        changes = _repairs(item.head, seen)
        if item.head.parent and item.head.parent not in known:
            changes["parent"] = None
        result.append(item.edited(changes) if changes else item)
        seen.add(item.urn)
    return result


def rewrite_snippets(snippets: Raw, rewrite: Callable[[str], str]) -> Raw:
    """Return the snippets with the URNs in their references rewritten; unreadable ones do not change."""
    listed = jsontext.find_list(snippets)
    if listed is None:
        return snippets
    result = [_rewrite_snippet(text, rewrite) for text in listed]
    return snippets if result == listed else jsontext.raw(result)


def _rewrite_snippet(text: Raw, rewrite: Callable[[str], str]) -> Raw:
    members = jsontext.find_object(text) or {}
    references = jsontext.find_object(members.get("references")) or {}
    changes = {}
    for name, value in references.items():
        name_before = jsontext.find_text(value)
        if name_before is not None and rewrite(name_before) != name_before:
            changes[name] = jsontext.raw(rewrite(name_before))
    if not changes:
        return text
    members["references"] = Raw(jsontext.write_object(references | changes))
    return Raw(jsontext.write_object(members))


def _renamed(resources: Sequence[Resource], damage: list[str]) -> dict[str, str]:
    """Return old URN → new URN, for aliases and for children of a parent with a changed type."""
    if not any(item.head.aliases for item in resources):
        return {}
    renamed: dict[str, str] = {}
    for item in resources:
        repeated = [alias for alias in item.head.aliases or () if renamed.setdefault(alias, item.urn) != item.urn]
        damage += [f"{renamed[alias]} and {item.urn} have the same alias {alias}; the first keeps it" for alias in repeated]
        parent = urn.find(renamed.get(item.head.parent or "", ""))
        own = urn.find(item.urn)
        if parent and own and parent.qualified_type != urn.ROOT_TYPE:
            renamed[item.urn] = str(own.below(parent.qualified_type))
    return renamed


class _ProviderNames:
    """Normalizes provider references, each spelling once."""

    def __init__(self, renamed: dict[str, str], damage: list[str]) -> None:
        self._renamed = renamed
        self._damage = damage
        self._known: dict[str, str] = {}

    def normal(self, reference: str) -> str:
        if reference not in self._known:
            self._known[reference] = self._find(reference)
        return self._known[reference]

    def _find(self, reference: str) -> str:
        try:
            parsed = urn.parse_reference(reference)
        except urn.UrnError as error:
            self._damage.append(f"a provider reference is kept as it is: {error}")
            return reference
        return f"{self._renamed.get(parsed.urn, parsed.urn)}::{parsed.identifier or urn.UNKNOWN}"


def _normal(head: Head, renamed: dict[str, str], providers: _ProviderNames) -> dict[str, object]:
    """Return the members that change."""
    changes: dict[str, object] = {}
    if head.provider and (normal := providers.normal(head.provider)) != head.provider:
        changes["provider"] = normal
    if not renamed:
        return changes
    for name, value in (("urn", head.urn), ("parent", head.parent), ("deletedWith", head.deleted_with), ("viewOf", head.view_of)):
        if value and value in renamed:
            changes[name] = renamed[value]
    if any(name in renamed for name in head.dependencies or ()):
        changes["dependencies"] = [renamed.get(name, name) for name in head.dependencies or ()]
    groups = head.property_dependencies or {}
    if any(name in renamed for listed in groups.values() for name in listed or ()):
        changes["propertyDependencies"] = {
            key: [renamed.get(name, name) for name in listed or ()] for key, listed in groups.items()
        }
    if head.aliases:
        changes["aliases"] = None
    return changes


def _repairs(head: Head, seen: set[str]) -> dict[str, object]:
    """Return the members that change; a list that becomes empty is deleted."""
    changes: dict[str, object] = {}
    for name, listed in (("dependencies", head.dependencies), ("replaceWith", head.replace_with)):
        kept = [other for other in listed or () if other in seen]
        if listed and kept != listed:
            changes[name] = kept or None
    groups = head.property_dependencies or {}
    filtered = {key: [other for other in listed or () if other in seen] for key, listed in groups.items()}
    remaining = {key: listed for key, listed in filtered.items() if listed}
    if remaining != groups:
        changes["propertyDependencies"] = remaining or None
    if head.deleted_with and head.deleted_with not in seen:
        changes["deletedWith"] = None
    return changes
