"""Places that audit logs are exported to, and an organization that exports its log there."""

import gzip
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.request import Request, urlopen

from azure.storage.blob import ContainerClient, ContainerSasPermissions, generate_container_sas

from common.audit.archives import service as exports
from common.audit.archives.model import Destination, Kind
from common.backend import Backend
from common.rights.caller import Caller
from tests.aws.moto_process import Moto
from tests.hosts.azurite_process import ACCOUNT, KEY, Azurite

ROLE = "arn:aws:iam::123456789012:role/audit"


@dataclass(frozen=True)
class Place:
    """A destination with its secret, and what reads the objects in it by their keys."""

    destination: Destination
    secret: str
    read: Callable[[], dict[str, bytes]]

    def lines(self) -> dict[str, list[str]]:
        """Return the descriptions of the records in each object."""
        objects = {key: gzip.decompress(content).splitlines() for key, content in self.read().items()}
        return {key: [json.loads(line)["description"] for line in lines] for key, lines in objects.items()}


def set_up(backend: Backend, admin: Caller, place: Place) -> None:
    """Have acme's log exported to a place."""
    exports.update(backend, admin, "acme", place.destination, place.secret, is_enabled=True)


def bucket_place(moto: Moto, destination: Callable[[str], Destination], secret: str = "") -> Place:
    """Make a bucket and return it as a destination."""
    name = f"audit-{uuid.uuid4().hex}"
    moto.make_bucket(name)
    client = moto.client("s3")

    def read() -> dict[str, bytes]:
        listed = client.list_objects_v2(Bucket=name).get("Contents", [])
        return {one["Key"]: client.get_object(Bucket=name, Key=one["Key"])["Body"].read() for one in listed}

    return Place(destination(name), secret, read)


def container_place(azurite: Azurite) -> Place:
    """Make a container and return it as a destination, with a signature that may create and write blobs and nothing else."""
    name = azurite.new_container()
    url = f"http://{azurite.domain}/{ACCOUNT}/{name}"
    may = ContainerSasPermissions(create=True, write=True)
    signature = generate_container_sas(
        ACCOUNT, name, account_key=KEY, permission=may, expiry=datetime.now(UTC) + timedelta(hours=1)
    )

    def read() -> dict[str, bytes]:
        with ContainerClient.from_container_url(url, credential={"account_name": ACCOUNT, "account_key": KEY}) as client:
            return {key: client.download_blob(key).readall() for key in client.list_blob_names()}

    return Place(Destination(Kind.AZURE_BLOB, url, prefix="logs"), f"?{signature}", read)


@contextmanager
def strict_sts(moto: Moto) -> Iterator[str]:
    """Yield the address of an STS of another account that refuses to assume roles without an external id, as AWS does."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if b"Action=AssumeRole" in body and b"ExternalId=" not in body:
                status, content = 403, b"<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>"
            else:
                with urlopen(Request(moto.url, body, dict(self.headers.items()))) as reply:
                    status, content = reply.status, reply.read()
                if b"Action=GetCallerIdentity" in body:
                    content = content.replace(b"123456789012", b"210987654321")
            self.send_response(status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def org_id_of(caller: Caller) -> str:
    """Return the id of acme."""
    return next(membership.org_id for membership in caller.memberships if membership.login == "acme")
