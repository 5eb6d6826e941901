"""Exports that are larger than one reply of a function: stored or made in parts, sent to by a link that ends, deleted later."""

import re
import urllib.request
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert
from starlette.testclient import TestClient

from common.audit import steps
from common.audit.downloads import repository
from common.audit.downloads import service as downloads
from common.audit.downloads import steps as download_steps
from common.audit.events import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.compression import unpack
from common.db.tables.audit import audit_events
from common.ports.blobs import Bucket
from common.ports.blobs.s3 import S3
from common.ports.blobs.s3_address import parse
from common.rights.caller import Caller
from common.rights.permissions import Role
from functions.http.app import create_app
from functions.http.size_limits import Bounded, Carrier
from functions.jobs import deliver_messages
from tests.aws.moto_process import Moto
from tests.clocks import FrozenClock
from tests.factories.audit_exports import org_id_of
from tests.factories.people import ADMIN_TOKEN, make_user
from tests.interleaving import interleaved

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
    """A client of a function that carries two hundred bytes, with a log that is larger, also compressed."""
    with backend.db.begin() as tx:
        for number in range(COUNT):
            steps.record(tx, backend, admin, org_id_of(admin), Event.TEAM_CREATED, description=f"number {number}")
    app = Bounded(create_app(backend), Carrier("the carrier", 200, len))
    return TestClient(app, headers={"Authorization": f"token {ADMIN_TOKEN}"}, follow_redirects=False)


def keys(backend: Backend) -> list[str]:
    """Return the keys of stored exports."""
    return [key for key, _ in backend.metadata.page(download_steps.PREFIX, "", 100)]


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
        assert 0 == download_steps.delete_expired(backend)
        clock.moment += download_steps.AGE + timedelta(minutes=1)

        assert 1 == download_steps.delete_expired(backend)
        assert [] == keys(backend)


class TestParts:
    """An export that takes longer to make than a request of a function may."""

    @pytest.fixture
    def slow(self, backend: Backend, client: TestClient, admin: Caller) -> TestClient:
        """A client of a function that has no time, with a log of several pages."""
        rest = {"event": "team-created", "user_id": admin.user_id, "login": "admin", "token_name": "", "source_ip": ""}
        rows = [
            {"id": f"{i:036}", "org_id": org_id_of(admin), "recorded_at": 1_000 + i, "description": f"old {i}", **rest}
            for i in range(2_500)
        ]
        with backend.db.begin() as tx:
            tx.execute(insert(audit_events), rows)
        app = Bounded(create_app(backend), Carrier("the carrier", 200, len, making_seconds=0))
        return TestClient(app, headers={"Authorization": f"token {ADMIN_TOKEN}"}, follow_redirects=False)

    @pytest.mark.parametrize(("form", "lines"), [("csv", COUNT + 2_501), ("cef", COUNT + 2_500)])
    def test_make_the_whole(self, backend: Backend, slow: TestClient, form: str, lines: int) -> None:
        """The client is sent to an address that sends it to the link; the file is one, and has every record once, in order."""
        sent = slow.get(EXPORT, params={"format": form, "eventFilter": "team-created"})
        followed = slow.get(sent.headers["Location"])
        with urllib.request.urlopen(followed.headers["Location"]) as reply:
            packed = reply.read()

        assert [(302, "no-store")] * 2 == [(one.status_code, one.headers["Cache-Control"]) for one in (sent, followed)]
        assert sent.headers["Location"].startswith("/api/orgs/acme/auditlogs/export/downloads/")
        texts = zlib.decompress(packed, wbits=31).decode().splitlines()
        assert lines == len(texts) == len(set(texts))
        assert ["old 0", "old 1"] == [re.findall("old [0-9]+", line)[0] for line in texts[:-3:-1]]
        assert 1 == len(keys(backend))

    def test_go_on_where_the_last_request_stopped(self, backend: Backend, slow: TestClient, admin: Caller) -> None:
        """Each request makes at least one part; the job makes the rest if the client does not come back."""
        path = slow.get(EXPORT).headers["Location"]
        download_id = path.rpartition("/")[2]
        waited = [downloads.follow(backend, admin, "acme", download_id, seconds=0) for _ in range(2)]
        parts = keys(backend)
        while not deliver_messages(backend) or len(keys(backend)) > 1:
            pass

        assert [None, None] == waited
        assert [f"{download_steps.PREFIX}{download_id}-{part:05}" for part in (1, 2)] == parts
        assert [f"{download_steps.PREFIX}{download_id}"] == keys(backend)

    def test_are_made_once_for_a_repeated_request(self, slow: TestClient) -> None:
        """Until it got the link, a repeat of a request has the same download; another user, or another query, has another one."""
        first, repeated, other = (slow.get(EXPORT, params=query).headers["Location"] for query in ({}, {}, {"startTime": 2}))
        assert 302 == slow.get(first).status_code
        later = slow.get(EXPORT).headers["Location"]

        assert first == repeated
        assert 3 == len({first, other, later})

    def test_are_for_their_user_alone(self, backend: Backend, slow: TestClient) -> None:
        """Another administrator of the organization does not find a download, nor is one made up."""
        path = slow.get(EXPORT).headers["Location"]
        other = make_user(backend, "bob", org="acme", role=Role.ADMIN)
        found = slow.get(path, headers={"Authorization": f"token {other}"})

        assert 404 == found.status_code
        assert 404 == slow.get(f"{path}x").status_code

    def test_need_a_client_that_reads_gzip(self, backend: Backend, slow: TestClient) -> None:
        """Others are told what to do."""
        refused = slow.get(EXPORT, headers={"Accept-Encoding": "identity"})

        assert 413 == refused.status_code
        assert "Accept-Encoding: gzip" in refused.json()["message"]
        assert [] == keys(backend)

    def test_are_not_stored_by_a_process_whose_claim_has_run_out(
        self, backend: Backend, slow: TestClient, admin: Caller, clock: FrozenClock
    ) -> None:
        """Another process may have made the same part with more records, and gone on after them: they would be missing."""
        download_id = slow.get(EXPORT).headers["Location"].rpartition("/")[2]

        def meanwhile() -> None:
            clock.pass_seconds(download_steps.CLAIM_MILLIS // 1000)
            assert downloads.follow(backend, admin, "acme", download_id, seconds=30) is not None

        with interleaved(backend, "SELECT audit_events", meanwhile):
            downloads.follow(backend, admin, "acme", download_id, seconds=0)

        assert [f"{download_steps.PREFIX}{download_id}"] == keys(backend)

    def test_wait_for_another_process(self, backend: Backend, slow: TestClient, admin: Caller) -> None:
        """While one process makes a part, others make none; they go on when its claim is over."""
        download_id = slow.get(EXPORT).headers["Location"].rpartition("/")[2]
        with backend.db.begin() as tx:
            download = repository.find(tx, download_id)
            assert download is not None
            repository.claim(tx, download, unix_millis(backend.clock.now()) + 1_000)
        waited = downloads.follow(backend, admin, "acme", download_id, seconds=0)

        assert waited is None
        assert [] == keys(backend)
