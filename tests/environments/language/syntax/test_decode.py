"""Texts become nodes, or one diagnostic with go-yaml's words."""

import pytest

from common.environments.language.limits import Limits
from common.environments.language.syntax.decode import decode
from tests.environments.language.documents import shown, summaries

LIMITS = Limits()


class TestDecode:
    @pytest.mark.parametrize(
        ("text", "summary"),
        [
            ("a: [1\n", "yaml: line 1: did not find expected ',' or ']'"),
            ("a: b: c\n", "yaml: mapping values are not allowed in this context"),
            ("values:\n  a: 1\n b: 2\n", "yaml: line 2: did not find expected key"),
            ("a: @x\n", "yaml: found character that cannot start any token"),
            ("a: \x01\n", "yaml: control characters are not allowed"),
            ("values: {a: *nope}\n", "yaml: unknown anchor 'nope' referenced"),
        ],
    )
    def test_text_that_is_no_yaml_is_one_diagnostic(self, text: str, summary: str) -> None:
        """The words and the line are those of go-yaml; there is no range and no path."""
        decoded = decode("e", text.encode(), LIMITS)

        assert decoded.root is None
        assert [f" - {summary}"] == shown(decoded.diagnostics)

    def test_bytes_that_are_not_unicode_are_one_diagnostic(self) -> None:
        """A definition is UTF-8."""
        assert ["yaml: invalid leading UTF-8 octet"] == summaries(decode("e", b"a: \xff\n", LIMITS).diagnostics)

    def test_an_alias_is_refused_where_it_stands(self) -> None:
        """Anchors are harmless; aliases could make a small text huge."""
        decoded = decode("e", b"values:\n  a: &x 1\n  b: *x\n", LIMITS)

        assert ["values.b 3:6-7[23-24] alias nodes are not supported"] == shown(decoded.diagnostics)

    @pytest.mark.parametrize("key", ["42", "true", "null", "[a]", "{a: b}"])
    def test_keys_are_strings(self, key: str) -> None:
        """A number, a boolean, null, a list and a mapping name nothing."""
        decoded = decode("e", f"values:\n  {key}: x\n".encode(), LIMITS)

        assert ["mapping keys must be strings"] == summaries(decoded.diagnostics)

    def test_only_the_first_document_is_read(self) -> None:
        """What follows a document end is no part of a definition, not even if it is wrong."""
        decoded = decode("e", b"a: 1\n---\n[\n", LIMITS)

        assert decoded.root is not None
        assert [] == decoded.diagnostics

    def test_a_deeply_nested_document_is_refused(self) -> None:
        """A hundred thousand brackets cost no more than the first hundred."""
        lines = decode("e", b"- " * 100_000, LIMITS)
        brackets = decode("e", b"a: " + b"[" * 100_000, LIMITS)

        assert ["the document is nested more than 100 levels deep"] == summaries(lines.diagnostics)
        # The parser itself refuses to look so far ahead.
        assert ["yaml: exceeded maximum nesting depth"] == summaries(brackets.diagnostics)

    def test_a_large_document_is_refused_unread(self) -> None:
        """The limit counts bytes, before anything is parsed."""
        decoded = decode("e", b"a: " + b"x" * LIMITS.document_bytes, LIMITS)

        assert [f"the definition is larger than {LIMITS.document_bytes} bytes"] == summaries(decoded.diagnostics)


class TestRanges:
    @pytest.mark.parametrize(
        ("value", "place"),
        [
            ("plain", "2:6-11[13-18]"),
            ("'it''s'", "2:6-10[13-17]"),
            ('"\\u00e9"', "2:6-8[13-15]"),
            ("!!str 5", "2:6-13[13-20]"),
            ("[a, b]", "2:6-11[13-18]"),
            ("{}", "2:6-6[13-13]"),
            ("|\n    one\n    two\n", "2:6-4:6[13-28]"),
        ],
    )
    def test_a_range_is_as_inaccurate_as_upstream_has_it(self, value: str, place: str) -> None:
        """Neither quotes nor brackets are counted; bytes of the decoded text are columns. Clients compare the numbers."""
        text = f"values:\n  a: {value}\nx: {{1: 2}}\n"
        decoded = decode("e", text.replace("{1: 2}", "1").encode(), LIMITS)
        node = decoded.root
        for name in ("values", "a"):
            node = node.find(name)  # type: ignore[union-attr]

        assert node is not None
        span = node.range
        end = f"{span.end.column}" if span.begin.line == span.end.line else f"{span.end.line}:{span.end.column}"
        assert place == f"{span.begin.line}:{span.begin.column}-{end}[{span.begin.byte}-{span.end.byte}]"
