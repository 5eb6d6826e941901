"""Identity tokens: signature, issuer, audience and times. joserfc does the work.

Only signatures with a private key are accepted: `none` proves nothing, and with a shared secret the published key could be
used as the secret. Source: OpenID Connect Core 1.0, 3.1.3.7.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from common.core.clock import clock_problem, unix_seconds
from common.sign_in.oidc import keys as key_sets

if TYPE_CHECKING:
    from joserfc.jws import CompactSignature, JWSRegistry

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
SKEW_SECONDS = 60
DEPTH_LIMIT = 16
_HEADER_LIMIT_BYTES = 4_096
_SIGNATURE_LIMIT_BYTES = 1_024
_NOT_A_TOKEN = "it is not a signed JSON Web Token"  # noqa: S105 - a sentence


class InvalidToken(Exception):
    """An identity token is not valid. The text says why, and repeats nothing of the token but times and names of claims."""


class UnknownKey(InvalidToken):
    """The token is signed with a key that is not among the known ones; the issuer may have published it since."""


class BadSignature(InvalidToken):
    """The signature does not match the key that the token names."""


class WrongTime(InvalidToken):
    """The token has expired, or its times do not match this server's clock."""


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """An identity token before verification. Use it to find the issuer and the key, and for nothing else."""

    issuer: str
    kid: str | None
    algorithm: str
    claims: dict[str, Any] = field(repr=False)
    signature: "CompactSignature" = field(repr=False)


def read(token: str, *, limit: int) -> UnverifiedToken:
    """Return an unverified token; raises InvalidToken if it is not one, or has more than `limit` characters."""
    from joserfc.errors import JoseError  # noqa: PLC0415 - loading it takes longer than most requests
    from joserfc.jws import extract_compact  # noqa: PLC0415 - as above

    if len(token) > limit:
        raise InvalidToken(f"it is longer than {limit:,} characters")
    try:
        signature = extract_compact(token.encode("ascii"), registry=_registry())
        header: object = signature.headers()  # of joserfc a JSON object, and a list that has "alg" in it as well
        claims = json.loads(signature.payload, parse_constant=_refuse_constant)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise InvalidToken(_NOT_A_TOKEN) from error
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise InvalidToken(_NOT_A_TOKEN)
    _require_flat(header)
    _require_flat(claims)
    issuer, kid, algorithm = claims.get("iss"), header.get("kid"), header.get("alg")
    if not isinstance(issuer, str) or not isinstance(algorithm, str) or not isinstance(kid, str | None):
        raise InvalidToken("it says neither who issued it nor how it is signed")
    if algorithm not in ALGORITHMS:
        raise InvalidToken(f"it is signed with {algorithm[:20]!a}; one of {', '.join(ALGORITHMS)} is needed")
    return UnverifiedToken(issuer, kid, algorithm, claims, signature)


def verify(token: UnverifiedToken, keys: Sequence[dict[str, str]], now: datetime, **required: Any) -> dict[str, Any]:  # noqa: ANN401 - joserfc's options
    """Return the claims of a token that one of the keys signed and that is valid now.

    `required` has an option of joserfc's JWTClaimsRegistry for each claim that must be there. Raises UnknownKey if no key
    matches, BadSignature, WrongTime, and InvalidToken for all other problems.
    """
    matching = key_sets.matching_keys(keys, token.kid, token.algorithm)
    if not matching:
        raise UnknownKey("it is signed with a key that its issuer does not publish")
    if len(matching) > 1:
        raise InvalidToken("it does not say which of its issuer's keys it is signed with")
    _require_signature(token, matching[0])
    if problem := clock_problem(token.claims, now, SKEW_SECONDS):
        raise WrongTime(problem)
    _require_claims(token.claims, now, required)
    return token.claims


def _require_flat(document: dict[str, Any]) -> None:
    """Raise InvalidToken for a document that is nested more than DEPTH_LIMIT deep."""
    level: list[Any] = [document]
    for _ in range(DEPTH_LIMIT):
        children = [child for parent in level for child in (parent.values() if isinstance(parent, dict) else parent)]
        level = [child for child in children if isinstance(child, dict | list)]
        if not level:
            return
    raise InvalidToken(f"its claims are nested more than {DEPTH_LIMIT} deep")


def _require_signature(token: UnverifiedToken, key: Mapping[str, str]) -> None:
    from joserfc.errors import JoseError  # noqa: PLC0415 - as above
    from joserfc.jws import validate_compact  # noqa: PLC0415 - as above

    try:
        is_valid = validate_compact(token.signature, key_sets.import_key(key), registry=_registry())
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise InvalidToken(_NOT_A_TOKEN) from error
    if not is_valid:
        # Without a `kid` in the token, a bad signature is the only sign of a key rotation.
        raise (UnknownKey if token.kid is None else BadSignature)("its signature is not valid")


def _require_claims(claims: dict[str, Any], now: datetime, required: Mapping[str, Any]) -> None:
    from joserfc.errors import ExpiredTokenError, InvalidClaimError, JoseError, MissingClaimError  # noqa: PLC0415 - as above
    from joserfc.jwt import JWTClaimsRegistry  # noqa: PLC0415 - as above

    try:
        JWTClaimsRegistry(unix_seconds(now), SKEW_SECONDS, **required).validate(claims)
    except ExpiredTokenError as error:
        raise WrongTime("it has expired") from error
    except (MissingClaimError, InvalidClaimError) as error:
        raise InvalidToken(f"its claims are not valid: {error.description or error.error}") from error
    except (JoseError, ValueError, TypeError, OverflowError) as error:
        raise InvalidToken(_NOT_A_TOKEN) from error


def _registry() -> "JWSRegistry":
    from joserfc.jws import JWSRegistry  # noqa: PLC0415 - as above

    # Headers that joserfc does not know are ignored; unknown critical ones are refused (RFC 7515, 4.1.11).
    registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
    registry.max_header_length, registry.max_signature_length = _HEADER_LIMIT_BYTES, _SIGNATURE_LIMIT_BYTES
    return registry


def _refuse_constant(name: str) -> None:
    """Raise ValueError for NaN and the infinities, which are not JSON."""
    raise ValueError(name)
