"""Scalars mean what go-yaml v3 makes of them; each line was compared with upstream's evaluator."""

import pytest

from common.environments.language.syntax import scalar
from common.environments.language.syntax.number import Number


class TestResolve:
    @pytest.mark.parametrize(
        ("text", "number"),
        [
            ("0x1F", "31"),
            ("0o17", "15"),
            ("017", "15"),
            ("09", "9"),
            ("0b101", "5"),
            ("-0b11", "-3"),
            ("1_000", "1000"),
            ("+5", "5"),
            ("-0", "0"),
            ("1.0", "1"),
            ("3.14", "3.14"),
            ("1e3", "1000"),
            ("1000000.0", "1e+06"),
            ("12345678.5", "1.23456785e+07"),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            ("-0.0", "-0"),
            ("18446744073709551615", "18446744073709551615"),
            ("18446744073709551616", "1.8446744073709552e+19"),
            ("-9223372036854775808", "-9223372036854775808"),
            (".5", "0.5"),
            ("5.", "5"),
            ("-.5", "-0.5"),
        ],
    )
    def test_a_number_has_its_canonical_text(self, text: str, number: str) -> None:
        """Integers are decimal, floats as short as they can be; constants are compared by this text."""
        value = scalar.resolve(text)

        assert isinstance(value, Number)
        assert number == str(value)

    @pytest.mark.parametrize(
        "text", ["yes", "no", "on", "off", "1:30", "2001-01-01", "0x", "0b2", "1e400", "tRue", "<<", "-", "é"]
    )
    def test_words_of_older_yaml_are_strings(self, text: str) -> None:
        """Neither yes and no, nor times and dates, nor numbers that fit nowhere mean anything else."""
        assert text == scalar.resolve(text)
        assert not isinstance(scalar.resolve(text), Number)

    @pytest.mark.parametrize(
        ("text", "value"), [("", None), ("~", None), ("Null", None), ("NULL", None), ("true", True), ("FALSE", False)]
    )
    def test_null_and_booleans_have_few_spellings(self, text: str, value: bool | None) -> None:
        """Three spellings of each word, and two signs of nothing."""
        assert value is scalar.resolve(text)

    @pytest.mark.parametrize("text", [".inf", "-.Inf", ".NaN"])
    def test_a_number_without_json_form_is_refused(self, text: str) -> None:
        """JSON has neither infinity nor NaN, so an answer with them could not be read."""
        with pytest.raises(scalar.InvalidScalar):
            scalar.resolve(text)

    def test_a_very_long_number_is_a_string(self) -> None:
        """Converting a number takes time by the square of its length."""
        assert "9" * 5000 == scalar.resolve("9" * 5000)


class TestResolveTagged:
    def test_a_tag_decides(self) -> None:
        """`!!str` makes a string of anything, `!!float` a number of an integer."""
        assert "5" == scalar.resolve_tagged("5", "tag:yaml.org,2002:str")
        assert Number(5) == scalar.resolve_tagged("5", "tag:yaml.org,2002:float")
        assert "anything" == scalar.resolve_tagged("anything", "!custom")

    @pytest.mark.parametrize(("text", "kind"), [("x", "int"), ("1.5", "int"), ("x", "bool"), ("!", "binary")])
    def test_text_that_does_not_fit_its_tag_is_refused(self, text: str, kind: str) -> None:
        """The tag promises what the text does not hold."""
        with pytest.raises(scalar.InvalidScalar, match="yaml: "):
            scalar.resolve_tagged(text, f"tag:yaml.org,2002:{kind}")
