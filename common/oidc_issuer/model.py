"""The two issuers of an installation, what they publish, and when their keys change. No I/O."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

ALGORITHM = "RS256"
# Relying parties keep published keys: a key is published for this long before it signs, and after it has signed the last token.
PUBLISHED_BEFORE = timedelta(days=1)
PUBLISHED_AFTER = timedelta(days=2)
SIGNS_FOR = timedelta(days=90)
_MILLISECOND = timedelta(milliseconds=1)
# What is encrypted begins with its version, which is another byte.
_REMOTE = b"awskms\n"


class Issuer(StrEnum):
    """An issuer, by the end of its address; each has keys of its own (esc.md 3.2)."""

    # Tokens for logins at vendors, such as `aws-login`.
    LOGIN = "/oidc"
    # Tokens for an audience that the environment names.
    AUDIENCE = "/oidc/v2"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key of an issuer. `number` counts the keys of the issuer.

    `private_key` is encrypted DER, or names a key of a key service (`remote_key`).
    """

    issuer: Issuer
    number: int
    kid: str
    public_key: dict[str, str]
    private_key: bytes = field(repr=False)
    created_at: int

    @property
    def remote(self) -> tuple[str, str]:
        """Return the key of the settings that this one is, and its full name; empty for a private key in the database."""
        if not self.private_key.startswith(_REMOTE):
            return "", ""
        setting, _, name = self.private_key.removeprefix(_REMOTE).decode().partition("\n")
        return setting, name


def remote_key(setting: str, name: str) -> bytes:
    """Return what is stored in place of a private key that never leaves its key service."""
    return _REMOTE + f"{setting}\n{name}".encode()


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


def needs_new_key(keys: list[SigningKey], setting: str, now_millis: int) -> bool:
    """Tell whether it is time to publish the key that will sign next; the keys are in the order of their numbers.

    That is where no key is the one of the settings. Keys in the database are replaced by time too.
    """
    own = _own(keys, setting)
    if not own:
        return True
    return not setting and now_millis - own[-1].created_at >= (SIGNS_FOR - PUBLISHED_BEFORE) // _MILLISECOND


def current_key(keys: list[SigningKey], setting: str, now_millis: int) -> SigningKey:
    """Return the key that signs: the newest one of the settings that was published long enough ago.

    Before there is one, it is the newest other one that was, or the first one of all.
    """
    for candidates in (_own(keys, setting), keys):
        ready = [key for key in candidates if now_millis - key.created_at >= PUBLISHED_BEFORE // _MILLISECOND]
        if ready:
            return ready[-1]
    return keys[0]


def list_expired(keys: list[SigningKey], setting: str, now_millis: int) -> list[SigningKey]:
    """Return the keys that need not be published any longer: a later key of the settings has been signing for long enough.

    A later key of other settings does not count: it does not sign where the settings name the former key again.
    """
    overlap = (PUBLISHED_BEFORE + PUBLISHED_AFTER) // _MILLISECOND
    signing = [key.number for key in _own(keys, setting) if now_millis - key.created_at >= overlap]
    return [key for key in keys if signing and key.number < signing[-1]]


def _own(keys: list[SigningKey], setting: str) -> list[SigningKey]:
    return [key for key in keys if key.remote[0] == setting]
