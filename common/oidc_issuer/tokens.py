"""Steps that sign identity tokens."""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import json

from common.backend import Backend
from common.config.public_urls import api_url
from common.core.clock import unix_seconds
from common.oidc_issuer import keys, model
from common.oidc_issuer.model import ALGORITHM, Issuer, SigningKey

if TYPE_CHECKING:
    from joserfc.jwk import RSAKey


def issuer_of(backend: Backend, issuer: Issuer) -> str:
    """Return the `iss` of the tokens of an issuer."""
    return model.address(api_url(backend.settings), issuer)


def sign(
    backend: Backend, issuer: Issuer, claims: Mapping[str, object], seconds: int, loaded: "dict[str, RSAKey] | None" = None
) -> str:
    """Return a token with these claims, the issuer, the times and a random id. The caller has checked who may have it.

    A caller who signs several tokens passes the same `loaded` each time, which keeps the private keys by their ids.
    """
    # No permission check: the use case that opens an environment has made it.
    key = keys.current_key(backend, issuer)
    now = unix_seconds(backend.clock.now())
    own = {"iss": issuer_of(backend, issuer), "iat": now, "exp": now + seconds, "jti": secrets.token_hex(16)}
    if issuer is Issuer.AUDIENCE:
        own["nbf"] = now
    header = {"alg": ALGORITHM, "kid": key.kid, "typ": "JWT"}
    _, remote = key.remote
    if remote:
        unsigned = b".".join(urlsafe_b64encode(json.encode(part)).rstrip(b"=") for part in (header, {**claims, **own}))
        signature = urlsafe_b64encode(backend.signer.sign(remote, unsigned)).rstrip(b"=")
        return b".".join((unsigned, signature)).decode()
    from joserfc import jwt  # noqa: PLC0415 - loading it takes longer than most requests

    loaded = {} if loaded is None else loaded
    if key.kid not in loaded:
        loaded[key.kid] = _load(backend, key)
    return jwt.encode(header, {**claims, **own}, loaded[key.kid], algorithms=[ALGORITHM])


def _load(backend: Backend, key: SigningKey) -> "RSAKey":
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.serialization import load_der_private_key  # noqa: PLC0415 - as above
    from joserfc.jwk import RSAKey  # noqa: PLC0415 - as above

    # The key was made here, and its encryption shows that nothing has changed it: to check its primes again would take 40 ms.
    private = load_der_private_key(keys.decrypt_private_key(backend, key), None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(private, RSAPrivateKey)  # noqa: S101 - we make no others
    return RSAKey(private, private)
