"""Exports that are larger than one reply of a function: stored, sent to by a link that ends, and deleted later."""

import urllib.request
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from starlette.testclient import TestClient

from common.audit import downloads, steps
from common.audit.events import Event
from common.backend import Backend
from common.core.compression import unpack
from common.ports.blobs import Bucket
from common.ports.blobs.s3 import S3
from common.ports.blobs.s3_address import parse
from common.rights.caller import Caller
from functions.http.app import create_app
from functions.http.size_limits import Bounded, Carrier
from tests.aws.moto_process import Moto
from tests.clocks import FrozenClock
from tests.factories.audit_exports import org_id_of
from tests.factories.people import ADMIN_TOKEN

pytestmark = pytest.mark.dialects("sqlite")
EXPORT = "/api/orgs/acme/auditlogs/v2/export"
COUNT = 50


@pytest.fixture
def backend(backend: Backend, moto: Moto) -> Backend:
    """A backend whose documents are in a bucket, as those of a function are."""
    address = moto.make_bucket(f"documents-{datetime.now(UTC).timestamp()}")
    return replace(backend, metadata=Bucket(S3(parse(address, "TEST"))))


@pytest.fixture
def client(backend: Backend, admin: Caller) -> TestClient:
    """A client of a function that carries a kilobyte, with a log that is larger."""
    with backend.db.begin() as tx:
        for number in range(COUNT):
            steps.record(tx, backend, admin, org_id_of(admin), Event.TEAM_CREATED, description=f"number {number}")
    app = Bounded(create_app(backend), Carrier("the carrier", 1_000, len))
    return TestClient(app, headers={"Authorization": f"token {ADMIN_TOKEN}"}, follow_redirects=False)


def keys(backend: Backend) -> list[str]:
    """Return the keys of stored exports."""
    return [key for key, _ in backend.metadata.page(downloads.PREFIX, "", 100)]


class TestLink:
    @pytest.mark.parametrize(("form", "lines"), [("csv", COUNT + 1), ("cef", COUNT)])
    def test_serves_the_whole_export(self, client: TestClient, form: str, lines: int) -> None:
        """A client is sent to a presigned address, which needs no token and has every record."""
        sent = client.get(EXPORT, params={"format": form})
        with urllib.request.urlopen(sent.headers["Location"]) as reply:
            text = unpack(reply.read()).decode()

        assert (302, "no-store") == (sent.status_code, sent.headers["Cache-Control"])
        assert "X-Amz-Expires=300" in sent.headers["Location"]
        assert lines == len(text.splitlines())
        assert "number 0" in text

    def test_needs_a_client_that_reads_gzip(self, backend: Backend, client: TestClient) -> None:
        """Others are told what to do, and nothing is stored."""
        refused = client.get(EXPORT, headers={"Accept-Encoding": "identity"})

        assert 413 == refused.status_code
        assert "Accept-Encoding: gzip" in refused.json()["message"]
        assert [] == keys(backend)

    def test_is_left_out_for_what_fits(self, backend: Backend, client: TestClient) -> None:
        """A short export is the reply."""
        reply = client.get(EXPORT, params={"eventFilter": "team-deleted"})

        assert (200, 1) == (reply.status_code, len(reply.text.splitlines()))
        assert [] == keys(backend)


class TestDeletion:
    def test_of_old_exports(self, backend: Backend, client: TestClient, clock: FrozenClock) -> None:
        """A stored export is deleted after some hours, and not earlier."""
        client.get(EXPORT)
        clock.moment = datetime.now(UTC)
        assert 0 == downloads.delete_expired(backend)
        clock.moment += downloads.AGE + timedelta(minutes=1)

        assert 1 == downloads.delete_expired(backend)
        assert [] == keys(backend)
