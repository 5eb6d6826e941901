"""Built-ins that take and give values: lists, secrets, finals, providers, rotators."""

import pytest

from common.environments.language import envelope, evaluate
from common.environments.language.rotation import RotationStatus
from tests.environments.language.documents import checked, opened, plain, rotated, summaries, value_of
from tests.environments.language.goldens import Num
from tests.environments.language.providers import Rot128


def secret(plaintext: str) -> str:
    """Return a ciphertext as it stands in a definition."""
    return envelope.encode(Rot128().encrypt(plaintext.encode()))


BASE: dict[str, str | bytes] = {"base": "values:\n  a: {'fn::final': {c: 1}}\n  b: 2\n"}


class TestConcat:
    def test_lists_are_joined(self) -> None:
        """Elements keep their order and their types."""
        assert [Num(1), "a"] == value_of("values:\n  v: {'fn::concat': [[1], [], [a]]}\n")


class TestSecret:
    def test_a_dollar_sign_is_doubled_until_it_is_saved(self) -> None:
        """In clear, the text passes the scanner of accesses; encrypted, it is the text as written (upstream)."""
        assert "pa$w" == value_of("values:\n  v: {'fn::secret': 'pa$$w'}\n")
        assert "pa$$w" == value_of(f"values:\n  v: {{'fn::secret': {{ciphertext: {secret('pa$$w')}}}}}\n")

    def test_a_check_does_not_decrypt(self) -> None:
        """Without being asked to, a check never sees plaintext."""
        text = f"values:\n  v: {{'fn::secret': {{ciphertext: {secret('hunter2')}}}}}\n"

        assert "[unknown]" == plain(checked(text))["v"]
        assert "hunter2" == plain(checked(text, shows_secrets=True))["v"]

    @pytest.mark.parametrize(
        ("ciphertext", "problem"),
        [
            ("x", "illegal base64 data at input byte 0"),
            ("YQ==", "EOF"),
            ("AAAAAAAAAAAAAAAAAAAAAA==", "invalid header"),
            ("ZXNjeAAAAAEAAAAAAAAAAA==", "invalid checksum"),
        ],
    )
    def test_a_damaged_ciphertext_is_reported(self, ciphertext: str, problem: str) -> None:
        """The faults are looked for in a fixed order, and named as upstream names them."""
        evaluation = opened(f"values:\n  v: {{'fn::secret': {{ciphertext: '{ciphertext}'}}}}\n")

        assert [f"invalid ciphertext: {problem}"] == summaries(evaluation.diagnostics)

    def test_only_plain_text_can_be_secret(self) -> None:
        """A secret is what is written there, never what something else evaluates to."""
        _, diagnostics = evaluate.load("e", b"values:\n  a: 1\n  v: {'fn::secret': '${a}'}\n")

        assert ["secret values must be string literals"] == summaries(diagnostics)


class TestFinal:
    def test_a_final_value_is_not_overridden(self) -> None:
        """The import's value stays, and the author is warned."""
        evaluation = opened("imports: [base]\nvalues:\n  a: {c: 9}\n  b: 3\n", BASE)

        assert {"a": {"c": Num(1)}, "b": Num(3)} == plain(evaluation)
        assert [("cannot override final value", "warning")] == [(one.summary, one.severity) for one in evaluation.diagnostics]

    def test_a_copy_of_a_final_value_is_final(self) -> None:
        """A reference carries it along."""
        middle = "imports: [base]\nvalues: {d: '${a}'}\n"

        evaluation = opened("imports: [middle]\nvalues: {d: 1}\n", {**BASE, "middle": middle})

        assert {"c": Num(1)} == plain(evaluation)["d"]


class TestOpen:
    def test_a_check_opens_nothing(self) -> None:
        """The provider's schema is known, its result is not."""
        text = "values:\n  v: {'fn::open::error': {why: boom}}\n"

        assert [] == checked(text).diagnostics
        assert ["boom"] == summaries(opened(text).diagnostics)

    @pytest.mark.parametrize(
        ("call", "problem"),
        [
            ("'fn::open::nope': {}", 'unknown provider "nope"'),
            ("'fn::rotate::nope': {inputs: {}}", 'unknown rotator "nope"'),
        ],
    )
    def test_an_unknown_name_is_reported_as_the_loader_words_it(self, call: str, problem: str) -> None:
        """Which providers there are is not for the language to say."""
        assert [problem] == summaries(opened(f"values:\n  v: {{{call}}}\n").diagnostics)

    def test_a_secret_result_is_secret_in_each_part(self) -> None:
        """A part that is referred to stays secret."""
        evaluation = opened("values:\n  o: {'fn::open::secret-wrapper': {a: 1}}\n  v: ${o.a}\n")

        assert {"o": "[secret]", "v": "[secret]"} == plain(evaluation, is_redacted=True)


class TestRotate:
    TEXT = (
        "values:\n"
        "  one: {'fn::rotate::swap': {inputs: {}, state: {a: x, b: y}}}\n"
        "  two-b: {'fn::rotate::swap': {inputs: {}, state: {a: p, b: q}}}\n"
    )

    def test_a_rotation_opens_the_new_state(self) -> None:
        """Without a selection, every rotator rotates; each leaves a patch."""
        evaluation = rotated(self.TEXT)

        assert {"one": {"a": "y", "b": "x"}, "two-b": {"a": "q", "b": "p"}} == plain(evaluation)
        assert [
            'values.one["fn::rotate::swap"].state',
            'values["two-b"]["fn::rotate::swap"].state',
        ] == [rotation.patch.path for rotation in evaluation.rotations if rotation.patch]

    def test_a_key_that_is_no_identifier_can_be_selected(self) -> None:
        """Paths are compared step by step, not by how they are written."""
        evaluation = rotated(self.TEXT, '["two-b"]')

        assert {"one": {"a": "x", "b": "y"}, "two-b": {"a": "q", "b": "p"}} == plain(evaluation)
        assert [RotationStatus.SUCCEEDED] == [rotation.status for rotation in evaluation.rotations]

    def test_a_rotator_that_was_not_evaluated_is_recorded(self) -> None:
        """Inputs that do not fit stop the rotation, and the caller learns which one it was."""
        evaluation = rotated("values:\n  v: {'fn::rotate::swap': {inputs: {}, state: {a: 1, b: y}}}\n")

        assert [RotationStatus.NOT_EVALUATED] == [rotation.status for rotation in evaluation.rotations]

    def test_imports_do_not_rotate(self) -> None:
        """Only the environment that was asked for is changed."""
        evaluation = rotated("imports: [base]\nvalues: {x: 1}\n", files={"base": self.TEXT})

        assert [] == evaluation.rotations
        assert {"a": "x", "b": "y"} == plain(evaluation)["one"]
