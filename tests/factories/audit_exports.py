"""Places that audit logs are exported to, and an organization that exports its log there."""

import gzip
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from common.audit.archives import service as exports
from common.audit.archives.model import Destination
from common.backend import Backend
from common.rights.caller import Caller
from tests.aws.moto_process import Moto

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


def org_id_of(caller: Caller) -> str:
    """Return the id of acme."""
    return next(membership.org_id for membership in caller.memberships if membership.login == "acme")
