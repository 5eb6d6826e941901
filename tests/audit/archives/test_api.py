"""Shapes and statuses of the calls about the hourly export of an audit log."""

import pytest
from starlette.testclient import TestClient

from tests.factories.audit_exports import ROLE, Place
from tests.wire import error_of

# That both databases do the same, the tests of the service show.
pytestmark = pytest.mark.dialects("sqlite")
CONFIG = "/api/orgs/acme/auditlogs/export/config"
S3 = {"s3BucketName": "audit", "s3PathPrefix": "logs", "iamRoleArn": ROLE}
STORE = {"endpoint": "https://s3.example.com", "s3BucketName": "audit", "accessKeyId": "AKIDEXAMPLE"}
AZURE = {"containerUrl": "https://acme.blob.core.windows.net/audit", "pathPrefix": "logs"}
EMPTY_S3 = {"s3BucketName": "", "iamRoleArn": ""}


class TestConfiguration:
    def test_of_s3_has_upstreams_shape(self, client: TestClient) -> None:
        """What upstream has, and the external id that the role's trust policy needs."""
        assert 404 == error_of(client.get(CONFIG))[0]
        assert 204 == client.post(CONFIG, json={"newEnabled": True, "newS3Configuration": S3}).status_code
        found = client.get(CONFIG).json()

        assert 36 == len(found.pop("externalId"))
        assert {"enabled": True, "s3Config": S3, "lastResult": {"timestamp": 0, "message": ""}} == found

    @pytest.mark.parametrize(
        ("sent", "name", "secret", "shown"),
        [
            (
                "newS3CompatibleConfiguration",
                "s3CompatibleConfig",
                {"secretAccessKey": "hush-hush-hush"},
                {**STORE, "region": "us-east-1"},
            ),
            ("newAzureConfiguration", "azureConfig", {"sasToken": "sv=1&sig=hush-hush-hush"}, AZURE),
        ],
    )
    def test_shows_no_secret(
        self, client: TestClient, sent: str, name: str, secret: dict[str, str], shown: dict[str, str]
    ) -> None:
        """The secret is never in a reply, and a change without it keeps it; clients of upstream need `s3Config`."""
        first = {"newEnabled": True, "newS3Configuration": EMPTY_S3, sent: {**shown, **secret}}
        for body in (first, {"newEnabled": False, sent: shown}, {"newEnabled": False, "newS3Configuration": EMPTY_S3}):
            assert 204 == client.post(CONFIG, json=body).status_code
        found = client.get(CONFIG)

        assert (shown, EMPTY_S3, False) == (found.json()[name], found.json()["s3Config"], found.json()["enabled"])
        assert "hush" not in found.text

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"newEnabled": True},
            {"newEnabled": True, "newS3Configuration": {**S3, "iamRoleArn": "audit"}},
            {"newEnabled": True, "newS3Configuration": S3, "newAzureConfiguration": {**AZURE, "sasToken": "sig=x"}},
            {"newEnabled": True, "newAzureConfiguration": AZURE},
        ],
    )
    def test_refuses_what_cannot_be(self, client: TestClient, body: dict[str, object]) -> None:
        """No place, no role, two places, no secret."""
        assert 400 == error_of(client.post(CONFIG, json=body))[0]

    def test_is_deleted(self, client: TestClient) -> None:
        """A second call is no error."""
        client.post(CONFIG, json={"newEnabled": True, "newS3Configuration": S3})
        assert [204, 204] == [client.delete(CONFIG).status_code for _ in range(2)]
        assert 404 == error_of(client.get(CONFIG))[0]


class TestTrial:
    def test_writes_an_object(self, client: TestClient, azure_blob: Place) -> None:
        """An empty message says that the place took an object; another one says what is wrong."""
        config = {"containerUrl": azure_blob.destination.address, "pathPrefix": "logs"}
        good = client.post(f"{CONFIG}/azure/test", json={**config, "sasToken": azure_blob.secret})
        bad = client.post(f"{CONFIG}/azure/test", json={**config, "sasToken": f"{azure_blob.secret}x"})

        assert (200, "") == (good.status_code, good.json()["message"])
        assert ["logs/acme/stackhold-test.txt"] == list(azure_blob.read())
        assert (200, "127.0.0.1 answers with status 403") == (bad.status_code, bad.json()["message"])


class TestForce:
    def test_exports_an_hour_at_once(self, client: TestClient, s3_compatible: Place) -> None:
        """The hour of a moment, complete or not; the result is in the configuration, and the call in the log."""
        place = s3_compatible.destination
        store = {"endpoint": place.address, "s3BucketName": place.bucket, "accessKeyId": "testing"}
        body = {"newEnabled": True, "newS3CompatibleConfiguration": {**store, "secretAccessKey": s3_compatible.secret}}
        assert 204 == client.post(CONFIG, json=body).status_code
        forced = client.post(f"{CONFIG}/force", params={"timestamp": 1_767_323_045})

        assert {"timestamp": 1_767_323_045, "message": ""} == forced.json()
        assert forced.json() == client.get(CONFIG).json()["lastResult"]
        assert ["acme/2026/01/02/03.jsonl.gz"] == list(s3_compatible.read())
        events = client.get("/api/orgs/acme/auditlogs/v2").json()["auditLogEvents"]
        assert {"audit-log-export-forced", "audit-log-export-updated"} <= {event["event"] for event in events}
