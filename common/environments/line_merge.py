"""Merges two changes of one text by lines, as version control does. No I/O."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

# Comparing takes longer than the number of lines grows.
LINES_LIMIT = 4_000


class TooManyLines(Exception):
    """The texts differ in too many lines to be merged."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Lines that both changes touch: ranges from 0, without their ends, in the base, the head and the draft."""

    base: tuple[int, int]
    head: tuple[int, int]
    draft: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Merged:
    """The merged text, and what could not be merged; with conflicts the text is that of the draft."""

    text: bytes
    conflicts: tuple[Conflict, ...]


@dataclass(frozen=True, slots=True)
class _Change:
    """Lines of the base that one side replaces by lines of its own."""

    base: tuple[int, int]
    own: tuple[int, int]


def merge(base: bytes, head: bytes, draft: bytes) -> Merged:
    """Return the draft with what changed from the base to the head; raises TooManyLines.

    Changes that touch the same lines, or lines next to each other, are a conflict unless they are the same change.
    """
    texts = [text.splitlines(keepends=True) for text in (base, head, draft)]
    heads, drafts = _changes(texts[0], texts[1]), _changes(texts[0], texts[2])
    lines: list[bytes] = []
    conflicts: list[Conflict] = []
    position = 0
    for of_head, of_draft in _groups(heads, drafts):
        begin = min(change.base[0] for change in (*of_head, *of_draft))
        end = max(change.base[1] for change in (*of_head, *of_draft))
        head_range, draft_range = _own_range(of_head, heads, begin, end), _own_range(of_draft, drafts, begin, end)
        lines += texts[0][position:begin]
        position = end
        in_head, in_draft = texts[1][slice(*head_range)], texts[2][slice(*draft_range)]
        if of_head and of_draft and in_head != in_draft:
            conflicts.append(Conflict((begin, end), head_range, draft_range))
        lines += in_draft if of_draft else in_head
    lines += texts[0][position:]
    return Merged(draft if conflicts else b"".join(lines), tuple(conflicts))


def _changes(base: list[bytes], own: list[bytes]) -> list[_Change]:
    begin = 0
    while begin < min(len(base), len(own)) and base[begin] == own[begin]:
        begin += 1
    kept = 0
    while kept < min(len(base), len(own)) - begin and base[-1 - kept] == own[-1 - kept]:
        kept += 1
    middle, own_middle = base[begin : len(base) - kept], own[begin : len(own) - kept]
    if max(len(middle), len(own_middle)) > LINES_LIMIT:
        raise TooManyLines
    return [
        _Change((begin + i, begin + j), (begin + k, begin + m))
        for tag, i, j, k, m in SequenceMatcher(None, middle, own_middle).get_opcodes()
        if tag != "equal"
    ]


def _groups(heads: list[_Change], drafts: list[_Change]) -> Iterator[tuple[list[_Change], list[_Change]]]:
    """Yield the changes of both sides, those that touch each other together, in the order of the base."""
    waiting = (list(heads), list(drafts))
    while waiting[0] or waiting[1]:
        group: tuple[list[_Change], list[_Change]] = ([], [])
        first = min((side for side in waiting if side), key=lambda side: side[0].base)
        group[first is waiting[1]].append(first.pop(0))
        end = (group[0] or group[1])[0].base[1]
        while (more := next((side for side in (0, 1) if waiting[side] and waiting[side][0].base[0] <= end), None)) is not None:
            change = waiting[more].pop(0)
            group[more].append(change)
            end = max(end, change.base[1])
        yield group


def _own_range(group: list[_Change], changes: list[_Change], begin: int, end: int) -> tuple[int, int]:
    """Return the lines of one side that stand for a range of the base."""
    shift = sum(_growth(change) for change in changes if change.base[1] <= begin and change not in group)
    return begin + shift, end + shift + sum(map(_growth, group))


def _growth(change: _Change) -> int:
    return (change.own[1] - change.own[0]) - (change.base[1] - change.base[0])
