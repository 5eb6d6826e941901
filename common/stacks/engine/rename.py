"""Rewrites a state to another name of its stack: every URN with the old name, in resources, operations and values.

A state that upstream's rename would reject raises RenameError. Ciphertexts do not change, since the server's keys belong to the
stack and not to its name. Source: pkg/resource/edit/operations.go at v3.274.1, state.md B.4.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from msgspec import Raw

from common.stacks.engine import document, jsontext, references, resource, urn
from common.stacks.engine.jsontext import BadDocument, Members
from common.stacks.engine.resource import Head, Resource
from common.stacks.engine.values import Rewriter

_VALUES = ("inputs", "outputs", "replacementTrigger")


class RenameError(ValueError):
    """A state that cannot be rewritten; the message is for a person."""


@dataclass(frozen=True, slots=True)
class Names:
    """The name of a stack. In the old name an empty organization or project matches all; in the new name it keeps the old one."""

    org: str
    project: str
    stack: str


def rename(text: bytes, old: Names, new: Names, *, service_host: str = "") -> bytes:
    """Return the container under the new names; raises RenameError.

    The secrets provider's state follows if it names the old stack, and `service_host` (`host[:port]`) is empty or its own.
    """
    shield = jsontext.shield_for([text])
    try:
        opened = document.open_document(shield.hide(text), shield)
    except BadDocument as error:
        raise RenameError(str(error)) from None
    members = opened.members
    # URNs do not contain the organization, so a state that moves to another one can have invalid resources.
    if new.stack != old.stack or new.project not in ("", old.project):
        members = _renamed_members(members, _Renaming(old, new))
    if "secrets_providers" in members:
        members["secrets_providers"] = _provider(members["secrets_providers"], old, new, service_host)
    opened.outer["deployment"] = Raw(jsontext.write_object(members))
    return shield.show(jsontext.write_object(opened.outer))


class _Renaming:
    """Rewrites single texts."""

    def __init__(self, old: Names, new: Names) -> None:
        self._old = old
        self._new = new
        self.values = Rewriter(self.loose, f"urn:pulumi:{old.stack}::".encode())

    def strict(self, text: str) -> str:
        """Return the URN under the new names; raises RenameError if it is not a URN."""
        parsed = urn.find(text)
        if parsed is None:
            raise RenameError(f"'{text}' is not a valid URN")
        if parsed.stack != self._old.stack or self._old.project not in ("", parsed.project):
            return text
        project = self._new.project or parsed.project
        renamed = replace(parsed, stack=self._new.stack, project=project)
        if parsed.qualified_type == urn.ROOT_TYPE:
            renamed = replace(renamed, name=f"{project}-{self._new.stack}")
        return str(renamed)

    def loose(self, text: str) -> str:
        """Return the URN under the new names, or the text itself if it is not a URN."""
        return self.strict(text) if urn.find(text) is not None else text

    def provider(self, text: str) -> str:
        """Return a provider reference under the new names; raises RenameError if it cannot be parsed."""
        try:
            parsed = urn.parse_reference(text)
        except urn.UrnError as error:
            raise RenameError(f"a provider reference cannot be parsed: {error}") from None
        renamed = self.strict(parsed.urn)
        return text if renamed == parsed.urn else str(urn.reference_to(renamed, parsed.identifier))


def _renamed_members(members: Members, renaming: _Renaming) -> Members:
    rewriters: dict[str, Callable[[Raw], Raw]] = {
        "resources": lambda text: _each(text, lambda item: _resource(item, renaming)),
        "pending_operations": lambda text: _each(text, lambda item: _operation(item, renaming)),
        "snippets": lambda text: references.rewrite_snippets(text, renaming.loose),
    }
    return {name: rewriters[name](text) if name in rewriters else text for name, text in members.items()}


def _each(text: Raw, rewrite: Callable[[Raw], Raw]) -> Raw:
    listed = jsontext.find_list(text)
    return jsontext.raw([rewrite(item) for item in listed]) if listed is not None else text


def _operation(text: Raw, renaming: _Renaming) -> Raw:
    members = jsontext.find_object(text)
    if members is None or "resource" not in members:
        return text
    members["resource"] = _resource(members["resource"], renaming)
    return Raw(jsontext.write_object(members))


def _resource(text: Raw, renaming: _Renaming) -> Raw:
    item = resource.read_leniently(text)
    changes = _head_changes(item.head, renaming)
    changes |= _value_changes(item, renaming)
    return item.edited(changes).text if changes else text


def _head_changes(head: Head, renaming: _Renaming) -> dict[str, object]:
    new: dict[str, object] = {}
    old: dict[str, object] = {}
    single = {"urn": head.urn, "parent": head.parent, "deletedWith": head.deleted_with, "viewOf": head.view_of}
    for name, value in single.items():
        if value:
            old[name], new[name] = value, renaming.strict(value)
    lists = {"dependencies": head.dependencies, "replaceWith": head.replace_with, "aliases": head.aliases}
    for name, listed in lists.items():
        if listed:
            old[name], new[name] = listed, [renaming.strict(value) for value in listed]
    if head.property_dependencies:
        old["propertyDependencies"] = head.property_dependencies
        new["propertyDependencies"] = {
            key: listed and [renaming.strict(value) for value in listed] for key, listed in head.property_dependencies.items()
        }
    if head.provider:
        old["provider"], new["provider"] = head.provider, renaming.provider(head.provider)
    return {name: value for name, value in new.items() if value != old[name]}


def _value_changes(item: Resource, renaming: _Renaming) -> dict[str, object]:
    changes: dict[str, object] = {}
    members = jsontext.find_object(item.text) or {}
    for name in _VALUES:
        if name in members:
            before = bytes(members[name])
            after = renaming.values.value(before)
            if after != before:
                changes[name] = Raw(after)
    return changes


def _provider(text: Raw, old: Names, new: Names, service_host: str) -> Raw:
    """Return the secrets provider's record with the new name of the stack, if it has the old name."""
    provider = jsontext.find_object(text) or {}
    state = jsontext.find_object(provider.get("state")) or {}
    named = {name: jsontext.find_text(state.get(name)) for name in ("url", "owner", "project", "stack")}
    if jsontext.find_text(provider.get("type")) != "service" or named["stack"] != old.stack:
        return text
    if named["owner"] is None or named["project"] is None:
        return text
    if old.org not in ("", named["owner"]) or old.project not in ("", named["project"]):
        return text
    if service_host and (named["url"] or "").partition("://")[2].rstrip("/") != service_host:
        return text
    moved = {"owner": new.org, "project": new.project, "stack": new.stack}
    state |= {name: jsontext.raw(value) for name, value in moved.items() if value and name in state}
    provider["state"] = Raw(jsontext.write_object(state))
    return Raw(jsontext.write_object(provider))
