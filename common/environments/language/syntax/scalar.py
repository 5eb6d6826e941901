"""What a plain scalar stands for, by the rules of go-yaml v3: YAML 1.2 with the octal and underscore forms of 1.1.

PyYAML's own resolver follows YAML 1.1, where `yes` is a boolean and `1:30` a number.
"""

import re
from base64 import b64decode
from binascii import Error as Base64Error

from common.environments.language.syntax import number
from common.environments.language.syntax.number import Number, Scalar

CORE_PREFIX = "tag:yaml.org,2002:"

_NAMED: dict[str, bool | None] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NOT_FINITE = re.compile(r"\.(nan|NaN|NAN)|[-+]?\.(inf|Inf|INF)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|([1-9][0-9]*|0))", re.ASCII)
_BASES = (16, 2, 8, 10)
_MAY_BE_NUMBER = frozenset("+-.0123456789")
# A longer number is a string: converting it would take quadratic time.
_NUMBER_LIMIT = 400


class InvalidScalar(ValueError):
    """The text does not fit its tag."""


def resolve(text: str) -> Scalar:
    """Return what an untagged plain scalar stands for."""
    if text in _NAMED:
        return _NAMED[text]
    if text[0] not in _MAY_BE_NUMBER or len(text) > _NUMBER_LIMIT:
        return text
    if _NOT_FINITE.fullmatch(text):
        raise InvalidScalar(f"the number {text} has no JSON form")
    value = _number(text if text[0] == "." else text.replace("_", ""))
    return text if value is None else value


def resolve_tagged(text: str, tag: str) -> Scalar:
    """Return what a scalar with a tag stands for; `tag` is in its long form."""
    if tag == CORE_PREFIX + "binary":
        _require_base64(text)
        return text
    kind = tag.removeprefix(CORE_PREFIX)
    if kind == tag or kind not in {"bool", "int", "float", "null", "timestamp"}:
        return text
    value = resolve(text)
    actual = _kind(value)
    if kind == actual or (kind == "float" and actual == "int") or kind == "timestamp":
        return text if kind == "timestamp" else value
    raise InvalidScalar(f"yaml: cannot decode !!{actual} `{text}` as a !!{kind}")


def short_tag_length(tag: str) -> int:
    """Return the length of a tag as upstream shortens it: `!!str`."""
    return len(tag) - len(CORE_PREFIX) + 2 if tag.startswith(CORE_PREFIX) else len(tag)


def _number(text: str) -> Number | None:
    integer = _INTEGER.fullmatch(text)
    if integer:
        sign = -1 if integer[1] == "-" else 1
        digits, base = next((digits, base) for digits, base in zip(integer.groups()[1:], _BASES, strict=True) if digits)
        value = sign * int(digits, base)
        if number.is_int(value):
            return Number(value)
        if base != 10 and not _FLOAT.fullmatch(text):
            return None
    if not _FLOAT.fullmatch(text):
        return None
    value_float = float(text)
    return None if value_float in {float("inf"), float("-inf")} else number.from_float(value_float)


def _kind(value: Scalar) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, Number):
        return "int" if value.lstrip("-").isdecimal() else "float"
    return "str"


def _require_base64(text: str) -> None:
    try:
        b64decode(text.replace("\n", "").replace("\r", "").encode(), validate=True)
    except (Base64Error, UnicodeEncodeError):
        raise InvalidScalar("yaml: !!binary value contains invalid base64 data") from None
