"""AWS KMS as the signer of identity tokens: an asymmetric key whose private key never leaves KMS. A signature is one call."""

import hashlib
from threading import Lock
from typing import TYPE_CHECKING

from common.core.errors import StartUpError
from common.ports.aws import Access, connect
from common.ports.keys import KeyUnusable
from common.ports.keys.aws_kms import ARN, NAME, translated

if TYPE_CHECKING:
    from botocore.client import BaseClient

_ACTIONS = "kms:GetPublicKey and kms:Sign"
# Of a message that KMS hashes itself.
_LIMIT_BYTES = 4096
_ALGORITHM = "RSASSA_PKCS1_V1_5_SHA_256"


class KMSSigner:
    """The driver. It signs with any key that it is told; `name` is the one of the settings."""

    def __init__(self, key: str, access: Access) -> None:
        """Take a key's ARN, alias or id, or an empty text; nothing is imported or sent before. Raises StartUpError."""
        if key and not ARN.fullmatch(key) and not NAME.fullmatch(key):
            raise StartUpError("STACKHOLD_SIGNING_KEY must be the ARN of an AWS KMS key, its id or alias/<name>")
        self.name = key
        self._access = access
        self._lock = Lock()
        self._opened: dict[str, BaseClient] = {}

    def public_key(self) -> tuple[str, bytes]:
        """Return the ARN of the key of the settings, and its public key as DER; raises KeyUnusable or Unavailable."""
        with translated(self.name, _ACTIONS):
            answer = self._client(self.name).get_public_key(KeyId=self.name)
        if _ALGORITHM not in answer.get("SigningAlgorithms", ()):
            raise KeyUnusable(f"AWS KMS key {self.name} must be an RSA key that signs (RSA_2048, SIGN_VERIFY)")
        # Of an alias or an id, the answer has the ARN.
        name = self.name if ":key/" in self.name else str(answer["KeyId"])
        return name, bytes(answer["PublicKey"])

    def sign(self, key: str, message: bytes) -> bytes:
        """Return the RS256 signature of a message by the key of an ARN; raises KeyUnusable or Unavailable."""
        is_short = len(message) <= _LIMIT_BYTES
        sent = {
            "Message": message if is_short else hashlib.sha256(message).digest(),
            "MessageType": "RAW" if is_short else "DIGEST",
        }
        with translated(key, _ACTIONS):
            answer = self._client(key).sign(KeyId=key, SigningAlgorithm=_ALGORITHM, **sent)
        return bytes(answer["Signature"])

    def _client(self, key: str) -> "BaseClient":
        arn = ARN.fullmatch(key)
        region = arn["region"] if arn is not None else self._access.region
        with self._lock:
            if region not in self._opened:
                access = Access(region, self._access.endpoint, self._access.profile, self._access.role_arn)
                self._opened[region] = connect("kms", access)
            return self._opened[region]
