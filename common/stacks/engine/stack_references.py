"""Finds the stacks that a state refers to: the names in its stack reference resources."""

import msgspec
from msgspec import Raw

from common.core.names import is_name
from common.stacks.engine import jsontext
from common.stacks.engine.document import BadDocument, open_document

_TYPE = "pulumi:pulumi:StackReference"
_PARTS = 3


class _Names(msgspec.Struct):
    """A stack reference's inputs or outputs; a secret or unknown name is not a text and is ignored."""

    name: Raw = jsontext.ABSENT


def find_links(text: bytes) -> frozenset[tuple[str, str, str]]:
    """Return (organization, project, stack) of every stack that the state refers to by its full name; never raises."""
    if _TYPE.encode() not in text:
        return frozenset()
    try:
        names = [_name(item.text) for item in open_document(text).resources() if item.head.type == _TYPE]
    except BadDocument:
        return frozenset()
    parts = [tuple(name.split("/")) for name in names if name is not None]
    return frozenset((part[0], part[1], part[2]) for part in parts if len(part) == _PARTS and all(map(is_name, part)))


def _name(resource: bytes) -> str | None:
    members = jsontext.find_object(resource) or {}
    for part in ("outputs", "inputs"):
        try:
            name = jsontext.find_text(msgspec.json.decode(members.get(part) or b"{}", type=_Names).name)
        except jsontext.JSON_ERRORS:
            name = None
        if name:
            return name
    return None
