"""Colours the definition of an environment for reading: keys, functions, texts, numbers, references and comments.

The tokens are those of the parser that evaluates definitions. A text that it cannot read is shown without colours from there on.
"""

import re
from collections.abc import Iterator

import yaml
from markupsafe import Markup, escape

# Colours take several times the text; a longer one is shown without.
_LIMIT = 200_000
_NUMBER = re.compile(r"[-+]?(\d[\d_]*)(\.\d*)?([eE][-+]?\d+)?")
_WORDS = {"true", "false", "null", "~", "yes", "no", "on", "off"}
_REFERENCE = re.compile(r"\$\{[^}\n]*\}")
_COMMENT = re.compile(r"#[^\n]*")


def highlighted(definition: bytes) -> Markup:
    """Return a definition as HTML, every letter of which is text."""
    text = definition.decode("utf-8", "replace")
    if len(text) > _LIMIT:
        return escape(text)
    parts: list[Markup] = []
    end = 0
    for start, stop, kind in _pieces(text):
        if start < end:
            continue
        parts += [_between(text[end:start]), _span(text[start:stop], kind)]
        end = stop
    return Markup("").join([*parts, _between(text[end:])])


def _pieces(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the scalars of a text with what each is, as far as it can be read."""
    key, is_key = "", False
    # The parser does not count a byte order mark.
    shift = int(text.startswith("\ufeff"))
    try:
        for token in yaml.scan(text, Loader=yaml.CSafeLoader):
            if isinstance(token, yaml.ScalarToken):
                kind = "ciphertext" if key == "ciphertext" and token.plain else _kind(token, is_key=is_key)
                yield token.start_mark.index + shift, token.end_mark.index + shift, kind
                key = token.value if is_key else ""
            is_key = isinstance(token, yaml.KeyToken)
    except yaml.YAMLError:
        return


def _kind(token: yaml.ScalarToken, *, is_key: bool) -> str:
    if is_key:
        return "function" if token.value.startswith("fn::") else "key"
    if token.plain and (_NUMBER.fullmatch(token.value) or token.value.lower() in _WORDS):
        return "number"
    return "text"


def _span(text: str, kind: str) -> Markup:
    if kind != "text":
        return Markup('<span class="yaml-{}">{}</span>').format(kind, text)
    end, parts = 0, []
    for found in _REFERENCE.finditer(text):
        parts += [escape(text[end : found.start()]), Markup('<span class="yaml-reference">{}</span>').format(found[0])]
        end = found.end()
    return Markup('<span class="yaml-text">{}</span>').format(Markup("").join([*parts, escape(text[end:])]))


def _between(text: str) -> Markup:
    """Return what is between scalars: marks, spaces and comments."""
    end, parts = 0, []
    for found in _COMMENT.finditer(text):
        parts += [escape(text[end : found.start()]), Markup('<span class="yaml-comment">{}</span>').format(found[0])]
        end = found.end()
    return Markup("").join([*parts, escape(text[end:])])
