"""Sets of public keys (RFC 7517): which keys of one are of use for checking signatures. The keys are read by a library."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from common.core.errors import BadRequest

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

    Key = RSAKey | ECKey | OKPKey | OctKey

KEYS_LIMIT = 100
_RSA_BITS = 2_048
_MEMBERS = ("kty", "kid", "use", "alg", "n", "e", "crv", "x", "y")
_PRIVATE = ("d", "k", "p", "q", "dp", "dq", "qi", "oth")
_KINDS = ("RSA", "EC", "OKP")
_TEXT_LIMIT = 2_048


def usable(document: object) -> list[dict[str, str]]:
    """Return the public keys of a JWKS that signatures can be checked with, with the members that this takes.

    Raises BadRequest for what is no JWKS, for more keys than there may be, and when no key is of use.
    """
    keys = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(keys, Sequence) or isinstance(keys, str) or not all(isinstance(key, Mapping) for key in keys):
        msg = 'the keys must be a JSON Web Key Set: {"keys": […]}'
        raise BadRequest(msg)
    if len(keys) > KEYS_LIMIT:
        msg = f"a JSON Web Key Set may have {KEYS_LIMIT} keys, not {len(keys):,}"
        raise BadRequest(msg)
    found = [_public(key) for key in keys if _is_for_signatures(key)]
    fit = [key for key in found if is_good(key)]
    if not fit:
        msg = "the JSON Web Key Set has no public key for signatures: RSA of 2,048 bits or more, EC or OKP"
        raise BadRequest(msg)
    return fit


def require_public(document: Mapping[str, Any]) -> str:
    """Return a JWKS that somebody registers as JSON; BadRequest as in `usable`, and for secret keys, which nobody may have."""
    fit = usable(document)
    if any(member in key for key in document["keys"] for member in _PRIVATE):
        msg = "the JSON Web Key Set has a private or secret key in it: nobody but the issuer may know that one, so it is not good"
        raise BadRequest(msg)
    return encode(fit)


def encode(keys: Sequence[Mapping[str, str]]) -> str:
    """Return keys as a JWKS in JSON."""
    return msgspec.json.encode({"keys": list(keys)}).decode()


def choose(keys: str | None, kid: str | None, algorithm: str) -> list[dict[str, str]]:
    """Return the keys of a JWKS that a token with this header may be signed with, the one of its `kid` if it names one."""
    if keys is None:
        return []
    found: list[dict[str, str]] = msgspec.json.decode(keys)["keys"]
    return [key for key in found if (kid is None or key.get("kid") == kid) and key.get("alg", algorithm) == algorithm]


def load(key: Mapping[str, str]) -> "Key":
    """Return a key as the library has it; raises JoseError or ValueError for one that is none."""
    from joserfc.jwk import JWKRegistry  # noqa: PLC0415 - loading it takes longer than most requests

    return JWKRegistry.import_key({name: value for name, value in key.items() if name not in ("use", "alg")})


def is_good(key: Mapping[str, str]) -> bool:
    """Tell whether the library can read a key, and whether it is long enough."""
    from joserfc.errors import JoseError  # noqa: PLC0415 - as above

    try:
        raw: Any = load(key).public_key
    except (JoseError, ValueError, TypeError, KeyError):
        return False
    return key["kty"] != "RSA" or raw.key_size >= _RSA_BITS


def _is_for_signatures(key: Mapping[str, Any]) -> bool:
    return key.get("kty") in _KINDS and key.get("use", "sig") == "sig"


def _public(key: Mapping[str, Any]) -> dict[str, str]:
    return {name: key[name] for name in _MEMBERS if isinstance(key.get(name), str) and len(key[name]) <= _TEXT_LIMIT}
