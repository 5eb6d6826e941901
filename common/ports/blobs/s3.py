"""Blobs in an S3 bucket, or in one of the many stores that speak S3: MinIO, Ceph, R2, Garage and others.

Only what all of them have is used: whole objects, `Content-MD5` as the integrity check of an upload, listing in key order.
Correctness never depends on a conditional write, and no body is sent in the SDK's own chunks.
"""

import base64
import hashlib
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING, Any

from common.core.compression import is_packed
from common.ports.aws import Access, connect, reason_of, status_of
from common.ports.blobs import BlobNotFound, StoreError, UploadLink
from common.ports.blobs.s3_address import Checksums, Place

if TYPE_CHECKING:
    from botocore.client import BaseClient

KEYS_PER_CALL = 1000
_ABSENT = {"NoSuchKey", "404"}
_BAD_REQUEST, _NOT_ALLOWED, _NOT_IMPLEMENTED = 400, 405, 501
_RIGHTS = (
    "allow this program's role s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket on it, in its own policy and in the"
    " bucket's"
)
_REGION = "the bucket is in another region: set `region` in the address to it"
_CREDENTIALS = "check the credentials in this program's environment (AWS_ACCESS_KEY_ID, AWS_PROFILE, or its role)"
# Error code → what the operator can do.
_REMEDIES = {
    "NoSuchBucket": "create the bucket, or correct its name in the address",
    "AccessDenied": _RIGHTS,
    "PermanentRedirect": _REGION,
    "AuthorizationHeaderMalformed": _REGION,
    "IllegalLocationConstraintException": _REGION,
    "InvalidAccessKeyId": _CREDENTIALS,
    "SignatureDoesNotMatch": _CREDENTIALS,
    "ExpiredToken": _CREDENTIALS,
    "NoCredentialsError": _CREDENTIALS,
    "RequestTimeTooSkewed": "set this machine's clock by a time server (NTP)",
    "EndpointConnectionError": "nothing answers there: check `endpoint` in the address, and the network",
}
_UNKNOWN_CALL = {_NOT_ALLOWED, _NOT_IMPLEMENTED}

_ENCRYPTION_HEADERS = {
    "ServerSideEncryption": "x-amz-server-side-encryption",
    "SSEKMSKeyId": "x-amz-server-side-encryption-aws-kms-key-id",
}


class S3:
    """The driver."""

    def __init__(self, place: Place, *, role_arn: str = "", connections: int = 10) -> None:
        """Keep documents in a place; nothing is imported or sent before the first use."""
        self._place = place
        self._role_arn = role_arn
        self._connections = connections
        self._lock = Lock()
        self._opened: BaseClient | None = None

    def put(self, key: str, stored: bytes) -> None:
        """Upload an object with the headers under which any client can read it."""
        packed = {"ContentEncoding": "gzip"} if is_packed(stored) else {}
        headers = {"ContentType": "application/json", **packed, **self._checksum(stored), **self._encryption()}
        with self._translated():
            self._client().put_object(**self._named(key), Body=stored, **headers)

    def get(self, key: str) -> bytes:
        """Download an object as it is, whatever its headers say."""
        with self._translated():
            from botocore.exceptions import HTTPClientError, IncompleteReadError  # noqa: PLC0415 - the SDK is loaded on use

            try:
                return self._download(key)
            except (HTTPClientError, IncompleteReadError):
                # The SDK repeats a call that fails, but not one whose body breaks off in the middle.
                return self._download(key)

    def size(self, key: str) -> int:
        """Return the size of an object; raises BlobNotFound."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 - the SDK is loaded on first use

        with self._translated():
            try:
                return int(self._client().head_object(**self._named(key))["ContentLength"])
            except ClientError as error:
                if status_of(error) == HTTPStatus.NOT_FOUND:  # A reply to HEAD has no body with the store's word for it.
                    raise BlobNotFound(key) from error
                raise

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects: a thousand with each call, or one by one in a store that knows no such call."""
        names = [self._place.prefix + key for key in keys]
        for start in range(0, len(names), KEYS_PER_CALL):
            some = names[start : start + KEYS_PER_CALL]
            if len(some) == 1 or not self._delete_together(some):
                for name in some:
                    with self._translated():
                        self._client().delete_object(Bucket=self._place.bucket, Key=name)

    def page(self, prefix: str, after: str, limit: int) -> list[tuple[str, int]]:
        """List objects, a thousand with each call at most; stores list in the order of their keys' bytes."""
        entries: list[tuple[str, int]] = []
        cut = len(self._place.prefix)
        while len(entries) < limit:
            wanted = min(limit - len(entries), KEYS_PER_CALL)
            start = {"StartAfter": self._place.prefix + after} if after else {}
            with self._translated():
                answer = self._client().list_objects_v2(
                    Bucket=self._place.bucket, Prefix=self._place.prefix + prefix, MaxKeys=wanted, **start
                )
            listed = answer.get("Contents", [])
            entries += [(entry["Key"][cut:], int(entry["LastModified"].timestamp() * 1000)) for entry in listed]
            if not answer.get("IsTruncated") or not listed:
                break
            after = entries[-1][0]
        return entries

    def link(self, key: str, seconds: int) -> str | None:
        """Return a presigned address; it ends earlier where the credentials that sign it do."""
        if self._place.is_anonymous:
            return None
        with self._translated():
            return str(self._client().generate_presigned_url("get_object", Params=self._named(key), ExpiresIn=seconds))

    def put_file(self, key: str, stored: bytes) -> None:
        """Upload without a content encoding, which would have HTTP clients inflate the file."""
        headers = {"ContentType": "application/gzip", **self._checksum(stored), **self._encryption()}
        with self._translated():
            self._client().put_object(**self._named(key), Body=stored, **headers)

    def upload_link(self, key: str, seconds: int) -> UploadLink | None:
        """Return a presigned address; the headers are those of the encryption, which the signature covers."""
        if self._place.is_anonymous:
            return None
        wanted = {**self._named(key), **self._encryption()}
        with self._translated():
            url = str(self._client().generate_presigned_url("put_object", Params=wanted, ExpiresIn=seconds))
        return UploadLink(url, {_ENCRYPTION_HEADERS[name]: value for name, value in self._encryption().items()})

    def load(self) -> None:
        """Make the SDK's client."""
        self._client()

    def _client(self) -> "BaseClient":
        with self._lock:
            if self._opened is None:
                self._opened = _connect(self._place, self._role_arn, self._connections)
            return self._opened

    def _delete_together(self, names: list[str]) -> bool:
        """Remove objects with one call and tell whether the store knows it."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 - the SDK is loaded on first use

        wanted = {"Objects": [{"Key": name} for name in names], "Quiet": True}
        with self._translated():
            try:
                answer = self._client().delete_objects(Bucket=self._place.bucket, Delete=wanted)
            except ClientError as error:
                if status_of(error) in _UNKNOWN_CALL:
                    return False
                raise
        for problem in answer.get("Errors", []):
            raise self._refusal(str(problem.get("Code", "")) or "an object was not deleted")
        return True

    def _download(self, key: str) -> bytes:
        from botocore.exceptions import ClientError  # noqa: PLC0415 - the SDK is loaded on first use

        try:
            body = self._client().get_object(**self._named(key))["Body"]
        except ClientError as error:
            if reason_of(error) in _ABSENT:
                raise BlobNotFound(key) from error
            raise
        return bytes(body.read())

    def _named(self, key: str) -> dict[str, str]:
        return {"Bucket": self._place.bucket, "Key": self._place.prefix + key}

    def _checksum(self, stored: bytes) -> dict[str, str]:
        # Given as a header, so that the SDK does not send the body in chunks with a checksum at their end.
        if self._place.checksums is Checksums.WHEN_SUPPORTED:
            return {"ChecksumCRC32": base64.b64encode(zlib.crc32(stored).to_bytes(4, "big")).decode()}
        return {"ContentMD5": _md5(stored)}

    def _encryption(self) -> dict[str, str]:
        kind, key = self._place.encryption, self._place.encryption_key
        return {
            **({"ServerSideEncryption": kind} if kind else {}),
            **({"SSEKMSKeyId": key} if key else {}),
        }

    @contextmanager
    def _translated(self) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the SDK is loaded on first use

        try:
            yield
        except ClientError as error:
            raise self._refusal(reason_of(error), status_of(error)) from error
        except BotoCoreError as error:
            raise self._refusal(reason_of(error)) from error

    def _refusal(self, reason: str, status: int = 0) -> StoreError:
        at = f" at {self._place.endpoint}" if self._place.endpoint else ""
        return StoreError(f"bucket {self._place.bucket}{at}: {reason}{self._advice(reason, status)}")

    def _advice(self, reason: str, status: int) -> str:
        """Return what to do about an error; where a store may have stumbled over a checksum, the option to try."""
        if reason in _REMEDIES:
            return f"; {_REMEDIES[reason]}"
        is_wide = self._place.checksums is Checksums.WHEN_SUPPORTED
        other = Checksums.WHEN_REQUIRED if is_wide else Checksums.WHEN_SUPPORTED
        if status == (_NOT_IMPLEMENTED if is_wide else _BAD_REQUEST):
            return f"; if it is about checksums, the address's option request_checksum_calculation={other} helps"
        return ""


def _connect(place: Place, role_arn: str, connections: int) -> "BaseClient":
    access = Access(place.region, place.endpoint, place.profile, role_arn, place.is_anonymous)
    style = {None: {}, True: {"addressing_style": "path"}, False: {"addressing_style": "virtual"}}[place.path_style]
    client = connect(
        "s3",
        access,
        use_ssl=place.has_tls,
        signature_version="s3v4",
        max_pool_connections=connections,
        request_checksum_calculation=str(place.checksums),
        response_checksum_validation="when_required",
        use_dualstack_endpoint=place.dualstack,
        use_fips_endpoint=place.fips,
        s3={**style, **({"use_accelerate_endpoint": True} if place.accelerate else {})},
    )
    if place.checksums is Checksums.WHEN_REQUIRED:
        client.meta.events.register("before-call.s3.DeleteObjects", _check_by_md5)
    return client


def _check_by_md5(params: dict[str, Any], **_others: object) -> None:
    """Give the one call that always needs a checksum the one that every store knows, in place of the SDK's choice."""
    params["headers"]["Content-MD5"] = _md5(params["body"])
    params["context"].pop("checksum", None)


def _md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
