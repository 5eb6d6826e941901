"""Secrets of a stored definition are encrypted for another environment, wherever they stand."""

from common.environments.language import envelope
from common.environments.language.interfaces import WorldError
from common.environments.language.reencrypt import reencrypt
from tests.environments.language.providers import Rot128


class Plain:
    """A cipher that changes nothing, and refuses what does not begin with `open`."""

    def encrypt(self, plaintext: bytes) -> bytes:
        return plaintext

    def decrypt(self, ciphertext: bytes) -> bytes:
        if not ciphertext.startswith(b"open"):
            raise WorldError("foreign")
        return ciphertext


class TestReencrypt:
    def test_replaces_ciphertexts_alone(self) -> None:
        """Every other byte stays, also outside of the values."""
        old = envelope.encode(b"open sesame")
        text = f"# {old}\r\nvalues: {{s: {{fn::secret: {{ciphertext: '{old}'}}}}}}"
        changed = reencrypt(text.encode(), Plain(), Rot128()).decode()
        new = changed.partition("# ")[2].partition("\r")[0]

        assert changed == text.replace(old, new)
        assert Rot128().decrypt(envelope.decode(new)) == b"open sesame"

    def test_leaves_what_does_not_open(self) -> None:
        """A ciphertext of another environment, and text that only looks like one, stay as they are."""
        text = f"a: {envelope.encode(b'locked away')}\nb: ZXNjeAAAAAEnot\n".encode()

        assert reencrypt(text, Plain(), Rot128()) == text
