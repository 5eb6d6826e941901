"""A bucket of a store that speaks S3, at an address that the customer names, by an access key of theirs."""

from dataclasses import dataclass
from urllib.parse import quote

from common.ports.archives import CONTENT_TYPE, ArchiveError, upload
from common.ports.aws import Keys
from common.ports.outbound import Outbound


@dataclass(frozen=True, slots=True)
class KeyedS3:
    """The driver. The SDK signs the request alone; it is sent as all are that go to an address which a user names."""

    endpoint: str
    region: str
    bucket: str
    keys: Keys
    outbound: Outbound
    owner: str

    def put(self, key: str, content: bytes) -> None:
        """Upload an object; raises ArchiveError."""
        url = f"{self.endpoint}/{self.bucket}/{quote(key)}"
        upload(self.outbound, url, self._signed_headers(url, content), content, owner=self.owner)

    def _signed_headers(self, url: str, content: bytes) -> dict[str, str]:
        try:
            from botocore.auth import S3SigV4Auth  # noqa: PLC0415 - the SDK is loaded on first use
            from botocore.awsrequest import AWSRequest  # noqa: PLC0415
            from botocore.credentials import Credentials  # noqa: PLC0415
        except ImportError as error:
            raise ArchiveError("this server has no SDK for S3: its operator installs stackhold[aws]") from error
        request = AWSRequest("PUT", url, {"Content-Type": CONTENT_TYPE}, content)
        S3SigV4Auth(Credentials(self.keys.access_key, self.keys.secret_key), "s3", self.region).add_auth(request)
        return dict(request.headers.items())
