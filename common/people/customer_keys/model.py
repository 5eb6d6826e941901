"""Keys that organizations manage themselves, and migrations of data keys, as values. No I/O."""

import re
from dataclasses import dataclass
from enum import StrEnum

from common.core.customer_key import CustomerKey
from common.core.errors import BadRequest

# The id of the server's own master key among the keys of an organization.
SERVICE = "service"
KEYS_LIMIT = 50
NAME_LIMIT = 100
_KEY_ARN = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:(key|alias)/[A-Za-z0-9/_-]{1,256}")
_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[A-Za-z0-9+=,.@_/-]{1,400}")


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key of an organization; `created_at` in unix milliseconds."""

    key: CustomerKey
    name: str
    is_enabled: bool
    created_at: int


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to register, in the client's words."""

    name: str
    key_type: str
    key_arn: str = ""
    role_arn: str = ""


KMS_TYPE = "aws_kms"


class MigrationState(StrEnum):
    """The state of a migration."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"
    # A later migration has another target.
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Migration:
    """A run that wraps all data keys of an organization by one key: the master key without a `target_key_id`.

    Times are unix milliseconds. `problem` says why a data key could not be migrated, or why the last attempt was interrupted.
    """

    id: str
    org_id: str
    target_key_id: str | None
    state: MigrationState
    problem: str
    rewrapped: int
    created_at: int
    began_at: int
    ended_at: int | None


def require_new_key(new: NewKey) -> None:
    """Raise BadRequest unless the name and the addresses of a new key are well-formed."""
    if new.key_type != KMS_TYPE:
        raise BadRequest(f"keyType must be {KMS_TYPE!r}; the server's own key ({SERVICE!r}) is there already")
    if not new.name.strip() or len(new.name) > NAME_LIMIT:
        raise BadRequest(f"a key needs a name of at most {NAME_LIMIT} characters")
    if not _KEY_ARN.fullmatch(new.key_arn):
        raise BadRequest("keyArn must be the ARN of a key or an alias in AWS KMS: arn:aws:kms:<region>:<account>:key/<id>")
    if not _ROLE_ARN.fullmatch(new.role_arn):
        raise BadRequest(
            "roleArn must be the ARN of the role that may use the key, which this server assumes:"
            " arn:aws:iam::<account>:role/<name>"
        )
