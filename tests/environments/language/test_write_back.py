"""New states of rotated secrets in the text of a definition; everything else stays as it was."""

import pytest

from common.environments.language import evaluate, secrets
from common.environments.language.environment import EscValue
from common.environments.language.rotation import Patch
from common.environments.language.syntax import path as paths
from common.environments.language.syntax.number import Number
from common.environments.language.write_back import CannotWrite, apply_patches, set_value, to_document
from tests.environments.language.documents import plain, rotated
from tests.environments.language.providers import Rot128, world

STATE = 'values.db["fn::rotate::swap"].state'


class TestSetValue:
    @pytest.mark.parametrize(
        ("text", "path", "expected"),
        [
            (
                "values:\n  db:\n    fn::rotate::swap:\n      inputs: {}  # in\n\n  z: 1 # end\n",
                STATE,
                "values:\n  db:\n    fn::rotate::swap:\n      inputs: {}  # in\n      state:\n        a: x\n\n  z: 1 # end\n",
            ),
            (
                "values:\r\n  db:\r\n    fn::rotate::swap:\r\n      state: # here\r\n        a: 1\r\n      inputs: {}",
                STATE,
                "values:\r\n  db:\r\n    fn::rotate::swap:\r\n      state: # here\r\n        a: x\r\n      inputs: {}",
            ),
            (
                "values: {db: {'fn::rotate::swap': {inputs: {}}}} # c",
                STATE,
                'values: {db: {\'fn::rotate::swap\': {inputs: {}, state: {"a":"x"}}}} # c',
            ),
            (
                "values:\n- l:\n    - b: |+\n        t\n\n\n- c",
                "values[0].l[0].s",
                "values:\n- l:\n    - b: |+\n        t\n\n\n      s:\n        a: x\n- c",
            ),
            ("values:\n  l:\n  - a: 1\n  - c", "values.l[1]", "values:\n  l:\n  - a: 1\n  - a: x"),
            ("# only\n", "values.l", "# only\nvalues:\n  l:\n    a: x\n"),
            ("values: {}\n", "values.l", "values:\n  l:\n    a: x\n"),
            ("values:\n  a: |\n    x\n    y\n  b: z", "values.a", "values:\n  a:\n    a: x\n  b: z"),
        ],
    )
    def test_only_the_place_changes(self, text: str, path: str, expected: str) -> None:
        """What is missing is created in the style of its surroundings."""
        assert expected == set_value(text.encode(), paths.parse(path), {"a": "x"}).decode()

    @pytest.mark.parametrize(("text", "path"), [("values: 5\n", "values.a"), ("values: [a]\n", "values[3]"), ("a: [\n", "a")])
    def test_a_place_that_cannot_be_is_refused(self, text: str, path: str) -> None:
        """A scalar has no members, and no list has gaps."""
        with pytest.raises(CannotWrite):
            set_value(text.encode(), paths.parse(path), 1)


class TestToDocument:
    def test_secrets_become_calls(self) -> None:
        """A secret string is a call, any other secret its JSON; numbers stay numbers, and text means itself."""
        value = EscValue(
            {
                "text": EscValue("${not.a.reference}"),
                "number": EscValue(Number("5")),
                "secret": EscValue("s", secret=True),
                "object": EscValue({"a": EscValue(Number("1"))}, secret=True),
            }
        )

        assert {
            "number": "5",
            "object": {"fn::fromJSON": {"fn::secret": '{"a":1}'}},
            "secret": {"fn::secret": "s"},
            "text": "$${not.a.reference}",
        } == to_document(value)


class TestApplyPatches:
    def test_a_rotation_is_written_and_read_back(self) -> None:
        """Rotated, written, encrypted, opened: the new state is there, and the rest of the text is the same."""
        text = (
            "values:\n  db: # the database\n    fn::rotate::swap:\n      inputs: {}\n"
            "      state:\n        a: {fn::secret: first}\n        b: second\n\n  url: ${db.a}@host\n"
        )
        patches = [rotation.patch for rotation in rotated(text).rotations if rotation.patch]

        written = apply_patches(text.encode(), patches)

        assert (
            text.replace("a: {fn::secret: first}\n        b: second", "a: second\n        b:\n          fn::secret: first")
            == written.decode()
        )
        stored = secrets.encrypt("e", written, Rot128())
        definition, _ = evaluate.load("e", stored.text)
        assert "second@host" == plain(evaluate.open_environment(definition, world(), Rot128()))["url"]

    def test_several_patches_are_written(self) -> None:
        """Each finds its place after the others are written."""
        patches = [Patch("values.a", EscValue("1")), Patch('values["b-c"]', EscValue("2"))]

        assert "values:\n  a: '1'\n  b-c: \"2\"\n".replace("'1'", '"1"') == apply_patches(b"values:\n  a: x\n", patches).decode()
