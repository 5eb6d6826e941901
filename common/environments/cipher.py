"""Encrypts the secrets in the definition of one environment, under a data key of its own that is bound to its id."""

from common.backend import Backend
from common.core.errors import BadRequest
from common.crypto.envelope import Envelope
from common.crypto.owner_keys import open_envelope
from common.environments.language.interfaces import WorldError
from common.environments.model import Environment

_FOREIGN = "the secret was encrypted for another environment, or it is damaged"


class EnvironmentCipher:
    """The `Encrypter` and `Decrypter` of one environment. Its key is opened for the first secret."""

    def __init__(self, backend: Backend, environment: Environment) -> None:
        """Open nothing yet: most definitions have no secrets."""
        self._backend = backend
        self._environment = environment
        self._envelope: Envelope | None = None

    def encrypt(self, plaintext: bytes) -> bytes:
        """Return the ciphertext, which no other environment opens."""
        return self._opened().seal(plaintext)

    def decrypt(self, ciphertext: bytes) -> bytes:
        """Return the plaintext; raises WorldError for a ciphertext of another environment."""
        try:
            return self._opened().open(ciphertext)
        except BadRequest:
            raise WorldError(_FOREIGN) from None

    def _opened(self) -> Envelope:
        if self._envelope is None:
            environment = self._environment
            self._envelope = open_envelope(self._backend, environment.id, environment.wrapped_key)
        return self._envelope


class NoCipher:
    """The `Decrypter` of a document that is not stored: a ciphertext in it belongs to an environment that is not known."""

    def decrypt(self, ciphertext: bytes) -> bytes:  # noqa: ARG002 - of the protocol
        """Raise WorldError."""
        raise WorldError("an encrypted secret can be opened in the environment that it belongs to, not in another document")
