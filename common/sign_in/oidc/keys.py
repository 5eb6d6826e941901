"""The public keys of issuers as JSON Web Key Sets (RFC 7517). joserfc reads the keys; this module selects them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

    Key = RSAKey | ECKey | OKPKey | OctKey

# Fetched keys are used for this long, so a withdrawn key is good for an hour at most.
FRESH_FOR = timedelta(hours=1)
# A token with an unknown key causes a fetch, but not more often than this: strangers must not make us call an issuer at will.
REFETCH_AFTER = timedelta(minutes=1)
KEYS_LIMIT = 100
_RSA_BITS = 2_048
_MEMBERS = ("kty", "kid", "use", "alg", "n", "e", "crv", "x", "y")
_PRIVATE = ("d", "k", "p", "q", "dp", "dq", "qi", "oth")
# Other key types cannot verify a signature; a shared secret that is published is not a secret.
_KEY_TYPES = ("RSA", "EC", "OKP")
_TEXT_LIMIT = 2_048


class InvalidKeys(Exception):
    """A document is not a usable JSON Web Key Set; the text says why."""


def read_keys(document: object) -> list[dict[str, str]]:
    """Return the public keys of a JSON Web Key Set that can verify signatures, with the members that this needs.

    Skips keys that cannot be read. Raises InvalidKeys if the document is not a JSON Web Key Set, is too long, or has no
    usable key.
    """
    keys = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(keys, Sequence) or isinstance(keys, str):
        raise InvalidKeys('the keys must be a JSON Web Key Set: {"keys": […]}')
    if len(keys) > KEYS_LIMIT:
        raise InvalidKeys(f"a JSON Web Key Set may have at most {KEYS_LIMIT} keys, not {len(keys):,}")
    public = [_public_members(key) for key in keys if isinstance(key, Mapping) and _is_for_signatures(key)]
    usable = [key for key in public if is_usable(key)]
    if not usable:
        raise InvalidKeys("the JSON Web Key Set has no public key for signatures: RSA of 2,048 bits or more, EC or OKP")
    return usable


def read_registered_keys(document: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the keys that a user registers; raises InvalidKeys like `read_keys`, and for private and secret keys."""
    keys = read_keys(document)
    if any(member in key for key in document["keys"] if isinstance(key, Mapping) for member in _PRIVATE):
        raise InvalidKeys("the JSON Web Key Set has a private or secret key in it; send public keys only, and replace that key")
    return keys


def encode(keys: Sequence[Mapping[str, str]]) -> str:
    """Return keys as a JSON Web Key Set in JSON."""
    return msgspec.json.encode({"keys": list(keys)}).decode()


def decode(text: str | None) -> list[dict[str, str]]:
    """Return the keys of a JSON Web Key Set that `encode` made; an empty list for None."""
    keys: list[dict[str, str]] = msgspec.json.decode(text)["keys"] if text is not None else []
    return keys


def matching_keys(keys: Sequence[dict[str, str]], kid: str | None, algorithm: str) -> list[dict[str, str]]:
    """Return the keys that may have signed a token with this header; those with its `kid` if it has one."""
    return [key for key in keys if (kid is None or key.get("kid") == kid) and key.get("alg", algorithm) == algorithm]


def import_key(key: Mapping[str, str]) -> "Key":
    """Return a key as an object of joserfc; raises JoseError or ValueError if it cannot be read."""
    from joserfc.jwk import JWKRegistry  # noqa: PLC0415 - loading it takes longer than most requests

    return JWKRegistry.import_key({name: value for name, value in key.items() if name not in ("use", "alg")})


def is_usable(key: Mapping[str, str]) -> bool:
    """Return whether joserfc can read a key, and whether it is long enough."""
    from joserfc.errors import JoseError  # noqa: PLC0415 - as above

    try:
        raw: Any = import_key(key).public_key
    except (JoseError, ValueError, TypeError, KeyError):
        return False
    return key["kty"] != "RSA" or raw.key_size >= _RSA_BITS


def _is_for_signatures(key: Mapping[str, Any]) -> bool:
    return key.get("kty") in _KEY_TYPES and key.get("use", "sig") == "sig"


def _public_members(key: Mapping[str, Any]) -> dict[str, str]:
    return {name: key[name] for name in _MEMBERS if isinstance(key.get(name), str) and len(key[name]) <= _TEXT_LIMIT}
