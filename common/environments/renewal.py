"""Step that encrypts the secrets in an environment's revisions again, with the environment's present data key."""

import re

from common.backend import Backend
from common.core.errors import BadRequest
from common.crypto.envelope import Envelope
from common.environments.language import envelope as language_envelope
from common.environments.repository import revisions

# The base64 text of every envelope begins so.
_CIPHERTEXT = re.compile(rb"ZXNjeAAAAA[A-Za-z0-9+/]+={0,2}")


def renew_revisions(backend: Backend, environment_id: str, envelope: Envelope) -> int:
    """Encrypt the secrets in all revisions again where another key did, and return how many values there were.

    A revision is read and replaced on its own, so that none is replaced that has changed meanwhile.
    """
    done = 0
    with backend.db.connect() as connection:
        numbers = revisions.find_with_secrets(connection, environment_id)
    for number in numbers:
        with backend.db.connect() as connection:
            definition = revisions.find_definition(connection, environment_id, number)
            if definition is None:  # The environment was purged meanwhile.
                break
            text, count = renew_text(definition, envelope)
            if count:
                revisions.replace_definition(connection, environment_id, number, definition, text)
        done += count
    return done


def renew_text(definition: bytes, envelope: Envelope) -> tuple[bytes, int]:
    """Return a definition with its secrets under the present key, and how many were not; those of other environments stay."""
    count = 0

    def renewed(match: re.Match[bytes]) -> bytes:
        nonlocal count
        try:
            sealed = language_envelope.decode(match[0].decode())
            renewal = envelope.renew(sealed)
        except (language_envelope.InvalidEnvelope, BadRequest):
            return match[0]
        if renewal == sealed:
            return match[0]
        count += 1
        return language_envelope.encode(renewal).encode()

    return _CIPHERTEXT.sub(renewed, definition), count
