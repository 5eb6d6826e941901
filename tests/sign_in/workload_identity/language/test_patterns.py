"""The language of rules: patterns, and the names of claims."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.core.errors import BadRequest
from common.sign_in.workload_identity.language.patterns import is_literal, matches, path_of, require_pattern, texts_at

LETTERS = st.text("ab/:.-+([\\*?\n", max_size=12)
CLAIMS = {
    "sub": "ci",
    "groups": ["a", 1, None, ["b"], "c"],
    "n": 7,
    "yes": True,
    "no": None,
    "kubernetes.io": {"pod": {"name": "runner-7"}},
    "kubernetes": {"io": "x"},
}


def as_expression(pattern: str) -> str:
    """Return a pattern in the language of regular expressions: another way to say the same."""
    words = {"*": ".*", "?": ".?", ".": "."}
    required = re.sub(r"\?+(?=\*)", lambda found: "." * len(found[0]), pattern)
    return "".join(words.get(character, re.escape(character)) for character in required)


class TestMatches:
    @pytest.mark.parametrize(
        ("pattern", "good", "bad"),
        [
            ("ci", ["ci"], ["", "c", "cii", "CI", "xci", "ci\n"]),
            ("", [""], ["a"]),
            ("*", ["", "a", "a\nb", "x" * 4_096], ["x" * 4_097]),
            ("a?", ["a", "ab"], ["", "abb", "b"]),
            ("?a", ["a", "ba"], ["bba", ""]),
            ("a.c", ["abc", "a.c", "a\nc", "aéc"], ["ac", "abbc"]),
            ("...", ["abc"], ["ab", "abcd"]),
            ("runner-?*", ["runner-7", "runner-77"], ["runner-", "runner", "xrunner-7"]),
            ("a??*b", ["axyb", "axyzb"], ["ab", "axb"]),
            ("a*?b", ["ab", "axb", "axyb"], ["a"]),
            (
                "repo:acme/*:ref:refs/heads/main",
                ["repo:acme/app:ref:refs/heads/main"],
                ["repo:evil/x:ref:refs/heads/main", "repo:acme/app"],
            ),
            ("*a*b*", ["ab", "xaxbx"], ["ba", "a"]),
            ("a+(b)[c]\\d^$|{2}", ["a+(b)[c]\\d^$|{2}"], ["aa(b)c\\d", "a+(b)[c]d"]),
        ],
    )
    def test_takes_whole_texts(self, pattern: str, good: list[str], bad: list[str]) -> None:
        """`*` is any run, `?` one character or none, `.` exactly one, `?*` one or more; all else is itself."""
        assert [] == [text for text in good if not matches(pattern, text)]
        assert [] == [text for text in bad if matches(pattern, text)]

    @given(LETTERS, LETTERS)
    def test_agrees_with_regular_expressions(self, pattern: str, text: str) -> None:
        """For every pattern and text the answer is that of the regular expression that says the same."""
        wanted = re.fullmatch(as_expression(pattern), text, re.DOTALL) is not None

        assert wanted == matches(pattern, text)

    @given(st.text(max_size=30))
    def test_takes_itself(self, text: str) -> None:
        """Every text without marks takes itself alone."""
        plain = text.replace("*", "").replace("?", "").replace(".", "")

        assert is_literal(plain)
        assert matches(plain, plain)
        assert not matches(plain, plain + "x")

    def test_takes_no_time(self) -> None:
        """A pattern that would keep a regular expression busy for years is answered at once."""
        began = time.perf_counter()

        assert not matches("*a" * 200 + "b", "a" * 4_000)
        assert not matches("?" * 16 + "*" * 300 + "b", "a" * 4_000)
        assert time.perf_counter() - began < 2


class TestRequirePattern:
    @pytest.mark.parametrize("pattern", ["x" * 513, "?" * 17])
    def test_refuses_what_is_too_long(self, pattern: str) -> None:
        """Patterns have limits for their length and the number of question marks."""
        with pytest.raises(BadRequest):
            require_pattern(pattern)


class TestPathOf:
    @pytest.mark.parametrize(
        ("key", "path"),
        [
            ("sub", ("sub",)),
            ("a.b.c", ("a", "b", "c")),
            ('"kubernetes.io".pod.name', ("kubernetes.io", "pod", "name")),
            ('"https://example.com/role"', ("https://example.com/role",)),
            ("https://example", ("https://example",)),
            ('a."b.c"', ("a", "b.c")),
            ("cognito:groups", ("cognito:groups",)),
        ],
    )
    def test_cuts_at_dots(self, key: str, path: tuple[str, ...]) -> None:
        """Dots lead into claims; quotes keep the dots of a name together."""
        assert path == path_of(key)

    @pytest.mark.parametrize("key", ["", ".", "a.", ".a", "a..b", '"a', 'a"', '""', '"a"b', 'a"b"', "x" * 257])
    def test_refuses_what_names_nothing(self, key: str) -> None:
        """A key that cannot be read is refused when the policy is written."""
        with pytest.raises(BadRequest):
            path_of(key)


class TestTextsAt:
    @pytest.mark.parametrize(
        ("key", "texts"),
        [
            ("sub", ["ci"]),
            ("groups", ["a", "c"]),
            ("n", []),
            ("yes", []),
            ("no", []),
            ("missing", []),
            ("sub.x", []),
            ('"kubernetes.io".pod.name', ["runner-7"]),
            ("kubernetes.io.pod.name", []),
            ("kubernetes.io", ["x"]),
            ('"kubernetes.io"', []),
            ("groups.0", []),
        ],
    )
    def test_finds_texts_alone(self, key: str, texts: list[str]) -> None:
        """A claim is compared when it is a text, or a list with texts; numbers, true, false and null never match."""
        assert texts == texts_at(CLAIMS, path_of(key))
