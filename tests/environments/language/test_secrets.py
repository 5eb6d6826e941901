"""Secrets in the text: only they change, whatever surrounds them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.environments.language import envelope, evaluate, secrets
from common.environments.language.environment import EscValue
from common.environments.language.projection import find_property, to_plain
from common.environments.language.syntax import path as paths
from tests.environments.language.documents import environment_of, opened, summaries
from tests.environments.language.providers import Rot128, world

KEYS = [
    *("x-", "x-api-key", '"a.b"', '"a b"', '"with \\"quote\\""', '"[0]"', '"---"', '"null"', '"8080"'),
    *('"ключ"', '"🔑"'),
]


def encrypted(text: str) -> str:
    """Return a text with its secrets encrypted; fails after diagnostics."""
    result = secrets.encrypt("e", text.encode(), Rot128())
    assert [] == result.diagnostics
    return result.text.decode()


def decrypted(text: str) -> str:
    """Return a text with its secrets in clear."""
    return secrets.decrypt("e", text.encode(), Rot128()).text.decode()


def cipher(plaintext: str) -> str:
    """Return what stands for a plaintext."""
    return envelope.encode(Rot128().encrypt(plaintext.encode()))


class TestEncrypt:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("values:\n  a:\n    fn::secret: hush # c\n", "values:\n  a:\n    fn::secret:\n      ciphertext: {c} # c\n"),
            ("values: {a: {fn::secret: hush}}", "values: {a: {fn::secret: {ciphertext: {c}}}}"),
            ("values:\n- fn::secret:   'hush'\n\n\n# end", "values:\n- fn::secret:\n    ciphertext: {c}\n\n\n# end"),
            ("values:\r\n  fn::secret: hush\r\n", "values:\r\n  fn::secret:\r\n    ciphertext: {c}\r\n"),
            ("a:\n  fn::secret:\n    # why\n    hush\n", "a:\n  fn::secret:\n    # why\n    ciphertext: {c}\n"),
            ("a:\n  fn::secret: |-\n    hush\n\nb: 1\n", "a:\n  fn::secret:\n    ciphertext: {c}\n\nb: 1\n"),
            ("a:\n  ? fn::secret\n  : hush\n", "a:\n  ? fn::secret\n  : {ciphertext: {c}}\n"),
            ("a:\n  fn::secret: &x !!str hush\n", "a:\n  fn::secret:\n    ciphertext: {c}\n"),
            ("\ufeffa: {fn::secret: hush}", "\ufeffa: {fn::secret: {ciphertext: {c}}}"),
            ("a: {fn::secret: 5, b: 1}", "a: {fn::secret: 5, b: 1}"),
            ("a: {fn::secret: 5}", "a: {fn::secret: 5}"),
        ],
    )
    def test_only_the_secret_changes(self, text: str, expected: str) -> None:
        """Comments, blank lines, line ends and flow style stay; calls of another form are left alone."""
        assert expected.replace("{c}", cipher("hush")) == encrypted(text)

    def test_what_is_encrypted_stays(self) -> None:
        """A client may send back what it read."""
        once = encrypted("values: {a: {fn::secret: hush}}\n")

        assert once == encrypted(once)

    def test_a_text_that_cannot_be_read_is_not_changed(self) -> None:
        """No one may store it: the secrets in it were not found."""
        result = secrets.encrypt("e", b"values: {a: {fn::secret: hush}\n", Rot128())

        assert b"values: {a: {fn::secret: hush}\n" == result.text
        assert ["yaml: line 1: did not find expected ',' or '}'"] == summaries(result.diagnostics)


class TestDecrypt:
    @pytest.mark.parametrize(
        "text",
        [
            "values:\n  a:\n    fn::secret: plain # c\n",
            "values: {a: {fn::secret: plain}, b: [ 1,  2 ]}",
            'values: {a: {fn::secret: "00123"}}',
            "values:\r\n  a:\r\n    fn::secret: plain\r\n\r\n  b: 1",
            "values:\n  a:\n    fn::secret: |\n      -----BEGIN KEY-----\n      abc\n      -----END KEY-----\n  b: 1\n",
            "values:\n  a:\n    # before\n    fn::secret: plain\n\n\n  b: |+\n    text\n\n\n",
        ],
    )
    def test_a_text_comes_back_as_it_was(self, text: str) -> None:
        """What was written in the usual way is read in the same way (F36)."""
        assert text == decrypted(encrypted(text))

    def test_only_values_are_decrypted(self) -> None:
        """Elsewhere a ciphertext means nothing."""
        text = encrypted("description: {fn::secret: hush}\nvalues: {a: {fn::secret: hush}}\n")

        assert (
            f"description: {{fn::secret: {{ciphertext: {cipher('hush')}}}}}\nvalues: {{a: {{fn::secret: hush}}}}\n"
            == decrypted(text)
        )

    def test_a_damaged_envelope_is_an_error(self) -> None:
        """Half of the text must not be answered as if it were all."""
        with pytest.raises(envelope.InvalidEnvelope, match="illegal base64 data"):
            decrypted("values: {a: {fn::secret: {ciphertext: '!'}}}\n")

    @pytest.mark.parametrize("style", ["  {key}:\n    fn::secret: value-{n}\n", "  {key}: {{fn::secret: value-{n}}}\n"])
    def test_odd_keys_are_found_again(self, style: str) -> None:
        """Saved, read in clear, opened and queried: each secret is at its key (F37)."""
        text = "values:\n" + "".join(style.format(key=key, n=n) for n, key in enumerate(KEYS))

        saved = encrypted(text)

        assert not any(f"value-{n}" in saved for n in range(len(KEYS)))
        assert text == decrypted(saved)
        environment = environment_of(opened(saved))
        for n, name in enumerate(environment_names(text)):
            assert EscValue(f"value-{n}", secret=True) == without_trace(
                find_property(environment, paths.parse(paths.join((name,))))
            )

    @given(st.text(min_size=4, max_size=60), st.booleans(), st.sampled_from(["\n", "\r\n"]))
    def test_any_secret_survives_three_round_trips(self, plaintext: str, in_flow: bool, newline: str) -> None:
        """From the first reading on, the text no longer changes, and the secret is what it was."""
        if not plaintext.isprintable() and "\n" not in plaintext:
            plaintext = plaintext.encode("ascii", "replace").decode()
        ciphertext = envelope.encode(Rot128().encrypt(plaintext.encode("utf-8", "replace")))
        call = (
            f"{{fn::secret: {{ciphertext: {ciphertext}}}}}" if in_flow else f"\n    fn::secret:\n      ciphertext: {ciphertext}"
        )
        text = f"values:\n  a: {call.lstrip() if in_flow else call}\n  b: 1 # c\n".replace("a: \n", "a:\n").replace("\n", newline)

        clear = decrypted(text)

        assert text == encrypted(clear)
        assert clear == decrypted(encrypted(clear))


def environment_names(text: str) -> list[str]:
    """Return the names of the values of a text, in order."""
    definition, _ = evaluate.load("e", text.encode())
    assert definition is not None
    return [entry.name or "" for entry in definition.values]


def without_trace(value: EscValue | None) -> EscValue:
    """Return a value without where it comes from."""
    assert value is not None
    return EscValue(to_plain(value, is_redacted=False), secret=value.secret)


def test_the_empty_key_works_too() -> None:
    """A key without a name has no path of its own, and is saved and read like any other (F37)."""
    text = 'values:\n  "": {fn::secret: hush}\n'

    assert text == decrypted(encrypted(text))
    definition, _ = evaluate.load("e", encrypted(text).encode())
    assert {"": "hush"} == to_plain(
        EscValue(environment_of(evaluate.open_environment(definition, world(), Rot128())).properties or {}), is_redacted=False
    )
