"""Keys that an organization manages itself. The vendor's SDK sends `null` for what is not set, so `null` equals absent."""

import msgspec
from msgspec import UNSET, UnsetType


class AwsKmsConfig(msgspec.Struct, rename="camel"):
    """Upstream: AwsKmsConfig."""

    role_arn: str = ""
    key_arn: str = ""


class CustomerManagedKeyInput(msgspec.Struct, rename="camel"):
    """Upstream: CustomerManagedKeyInput."""

    name: str
    key_type: str
    aws_kms: AwsKmsConfig | None = None


class CustomerManagedKey(msgspec.Struct, rename="camel"):
    """Upstream: CustomerManagedKey; it does not say which states there are."""

    id: str
    name: str
    key_type: str
    state: str
    aws_kms: AwsKmsConfig | UnsetType = UNSET


class DisableCustomerManagedKeyRequest(msgspec.Struct):
    """Upstream: DisableCustomerManagedKeyRequest."""

    dest_id: str = msgspec.field(name="destID")


class KeyEncryptionKeyMigration(msgspec.Struct, rename="camel"):
    """Upstream: KeyEncryptionKeyMigration; all but the first two are ours. Times are unix milliseconds."""

    id: str
    state: str
    # Upstream's spelling of an id in other models.
    dest_id: str = msgspec.field(name="destID")
    rewrapped: int
    problem: str
    created_at: int
    ended_at: int | None
