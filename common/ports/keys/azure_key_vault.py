"""Azure Key Vault as the key service: an RSA key whose private half never leaves the vault.

Wrapping uses the public half here, so it costs no call while that is at hand; unwrapping is one call of the vault. A
wrapped key names the key and the full version that wrapped it, and unwrapping asks for exactly that version, so rotation
does no harm as long as older versions stay enabled. The vault itself is not named: a key restored into another vault
keeps its name and versions.

The record is: kind byte, operation byte, length and text of `name/version`, and RSA-OAEP-256 of the key and a hash of its
context. The hash takes the place of the "additional data" that this algorithm lacks.
"""

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from common.core.errors import StartUpError, Unavailable
from common.ports.azure import ATTEMPTS, CONNECT_SECONDS, READ_SECONDS, credential
from common.ports.keys import KeyUnusable

if TYPE_CHECKING:
    from azure.core.exceptions import HttpResponseError
    from azure.keyvault.keys import KeyClient, KeyVaultKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

_KIND = b"\x03"
_ALGORITHM = "RSA-OAEP-256"
# Operation byte → (what the vault calls it, the operation that must be allowed with it), the preferred pair first. Existing
# installations grant Get, Encrypt and Decrypt, as their documentation asks for; some roles grant wrapKey and unwrapKey alone.
# The arithmetic is the same, so what was recorded with one operation opens with the other.
_OPERATIONS = {b"d": ("decrypt", "encrypt"), b"u": ("unwrapKey", "wrapKey")}
_CONTEXT_BYTES = hashlib.sha256().digest_size
# Within this time a new version is not noticed, which does no harm: the one before goes on unwrapping.
_LATEST_KEPT_SECONDS = 300
_THROTTLED, _FORBIDDEN, _NOT_FOUND = 429, 403, 404
_SERVER_ERROR = 500
_URI = re.compile(r"https://[A-Za-z0-9][A-Za-z0-9.-]*(:\d{1,5})?/?")
_NAME = re.compile(r"[A-Za-z0-9-]{1,127}")
_VERSION = re.compile(r"[A-Za-z0-9]{1,64}")


@dataclass(frozen=True, slots=True)
class VaultKey:
    """Which key of which vault wraps; without a version, the latest does."""

    uri: str
    name: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class _Wrapping:
    """A version that wraps: its public half, the operation that will unwrap, and until when it is taken for the latest."""

    label: str
    operation: bytes
    public_key: "RSAPublicKey"
    good_until: float


class _NotAllowed(KeyUnusable):
    """The identity, or the key, may not be used with one operation; another one may be allowed."""


class KeyVault:
    """The driver."""

    def __init__(self, key: VaultKey) -> None:
        """Check the spelling of the settings; nothing is fetched before the first use. Raises StartUpError."""
        _require_spelling(key)
        self._key = key
        self._lock = Lock()
        self._opened: KeyClient | None = None
        self._wrapping: _Wrapping | None = None
        # What the vault allowed last, and what it has refused: that is not tried first again.
        self._allowed: bytes | None = None
        self._refused: frozenset[bytes] = frozenset()

    def wrap(self, plain_key: bytes, context: str) -> bytes:
        """Encrypt the key and its context's hash with the public half; raises KeyUnusable or Unavailable."""
        from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP  # noqa: PLC0415 - for a first wrap only
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

        by = self._current(KeyUnusable)
        sealed = by.public_key.encrypt(plain_key + _context_hash(context), OAEP(MGF1(SHA256()), SHA256(), None))
        operation = self._allowed or by.operation
        return b"".join((_KIND, operation, bytes([len(by.label)]), by.label.encode(), sealed))

    def unwrap(self, wrapped_key: bytes, context: str) -> bytes:
        """Let the vault decrypt with the recorded version; raises KeyUnusable, or Unavailable when a repeat may succeed."""
        opened = self._open(*_parts(wrapped_key))
        plain_key, context_hash = opened[:-_CONTEXT_BYTES], opened[-_CONTEXT_BYTES:]
        if not hmac.compare_digest(context_hash, _context_hash(context)):
            raise KeyUnusable("a stored key is damaged, or belongs to another record; restore it from a backup")
        return plain_key

    def check(self) -> str:
        """Return the version that wraps, after it has wrapped something and the vault has unwrapped that; raises StartUpError."""
        probe = bytes(32)
        try:
            label = self._current(StartUpError).label
            opened = self.unwrap(self.wrap(probe, "check"), "check")
        except (KeyUnusable, Unavailable) as error:
            raise StartUpError(f"PULUMI_AZURE_KV_URI: {error.detail}") from error
        if opened != probe:
            raise StartUpError(f"PULUMI_AZURE_KV_URI: {self._key.uri} does not return what it encrypted")
        return label

    def name_of(self, wrapped_key: bytes) -> str:
        """Return the key and version that a record names."""
        return _parts(wrapped_key)[1]

    def _current(self, refusal: Callable[[str], Exception]) -> _Wrapping:
        with self._lock:
            if self._wrapping is None or time.time() > self._wrapping.good_until:
                self._wrapping = self._fetch(refusal)
            return self._wrapping

    def _fetch(self, refusal: Callable[[str], Exception]) -> _Wrapping:
        named = f"{self._key.name}/{self._key.version or 'latest'}"
        client = self._client()
        with self._explained("get", named):
            key = client.get_key(self._key.name, self._key.version or None)
        problem = _problem(key)
        if problem:
            raise refusal(
                f"version {key.properties.version} of Key Vault key {self._key.name} {problem} (PULUMI_AZURE_KV_KEY_NAME)"
            )
        return _Wrapping(
            label=f"{self._key.name}/{key.properties.version}",
            operation=_operation(key),
            public_key=_public_key(key),
            good_until=float("inf") if self._key.version else time.time() + _LATEST_KEPT_SECONDS,
        )

    def _open(self, recorded: bytes, label: str, sealed: bytes) -> bytes:
        """Let the vault decrypt by the recorded operation, or by the other one where only that is allowed; raises KeyUnusable."""
        first, second = sorted(_OPERATIONS, key=lambda operation: (operation in self._refused, operation != recorded))
        try:
            opened = self._ask(first, label, sealed)
            self._allowed = first
        except _NotAllowed as refusal:
            try:
                opened = self._ask(second, label, sealed)
            except _NotAllowed:
                raise refusal from None
            self._allowed, self._refused = second, frozenset({first})
        return opened

    def _ask(self, operation: bytes, label: str, sealed: bytes) -> bytes:
        # By the client's own way for requests it has no method for: CryptographyClient would fetch the public key first.
        from azure.core.rest import HttpRequest  # noqa: PLC0415 - the SDK is loaded on first use

        verb = _OPERATIONS[operation][0]
        body = {"alg": _ALGORITHM, "value": base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()}
        client = self._client()
        with self._explained(verb, label):
            request = HttpRequest("POST", f"/keys/{label}/{verb.lower()}", json=body)
            response = client.send_request(request, retry_on_methods=["POST"])  # Unwrapping twice does no harm.
            response.raise_for_status()
            value = str(response.json()["value"])
        return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))

    def is_current(self, wrapped_key: bytes) -> bool:
        """Tell whether the version that wraps now wrapped it; one call while that is not at hand."""
        return _parts(wrapped_key)[1] == self._current(KeyUnusable).label

    def load(self) -> None:
        """Make the SDK's client."""
        self._client()

    @contextmanager
    def _explained(self, verb: str, label: str) -> Iterator[None]:
        """Turn the SDK's errors into ours: try again, or this version and what to do about it."""
        from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError  # noqa: PLC0415

        vault = self._key.uri.rstrip("/")
        try:
            yield
        except ClientAuthenticationError as error:
            raise Unavailable(
                f"Key Vault {vault} does not accept this program's identity: none is assigned, or its credentials are not valid"
            ) from error
        except HttpResponseError as error:
            raise _refused(error, verb, label, vault) from error
        except AzureError as error:
            raise Unavailable(f"Key Vault {vault} does not answer ({type(error).__name__}); try again") from error

    def _client(self) -> "KeyClient":
        if self._opened is None:  # Two threads may both make one; the first is dropped, which does no harm.
            self._opened = _connect(self._key.uri)
        return self._opened


def fetch(uri: str, path: str) -> dict[str, Any]:
    """Return the JSON at a path of a vault, by one call at the start; raises StartUpError with the reason in a few words.

    The client for keys signs requests for secrets as well.
    """
    from azure.core.exceptions import AzureError, HttpResponseError  # noqa: PLC0415 - the SDK is loaded on first use
    from azure.core.rest import HttpRequest  # noqa: PLC0415 - as above

    try:
        response = _connect(uri).send_request(HttpRequest("GET", path))
        response.raise_for_status()
    except HttpResponseError as error:
        raise StartUpError(f"status {error.status_code}") from error
    except AzureError as error:
        raise StartUpError(type(error).__name__) from error
    answer: dict[str, Any] = response.json()
    return answer


def _connect(uri: str) -> "KeyClient":
    from azure.keyvault.keys import KeyClient  # noqa: PLC0415 - the SDK is loaded on first use

    return KeyClient(
        uri,
        credential(),
        connection_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retry_total=ATTEMPTS - 1,
        retry_backoff_factor=0.2,
    )


def _require_spelling(key: VaultKey) -> None:
    if not _URI.fullmatch(key.uri):
        raise StartUpError("PULUMI_AZURE_KV_URI must be the vault's address, such as https://acme.vault.azure.net")
    if not _NAME.fullmatch(key.name):
        raise StartUpError("PULUMI_AZURE_KV_KEY_NAME must name a key: letters, digits and hyphens")
    if key.version and not _VERSION.fullmatch(key.version):
        raise StartUpError("PULUMI_AZURE_KV_KEY_VERSION must be a version of the key, or unset for the latest")


def _problem(key: "KeyVaultKey") -> str:
    """Return why a version cannot wrap, or "" when it can."""
    properties, now = key.properties, datetime.now(UTC)
    kind = _word(key.key_type)
    if kind.removesuffix("-HSM") != "RSA":
        return f"is of type {kind}; an RSA key is needed, 2048 bits or more"
    if properties.enabled is False:
        return "is disabled; enable it"
    if properties.not_before and now < properties.not_before:
        return f"is not valid before {properties.not_before:%Y-%m-%d %H:%M} UTC"
    if properties.expires_on and now >= properties.expires_on:
        return f"expired at {properties.expires_on:%Y-%m-%d %H:%M} UTC; rotate the key"
    if not _operation(key):
        allowed = ", ".join(_word(operation) for operation in key.key_operations) or "nothing"
        return f"allows {allowed}; its operations must include encrypt and decrypt, or wrapKey and unwrapKey"
    return ""


def _operation(key: "KeyVaultKey") -> bytes:
    allowed = {_word(operation) for operation in key.key_operations}
    return next((byte for byte, pair in _OPERATIONS.items() if allowed.issuperset(pair)), b"")


def _word(value: object) -> str:
    """Return the vault's own word: the SDK gives a member of an enumeration where it knows the word, and a text else."""
    return str(getattr(value, "value", value))


def _public_key(key: "KeyVaultKey") -> "RSAPublicKey":
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers  # noqa: PLC0415 - for a first wrap only

    numbers = cast("dict[str, bytes]", vars(key.key))  # The SDK sets these without declaring them.
    return RSAPublicNumbers(int.from_bytes(numbers["e"], "big"), int.from_bytes(numbers["n"], "big")).public_key()


def _parts(wrapped_key: bytes) -> tuple[bytes, str, bytes]:
    """Return operation, `name/version` and what the vault decrypts; raises KeyUnusable."""
    operation, rest = wrapped_key[1:2], wrapped_key[3:]
    length = wrapped_key[2] if len(wrapped_key) > 2 else 0
    label, sealed = rest[:length].decode("latin-1"), rest[length:]
    name, _, version = label.partition("/")
    well_formed = wrapped_key[:1] == _KIND and operation in _OPERATIONS and _NAME.fullmatch(name) and _VERSION.fullmatch(version)
    if not well_formed or not sealed:
        raise KeyUnusable("a stored key is damaged, or was wrapped by another kind of key service; restore it from a backup")
    return operation, label, sealed


def _context_hash(context: str) -> bytes:
    return hashlib.sha256(f"stackhold key vault: {context}".encode()).digest()


def _refused(error: "HttpResponseError", verb: str, label: str, vault: str) -> KeyUnusable | Unavailable:
    status = error.status_code or _SERVER_ERROR
    name, _, version = label.partition("/")
    key = f"version {version} of Key Vault key {name} in {vault}"
    if status == _THROTTLED or status >= _SERVER_ERROR:
        return Unavailable(f"Key Vault {vault} is overloaded or does not answer (status {status}); try again")
    if "disabled" in str(error).lower():
        return KeyUnusable(f"{key} is disabled: enable it; nothing is lost, and what it encrypted can be read again then")
    if status == _NOT_FOUND:
        return KeyUnusable(f"{key} does not exist: recover or restore it; nothing is lost if that succeeds")
    if status == _FORBIDDEN:
        return _NotAllowed(
            f"the vault does not allow {verb} with {key}: grant this program's identity the key permissions Get, Encrypt and"
            " Decrypt (or the role Key Vault Crypto User), and check the key's operations and the vault's firewall;"
            " nothing is lost"
        )
    return KeyUnusable(
        f"the vault refused {verb} with {key} (status {status}): a stored key is damaged; restore it from a backup"
    )
