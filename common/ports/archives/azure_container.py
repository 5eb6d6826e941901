"""A container of Azure Blob Storage, by a shared access signature of the customer's that may create and write blobs."""

from dataclasses import dataclass, field
from urllib.parse import quote

from common.ports.archives import CONTENT_TYPE, upload
from common.ports.outbound import Outbound


@dataclass(frozen=True, slots=True)
class AzureContainer:
    """The driver. It needs no SDK: the signature is part of the address."""

    url: str
    signature: str = field(repr=False)
    outbound: Outbound = field(repr=False)
    owner: str

    def put(self, key: str, content: bytes) -> None:
        """Upload a blob; raises ArchiveError."""
        headers = {"Content-Type": CONTENT_TYPE, "x-ms-blob-type": "BlockBlob"}
        upload(self.outbound, f"{self.url}/{quote(key)}?{self.signature}", headers, content, owner=self.owner)
