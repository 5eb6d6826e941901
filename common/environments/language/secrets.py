"""Secrets in the text of a definition: plaintext becomes ciphertext when it is saved, and plaintext again when it is read.

Only the secrets change; every other byte stays. Upstream writes the whole document again (eval/crypt.go).
"""

import re
from collections.abc import Iterable

import msgspec

from common.environments.language import envelope
from common.environments.language.interfaces import Decrypter, Encrypter
from common.environments.language.limits import Limits
from common.environments.language.syntax import edit, write
from common.environments.language.syntax.decode import decode
from common.environments.language.syntax.diagnostic import Diagnostic
from common.environments.language.syntax.node import Node, ObjectNode, StringNode, walk

_SECRET = "fn::secret"  # noqa: S105 - the name of the function
_CIPHERTEXT = "ciphertext"
_LIMITS = Limits()
_COLON = re.compile(r"[ \t]*:")
_INDENT = 2


class Rewritten(msgspec.Struct, frozen=True):
    """A rewritten text; after diagnostics, the text is as it was given."""

    text: bytes
    diagnostics: list[Diagnostic]


def encrypt(name: str, text: bytes, encrypter: Encrypter, limits: Limits = _LIMITS) -> Rewritten:
    """Return a text in which no secret is in clear, wherever it stands. What is encrypted already stays.

    Raises WorldError where encryption fails. A text with diagnostics, be they warnings, must not be stored.
    """
    decoded = decode(name, text, limits)
    if decoded.diagnostics or decoded.root is None:
        return Rewritten(text, decoded.diagnostics)
    edits = edit.Edits(decoded.positions.text)
    for call, plaintext in _plaintexts(decoded.root):
        data = plaintext.text.encode("utf-8", "surrogateescape")
        _write_ciphertext(edits, call, plaintext, envelope.encode(encrypter.encrypt(data)))
    rewritten = edits.apply().encode("utf-8", "surrogateescape")
    return _verified(name, text, rewritten, limits)


def decrypt(name: str, text: bytes, decrypter: Decrypter, limits: Limits = _LIMITS) -> Rewritten:
    """Return a text in which the secrets of `values` are in clear; raises InvalidEnvelope, and WorldError as encrypt does."""
    decoded = decode(name, text, limits)
    if decoded.diagnostics or decoded.root is None:
        return Rewritten(text, decoded.diagnostics)
    edits = edit.Edits(decoded.positions.text)
    for call, ciphertext in _ciphertexts(decoded.root):
        plaintext = decrypter.decrypt(envelope.decode(ciphertext.text))
        _write_plaintext(edits, call, plaintext.decode("utf-8", "replace"))
    return Rewritten(edits.apply().encode("utf-8", "surrogateescape"), [])


def has_plaintext(name: str, text: bytes, limits: Limits = _LIMITS) -> bool:
    """Tell whether a text holds a secret in clear, or cannot be read."""
    decoded = decode(name, text, limits)
    return bool(decoded.diagnostics) or (decoded.root is not None and any(_plaintexts(decoded.root)))


def _verified(name: str, original: bytes, rewritten: bytes, limits: Limits) -> Rewritten:
    """Return what was rewritten, unless a secret is left in clear: then it must not be stored."""
    larger = msgspec.structs.replace(limits, document_bytes=max(limits.document_bytes, len(rewritten)))
    if has_plaintext(name, rewritten, larger):
        problem = "a secret of the definition cannot be encrypted in place; write it on one line"
        return Rewritten(original, [Diagnostic(problem)])
    return Rewritten(rewritten, [])


def _calls(root: Node) -> Iterable[ObjectNode]:
    for node in walk(root):
        if isinstance(node, ObjectNode) and len(node.entries) == 1 and node.entries[0][0].text == _SECRET:
            yield node


def _plaintexts(root: Node) -> Iterable[tuple[ObjectNode, StringNode]]:
    for call in _calls(root):
        argument = call.entries[0][1]
        if isinstance(argument, StringNode):
            yield call, argument


def _ciphertexts(root: Node) -> Iterable[tuple[ObjectNode, StringNode]]:
    """Yield the encrypted secrets of `values`; those elsewhere are not decrypted."""
    if not isinstance(root, ObjectNode):
        return
    for section in [value for key, value in root.entries if key.text == "values"]:
        for call in _calls(section):
            argument = call.entries[0][1]
            if isinstance(argument, ObjectNode) and len(argument.entries) == 1 and argument.entries[0][0].text == _CIPHERTEXT:
                ciphertext = argument.entries[0][1]
                if isinstance(ciphertext, StringNode):
                    yield call, ciphertext


def _write_ciphertext(edits: edit.Edits, call: ObjectNode, plaintext: StringNode, ciphertext: str) -> None:
    key = call.entries[0][0]
    stop = edit.content_stop(plaintext)
    colon = _COLON.match(edits.text, key.stop)
    if call.is_flow or edit.is_in_flow(call) or colon is None or colon.end() > plaintext.start:
        edits.replace(plaintext.start, max(stop, plaintext.start), f"{{{_CIPHERTEXT}: {ciphertext}}}")
    elif "\n" in edits.text[colon.end() : plaintext.start]:
        edits.replace(plaintext.start, stop, f"{_CIPHERTEXT}: {ciphertext}")
    else:
        indent = " " * (edits.column(key.start) + _INDENT)
        edits.replace(colon.end(), stop, f"{edits.newline_at(key.start)}{indent}{_CIPHERTEXT}: {ciphertext}")


def _write_plaintext(edits: edit.Edits, call: ObjectNode, plaintext: str) -> None:
    key, argument = call.entries[0]
    stop = edit.content_stop(argument)
    colon = _COLON.match(edits.text, key.stop)
    if colon is None or colon.end() > argument.start or call.is_flow or edit.is_in_flow(call):
        in_flow = call.is_flow or edit.is_in_flow(call)
        edits.replace(argument.start, stop, write.inline(plaintext, in_flow=in_flow))
        return
    # A comment may follow on the line of the ciphertext, where nothing can follow a block.
    may_span_lines = not edits.text[stop : edits.line_end(stop)].strip(edit.BLANKS)
    indent, newline = edits.column(key.start), edits.newline_at(stop)
    written = edit.string(plaintext, indent, newline, may_span_lines=may_span_lines)
    is_flow = isinstance(argument, ObjectNode) and argument.is_flow
    if is_flow or "#" in edits.text[colon.end() : argument.start]:
        edits.replace(argument.start, stop, written)
    else:
        edits.replace(colon.end(), stop, " " + written)
