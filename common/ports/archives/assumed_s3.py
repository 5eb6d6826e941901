"""A bucket of S3 in a customer's account, by a role of theirs that this program assumes with an external id.

The external id is another one for each organization, so that none can have the bucket of another written.
"""

from dataclasses import dataclass, replace

from common.ports.archives import CONTENT_TYPE, ArchiveError
from common.ports.aws import Access, Keys, connect, reason_of

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
        answer = connect("sts", self.access, read_timeout=_READ_SECONDS, retries=_RETRIES).assume_role(
            RoleArn=self.role_arn,
            RoleSessionName=_SESSION,
            ExternalId=self.external_id,
            DurationSeconds=_SESSION_SECONDS,
        )
        given = answer["Credentials"]
        return Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
