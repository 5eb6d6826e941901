"""Steps that sign identity tokens."""

import secrets
from collections.abc import Mapping

from common.backend import Backend
from common.config.public_urls import api_url
from common.core.clock import unix_seconds
from common.oidc_issuer import keys, model
from common.oidc_issuer.model import ALGORITHM, Issuer


def issuer_of(backend: Backend, issuer: Issuer) -> str:
    """Return the `iss` of the tokens of an issuer."""
    return model.address(api_url(backend.settings), issuer)


def sign(backend: Backend, issuer: Issuer, claims: Mapping[str, object], seconds: int) -> str:
    """Return a token with these claims, the issuer, the times and a random id. The caller has checked who may have it."""
    # No permission check: the use case that opens an environment has made it.
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415 - as below
    from cryptography.hazmat.primitives.serialization import load_der_private_key  # noqa: PLC0415 - as below
    from joserfc import jwt  # noqa: PLC0415 - loading it takes longer than most requests
    from joserfc.jwk import RSAKey  # noqa: PLC0415 - as above

    key = keys.current_key(backend, issuer)
    now = unix_seconds(backend.clock.now())
    own = {"iss": issuer_of(backend, issuer), "iat": now, "exp": now + seconds, "jti": secrets.token_hex(16)}
    if issuer is Issuer.AUDIENCE:
        own["nbf"] = now
    # The key was made here, and its encryption shows that nothing has changed it: to check its primes again would take 40 ms.
    private = load_der_private_key(keys.decrypt_private_key(backend, key), None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(private, RSAPrivateKey)  # noqa: S101 - we make no others
    header = {"alg": ALGORITHM, "kid": key.kid, "typ": "JWT"}
    return jwt.encode(header, {**claims, **own}, RSAKey(private, private), algorithms=[ALGORITHM])
