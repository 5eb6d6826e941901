"""The filters of RFC 7644 3.4.2.2 that directories send: comparisons joined by `and`. Everything else is refused."""

import re
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from common.sign_in.scim.model import Invalid, ScimType, parse_boolean

FILTER_LIMIT = 2_000
_CONDITIONS_LIMIT = 10
# A name may select by type, as in `emails[type eq "work"].value`: that is one name here, and the selection is dropped.
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

    def takes(self, found: object) -> bool:
        """Tell whether a value of JSON is one; the case of texts does not count."""
        if self.operator is Operator.PRESENT:
            return found not in (None, "", [])
        if isinstance(self.value, bool):
            return self.operator is Operator.EQUAL and parse_boolean(found) is self.value
        if not isinstance(found, str) or self.value is None:
            return False
        one, other = found.lower(), self.value.lower()
        match self.operator:
            case Operator.CONTAINS:
                return other in one
            case Operator.STARTS:
                return one.startswith(other)
        return one == other


def parse_filter(text: str, *, error: ScimType = ScimType.INVALID_FILTER) -> tuple[Condition, ...]:
    """Return the comparisons of a filter, all of which must hold; raises Invalid, with another word inside a path.

    `emails[type eq "work"].value eq "a"` becomes `emails.value eq "a"`: one address is kept apart, the primary one.
    """
    refusal = Invalid(error, f"{text[:200]!a} is no filter here: comparisons with eq, co, sw or pr, joined by and")
    tokens = _tokens(text) if len(text) <= FILTER_LIMIT else None
    if not tokens:
        raise refusal
    found: list[Condition] = []
    at = 0
    while at < len(tokens) and len(found) < _CONDITIONS_LIMIT:
        if found and tokens[at].lower() != "and":
            raise refusal
        at += 1 if found else 0
        condition = _condition(tokens[at : at + 3])
        if condition is None:
            raise refusal
        found.append(condition)
        at += 2 if condition.operator is Operator.PRESENT else 3
    if at < len(tokens):
        raise refusal
    return tuple(found)


def _condition(tokens: list[str]) -> Condition | None:
    """Return the comparison that some tokens begin with, or None."""
    is_present = len(tokens) > 1 and tokens[1].lower() == Operator.PRESENT
    if len(tokens) < (2 if is_present else 3) or tokens[0].startswith('"'):
        return None
    attribute = _SELECTION.sub("", _SCHEMA.sub("", tokens[0])).lower()
    if is_present:
        return Condition(attribute, Operator.PRESENT)
    operator = next((one for one in Operator if one == tokens[1].lower()), None)
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
    """Return the words and quoted texts of a filter, or None when something else is in it."""
    found: list[str] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            return None
        found.append(match[match.lastgroup])
        at = match.end()
    return found
