"""Finds the packages that a state uses: those of its provider resources."""

import re
from collections.abc import Sequence

import msgspec
from msgspec import Raw

from common.stacks.engine import jsontext
from common.stacks.engine.document import BadDocument, open_document
from common.stacks.engine.resource import read
from common.stacks.engine.urn import find

_TYPE = "pulumi:providers:"
_MENTION = re.compile(rb'"type"\s*:\s*"pulumi:providers:')
_NAME_LIMIT, _VERSION_LIMIT, _PROVIDER_LIMIT = 100, 100, 1_000
# A program with more of them would take as many bytes of each version's row.
_MOST = 200


class PackageUse(msgspec.Struct, frozen=True, array_like=True, order=True):
    """A package in a version, empty if the provider says none. `provider` is the part of its URN after stack and project."""

    name: str
    version: str
    provider: str

    def provider_of(self, project: str, stack: str) -> str:
        """Return the URN of the provider in a stack, which may have another name since the state was written."""
        return f"urn:pulumi:{stack}::{project}::{self.provider}"


class _Inputs(msgspec.Struct):
    """A provider's inputs; a version that is a secret is no text and is ignored."""

    version: Raw = jsontext.ABSENT


def find_packages(text: bytes) -> tuple[PackageUse, ...]:
    """Return the packages of a state, one entry for each version; never raises."""
    if not _MENTION.search(text):
        return ()
    try:
        document = open_document(text)
        uses = [_read(raw) for raw in document.resource_texts() if _MENTION.search(raw)]
    except BadDocument:
        return ()
    first: dict[tuple[str, str], PackageUse] = {}
    for use in uses:
        if use is not None:
            first.setdefault((use.name, use.version), use)
    return tuple(sorted(first.values())[:_MOST])


def encode(uses: Sequence[PackageUse]) -> str:
    """Return the text for a version's row."""
    return msgspec.json.encode(uses).decode()


def decode(text: str) -> tuple[PackageUse, ...]:
    """Return the packages of a version's row."""
    return msgspec.json.decode(text, type=tuple[PackageUse, ...])


def _read(text: Raw) -> PackageUse | None:
    try:
        head = read(text).head
        inputs = msgspec.json.decode((jsontext.find_object(text) or {}).get("inputs") or b"{}", type=_Inputs)
    except jsontext.JSON_ERRORS:
        return None
    urn = find(head.urn or "")
    if head.delete or urn is None or not (head.type or "").startswith(_TYPE):
        return None
    name, version = (head.type or "").removeprefix(_TYPE), jsontext.find_text(inputs.version) or ""
    provider = f"{urn.qualified_type}::{urn.name}"
    is_short = len(name) <= _NAME_LIMIT and len(version) <= _VERSION_LIMIT and len(provider) <= _PROVIDER_LIMIT
    return PackageUse(name, version, provider) if name and is_short else None
