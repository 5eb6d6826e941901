"""Marks of colours in logs become spans of the style sheet; everything else is text."""

import pytest

from functions.pages.colours import coloured, plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain <b>", "plain &lt;b&gt;"),
        ("<{%fg 1%}>bad<{%reset%}> x", '<span class="ansi-red">bad</span> x'),
        ("<{%bold%}><{%fg 2%}>good<{%reset%}>", '<span class="ansi-bold ansi-green">good</span>'),
        ("<{%fg 1%}>a<{%fg 4%}>b", '<span class="ansi-red">a</span><span class="ansi-blue">b</span>'),
        ("\x1b[1;33mwarn\x1b[0m", '<span class="ansi-bold ansi-yellow">warn</span>'),
        ("\x1b[2K\x1b[1Aup\x07", "up"),
        ("<{%unknown%}>x", "x"),
    ],
)
def test_marks_become_spans(text: str, expected: str) -> None:
    """The client's marks and the codes of terminals, one after another; others are dropped."""
    assert expected == str(coloured(text))


def test_plain_text_has_no_marks() -> None:
    """A line without its marks."""
    assert "bad x" == plain("<{%fg 1%}>bad<{%reset%}> x")
