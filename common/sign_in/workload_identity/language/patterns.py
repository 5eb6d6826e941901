"""The language of policy rules: the claim that a rule is about, and the texts that a pattern matches. No I/O.

In a pattern `*` stands for any run of characters, `?` for one character or none, `.` for exactly one; all other characters
stand for themselves. Before a `*`, which matches an empty run too, a `?` would have no meaning. People write `?*` for a run that
is not empty, so there it stands for exactly one character. Matching keeps a set of positions in the pattern as the bits of one
number, so that every pattern is fast.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from common.core.errors import BadRequest

PATTERN_LIMIT = 512
OPTIONAL_LIMIT = 16
PATH_LIMIT = 256
# A longer text matches no pattern.
TEXT_LIMIT = 4_096
_RUN, _OPTIONAL, _ONE = "*", "?", "."
_AT_LEAST = re.compile(r"\?+(?=\*)")
_SEGMENT = re.compile(r'"([^"]+)"|([^".]+)')
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern: the positions that each character matches, and those that can be skipped or repeated, as bits."""

    literals: Mapping[str, int]
    wildcards: int
    skippable: int
    repeatable: int
    end: int

    def matches(self, text: str) -> bool:
        """Return whether the pattern matches the whole text."""
        if len(text) > TEXT_LIMIT:
            return False
        positions = self._with_skipped(1)
        for character in text:
            advancing = positions & (self.literals.get(character, 0) | self.wildcards)
            positions = self._with_skipped(advancing << 1 | (positions & self.repeatable))
            if not positions:
                return False
        return bool(positions & self.end)

    def _with_skipped(self, positions: int) -> int:
        while True:
            wider = positions | (positions & self.skippable) << 1
            if wider == positions:
                return positions
            positions = wider


def require_pattern(text: str) -> None:
    """Raise BadRequest for a pattern that is too long or has too many question marks."""
    if len(text) > PATTERN_LIMIT:
        raise BadRequest(f"a pattern may have at most {PATTERN_LIMIT} characters, not {len(text):,}")
    if text.count(_OPTIONAL) > OPTIONAL_LIMIT:
        raise BadRequest(f"a pattern may have at most {OPTIONAL_LIMIT} question marks: {text[:_SHOWN]!a}")


def matches(pattern: str, text: str) -> bool:
    """Return whether a pattern matches a whole text."""
    return _compiled(pattern).matches(text)


def is_literal(pattern: str) -> bool:
    """Return whether a pattern matches only itself."""
    return not any(mark in pattern for mark in (_RUN, _OPTIONAL, _ONE))


def path_of(key: str) -> tuple[str, ...]:
    """Return the names that lead to a claim: `"kubernetes.io".pod.name` has three. Raises BadRequest."""
    names: list[str] = []
    start = 0
    while len(key) <= PATH_LIMIT and (segment := _SEGMENT.match(key, start)) is not None:
        names.append(segment[1] or segment[2])
        if segment.end() == len(key):
            return tuple(names)
        if key[segment.end()] != ".":
            break
        start = segment.end() + 1
    raise BadRequest(
        f"{key[:_SHOWN]!a} is not the name of a claim: write names with dots between them, and put a name with a dot in it"
        " in double quotes"
    )


def texts_at(claims: Mapping[str, Any], path: Sequence[str]) -> list[str]:
    """Return the texts of a claim: its own, or those in its list; none for a number, true, false, null or a missing claim."""
    value: Any = claims
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            return []
        value = value[name]
    return [text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]


@lru_cache(maxsize=1_024)
def _compiled(text: str) -> Pattern:
    # `*` can be skipped and repeated; `?` can be skipped.
    literals: dict[str, int] = {}
    wildcards = skippable = repeatable = 0
    marks = _AT_LEAST.sub(lambda run: _ONE * len(run[0]), text)
    for number, character in enumerate(marks):
        position = 1 << number
        match character:
            case "*":
                skippable |= position
                repeatable |= position
            case "?":
                skippable |= position
                wildcards |= position
            case ".":
                wildcards |= position
            case _:
                literals[character] = literals.get(character, 0) | position
    return Pattern(literals, wildcards, skippable, repeatable, 1 << len(text))
