"""Reads the filters of RFC 7644 3.4.2.2 that directories send: comparisons joined by `and`. All others are refused."""

import re
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from common.sign_in.scim.documents import parse_boolean
from common.sign_in.scim.model import InvalidRequest, ScimType

FILTER_LIMIT = 2_000
_CONDITIONS_LIMIT = 10
# A name may select by type, as in `emails[type eq "work"].value`: that is one name here, without the selection.
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*")"""
    r"""|(?P<name>[A-Za-z$][A-Za-z0-9$_.:-]*(?:\[\s*type\s+eq\s+"[^"\\\]]*"\s*\]\.[A-Za-z]+)?))(?=\s|$)""",
    re.IGNORECASE,
)
_SELECTION = re.compile(r"\[.*\]")
_SCHEMA = re.compile(r"urn:[a-z0-9:._-]+:(?=[A-Za-z$][A-Za-z0-9$_-]*(?:\.[A-Za-z$]+)?$)", re.IGNORECASE)


class Operator(StrEnum):
    """How a value is compared."""

    EQUAL = "eq"
    CONTAINS = "co"
    STARTS = "sw"
    PRESENT = "pr"


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison. `attribute` is in lower case, without its schema; `value` is None for PRESENT."""

    attribute: str
    operator: Operator
    value: str | bool | None = None

    def matches(self, value: object) -> bool:
        """Return whether a JSON value meets the condition; the case of texts does not count."""
        if self.operator is Operator.PRESENT:
            return value not in (None, "", [])
        if isinstance(self.value, bool):
            return self.operator is Operator.EQUAL and parse_boolean(value) is self.value
        if not isinstance(value, str) or self.value is None:
            return False
        text, operand = value.lower(), self.value.lower()
        match self.operator:
            case Operator.CONTAINS:
                return operand in text
            case Operator.STARTS:
                return text.startswith(operand)
        return text == operand


def parse_filter(text: str, *, error: ScimType = ScimType.INVALID_FILTER) -> tuple[Condition, ...]:
    """Return the conditions of a filter, which are joined by `and`; raises InvalidRequest with the keyword `error`.

    `emails[type eq "work"].value eq "a"` becomes `emails.value eq "a"`: only the primary address has a column.
    """
    refusal = InvalidRequest(
        error, f"{text[:200]!a} is not a filter known here: comparisons with eq, co, sw or pr, joined by and"
    )
    tokens = _tokens(text) if len(text) <= FILTER_LIMIT else None
    if not tokens:
        raise refusal
    conditions: list[Condition] = []
    at = 0
    while at < len(tokens) and len(conditions) < _CONDITIONS_LIMIT:
        if conditions and tokens[at].lower() != "and":
            raise refusal
        at += 1 if conditions else 0
        condition = _condition(tokens[at : at + 3])
        if condition is None:
            raise refusal
        conditions.append(condition)
        at += 2 if condition.operator is Operator.PRESENT else 3
    if at < len(tokens):
        raise refusal
    return tuple(conditions)


def _condition(tokens: list[str]) -> Condition | None:
    """Return the condition at the start of some tokens, or None."""
    is_present = len(tokens) > 1 and tokens[1].lower() == Operator.PRESENT
    if len(tokens) < (2 if is_present else 3) or tokens[0].startswith('"'):
        return None
    attribute = _SELECTION.sub("", _SCHEMA.sub("", tokens[0])).lower()
    if is_present:
        return Condition(attribute, Operator.PRESENT)
    operator = next((operator for operator in Operator if operator == tokens[1].lower()), None)
    value = _value(tokens[2])
    if operator is None or value is None or (isinstance(value, bool) and operator is not Operator.EQUAL):
        return None
    return Condition(attribute, operator, value)


def _value(token: str) -> str | bool | None:
    if not token.startswith('"'):
        return parse_boolean(token)
    try:
        return str(msgspec.json.decode(token))
    except msgspec.DecodeError:
        return None


def _tokens(text: str) -> list[str] | None:
    """Return the words and quoted texts of a filter, or None if it contains anything else."""
    tokens: list[str] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            return None
        tokens.append(match[match.lastgroup])
        at = match.end()
    return tokens
