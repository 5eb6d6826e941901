"""Built-ins that make or take text: each line was compared with upstream's evaluator."""

import pytest

from tests.environments.language.documents import opened, plain, shown, summaries, value_of
from tests.environments.language.goldens import Num


def call(name: str, argument: str) -> str:
    """Return a document whose `v` is a call."""
    return f"values:\n  v: {{'fn::{name}': {argument}}}\n"


class TestJoin:
    def test_strings_are_joined(self) -> None:
        """The delimiter stands between the elements."""
        assert "a-b" == value_of(call("join", "['-', [a, b]]"))

    def test_numbers_are_not_converted(self) -> None:
        """Text is written as text, or the author is told where it is not."""
        evaluation = opened(call("join", "['-', [1]]"))

        assert ['values.v["fn::join"][1][0] 2:26-27[33-34] expected string, got number'] == shown(evaluation.diagnostics)
        assert "[unknown]" == plain(evaluation)["v"]


class TestSplit:
    @pytest.mark.parametrize(
        ("argument", "parts"),
        [
            ("[',', 'a,b,,c']", ["a", "b", "", "c"]),
            ("[',', '']", [""]),
            ("['', '']", []),
            ("['', 'aé']", ["a", "é"]),
        ],
    )
    def test_a_string_is_split(self, argument: str, parts: list[str]) -> None:
        """An empty delimiter splits into characters; an empty text is one part, or then none."""
        assert parts == value_of(call("split", argument))


class TestBase64:
    def test_text_goes_there_and_back(self) -> None:
        """The bytes of the text are encoded, and decoded."""
        assert "YWLDqQ==" == value_of(call("toBase64", "abé"))
        assert "abé" == value_of(call("fromBase64", "YWLDqQ=="))

    @pytest.mark.parametrize(
        ("text", "place"), [("YQ=", 3), ("YQ", 0), ("!", 0), ("YW Jj", 2), ("YQ==x", 4), ("YQ=x", 2), ("Y===", 1)]
    )
    def test_a_fault_names_its_byte(self, text: str, place: int) -> None:
        """The place is the one that Go's decoder gives."""
        evaluation = opened(call("fromBase64", f"'{text}'"))

        assert [f"decoding base64 string: illegal base64 data at input byte {place}"] == summaries(evaluation.diagnostics)

    def test_bytes_that_are_no_text_survive_evaluation(self) -> None:
        """They come back as they were; shown, U+FFFD stands for each."""
        text = "values:\n  b: {'fn::fromBase64': '//4='}\n  v: {'fn::toBase64': '${b}'}\n"

        evaluation = opened(text)

        assert {"b": "\ufffd\ufffd", "v": "//4="} == plain(evaluation)

    def test_halves_of_a_character_become_one_again(self) -> None:
        """Two texts whose bytes are UTF-8 together are a character together."""
        halves = "[{'fn::fromBase64': 'w6k='}, {'fn::fromBase64': 'ww=='}, {'fn::fromBase64': 'qQ=='}]"

        assert "éé" == value_of(call("join", f"['', {halves}]"))


class TestToJson:
    def test_json_is_spelled_as_go_spells_it(self) -> None:
        """Members are in order, numbers verbatim, and what HTML would take for markup is escaped."""
        text = call("toJSON", "{b: '<>&é\"', a: [1, 1.50, true, null], c: {}}")

        assert '{"a":[1,1.5,true,null],"b":"\\u003c\\u003e\\u0026é\\"","c":{}}' == value_of(text)

    def test_a_secret_is_revealed_in_a_secret_text(self) -> None:
        """The text holds the secret, so all of it is one."""
        evaluation = opened(call("toJSON", "{a: {'fn::secret': hunter2}}"))

        assert {"v": '{"a":"hunter2"}'} == plain(evaluation)
        assert {"v": "[secret]"} == plain(evaluation, is_redacted=True)


class TestToYaml:
    def test_yaml_is_spelled_as_go_yaml_spells_it(self) -> None:
        """Four spaces, members in order, numbers in quotes, several lines as a block."""
        text = call("toYAML", '{c: d, a: b, n: 42, l: [1, {x: y, z: [q]}], m: "one\\ntwo\\n", y: "yes", k10: "", k9: ~}')

        expected = (
            'a: b\nc: d\nk9: null\nk10: ""\nl:\n    - "1"\n    - x: "y"\n      z:\n        - q\n'
            'm: |\n    one\n    two\n"n": "42"\n"y": "yes"\n'
        )
        assert expected.replace('x: "y"', 'x: "y"') == value_of(text)


class TestToString:
    @pytest.mark.parametrize(
        ("argument", "text"),
        [
            ("null", ""),
            ("true", "true"),
            ("1.50", "1.5"),
            ("é", "é"),
            ("[a, 1]", '"a","1"'),
            ("{b: 'q\"', a: [x]}", '"a"="\\"x\\"","b"="q\\""'),
        ],
    )
    def test_any_value_has_a_text(self, argument: str, text: str) -> None:
        """Lists and objects are written in Go's quotes."""
        assert text == value_of(call("toString", argument))

    def test_inherited_members_are_left_out(self) -> None:
        """Of an object, only its own members are written (upstream)."""
        text = "imports: [base]\nvalues:\n  o: {b: 2}\n  v: ${o}!\n"

        assert '"b"="2"!' == value_of(text, {"base": "values: {o: {a: 1}}\n"})


class TestFromJson:
    def test_numbers_keep_their_text(self) -> None:
        """What follows the first value is ignored, and no number is spelled anew."""
        assert {"a": [Num("1.50"), None]} == value_of(call("fromJSON", "'{\"a\": [1.50, null]} rest'"))

    def test_each_part_of_a_secret_is_secret(self) -> None:
        """A reference to a part must not lose that it is secret."""
        text = "values:\n  s: {'fn::fromJSON': {'fn::secret': '{\"a\": {\"b\": 1}}'}}\n  v: ${s.a.b}\n"

        assert {"s": "[secret]", "v": "[secret]"} == plain(opened(text), is_redacted=True)

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("", "EOF"),
            ("{", "unexpected EOF"),
            ("nul", "unexpected EOF"),
            ("1.", "unexpected EOF"),
            ("[1 2]", "invalid character '2' after array element"),
            ("{a: 1}", "invalid character 'a' looking for beginning of object key string"),
            ('{"a" 1}', "invalid character '1' after object key"),
            ("NaN", "invalid character 'N' looking for beginning of value"),
            ('"\\x"', "invalid character 'x' in string escape code"),
            ("[" * 500 + "]" * 500, "exceeded max depth"),
        ],
    )
    def test_a_fault_is_named_as_go_names_it(self, text: str, problem: str) -> None:
        """The words are those of Go's decoder."""
        evaluation = opened(call("fromJSON", f"'{text}'"))

        assert [f"decoding JSON string: {problem}"] == summaries(evaluation.diagnostics)
