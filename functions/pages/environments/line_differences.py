"""Compares two definitions by lines, with a few equal lines around each difference."""

from dataclasses import dataclass
from difflib import SequenceMatcher

# Comparing takes longer than in proportion to the lines.
_LINES_LIMIT = 4_000
_AROUND = 3


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a comparison: `change` is "added", "removed", "same", or "gap" for lines that are left out."""

    change: str
    text: str


def compare_lines(before: str, after: str) -> list[Line] | None:
    """Return the lines that are different, and those around them; None for texts that are too long to compare."""
    old, new = before.split("\n"), after.split("\n")
    if len(old) > _LINES_LIMIT or len(new) > _LINES_LIMIT:
        return None
    lines: list[Line] = []
    for number, group in enumerate(SequenceMatcher(None, old, new).get_grouped_opcodes(_AROUND)):
        if number:
            lines.append(Line("gap", ""))
        for word, old_start, old_end, new_start, new_end in group:
            if word == "equal":
                lines += [Line("same", line) for line in old[old_start:old_end]]
                continue
            lines += [Line("removed", line) for line in old[old_start:old_end]]
            lines += [Line("added", line) for line in new[new_start:new_end]]
    return lines
