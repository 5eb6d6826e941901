"""Where an organization exports its audit log, and how that went. No I/O but the shapes."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from common.core.errors import BadRequest

HOUR_MILLIS = 3_600_000
PREFIX_LIMIT, ADDRESS_LIMIT, SECRET_LIMIT, RESULT_LIMIT = 500, 500, 2_048, 1_024
DEFAULT_REGION = "us-east-1"
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")
_ROLE = re.compile(r"arn:aws[a-z-]{0,20}:iam::[0-9]{12}:role/[\w+=,.@/-]{1,512}", re.ASCII)
_REGION = re.compile(r"[a-z0-9-]{1,40}")
_ACCESS_KEY = re.compile(r"[\x21-\x7e]{1,128}")


class Kind(StrEnum):
    """The kind of a destination."""

    S3 = "s3"
    S3_COMPATIBLE = "s3-compatible"
    AZURE_BLOB = "azure-blob"


@dataclass(frozen=True, slots=True)
class Destination:
    """A bucket or a container.

    `address` is empty for S3, the address of the service for a store that speaks S3, and that of the container on Azure.
    `access` is the ARN of the role, or the id of the access key. The secret is kept apart.
    """

    kind: Kind
    address: str = ""
    region: str = ""
    bucket: str = ""
    prefix: str = ""
    access: str = ""

    @property
    def has_secret(self) -> bool:
        """Tell whether it needs a secret: a secret key, or a shared access signature."""
        return self.kind is not Kind.S3

    def key(self, org: str, name: str) -> str:
        """Return the key of an object of an organization."""
        return "/".join(part for part in (self.prefix, org, name) if part)

    def may_use_secret_of(self, other: "Destination") -> bool:
        """Tell whether a secret that was entered for another destination may be sent to this one."""
        return (self.kind, self.address, self.access) == (other.kind, other.address, other.access)


@dataclass(frozen=True, slots=True)
class Result:
    """The result of the last attempt, in unix milliseconds; an empty message is a success."""

    at: int
    message: str


@dataclass(frozen=True, slots=True)
class Position:
    """How far an hour was exported: how many objects were written, and a mark of the last record in them, or an empty text."""

    parts: int = 0
    last: str = ""


BEGINNING = Position()


@dataclass(frozen=True, slots=True)
class Export:
    """The settings of an organization's export.

    `next_hour` is the beginning of the hour that is exported next, and `position` how far that was exported already.
    """

    org_id: str
    is_enabled: bool
    destination: Destination
    sealed_secret: bytes | None
    next_hour: int
    due_at: int
    failures: int
    result: Result | None
    position: Position = BEGINNING


def make_destination(destination: Destination) -> Destination:
    """Return a destination as it is stored; raises BadRequest for one that cannot be. Its address is checked elsewhere."""
    prefix = destination.prefix.strip("/")
    _require_prefix(prefix)
    if destination.kind is not Kind.AZURE_BLOB and not _BUCKET.fullmatch(destination.bucket):
        raise BadRequest("s3BucketName must be the name of a bucket: 3 to 63 letters, digits and . _ -")
    if destination.kind is Kind.S3 and not _ROLE.fullmatch(destination.access):
        raise BadRequest("iamRoleArn must be the ARN of a role, such as arn:aws:iam::123456789012:role/audit")
    if destination.kind is Kind.S3_COMPATIBLE and not _ACCESS_KEY.fullmatch(destination.access):
        raise BadRequest("accessKeyId must be the id of an access key")
    region = destination.region or (DEFAULT_REGION if destination.kind is Kind.S3_COMPATIBLE else "")
    if region and not _REGION.fullmatch(region):
        raise BadRequest("region must be the name of a region, such as eu-west-1")
    if len(destination.address) > ADDRESS_LIMIT:
        raise BadRequest(f"an address has up to {ADDRESS_LIMIT} characters")
    address = destination.address.rstrip("/")
    return Destination(destination.kind, address, region, destination.bucket, prefix, destination.access)


def make_secret(destination: Destination, secret: str) -> str:
    """Return a secret as it is stored; raises BadRequest for one that cannot be."""
    if len(secret) > SECRET_LIMIT or not (secret.isascii() and secret.isprintable()):
        raise BadRequest(f"a secret has up to {SECRET_LIMIT:,} characters of ASCII")
    if destination.kind is not Kind.AZURE_BLOB:
        return secret
    signature = secret.removeprefix("?")
    if "sig=" not in signature or "#" in signature or " " in signature:
        raise BadRequest("sasToken must be a shared access signature, which has a part sig=")
    return signature


def object_name(hour: int, part: int = 1) -> str:
    """Return the name of an object of an hour, which begins at a moment in unix milliseconds. The names sort in order."""
    suffix = f".part-{part:04}" if part > 1 else ""
    return f"{datetime.fromtimestamp(hour // 1000, UTC):%Y/%m/%d/%H}{suffix}.jsonl.gz"


def hour_of(millis: int) -> int:
    """Return the beginning of the hour of a moment."""
    return millis - millis % HOUR_MILLIS


def _require_prefix(prefix: str) -> None:
    parts = prefix.split("/") if prefix else []
    is_fit = all(part and not part.endswith(".") for part in parts)
    if len(prefix) > PREFIX_LIMIT or not prefix.isprintable() or not is_fit:
        raise BadRequest(f"a path prefix has up to {PREFIX_LIMIT} characters, and no part of it is empty or ends with a dot")
