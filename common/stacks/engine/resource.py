"""One resource of a deployment: its text, and the few members that replay, checks and rename read.

The text decides. Inputs, outputs and unknown members are never opened; an edit writes only the members that it names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_type_hints

import msgspec
from msgspec import Raw

from common.stacks.engine import jsontext
from common.stacks.engine.jsontext import JSON_ERRORS

_LARGE_BYTES = 1 << 20
_MOST_ELEMENTS = 200_000


class Head(msgspec.Struct, gc=False, rename="camel"):
    """The members of a resource that the engine reads; null and absent are the same.

    Source: sdk/go/common/apitype/core.go (ResourceV3) at v3.274.1.
    """

    urn: str | None = None
    type: str | None = None
    id: str | None = None
    custom: bool | None = None
    delete: bool | None = None
    parent: str | None = None
    provider: str | None = None
    dependencies: list[str] | None = None
    property_dependencies: dict[str, list[str] | None] | None = None
    pending_replacement: bool | None = None
    aliases: list[str] | None = None
    deleted_with: str | None = None
    replace_with: list[str] | None = None
    view_of: str | None = None
    refresh_before_update: bool | None = None
    taint: bool | None = None
    resource_hooks: dict[str, Raw] | None = None
    extension_ref: str | None = None
    snippet_id: str | None = msgspec.field(default=None, name="snippetID")


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource's text with its head; immutable."""

    text: Raw
    head: Head

    @property
    def urn(self) -> str:
        """The URN, empty if the resource has none."""
        return self.head.urn or ""

    def edited(self, changes: Mapping[str, object]) -> "Resource":
        """Return the resource with members set, or deleted for a value of None; all others keep their bytes."""
        members = jsontext.find_object(self.text)
        if members is None:
            return self
        for name, value in changes.items():
            if value is None:
                members.pop(name, None)
            else:
                members[name] = jsontext.raw(value)
        return read_leniently(Raw(jsontext.write_object(members)))


_head_decoder = msgspec.json.Decoder(Head)
_field_decoders = {
    field.encode_name: msgspec.json.Decoder(get_type_hints(Head)[field.name]) for field in msgspec.structs.fields(Head)
}
_field_names = {field.encode_name: field.name for field in msgspec.structs.fields(Head)}


def read(text: Raw) -> Resource:
    """Return the resource; raises one of JSON_ERRORS if a client could not read it either."""
    if len(text) > _LARGE_BYTES:
        _require_short_lists(text)
    return Resource(text, _head_decoder.decode(text))


def _require_short_lists(text: Raw) -> None:
    """Raise a JSON error for a resource with too long lists in its head, before they are decoded."""
    for name, value in jsontext.open_object(text).items():
        if name in _field_decoders:
            _require_short(value)


def _require_short(value: Raw) -> None:
    if len(value) > _LARGE_BYTES and bytes(value).count(b",") > _MOST_ELEMENTS:
        raise msgspec.ValidationError("a list of more elements than a resource can have")


def read_leniently(text: Raw) -> Resource:
    """Return the resource, also an invalid one; members of an unexpected type count as absent in the head."""
    try:
        return read(text)
    except JSON_ERRORS:
        return Resource(text, _lenient_head(text))


def _lenient_head(text: Raw) -> Head:
    head = Head()
    for name, value in (jsontext.find_object(text) or {}).items():
        if name in _field_decoders:
            try:
                _require_short(value)
                setattr(head, _field_names[name], _field_decoders[name].decode(value))
            except JSON_ERRORS:
                continue
    return head
