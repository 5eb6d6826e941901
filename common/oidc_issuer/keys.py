"""The keys that identity tokens are signed with: made on first use, encrypted in the database, and replaced every 90 days.

Where a setting names a key of a key service, that one signs; it is replaced when the setting names another.

A new key is published a day before it signs, and the one before stays published for two days after. So a relying party that
keeps the published keys for a day never sees a token of a key that it does not know.
"""

import logging
from typing import TYPE_CHECKING

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import Unavailable
from common.crypto.envelope import Envelope
from common.crypto.service_keys import service_key
from common.oidc_issuer import model, repository
from common.oidc_issuer.model import ALGORITHM, Issuer, SigningKey
from common.ports.keys import KeyUnusable

if TYPE_CHECKING:
    from joserfc.jwk import RSAKey

LOG = logging.getLogger("stackhold.oidc_issuer")
_SERVICE_KEY = "oidc-signing"
_BITS = 2048


def list_published(backend: Backend, issuer: Issuer) -> list[SigningKey]:
    """Return the keys that an issuer publishes, with a new one if it is time for it."""
    # No permission check: what is published is public, and the private keys stay encrypted.
    now_millis = unix_millis(backend.clock.now())
    with backend.db.connect() as connection:
        keys = repository.list_keys(connection, issuer)
    if model.needs_new_key(keys, backend.signer.name, now_millis):
        keys = _add_key(backend, issuer, keys)
    expired = model.list_expired(keys, backend.signer.name, now_millis)
    if expired:
        with backend.db.connect() as connection:
            for key in expired:
                repository.delete_key(connection, key)
    return [key for key in keys if key not in expired]


def current_key(backend: Backend, issuer: Issuer) -> SigningKey:
    """Return the key that signs the tokens of an issuer."""
    return model.current_key(list_published(backend, issuer), backend.signer.name, unix_millis(backend.clock.now()))


def decrypt_private_key(backend: Backend, key: SigningKey) -> bytes:
    """Return the private key, as DER."""
    return _envelope(backend, key.issuer, key.kid).open(key.private_key)


def _add_key(backend: Backend, issuer: Issuer, keys: list[SigningKey]) -> list[SigningKey]:
    try:
        kid, public, private = _remote_key(backend) if backend.signer.name else _new_key(backend, issuer)
    except (KeyUnusable, Unavailable) as error:
        if not keys:
            raise
        # The keys before go on signing, and the next request tries again.
        LOG.warning("the key of STACKHOLD_SIGNING_KEY is not published yet: %s", error.detail)
        return keys
    number = keys[-1].number + 1 if keys else 1
    key = SigningKey(issuer, number, kid, public, private, unix_millis(backend.clock.now()))
    # Where another process was first, its key is the installation's.
    with backend.db.connect() as connection:
        repository.add_key(connection, key)
        return repository.list_keys(connection, issuer)


def _new_key(backend: Backend, issuer: Issuer) -> tuple[str, dict[str, str], bytes]:
    from joserfc.jwk import RSAKey  # noqa: PLC0415 - loading it takes longer than most requests

    pair = RSAKey.generate_key(_BITS, auto_kid=True)
    private = _envelope(backend, issuer, str(pair.kid)).seal(pair.as_der(private=True))
    return str(pair.kid), _published(pair), private


def _remote_key(backend: Backend) -> tuple[str, dict[str, str], bytes]:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.serialization import load_der_public_key  # noqa: PLC0415 - as above
    from joserfc.jwk import RSAKey  # noqa: PLC0415 - as above

    name, content = backend.signer.public_key()
    public = load_der_public_key(content)
    assert isinstance(public, RSAPublicKey)  # noqa: S101 - it signs with the algorithm
    pair = RSAKey(public, public)
    pair.ensure_kid()
    return str(pair.kid), _published(pair), model.remote_key(backend.signer.name, name)


def _published(pair: "RSAKey") -> dict[str, str]:
    numbers = pair.as_dict(private=False)
    public = {"kty": "RSA", "use": "sig", "alg": ALGORITHM, "kid": str(pair.kid)}
    return public | {name: str(numbers[name]) for name in ("n", "e")}


def _envelope(backend: Backend, issuer: Issuer, kid: str) -> Envelope:
    return Envelope(service_key(backend, _SERVICE_KEY), f"{issuer.value} {kid}")
