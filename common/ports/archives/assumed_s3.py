"""A bucket of S3 in a customer's account, by a role of theirs that this program assumes with an external id.

The external id is another one for each organization, so that none can have the bucket of another written.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from common.ports.archives import CONTENT_TYPE, ArchiveError
from common.ports.aws import Access, Keys, connect, reason_of

if TYPE_CHECKING:
    from botocore.client import BaseClient

_SESSION = "stackhold-audit-export"
# The shortest session that there is.
_SESSION_SECONDS = 900
# A test of the settings waits for these calls, and its gateway for 30 seconds.
_READ_SECONDS, _RETRIES = 8, {"mode": "standard", "total_max_attempts": 2}


@dataclass(frozen=True, slots=True)
class AssumedS3:
    """The driver; `access` is that of this program."""

    bucket: str
    role_arn: str
    external_id: str
    access: Access

    def put(self, key: str, content: bytes) -> None:
        """Upload an object; raises ArchiveError."""
        try:
            from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the SDK is loaded on first use
        except ImportError as error:
            raise ArchiveError("this server has no SDK for S3: its operator installs stackhold[aws]") from error
        try:
            keys = self._assume()
        except (BotoCoreError, ClientError) as error:
            raise ArchiveError(f"role {self.role_arn} cannot be assumed: {reason_of(error)}") from error
        # The session's own credentials: those of a role that this program has are not asked for again.
        client = connect("s3", replace(self.access, role_arn=""), keys=keys, read_timeout=_READ_SECONDS, retries=_RETRIES)
        try:
            client.put_object(Bucket=self.bucket, Key=key, Body=content, ContentType=CONTENT_TYPE)
        except (BotoCoreError, ClientError) as error:
            raise ArchiveError(f"bucket {self.bucket}: {reason_of(error)}") from error

    def _assume(self) -> Keys:
        """Return the keys of a session; raises ArchiveError for a role that another organization could name too."""
        client = connect("sts", self.access, read_timeout=_READ_SECONDS, retries=_RETRIES)
        session = {"RoleArn": self.role_arn, "RoleSessionName": _SESSION, "DurationSeconds": _SESSION_SECONDS}
        if client.get_caller_identity()["Account"] == self.role_arn.split(":")[4]:
            raise ArchiveError(f"role {self.role_arn} is of this server's own account, whose roles are not for organizations")
        if _is_assumed(client, session):
            raise ArchiveError(f"role {self.role_arn} can be assumed without an external id: demand sts:ExternalId in its trust")
        given = client.assume_role(**session, ExternalId=self.external_id)["Credentials"]
        return Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


def _is_assumed(client: "BaseClient", session: dict[str, object]) -> bool:
    """Tell whether a role can be assumed without an external id: AWS ignores one that its trust does not demand."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - as above

    try:
        client.assume_role(**session)
    except ClientError as error:
        if reason_of(error) != "AccessDenied":
            raise
        return False
    return True
