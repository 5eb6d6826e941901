"""AWS KMS as the key service: a symmetric key that never leaves KMS wraps and unwraps the data keys.

Each is one call. The encryption context binds a wrapped key to the thing it was made for: KMS refuses to unwrap it for
another, and its log names it. A wrapped key says which KMS key wrapped it, so that after a change of key the older one
goes on unwrapping for as long as it is enabled and allowed.

The record is: kind byte, length and text of the key's ARN, and what KMS returned.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, NoReturn

from common.core.errors import StartUpError, Unavailable
from common.ports.aws import Access, connect, reason_of, status_of
from common.ports.keys import KeyUnusable

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.exceptions import ClientError

_KIND = b"\x02"
_CONTEXT = "stackhold:context"
_SETTING = "PULUMI_KMS_KEY"
ARN = re.compile(r"arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):\d{12}:(?P<resource>(key|alias)/[A-Za-z0-9/_-]+)")
NAME = re.compile(r"alias/[A-Za-z0-9/_-]+|(mrk-)?[0-9a-f-]{32,36}")
_WRAPPING = "kms:Encrypt and kms:Decrypt"
_SERVER_ERROR = 500
_TRANSIENT = {"ThrottlingException", "LimitExceededException", "KeyUnavailableException", "RequestLimitExceeded"}
_REMEDIES = {
    "DisabledException": "enable the key; nothing is lost, and what it encrypted can be read again then",
    "KMSInvalidStateException": "cancel the key's deletion and enable it; what it encrypted can be read again then",
    "NotFoundException": "there is no such key in this account and region; check the setting, or restore the key",
    "AccessDeniedException": "allow this program's role {actions}, in its own policy and in the key's",
}
_DAMAGED = {"InvalidCiphertextException", "IncorrectKeyException"}


class KMS:
    """The driver."""

    def __init__(self, key: str, access: Access, remedies: Mapping[str, str] = _REMEDIES) -> None:
        """Take a key's ARN, alias or id, and what to do about refusals; nothing is imported or sent before the first use.

        Raises StartUpError.
        """
        arn = ARN.fullmatch(key)
        if arn is None and not NAME.fullmatch(key):
            raise StartUpError(f"{_SETTING} must be the ARN of an AWS KMS key, its id or alias/<name>")
        self._key = key
        self._access = access if arn is None else replace(access, region=arn["region"])
        self._remedies = {**_REMEDIES, **remedies}
        self._lock = Lock()
        self._opened: BaseClient | None = None

    def wrap(self, plain_key: bytes, context: str) -> bytes:
        """Let KMS encrypt the key for a context; raises KeyUnusable or Unavailable."""
        with translated(self._key, remedies=self._remedies):
            answer = self._client().encrypt(KeyId=self._key, Plaintext=plain_key, EncryptionContext={_CONTEXT: context})
        arn = str(answer["KeyId"]).encode()
        return b"".join((_KIND, bytes([len(arn)]), arn, answer["CiphertextBlob"]))

    def unwrap(self, wrapped_key: bytes, context: str) -> bytes:
        """Let KMS decrypt with the key that the record names; raises KeyUnusable, or Unavailable when a repeat may succeed."""
        arn, sealed = _parts(wrapped_key)
        key = self._key if _is_replica(arn, self._key) else arn
        with translated(key, remedies=self._remedies):
            answer = self._client().decrypt(KeyId=key, CiphertextBlob=sealed, EncryptionContext={_CONTEXT: context})
        return bytes(answer["Plaintext"])

    def check(self) -> str:
        """Return the ARN of the key that wraps, also of an alias; raises StartUpError unless it unwraps what it wrapped."""
        probe = bytes(32)
        try:
            wrapped = self.wrap(probe, "check")
            opened = self.unwrap(wrapped, "check")
        except (KeyUnusable, Unavailable) as error:
            raise StartUpError(f"{_SETTING}: {error.detail}") from error
        if opened != probe:
            raise StartUpError(f"{_SETTING}: {self._key} does not return what it encrypted")
        return self.name_of(wrapped)

    def name_of(self, wrapped_key: bytes) -> str:
        """Return the ARN that a record names."""
        return _parts(wrapped_key)[0]

    def is_current(self, wrapped_key: bytes) -> bool:
        """Tell whether the configured key wrapped it, where the setting is a key's ARN; KMS rotates what is inside by itself."""
        arn, _ = _parts(wrapped_key)
        return ":key/" not in self._key or arn == self._key or _is_replica(arn, self._key)

    def load(self) -> None:
        """Make the SDK's client."""
        self._client()

    def _client(self) -> "BaseClient":
        with self._lock:
            if self._opened is None:
                self._opened = connect("kms", self._access)
            return self._opened


def _parts(record: bytes) -> tuple[str, bytes]:
    end = 2 + record[1] if len(record) > 1 else 0
    if record[:1] != _KIND or len(record) <= end or not record[2:end].startswith(b"arn:"):
        raise KeyUnusable("a stored key is damaged, or was wrapped by another kind of key service; restore it from a backup")
    return record[2:end].decode("ascii", "replace"), record[end:]


def _is_replica(recorded: str, configured: str) -> bool:
    """Tell whether both are the same multi-Region key, whose copies have one id and open each other's records."""
    recorded_id, configured_id = recorded.rpartition("/")[2], configured.rpartition("/")[2]
    return recorded_id.startswith("mrk-") and recorded_id == configured_id


@contextmanager
def translated(key: str, actions: str = _WRAPPING, remedies: Mapping[str, str] = _REMEDIES) -> Iterator[None]:
    """Raise KeyUnusable or Unavailable for what the SDK raises; `actions` are those that the program's role needs."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the SDK is loaded on first use

    try:
        yield
    except ClientError as error:
        _refuse(error, key, actions, remedies)
    except BotoCoreError as error:
        raise Unavailable(f"AWS KMS does not answer for key {key} ({reason_of(error)}); try again") from error


def _refuse(error: "ClientError", key: str, actions: str, remedies: Mapping[str, str]) -> NoReturn:
    reason = reason_of(error)
    if reason in _TRANSIENT or status_of(error) >= _SERVER_ERROR:
        raise Unavailable(f"AWS KMS is busy ({reason}) for key {key}; try again") from error
    if reason in _DAMAGED:
        raise KeyUnusable("a stored key is damaged, or belongs to another record; restore it from a backup") from error
    remedy = remedies.get(reason, "it must exist, be enabled, and allow this program's role {actions}")
    what_to_do = remedy.format(actions=actions)
    raise KeyUnusable(f"AWS KMS refuses key {key} ({reason}): {what_to_do}") from error
