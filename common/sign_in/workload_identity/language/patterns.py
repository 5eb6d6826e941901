"""The language of policy rules: which claim a rule is about, and which texts a pattern takes. No I/O.

In a pattern `*` stands for any run of characters, `?` for one character or none, `.` for exactly one; everything else stands
for itself. Right before a `*` a `?` would say nothing, since the run may be empty as well; whoever writes `?*` means a run
that is not, so there it stands for exactly one character. Matching keeps a set of places in the pattern as the bits of one
number, so that no pattern takes long.
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
# A longer text matches nothing.
TEXT_LIMIT = 4_096
_RUN, _OPTIONAL, _ONE = "*", "?", "."
_AT_LEAST = re.compile(r"\?+(?=\*)")
_SEGMENT = re.compile(r'"([^"]+)"|([^".]+)')
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern made ready: by character the places that take it, and the places that may be skipped or stayed at."""

    literals: Mapping[str, int]
    anything: int
    skippable: int
    staying: int
    end: int

    def matches(self, text: str) -> bool:
        """Tell whether the pattern takes the whole text."""
        if len(text) > TEXT_LIMIT:
            return False
        places = self._skipped(1)
        for character in text:
            stepping = places & (self.literals.get(character, 0) | self.anything)
            places = self._skipped(stepping << 1 | (places & self.staying))
            if not places:
                return False
        return bool(places & self.end)

    def _skipped(self, places: int) -> int:
        while True:
            wider = places | (places & self.skippable) << 1
            if wider == places:
                return places
            places = wider


def require_pattern(text: str) -> None:
    """Raise BadRequest for a pattern that is too long or that would take too long."""
    if len(text) > PATTERN_LIMIT:
        msg = f"a pattern may have {PATTERN_LIMIT} characters, not {len(text):,}"
        raise BadRequest(msg)
    if text.count(_OPTIONAL) > OPTIONAL_LIMIT:
        msg = f"a pattern may have {OPTIONAL_LIMIT} question marks: {text[:_SHOWN]!a}"
        raise BadRequest(msg)


def matches(pattern: str, text: str) -> bool:
    """Tell whether a pattern takes a whole text."""
    return _ready(pattern).matches(text)


def is_literal(pattern: str) -> bool:
    """Tell whether a pattern takes nothing but itself."""
    return not any(mark in pattern for mark in (_RUN, _OPTIONAL, _ONE))


def path_of(key: str) -> tuple[str, ...]:
    """Return the names that lead to a claim: `"kubernetes.io".pod.name` has three. Raises BadRequest."""
    names: list[str] = []
    at = 0
    while len(key) <= PATH_LIMIT and (found := _SEGMENT.match(key, at)) is not None:
        names.append(found[1] or found[2])
        if found.end() == len(key):
            return tuple(names)
        if key[found.end()] != ".":
            break
        at = found.end() + 1
    msg = f"{key[:_SHOWN]!a} names no claim: write names with dots between, and those that have dots themselves in double quotes"
    raise BadRequest(msg)


def texts_at(claims: Mapping[str, Any], path: Sequence[str]) -> list[str]:
    """Return the texts of a claim: its own, or those in its list; none for a number, true, false, null, and what is not there."""
    found: Any = claims
    for name in path:
        if not isinstance(found, Mapping) or name not in found:
            return []
        found = found[name]
    return [text for text in (found if isinstance(found, list) else [found]) if isinstance(text, str)]


@lru_cache(maxsize=1_024)
def _ready(text: str) -> Pattern:
    # Places of a `*` are stayed at; those of `*` and `?` can be skipped.
    literals: dict[str, int] = {}
    anything = skippable = staying = 0
    marks = _AT_LEAST.sub(lambda found: _ONE * len(found[0]), text)
    for number, character in enumerate(marks):
        place = 1 << number
        match character:
            case "*":
                skippable |= place
                staying |= place
            case "?":
                skippable |= place
                anything |= place
            case ".":
                anything |= place
            case _:
                literals[character] = literals.get(character, 0) | place
    return Pattern(literals, anything, skippable, staying, 1 << len(text))
