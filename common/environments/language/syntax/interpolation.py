"""Strings with accesses in them: `hello, ${name}`."""

from collections.abc import Callable

import msgspec

from common.environments.language.syntax.diagnostic import Diagnostic
from common.environments.language.syntax.node import StringNode
from common.environments.language.syntax.property_access import AccessScanner, PropertyAccess, ScannedText, text_of


class Part(msgspec.Struct, frozen=True):
    """Text, and the access that follows it."""

    text: str
    access: PropertyAccess | None = None


def parse(node: StringNode, report: Callable[[Diagnostic], None]) -> list[Part]:
    """Return the parts of a string: `$$` is a dollar sign, `${` begins an access, anything else is text."""
    if "$" not in node.text:
        return [Part(node.text)] if node.text else []
    scanned = ScannedText(node)
    data = scanned.data
    parts: list[Part] = []
    text = bytearray()
    at = 0
    while at < len(data):
        dollar = data.find(b"$", at)
        following = data[dollar + 1 : dollar + 2] if dollar >= 0 else b""
        if following == b"{":
            scanner = AccessScanner(scanned, dollar + 2, report)
            text += data[at:dollar]
            parts.append(Part(text_of(bytes(text)), scanner.scan()))
            text.clear()
            at = scanner.offset
        else:
            end = len(data) if dollar < 0 else dollar + 1
            text += data[at:end]
            at = end + (following == b"$")
    if text:
        parts.append(Part(text_of(bytes(text))))
    return parts
