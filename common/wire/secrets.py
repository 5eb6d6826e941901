"""Value encryption. Byte fields are standard padded base64; a nil byte slice of a Go client arrives as null."""

import msgspec


class EncryptValueRequest(msgspec.Struct):
    """Upstream: apitype.EncryptValueRequest."""

    plaintext: bytes | None


class EncryptValueResponse(msgspec.Struct):
    """Upstream: apitype.EncryptValueResponse."""

    ciphertext: bytes


class DecryptValueRequest(msgspec.Struct):
    """Upstream: apitype.DecryptValueRequest; the ciphertext stays text, so that rubbish gets the text for damaged values."""

    ciphertext: str | None


class DecryptValueResponse(msgspec.Struct):
    """Upstream: apitype.DecryptValueResponse."""

    plaintext: bytes


class BatchEncryptRequest(msgspec.Struct):
    """Upstream: apitype.BatchEncryptRequest."""

    plaintexts: list[bytes | None] | None


class BatchEncryptResponse(msgspec.Struct):
    """Upstream: apitype.BatchEncryptResponse; same order and length as the request."""

    ciphertexts: list[bytes]


class BatchDecryptRequest(msgspec.Struct):
    """Upstream: apitype.BatchDecryptRequest; texts, because the reply's keys repeat them exactly."""

    ciphertexts: list[str | None] | None


class BatchDecryptResponse(msgspec.Struct):
    """Upstream: apitype.BatchDecryptResponse: ciphertext as sent → plaintext."""

    plaintexts: dict[str, bytes]


class Log3rdPartyDecryptionEvent(msgspec.Struct, rename="camel"):
    """Upstream: apitype.Log3rdPartyDecryptionEvent; one of the two is set."""

    secret_name: str | None = None
    command_name: str | None = None
