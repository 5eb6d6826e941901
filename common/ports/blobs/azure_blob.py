"""Blobs in a container of Azure Blob Storage, by account key or by the identity that runs this program.

A blob is stored as it came, with `Content-Encoding: gzip` where it is gzip, so that a link serves it to any HTTP client.
Azure drops a dot or slash at the end of a name, so such keys are refused here.
"""

import base64
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from common.core.compression import is_packed
from common.core.errors import StartUpError
from common.ports.azure import ATTEMPTS, CONNECT_SECONDS, credential
from common.ports.blobs import BlobNotFound, StoreError, UploadLink

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient, ContainerClient, UserDelegationKey

DEFAULT_DOMAIN = "blob.core.windows.net"
_OPTIONS = {"storage_account", "domain", "protocol", "cdn", "localemu", "prefix"}
_CONTAINER = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*")
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_DOMAIN = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?|\[[0-9a-fA-F:]+\](:\d{1,5})?")
_LOCAL = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")
_TRUE, _FALSE = {"true", "1"}, {"false", "0", ""}
# Deletions in one request; the service's limit is 256.
_DELETED_AT_ONCE = 200
_ONE_PIECE_BYTES = 256 << 20
# A large state on a busy line; the others' limit is too short for it.
_READ_SECONDS = 60
# A delegation key may sign for seven days; a shorter one is of less use to a thief.
_DELEGATION = timedelta(hours=6)
_CLOCK_SKEW = timedelta(minutes=5)
_NOT_FOUND = 404
_RIGHTS = "give this program's identity the role Storage Blob Data Contributor on the container"
# Error code → what the operator can do.
_REMEDIES = {
    "ContainerNotFound": "create the container, or correct its name in the address",
    "AuthorizationPermissionMismatch": _RIGHTS,
    "AuthorizationFailure": f"{_RIGHTS}, and let the account's firewall admit this machine",
    "AuthenticationFailed": "check AZURE_STORAGE_KEY, or the identity, and this machine's clock",
}


@dataclass(frozen=True, slots=True)
class Container:
    """Where a container is and how one gets in there: by an account key, or without one by identity."""

    account: str
    service_url: str
    name: str
    prefix: str = ""
    key: str = field(default="", repr=False)


def read_address(setting: str, address: str, *, account: str, domain: str, key: str) -> Container:
    """Return the container that `azblob://container[/prefix][?option=…]` names; raises StartUpError with the setting's name.

    The options are those of the Go CDK: storage_account, domain, protocol, cdn, localemu, prefix. The other arguments are what
    holds without them: the account, the domain of its addresses, and its key if there is one.
    """
    parts = urlsplit(address)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(set(options) - _OPTIONS)
    if unknown:
        raise StartUpError(
            f"{setting}: {unknown[0]!a} is not an option of an azblob address; the options are {', '.join(sorted(_OPTIONS))}"
        )
    if not _CONTAINER.fullmatch(parts.netloc):
        raise StartUpError(f"{setting} must name a container, as in azblob://checkpoints: 3 to 63 of a-z, 0-9 and single hyphens")
    account = options.get("storage_account") or account
    if not _ACCOUNT.fullmatch(account):
        raise StartUpError(
            f"{setting}: set AZURE_STORAGE_ACCOUNT (or the option storage_account) to the name of the storage account"
        )
    _require_key(key)
    folder = "/".join(part for part in f"{unquote(parts.path)}/{options.get('prefix', '')}".split("/") if part)
    _require_lasting(setting, folder)
    url = _service_url(setting, options, account, domain or DEFAULT_DOMAIN)
    return Container(account, url, parts.netloc, f"{folder}/" if folder else "", key)


class AzureBlobs:
    """The driver."""

    def __init__(self, container: Container) -> None:
        """Keep the address; nothing is asked before the first use."""
        self._container = container
        self._service: BlobServiceClient | None = None
        self._lock = Lock()
        self._delegation: tuple[UserDelegationKey, datetime] | None = None

    def put(self, key: str, stored: bytes) -> None:
        """Upload under the key; the same bytes once more do no harm."""
        from azure.storage.blob import ContentSettings  # noqa: PLC0415 - the SDK is loaded on first use

        kind = ContentSettings(content_type="application/json", content_encoding="gzip" if is_packed(stored) else None)
        with _explained(self._container):
            self._client().upload_blob(self._name(key), stored, overwrite=True, content_settings=kind)

    def get(self, key: str) -> bytes:
        """Download the bytes as stored; raises BlobNotFound."""
        with _explained(self._container):
            return self._client().download_blob(self._name(key), decompress=False).readall()

    def size(self, key: str) -> int:
        """Return the size of the blob as stored; raises BlobNotFound."""
        with _explained(self._container):
            return int(self._client().get_blob_client(self._name(key)).get_blob_properties().size)

    def delete(self, keys: Iterable[str]) -> None:
        """Delete in batches; absent keys are no error."""
        rest = (self._name(key) for key in keys)
        while names := list(islice(rest, _DELETED_AT_ONCE)):
            with _explained(self._container):
                answers = self._client().delete_blobs(*names, delete_snapshots="include", raise_on_any_failure=False)
                refused = [answer.status_code for answer in answers if not _is_gone(answer.status_code)]
            if refused:
                raise StoreError(f"{len(refused)} of {len(names)} deletions were refused with status {refused[0]}")

    def page(self, prefix: str, after: str, limit: int) -> list[tuple[str, int]]:
        """List from `after` on; a store that cannot begin there lists from the prefix, and what comes before is left out."""
        start = self._container.prefix + after if after > prefix else None
        entries: list[tuple[str, int]] = []
        with _explained(self._container):
            for blob in self._client().list_blobs(self._container.prefix + prefix, start_from=start, results_per_page=limit + 1):
                key = blob.name.removeprefix(self._container.prefix)
                if key > after:
                    entries.append((key, int(blob.last_modified.timestamp() * 1000)))
                if len(entries) == limit:
                    break
        return entries

    def link(self, key: str, seconds: int) -> str | None:
        """Return an address with a signature that allows reading this one blob for so long."""
        return self._signed(key, seconds, is_upload=False)

    def upload_link(self, key: str, seconds: int) -> UploadLink:
        """Return an address with a signature that allows writing this one blob for so long."""
        return UploadLink(self._signed(key, seconds, is_upload=True), {"x-ms-blob-type": "BlockBlob"})

    def put_file(self, key: str, stored: bytes) -> None:
        """Upload without a content encoding, which would have HTTP clients inflate the file."""
        from azure.storage.blob import ContentSettings  # noqa: PLC0415 - the SDK is loaded on first use

        kind = ContentSettings(content_type="application/gzip")
        with _explained(self._container):
            self._client().upload_blob(self._name(key), stored, overwrite=True, content_settings=kind)

    def _signed(self, key: str, seconds: int, *, is_upload: bool) -> str:
        from azure.storage.blob import BlobSasPermissions, generate_blob_sas  # noqa: PLC0415 - the SDK is loaded on first use

        now = datetime.now(UTC)
        expiry = now + timedelta(seconds=seconds)
        with _explained(self._container):
            blob = self._client().get_blob_client(self._name(key))
            signature = generate_blob_sas(
                self._container.account,
                self._container.name,
                blob.blob_name,
                account_key=self._container.key or None,
                user_delegation_key=None if self._container.key else self._delegation_key(expiry),
                permission=BlobSasPermissions(create=True, write=True) if is_upload else BlobSasPermissions(read=True),
                start=now - _CLOCK_SKEW,
                expiry=expiry,
                protocol="https" if blob.url.startswith("https:") else None,
            )
        return f"{blob.url}?{signature}"

    def _delegation_key(self, needed_until: datetime) -> "UserDelegationKey":
        with self._lock:
            if self._delegation is None or self._delegation[1] < needed_until:
                until = max(needed_until, datetime.now(UTC)) + _DELEGATION
                key = self._opened().get_user_delegation_key(datetime.now(UTC) - _CLOCK_SKEW, until)
                self._delegation = key, until
            return self._delegation[0]

    def _name(self, key: str) -> str:
        # Keys come from state/layout.py, which makes none of these; this guards against a key built by hand.
        if any(not segment or segment.endswith(".") for segment in key.split("/")):
            raise ValueError(f"not a blob key: {key}")
        return self._container.prefix + key

    def load(self) -> None:
        """Make the SDK's client."""
        self._client()

    def _client(self) -> "ContainerClient":
        return self._opened().get_container_client(self._container.name)

    def _opened(self) -> "BlobServiceClient":
        if self._service is None:  # Two threads may both make one; the first is dropped, which does no harm.
            self._service = _connect(self._container)
        return self._service


def _connect(container: Container) -> "BlobServiceClient":
    from azure.storage.blob import BlobServiceClient, LinearRetry  # noqa: PLC0415 - the SDK is loaded on first use

    by_key = {"account_name": container.account, "account_key": container.key} if container.key else None
    return BlobServiceClient(
        container.service_url,
        by_key or credential(),
        connection_timeout=CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retry_policy=LinearRetry(backoff=1, retry_total=ATTEMPTS - 1, random_jitter_range=1),
        max_single_put_size=_ONE_PIECE_BYTES,
        max_single_get_size=_ONE_PIECE_BYTES,
    )


def _service_url(setting: str, options: dict[str, str], account: str, domain: str) -> str:
    domain = options.get("domain") or domain
    if not _DOMAIN.fullmatch(domain):
        raise StartUpError(f"{setting}: the domain of the storage account must be a host name, such as {DEFAULT_DOMAIN}")
    local = _flag(setting, options, "localemu") or bool(_LOCAL.fullmatch(domain))
    protocol = options.get("protocol") or ("http" if local else "https")
    if protocol not in ("http", "https"):
        raise StartUpError(f"{setting}: the option protocol must be https or http")
    if local:
        return f"{protocol}://{domain if _LOCAL.fullmatch(domain) else 'localhost:10000'}/{account}"
    if _flag(setting, options, "cdn"):
        return f"{protocol}://{domain}"
    return f"{protocol}://{account}.{domain}"


def _flag(setting: str, options: dict[str, str], name: str) -> bool:
    value = options.get(name, "").lower()
    if value not in _TRUE | _FALSE:
        raise StartUpError(f"{setting}: the option {name} must be true or false")
    return value in _TRUE


def _require_key(key: str) -> None:
    try:
        base64.b64decode(key, validate=True)
    except ValueError:
        raise StartUpError("AZURE_STORAGE_KEY is not an account key: base64, as the portal shows it") from None


def _require_lasting(setting: str, folder: str) -> None:
    if any(part.endswith(".") for part in folder.split("/")):
        raise StartUpError(f"{setting}: no part of the prefix may end with a dot, because Azure drops it")


def _is_gone(status: int) -> bool:
    return status // 100 == 2 or status == _NOT_FOUND


@contextmanager
def _explained(container: Container) -> Iterator[None]:
    """Turn the SDK's errors into the port's, with the service's own code for what was wrong."""
    from azure.core.exceptions import AzureError, HttpResponseError  # noqa: PLC0415 - the SDK is loaded on first use

    try:
        yield
    except HttpResponseError as error:
        word = getattr(error, "error_code", None) or error.reason or type(error).__name__
        code = str(getattr(word, "value", word))  # A member of an enumeration where the SDK knows the word.
        if code == "BlobNotFound":
            raise BlobNotFound(code) from error
        raise StoreError(_refusal(container, code)) from error
    except AzureError as error:
        raise StoreError(_refusal(container, type(error).__name__)) from error


def _refusal(container: Container, code: str) -> str:
    remedy = _REMEDIES.get(code, "")
    return f"container {container.name} of {container.account}: {code}{f'; {remedy}' if remedy else ''}"
