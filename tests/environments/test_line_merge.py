"""Merging two changes of one text by lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.environments.line_merge import LINES_LIMIT, Conflict, TooManyLines, merge

BASE = b"a\nb\nc\nd\ne\n"
LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\r\n", b"\n"]), max_size=8).map(b"".join)


@pytest.mark.parametrize(
    ("head", "draft", "merged"),
    [
        (BASE, b"a\nX\nc\nd\ne\n", b"a\nX\nc\nd\ne\n"),
        (b"A\nb\nc\nd\ne\n", BASE, b"A\nb\nc\nd\ne\n"),
        (b"A\nb\nc\nd\ne\n", b"a\nb\nc\nd\nE\n", b"A\nb\nc\nd\nE\n"),
        (b"a\nb\nX\nc\nd\ne\n", b"a\nb\nc\nd\n", b"a\nb\nX\nc\nd\n"),
        (b"a\nX\nc\nd\ne\n", b"a\nX\nc\nd\ne\n", b"a\nX\nc\nd\ne\n"),
        (b"", b"", b""),
    ],
    ids=["draft alone", "head alone", "apart", "inserted and deleted", "the same", "both delete all"],
)
def test_merges_what_lies_apart(head: bytes, draft: bytes, merged: bytes) -> None:
    """Both changes are in the result, and one that both made is in it once."""
    result = merge(BASE, head, draft)

    assert (merged, ()) == (result.text, result.conflicts)


def test_returns_lines_that_both_change() -> None:
    """A conflict has its lines in each of the three texts, and the text is the draft's."""
    result = merge(BASE, b"new\na\nb\nHEAD\nhead\nd\ne\n", b"a\nb\nd\nE\n")

    assert b"a\nb\nd\nE\n" == result.text
    assert (Conflict((2, 3), (3, 5), (2, 2)),) == result.conflicts


def test_takes_neighbours_for_a_conflict() -> None:
    """Changes of lines next to each other are not merged: their order would be a guess."""
    assert merge(BASE, b"a\nB\nc\nd\ne\n", b"a\nb\nC\nd\ne\n").conflicts


def test_refuses_texts_of_too_many_lines() -> None:
    """Texts that differ all over take too long to compare."""
    text = b"".join(b"%d\n" % number for number in range(LINES_LIMIT + 1))

    with pytest.raises(TooManyLines):
        merge(text, text.replace(b"\n", b"x\n"), text)


@given(base=LINES, head=LINES, draft=LINES)
def test_keeps_a_side_that_is_alone(base: bytes, head: bytes, draft: bytes) -> None:
    """Where one side changes nothing, the result is the other side; ranges of conflicts lie in their texts."""
    assert head == merge(base, head, base).text
    assert draft == merge(base, base, draft).text
    result = merge(base, head, draft)
    for conflict in result.conflicts:
        parts = (conflict.base, conflict.head, conflict.draft)
        for (begin, end), text in zip(parts, (base, head, draft), strict=True):
            assert 0 <= begin <= end <= len(text.splitlines())
