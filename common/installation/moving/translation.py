"""Encrypts secrets of one stack anew: what the source's service encrypted, it decrypts, and the new backend's key encrypts it."""

from collections.abc import Callable
from dataclasses import replace

from common.installation.moving import config_values, states
from common.installation.moving.model import MovingError, Source, StackName, Update

# A ciphertext of a passphrase or of a cloud's key service; the client decrypts it, whatever the backend.
_CLIENT_PREFIX = "v1:"


class Translator:
    """The secrets of one stack. A ciphertext is decrypted once, so what was equal in two versions stays equal."""

    def __init__(self, source: Source, name: StackName, encrypt: Callable[[bytes], str]) -> None:
        """Translate none yet."""
        self._source, self._name, self._encrypt = source, name, encrypt
        self._new: dict[str, str] = {}

    def __call__(self, ciphertexts: list[str]) -> dict[str, str]:
        """Return the new ciphertexts by the old ones; raises MovingError."""
        missing = [text for text in ciphertexts if text not in self._new]
        if missing:
            plaintexts = self._source.decrypt(self._name, missing)
            self._new |= {text: self._encrypt(plaintexts[text]) for text in missing}
        return self._new

    def config_of(self, update: Update) -> tuple[Update, str]:
        """Return an update with its configuration translated, and why a secret in it could not be, or an empty text."""
        if not self._source.has_service:
            return update, ""
        secrets = [text for text in config_values.ciphertexts(update.config) if not text.startswith(_CLIENT_PREFIX)]
        if not secrets:
            return update, ""
        try:
            self(secrets)
        except MovingError as error:
            return update, f"secrets in the configuration of version {update.version} stay unreadable: {error}"
        config = config_values.translated(update.config, lambda texts: {text: self._new.get(text, text) for text in texts})
        return replace(update, config=config), ""


def uses_service(text: bytes | None) -> bool:
    """Tell whether the secrets of a state are encrypted by the service of its backend."""
    return text is not None and states.provider_type(text) == states.SERVICE
