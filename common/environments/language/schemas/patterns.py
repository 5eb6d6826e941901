"""Patterns of schemas. Users write them, so they run in RE2, in time linear to the text, and never in `re`."""

from typing import Any

from common.environments.language.schemas.errors import InvalidSchema

_PATTERN_BYTES = 1000
_MEMORY_BYTES = 1 << 20

# Go's words for what RE2 says.
_GO_TEXTS = {
    "missing ]": "missing closing ]",
    "missing )": "missing closing )",
    "trailing \\": "trailing backslash at end of expression",
    "no argument for repetition operator": "missing argument to repetition operator",
    "invalid repetition size": "invalid repeat count",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid named capture group": "invalid named capture",
}


def require(pattern: str) -> None:
    """Raise InvalidSchema for a pattern that cannot be used."""
    _compiled(pattern)


def matches(pattern: str, text: str) -> bool:
    """Tell whether some part of a text matches."""
    return _compiled(pattern).search(text.encode("utf-8", "replace")) is not None


def _compiled(pattern: str) -> Any:  # noqa: ANN401 - RE2 publishes no types
    data = pattern.encode("utf-8", "replace")
    if len(data) > _PATTERN_BYTES:
        raise InvalidSchema(f"a pattern has at most {_PATTERN_BYTES} bytes")
    import re2  # noqa: PLC0415 - few definitions have patterns

    options = re2.Options()
    options.max_mem = _MEMORY_BYTES
    options.log_errors = False
    try:
        return re2.compile(data, options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        shown = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        code, _, part = shown.partition(": ")
        raise InvalidSchema(f"error parsing regexp: {_GO_TEXTS.get(code, code)}: `{part}`") from None
