"""Whether an identity token is genuine: signed by a key of its issuer, for somebody, and good now. A library does the work.

Only signatures with a public key count: never `none`, never a shared secret, so a public key cannot be passed off as one.
"""

from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from common.core.clock import clock_problem
from common.sign_in.workload_identity import jwks
from common.sign_in.workload_identity.model import Issuer

TOKEN_LIMIT = 16 * 1_024
DEPTH_LIMIT = 16
SKEW_SECONDS = 60
_HEADER_LIMIT_BYTES = 4_096
_SIGNATURE_LIMIT_BYTES = 1_024
_PARTS = 3
_NO_TOKEN = "it is not a signed JSON Web Token"  # noqa: S105 - a sentence
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")


class NotGenuine(Exception):
    """An identity token is not good; the text says why and repeats nothing of it but times and names of claims."""


class KeyMissing(NotGenuine):
    """The token is signed with a key that is not among those known."""


@dataclass(frozen=True, slots=True)
class Peeked:
    """What a token says before anything of it is checked: good for finding its issuer and key, and for nothing else."""

    issuer: str
    kid: str | None
    algorithm: str


def peek(token: str) -> Peeked:
    """Return what an unchecked token says of its issuer and key; raises NotGenuine for what is no token."""
    if len(token) > TOKEN_LIMIT:
        msg = f"it is longer than {TOKEN_LIMIT:,} characters"
        raise NotGenuine(msg)
    parts = token.split(".")
    if len(parts) != _PARTS:
        raise NotGenuine(_NO_TOKEN)
    header, claims = _part(parts[0]), _part(parts[1])
    issuer, kid, algorithm = claims.get("iss"), header.get("kid"), header.get("alg")
    if not isinstance(issuer, str) or not isinstance(algorithm, str) or not isinstance(kid, str | None):
        msg = "it says neither who issued it nor how it is signed"
        raise NotGenuine(msg)
    if algorithm not in ALGORITHMS:
        msg = f"it is signed with {algorithm[:20]!a}; one of {', '.join(ALGORITHMS)} is needed"
        raise NotGenuine(msg)
    return Peeked(issuer, kid, algorithm)


def verify(token: str, peeked: Peeked, issuer: Issuer, now: datetime) -> dict[str, Any]:
    """Return the claims of a token that its issuer signed and that is good now.

    Raises KeyMissing when no known key may have signed it, NotGenuine for everything else that is off.
    """
    keys = jwks.choose(issuer.static_keys or issuer.keys, peeked.kid, peeked.algorithm)
    if not keys:
        msg = "it is signed with a key that its issuer does not publish"
        raise KeyMissing(msg)
    if len(keys) > 1:
        msg = "it does not say which of its issuer's keys it is signed with"
        raise NotGenuine(msg)
    claims = _verified(token, keys[0], peeked)
    _require_good(claims, issuer.issuer, now)
    return claims


def pruned(claims: Mapping[str, Any]) -> dict[str, Any]:
    """Return the claims that a rule can match, texts alone: what is kept so that the policy can be asked again."""
    return {name: kept for name, value in claims.items() if (kept := _texts_of(value)) is not None}


def _texts_of(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return [one for one in value if isinstance(one, str)]
    return pruned(value) if isinstance(value, Mapping) else None


def _part(text: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, msgspec.DecodeError, RecursionError) as error:
        raise NotGenuine(_NO_TOKEN) from error
    if not isinstance(found, dict):
        raise NotGenuine(_NO_TOKEN)
    _require_flat(found)
    return found


def _require_flat(document: dict[str, Any]) -> None:
    """Raise NotGenuine for claims that are nested deeper than anybody nests them."""
    level: list[Any] = [document]
    for _ in range(DEPTH_LIMIT):
        level = [
            inner for one in level for inner in (one.values() if isinstance(one, dict) else one) if isinstance(inner, dict | list)
        ]
        if not level:
            return
    msg = f"its claims are nested more than {DEPTH_LIMIT} deep"
    raise NotGenuine(msg)


def _verified(token: str, key: Mapping[str, str], peeked: Peeked) -> dict[str, Any]:
    from joserfc import jwt  # noqa: PLC0415 - loading it takes longer than most requests
    from joserfc.errors import BadSignatureError, JoseError  # noqa: PLC0415 - as above
    from joserfc.jws import JWSRegistry  # noqa: PLC0415 - as above

    # Headers that the library does not know say nothing here; critical ones it refuses all the same.
    registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
    registry.max_header_length, registry.max_signature_length = _HEADER_LIMIT_BYTES, _SIGNATURE_LIMIT_BYTES
    try:
        found = jwt.decode(token, jwks.load(key), registry=registry)
    except BadSignatureError as error:
        msg = "its signature is not good"
        raise (KeyMissing if peeked.kid is None else NotGenuine)(msg) from error
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise NotGenuine(_NO_TOKEN) from error
    return found.claims


def _require_good(claims: dict[str, Any], issuer: str, now: datetime) -> None:
    from joserfc.errors import ExpiredTokenError, InvalidClaimError, JoseError, MissingClaimError  # noqa: PLC0415 - as above
    from joserfc.jwt import JWTClaimsRegistry  # noqa: PLC0415 - as above

    registry = JWTClaimsRegistry(
        int(now.timestamp()),
        SKEW_SECONDS,
        iss={"essential": True, "value": issuer},
        aud={"essential": True},
        exp={"essential": True},
    )
    if problem := clock_problem(claims, now, SKEW_SECONDS):
        raise NotGenuine(problem)
    try:
        registry.validate(claims)
    except ExpiredTokenError as error:
        msg = "it has expired"
        raise NotGenuine(msg) from error
    except (MissingClaimError, InvalidClaimError) as error:
        msg = f"its claims are not good: {error.description or error.error}"
        raise NotGenuine(msg) from error
    except (JoseError, OverflowError) as error:
        raise NotGenuine(_NO_TOKEN) from error
