"""The stand-ins of the places that audit logs are exported to, and an organization that exports its log to one of them."""

from collections.abc import Iterator

import pytest

from common.audit.archives.model import Destination, Kind
from common.backend import Backend
from tests.aws.moto_process import CREDENTIALS, Moto
from tests.factories.audit_exports import ROLE, Place, bucket_place, container_place, strict_sts
from tests.factories.webhooks import calling
from tests.hosts.azurite_process import Azurite
from tests.hosts.fixtures import azurite

__all__ = ["azurite"]


@pytest.fixture
def backend(backend: Backend) -> Backend:
    """A backend that may call addresses of this machine."""
    return calling(backend)


@pytest.fixture
def s3(moto: Moto, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A bucket that a role may write to."""
    with strict_sts(moto) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", url)
        yield bucket_place(moto, lambda name: Destination(Kind.S3, bucket=name, prefix="/logs/", access=ROLE))


@pytest.fixture
def s3_compatible(moto: Moto) -> Place:
    """A bucket of a store that is reached by an access key."""
    return bucket_place(
        moto,
        lambda name: Destination(Kind.S3_COMPATIBLE, f"{moto.url}/", bucket=name, prefix="logs", access="testing"),
        CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )


@pytest.fixture
def azure_blob(azurite: Azurite) -> Place:
    """A container, and a signature that may create and write blobs in it and nothing else."""
    return container_place(azurite)


@pytest.fixture(params=["s3", "s3_compatible", "azure_blob"])
def place(request: pytest.FixtureRequest) -> Place:
    """Each of them."""
    found: Place = request.getfixturevalue(request.param)
    return found
