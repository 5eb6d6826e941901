"""The two issuers of an installation, what they publish, and when their keys change. No I/O."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise

ALGORITHM = "RS256"
# Relying parties keep published keys: a key is published for this long before it signs, and after it has signed the last token.
PUBLISHED_BEFORE = timedelta(days=1)
PUBLISHED_AFTER = timedelta(days=2)
SIGNS_FOR = timedelta(days=90)
_MILLISECOND = timedelta(milliseconds=1)


class Issuer(StrEnum):
    """An issuer, by the end of its address; each has keys of its own (esc.md 3.2)."""

    # Tokens for logins at vendors, such as `aws-login`.
    LOGIN = "/oidc"
    # Tokens for an audience that the environment names.
    AUDIENCE = "/oidc/v2"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key of an issuer. `number` counts the keys of the issuer; `private_key` is encrypted DER."""

    issuer: Issuer
    number: int
    kid: str
    public_key: dict[str, str]
    private_key: bytes = field(repr=False)
    created_at: int


def address(api_url: str, issuer: Issuer) -> str:
    """Return the name of an issuer, which is its address."""
    return f"{api_url}{issuer.value}"


def metadata(api_url: str, issuer: Issuer) -> dict[str, object]:
    """Return what an issuer publishes about itself (OpenID Connect Discovery 1.0, 3)."""
    name = address(api_url, issuer)
    return {
        "issuer": name,
        "jwks_uri": f"{name}/.well-known/jwks",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "scopes_supported": ["openid"],
        "claims_supported": ["sub", "aud", "exp", "iat", "iss", "jti"],
    }


def needs_new_key(keys: list[SigningKey], now_millis: int) -> bool:
    """Tell whether it is time to publish the key that will sign next; the keys are in the order of their numbers."""
    return not keys or now_millis - keys[-1].created_at >= (SIGNS_FOR - PUBLISHED_BEFORE) // _MILLISECOND


def current_key(keys: list[SigningKey], now_millis: int) -> SigningKey:
    """Return the key that signs: the newest one that was published long enough ago, or the first one of all."""
    ready = [key for key in keys if now_millis - key.created_at >= PUBLISHED_BEFORE // _MILLISECOND]
    return ready[-1] if ready else keys[0]


def list_expired(keys: list[SigningKey], now_millis: int) -> list[SigningKey]:
    """Return the keys that need not be published any longer: the key after them has been signing for long enough."""
    overlap = (PUBLISHED_BEFORE + PUBLISHED_AFTER) // _MILLISECOND
    return [key for key, successor in pairwise(keys) if now_millis - successor.created_at >= overlap]
