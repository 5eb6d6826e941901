"""The service provider's own certificate and key: with them requests are signed and assertions decrypted."""

from dataclasses import dataclass, field

from common.config.pem import read_pem
from common.config.settings import Settings
from common.core.errors import StartUpError, Unavailable

CERTIFICATE, PRIVATE_KEY = Settings.saml_certificate_public_key, Settings.saml_certificate_private_key


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its RSA key, PEM; both are empty when none is configured."""

    certificate: str = ""
    private_key: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        """Tell whether there is one."""
        return bool(self.certificate)


def load(settings: Settings) -> KeyPair:
    """Return the configured pair, or an empty one; raises Unavailable, with words for the operator, for one that is not good."""
    try:
        return load_at_start(settings)
    except StartUpError as error:
        raise Unavailable(f"the SAML certificate settings are not valid: {error}") from error


def load_at_start(settings: Settings) -> KeyPair:
    """Return the same; raises StartUpError for half a pair, and for one that cannot be used together."""
    present = [setting for setting in (CERTIFICATE, PRIVATE_KEY) if settings.is_set(setting)]
    if not present:
        return KeyPair()
    if len(present) == 1:
        missing = PRIVATE_KEY if present[0] == CERTIFICATE else CERTIFICATE
        raise StartUpError(f"{present[0]} is set without {missing}; SAML requests are signed with both")
    return _checked(read_pem(settings, CERTIFICATE), read_pem(settings, PRIVATE_KEY))


def _checked(certificate: bytes, private_key: bytes) -> KeyPair:
    from cryptography import x509  # noqa: PLC0415 - it takes 40 ms, and only this needs it
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415 - as above

    try:
        parsed = x509.load_pem_x509_certificate(certificate)
        key = serialization.load_pem_private_key(private_key, password=None)
    except (ValueError, TypeError):
        raise StartUpError(
            f"{CERTIFICATE} and {PRIVATE_KEY} must be a certificate and its RSA key without a passphrase, PEM"
        ) from None
    if not isinstance(key, RSAPrivateKey) or key.public_key() != parsed.public_key():
        raise StartUpError(f"{PRIVATE_KEY} is not the RSA key of {CERTIFICATE}")
    # The toolkit takes one certificate, and knows a key by its first line.
    encoding, no_passphrase = serialization.Encoding.PEM, serialization.NoEncryption()
    return KeyPair(
        parsed.public_bytes(encoding).decode(),
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, no_passphrase).decode(),
    )
