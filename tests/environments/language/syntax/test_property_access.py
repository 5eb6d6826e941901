"""Accesses in strings: what is read of them, and how each fault is reported."""

import pytest

from common.environments.language.syntax import interpolation
from common.environments.language.syntax.decode import decode
from common.environments.language.syntax.diagnostic import Diagnostic
from common.environments.language.syntax.interpolation import Part
from common.environments.language.syntax.node import ObjectNode, StringNode
from tests.environments.language.documents import LIMITS, shown


def parts_of(text: str) -> tuple[list[Part], list[Diagnostic]]:
    """Return the parts of a plain scalar."""
    root = decode("e", f"a: {text}\n".encode(), LIMITS).root
    assert isinstance(root, ObjectNode)
    node = root.find("a")
    assert isinstance(node, StringNode)
    diagnostics: list[Diagnostic] = []
    return interpolation.parse(node, diagnostics.append), diagnostics


class TestParse:
    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            ("text", ["text"]),
            ("$$", ["$"]),
            ("a $ b", ["a $ b"]),
            ("$${a}", ["${a}"]),
            ("${a}", [("", ["a"])]),
            ("x${a.b}y${c}", [("x", ["a", "b"]), ("y", ["c"])]),
            ('${a["b c"][0].d}', [("", ["a", "b c", 0, "d"])]),
            ('${a["q\\"q"]}', [("", ["a", 'q"q'])]),
            ("${a-b/c:d@e}", [("", ["a-b/c:d@e"])]),
            ("${.a}", [("", ["a"])]),
            ("${}", [("", [""])]),
        ],
    )
    def test_text_and_accesses_alternate(self, text: str, parts: list[object]) -> None:
        """Two dollar signs are one, and only a brace makes a dollar sign begin an access."""
        found, diagnostics = parts_of(text)

        assert [] == diagnostics
        assert parts == [
            part.text if part.access is None else (part.text, [accessor.key for accessor in part.access]) for part in found
        ]

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("${a", "1:7-7[6-6] missing closing brace '}' in interpolation"),
            ("${a }", "1:7-7[6-6] missing closing brace '}' in interpolation"),
            ("${a..b}", "1:7-8[6-7] property name must not be empty"),
            ("${a[0}", "1:7-9[6-8] subscript is missing closing bracket ']'"),
            ('${a[""]}', "1:8-10[7-9] key subscript must not be empty"),
            ("${a[x]}", "1:8-9[7-8] numeric subscript must be a positive base-10 integer"),
            (
                "${[0]}",
                "1:6-8[5-7] the first accessor must be a property name or key subscript, not a numeric subscript",
            ),
        ],
    )
    def test_a_fault_is_reported_where_it_is(self, text: str, problem: str) -> None:
        """The range covers what is wrong, so that an editor can underline it."""
        assert f"a {problem}" in shown(parts_of(text)[1])

    def test_a_fault_in_quotes_covers_the_whole_string(self) -> None:
        """In quotes, the places of the parts are not known (upstream)."""
        assert ["a 1:4-7[3-6] missing closing brace '}' in interpolation"] == shown(parts_of("'${a'")[1])
