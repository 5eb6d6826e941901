"""The keys that identity tokens are signed with: made on first use, encrypted in the database, and replaced every 90 days.

A new key is published a day before it signs, and the one before stays published for two days after. So a relying party that
keeps the published keys for a day never sees a token of a key that it does not know.
"""

from common.backend import Backend
from common.core.clock import unix_millis
from common.crypto.envelope import Envelope
from common.crypto.service_keys import service_key
from common.oidc_issuer import model, repository
from common.oidc_issuer.model import ALGORITHM, Issuer, SigningKey

_SERVICE_KEY = "oidc-signing"
_BITS = 2048


def list_published(backend: Backend, issuer: Issuer) -> list[SigningKey]:
    """Return the keys that an issuer publishes, with a new one if it is time for it."""
    # No permission check: what is published is public, and the private keys stay encrypted.
    now_millis = unix_millis(backend.clock.now())
    with backend.db.connect() as connection:
        keys = repository.list_keys(connection, issuer)
    if model.needs_new_key(keys, now_millis):
        keys = _add_key(backend, issuer, keys[-1].number + 1 if keys else 1)
    expired = model.list_expired(keys, now_millis)
    if expired:
        with backend.db.connect() as connection:
            for key in expired:
                repository.delete_key(connection, key)
    return [key for key in keys if key not in expired]


def current_key(backend: Backend, issuer: Issuer) -> SigningKey:
    """Return the key that signs the tokens of an issuer."""
    return model.current_key(list_published(backend, issuer), unix_millis(backend.clock.now()))


def decrypt_private_key(backend: Backend, key: SigningKey) -> bytes:
    """Return the private key, as DER."""
    return _envelope(backend, key.issuer, key.kid).open(key.private_key)


def _add_key(backend: Backend, issuer: Issuer, number: int) -> list[SigningKey]:
    from joserfc.jwk import RSAKey  # noqa: PLC0415 - loading it takes longer than most requests

    pair = RSAKey.generate_key(_BITS, auto_kid=True)
    kid = str(pair.kid)
    public = {"kty": "RSA", "use": "sig", "alg": ALGORITHM, "kid": kid}
    numbers = pair.as_dict(private=False)
    public |= {name: str(numbers[name]) for name in ("n", "e")}
    private = _envelope(backend, issuer, kid).seal(pair.as_der(private=True))
    key = SigningKey(issuer, number, kid, public, private, unix_millis(backend.clock.now()))
    # Where another process was first, its key is the installation's.
    with backend.db.connect() as connection:
        repository.add_key(connection, key)
        return repository.list_keys(connection, issuer)


def _envelope(backend: Backend, issuer: Issuer, kid: str) -> Envelope:
    return Envelope(service_key(backend, _SERVICE_KEY), f"{issuer.value} {kid}")
