"""Statuses, shapes and parameters of the audit log's calls, which are the same whichever store the log is read from."""

from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from tests.aws.moto_process import Moto
from tests.factories.audit_tables import copy_logs, make_table
from tests.factories.tokens import TOKENS
from tests.wire import error_of

# That both databases do the same, the tests of the service show.
pytestmark = pytest.mark.dialects("sqlite")
LOGS = "/api/orgs/acme/auditlogs"
# The frozen clock of the tests, 2026-01-02T03:04:05Z.
NOW = 1_767_323_045


@pytest.fixture(params=["database", "dynamodb"])
def backend(backend: Backend, request: pytest.FixtureRequest) -> Backend:
    """A backend whose readers get logs from each store."""
    if request.param == "database":
        return backend
    moto: Moto = request.getfixturevalue("moto")
    return replace(backend, audit_table=make_table(moto))


@pytest.fixture(autouse=True)
def token(client: TestClient, backend: Backend) -> None:
    """One event in the log: a token was made."""
    assert 200 == client.post(TOKENS, json={"name": "ci", "description": "", "admin": False, "expires": 0}).status_code
    copy_logs(backend)


class TestEvents:
    @pytest.mark.parametrize(
        ("path", "query", "count"),
        [
            ("", {}, 1),
            ("", {"startTime": NOW}, 1),
            ("", {"startTime": NOW + 9}, 1),
            ("", {"startTime": NOW - 1}, 0),
            ("/v2", {}, 1),
            ("/v2", {"startTime": NOW}, 1),
            ("/v2", {"startTime": NOW + 1}, 0),
            ("/v2", {"endTime": NOW}, 1),
            ("/v2", {"endTime": NOW - 1}, 0),
            ("/v2", {"eventFilter": "organization-token-created"}, 1),
            ("/v2", {"eventType": "organization-token-created"}, 1),
            ("/v2", {"eventFilter": ["team-created", "organization-token-created"]}, 1),
            ("/v2", {"eventFilter": "team-created"}, 0),
            ("/v2", {"user": "admin"}, 1),
            ("/v2", {"userFilter": "admin", "user": ""}, 1),
        ],
    )
    def test_are_narrowed(self, client: TestClient, path: str, query: dict[str, object], count: int) -> None:
        """The first version goes back from a moment, the second lies between two; older clients spell filters otherwise."""
        found = client.get(f"{LOGS}{path}", params=query)  # type: ignore[arg-type]

        assert (200, count) == (found.status_code, len(found.json()["auditLogEvents"]))

    def test_have_upstreams_shape(self, client: TestClient) -> None:
        """An event has who, what, when in unix seconds, from where and by which token."""
        (event,) = client.get(f"{LOGS}/v2").json()["auditLogEvents"]

        assert {
            "timestamp": NOW,
            "event": "organization-token-created",
            "description": "Made token 'ci' of the organization, as a member",
            "user": {"name": "Administrator", "githubLogin": "admin", "avatarUrl": "", "email": ""},
            "reqOrgAdmin": True,
            "reqStackAdmin": False,
            "authFailure": False,
            "sourceIP": "testclient",
            "actorName": "Administrator",
            "actorUrn": "urn:stackhold:user:admin",
        } == {key: value for key, value in event.items() if key not in ("tokenID", "tokenName")}
        assert "bootstrap" == event["tokenName"]

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("?startTime=x", 400),
            ("/v2?startTime=-1", 400),
            ("/v2?endTime=99999999999999999999", 400),
            ("/v2?user=nobody", 404),
            ("/v2?continuationToken=x", 400),
            ("/v2/export?format=xml", 400),
            ("/config", 404),
        ],
    )
    def test_refuse_what_cannot_be(self, client: TestClient, path: str, status: int) -> None:
        """With bad numbers, an unknown user or an unknown format: an error in the wire's shape."""
        assert status == error_of(client.get(f"{LOGS}{path}"))[0]


class TestExport:
    @pytest.mark.parametrize(("form", "begin"), [("csv", "Timestamp,Name,Login"), ("cef", "Jan 02 03:04:05 127.0.0.1 CEF:0|")])
    def test_is_text(self, client: TestClient, form: str, begin: str) -> None:
        """Both versions export both formats, as text."""
        for path, query in (("/v2/export", {}), ("/export", {"startTime": str(NOW)})):
            found = client.get(f"{LOGS}{path}", params={"format": form, **query})

            assert found.headers["content-type"].startswith("text/plain"), found.text
            assert found.text.startswith(begin)
            assert "organization-token-created" in found.text


class TestCatalogue:
    def test_lists_what_is_recorded(self, client: TestClient) -> None:
        """Every event that this server records is explained."""
        found = client.get(f"{LOGS}/event-types").json()["eventTypes"]

        assert "organization-token-created" in [kind["event"] for kind in found]
        assert all(kind["displayName"] and kind["description"] and not kind["deprecated"] for kind in found)
        assert "SQL" == client.get(f"{LOGS}/reader-kind").json()
