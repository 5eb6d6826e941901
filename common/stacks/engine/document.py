"""The container of a stack's state, `{"version", "features"?, "deployment"}`: checking, reading and assembling its text.

Its functions take and return text, and change nothing inside a resource. They raise BadDocument for a text that cannot be read at
all, and accept errors that a person may want to repair by export and import.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import Raw

from common.stacks.engine import counting, jsontext, resource
from common.stacks.engine.jsontext import BadDocument, Members
from common.stacks.engine.resource import Head, Resource
from common.stacks.engine.urn import ROOT_TYPE

__all__ = [
    "EMPTY",
    "BadDocument",
    "Document",
    "StoredResource",
    "check_container",
    "container",
    "count_resources",
    "members",
    "open_document",
    "outputs",
    "resources",
    "write_document",
]

# The export of a stack without a state; without `version` or `deployment` every command of a client would fail.
EMPTY = b'{"version":3,"deployment":{"manifest":{"time":"0001-01-01T00:00:00Z","magic":"","version":""}}}'

_OLDEST_VERSION = 1
_NEWEST_VERSION = 4
_PLAIN_VERSION = 3
_FEATURES_VERSION = 4


@dataclass(frozen=True, slots=True)
class StoredResource:
    """A resource in the list of a stack's resources."""

    urn: str
    text: bytes


class _Outline(msgspec.Struct):
    version: Raw = jsontext.ABSENT
    deployment: Raw = jsontext.ABSENT


class _Lists(msgspec.Struct):
    """A deployment's lists, which may be long."""

    resources: Raw = jsontext.ABSENT
    pending_operations: Raw = jsontext.ABSENT
    snippets: Raw = jsontext.ABSENT


class _RootHead(msgspec.Struct):
    type: str | None = None
    delete: bool | None = None
    outputs: Raw = jsontext.ABSENT


_outline_decoder = msgspec.json.Decoder(_Outline)
_lists_decoder = msgspec.json.Decoder(_Lists)


def check_container(text: bytes) -> None:
    """Raise BadDocument, with a reason for a person, unless a client can open the text as a container.

    Source: pkg/resource/stack/deployment.go:456-500 at 1b5949891b for the versions.
    """
    shield = jsontext.shield_for([text])
    hidden = shield.hide(text)
    outline = jsontext.decode_new(hidden, _read_outline)
    if jsontext.present(outline.version) is None:
        raise BadDocument("the deployment has no 'version'")
    version = bytes(outline.version)
    if not version.isdigit() or not _OLDEST_VERSION <= int(version[:4]) <= _NEWEST_VERSION:
        raise BadDocument(f"the deployment's 'version' must be a number from {_OLDEST_VERSION} to {_NEWEST_VERSION}")
    if jsontext.present(outline.deployment) is None:
        raise BadDocument("the document has no 'deployment'")
    if not bytes(outline.deployment).startswith(b"{"):
        raise BadDocument("'deployment' must be an object")
    if len(hidden) - len(outline.deployment) >= counting.SHORT_BYTES:
        counting.require_few_members(hidden, "the document")
    _check_lists(outline.deployment)


def count_resources(text: bytes) -> int:
    """Return the number of resources in the container; raises BadDocument."""
    return len(open_document(text).resource_texts())


def resources(text: bytes) -> Iterator[StoredResource]:
    """Yield the container's resources in order, each byte for byte; raises BadDocument."""
    document = open_document(text)
    for item in document.resources():
        yield StoredResource(document.shield.show_words(item.urn), document.shield.show(item.text))


def reordered(text: bytes, order: Sequence[int]) -> bytes:
    """Return the container with its resources in another order, given by their positions; everything keeps its bytes."""
    document = open_document(text)
    texts = document.resource_texts()
    # Joined once: a state may take a large part of the memory.
    pieces: list[bytes] = [b"["]
    for position in order:
        pieces += (texts[position], b",")
    pieces[-1] = b"]" if order else b"[]"
    inner = jsontext.object_pieces({**document.members, "resources": pieces})
    return document.shield.show(b"".join(jsontext.object_pieces({**document.outer, "deployment": inner})))


def outputs(text: bytes) -> tuple[bytes | None, bytes | None]:
    """Return the root stack resource's `outputs` and the `secrets_providers`, byte for byte, each None if absent."""
    document = open_document(text)
    providers = jsontext.present(document.members.get("secrets_providers"))
    return _root_outputs(document), document.shield.show(providers) if providers is not None else None


def members(body: bytes) -> dict[str, bytes]:
    """Return the exact bytes of every member of a JSON object from a client; raises BadDocument."""
    shield = jsontext.shield_for([body])
    hidden = shield.hide(body)
    counting.require_few_members(hidden, "the document")
    opened = jsontext.decode_new(hidden, jsontext.open_object)
    return {shield.show_words(name): shield.show(value) for name, value in opened.items()}


def container(deployment: bytes, *, features: Sequence[str] = (), version: int | None = None) -> bytes:
    """Return the text of a container around a deployment; `version` defaults to the one that the features need."""
    number = version if version is not None else _FEATURES_VERSION if features else _PLAIN_VERSION
    listed = b'"features":' + msgspec.json.encode(list(features)) + b"," if features else b""
    return b"".join((b'{"version":%d,' % number, listed, b'"deployment":', deployment, b"}"))


@dataclass(frozen=True, slots=True)
class Document:
    """A container opened two levels deep; `shield` restores the original spelling of texts from it."""

    shield: jsontext.Shield
    outer: Members  # the container's members
    members: Members  # the deployment's members

    def resource_texts(self) -> list[Raw]:
        """Return the resources as they are written; empty if there is no list."""
        return jsontext.find_list(self.members.get("resources")) or []

    def resources(self) -> list[Resource]:
        """Return the resources with their heads, also invalid ones."""
        return [resource.read_leniently(text) for text in self.resource_texts()]

    def heads(self) -> list[Head]:
        """Return the heads alone, for checks."""
        return [item.head for item in self.resources()]

    def features(self) -> list[str]:
        """Return the container's features, without elements that are not texts."""
        listed = jsontext.find_list(self.outer.get("features")) or []
        return [name for name in map(jsontext.find_text, listed) if name is not None]


def open_document(text: bytes, shield: jsontext.Shield | None = None) -> Document:
    """Return the opened container; raises BadDocument if there is no deployment object inside.

    With a shield, the text has been hidden with it before.
    """
    if shield is None:
        shield = jsontext.shield_for([text])
        text = shield.hide(text)
    outer = jsontext.decode(text, jsontext.open_object)
    if "deployment" not in outer:
        raise BadDocument("the document has no 'deployment'")
    return Document(shield, outer, jsontext.decode(outer["deployment"], jsontext.open_object))


def write_document(outer: Mapping[str, Raw], deployment: Sequence[tuple[str, Sequence[bytes]]], features: Sequence[str]) -> bytes:
    """Return a container's text: known members first, then the other outer members.

    `deployment` lists the inner members in order, each as pieces of text that are joined once.
    """
    pieces: list[bytes] = []
    for name, value in deployment:
        pieces.extend((b"," if pieces else b"{", msgspec.json.encode(name), b":", *value))
    head = b'{"version":%d,' % (_FEATURES_VERSION if features else _PLAIN_VERSION)
    listed = b'"features":' + msgspec.json.encode(features) + b"," if features else b""
    tail = [b"}}" if pieces else b"{}}"]
    others = {name: value for name, value in outer.items() if name not in ("version", "features", "deployment")}
    if others:
        tail = [tail[0][:-1], b",", jsontext.write_object(others)[1:]]
    return b"".join((head, listed, b'"deployment":', *pieces, *tail))


def _check_lists(deployment: Raw) -> None:
    lists = jsontext.decode(deployment, _lists_decoder.decode)
    # Apart from these lists a deployment is short, except in an attack.
    if len(deployment) - len(lists.resources) - len(lists.pending_operations) - len(lists.snippets) >= counting.SHORT_BYTES:
        counting.require_few_members(deployment, "the deployment")
    for name in lists.__struct_fields__:
        counting.require_few_items(getattr(lists, name), f"the deployment's '{name}'")
    listed = jsontext.present(lists.resources)
    if listed is not None and jsontext.find_list(listed) is None:
        raise BadDocument("the deployment's 'resources' must be a list")


def _read_outline(text: bytes) -> _Outline:
    if not text.lstrip().startswith(b"{"):
        raise BadDocument("the document must be a JSON object")
    return _outline_decoder.decode(text)


def _root_outputs(document: Document) -> bytes | None:
    for text in document.resource_texts():
        try:
            head = msgspec.json.decode(text, type=_RootHead)
        except jsontext.JSON_ERRORS:
            continue
        if head.type == ROOT_TYPE and not head.delete:
            root_outputs = jsontext.present(head.outputs)
            return document.shield.show(root_outputs) if root_outputs is not None else None
    return None
