"""Webhooks, the hourly export of audit logs and policies, on packed functions: no process lives on, so the schedule does the work."""

import os
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Client

from common.audit.archives.model import Destination, Kind
from tests.aws.artifact import artifact
from tests.aws.fixtures import moto, moto_process
from tests.aws.installation import JOBS_EVENT, installed
from tests.aws.moto_process import Moto
from tests.factories.audit_exports import ROLE, Place, bucket_place, container_place, strict_sts
from tests.factories.policies import complete, create, enable, make_archive
from tests.hosts.azure_app import AzureApp
from tests.hosts.azurite_process import KEY
from tests.hosts.certificate import Certificate
from tests.hosts.fixtures import AzureServices
from tests.mysql.shared import SharedServer
from tests.peers.webhook_receiver import WebhookReceiver
from tests.wire import begin, create_stack, program

__all__ = ["moto", "moto_process"]

HOUR_MILLIS = 3_600_000
LOOPBACK = {"STACKHOLD_OUTBOUND_ALLOW": "127.0.0.1"}
MANY_RECORDS = """
INSERT INTO audit_events (id, org_id, recorded_at, event, description, user_id, login, token_name, source_ip)
WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < 20500)
SELECT /*+ SET_VAR(cte_max_recursion_depth = 100000) */ LPAD(i, 36, '0'), organizations.id, 1000000000 + i, 'role-created',
    CONCAT('record ', i, REPEAT('x', 1900)), 'u', 'alice', '', ''
FROM numbers JOIN organizations ON organizations.login = 'acme'
"""
BUCKET = "urn:pulumi:dev::shop::aws:s3/bucket:Bucket::data"
VIOLATION = {
    "sequence": 1,
    "timestamp": 1,
    "policyEvent": {
        "resourceUrn": BUCKET,
        "message": "The bucket is public.",
        "color": "raw",
        "policyName": "no-public-buckets",
        "policyPackName": "guard",
        "policyPackVersion": "1",
        "policyPackVersionTag": "1.0.0",
        "enforcementLevel": "mandatory",
    },
}


@dataclass(frozen=True)
class Host:
    """An installation on packed functions, clients that are signed in there and not, and a place for its audit log."""

    client: Client
    anyone: Client
    place: Place
    fire: Callable[[], object]
    run: Callable[[str], object]

    def tick(self) -> None:
        """Fire the schedule as if some time had passed, so that every job is due: twice, for what one job queues for another."""
        for _ in range(2):
            self.run("UPDATE jobs SET due_at = 0")
            self.fire()


@pytest.fixture(scope="module", params=["lambda", "azure"])
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Each of the packages, on a database and stores of its own."""
    server: SharedServer = request.getfixturevalue("mysql_server")
    folder = tmp_path_factory.mktemp("record")
    with ExitStack() as stack:
        if request.param == "lambda":
            base = tmp_path_factory.getbasetemp()
            shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "aws"
            shared.mkdir(exist_ok=True)
            made = _on_lambda(shared, request.getfixturevalue("moto_process"), server, folder)
        else:
            services: AzureServices = request.getfixturevalue("new_azure_services")()
            certificate: Certificate = request.getfixturevalue("certificate")
            # The stand-in for Blob Storage refuses addresses that an identity signed, so the account's key signs them here.
            settings = {**services.settings, **LOOPBACK, "AZURE_STORAGE_KEY": KEY}
            app = AzureApp(request.getfixturevalue("azure_package"), settings, folder / "app.log")
            place = container_place(request.getfixturevalue("azurite"))
            made = _on_azure(app, settings, place, server, ssl.create_default_context(cafile=str(certificate.certificate)))
        yield stack.enter_context(made)


@contextmanager
def _on_lambda(packed: Path, moto: Moto, server: SharedServer, folder: Path) -> Iterator[Host]:
    with strict_sts(moto) as sts:
        more = {**LOOPBACK, "AWS_ENDPOINT_URL_STS": sts}
        with installed(artifact(packed), moto, server, folder, more) as made:
            place = bucket_place(moto, lambda name: Destination(Kind.S3, bucket=name, prefix="logs", access=ROLE))
            database = made.environment["PULUMI_DATABASE_NAME"]
            with _client(made.url, made.token) as client, Client() as anyone:
                yield Host(
                    client,
                    anyone,
                    place,
                    lambda: made.jobs.invoke(JOBS_EVENT),
                    lambda text: server.run(text, database=database),
                )


@contextmanager
def _on_azure(
    app: AzureApp, settings: dict[str, str], place: Place, server: SharedServer, trusted: ssl.SSLContext
) -> Iterator[Host]:
    app.start()
    try:
        assert (202, "") == app.fire("jobs"), app.log
        with _client(app.url, settings["STACKHOLD_BOOTSTRAP_TOKEN"], trusted) as client, Client(verify=trusted) as anyone:
            database = settings["PULUMI_DATABASE_NAME"]
            yield Host(client, anyone, place, lambda: app.fire("jobs"), lambda text: server.run(text, database=database))
    finally:
        app.stop()


def _client(url: str, token: str, trusted: ssl.SSLContext | None = None) -> Client:
    headers = {"Authorization": f"token {token}", "Accept-Encoding": "gzip"}
    return Client(base_url=url, headers=headers, timeout=60, verify=trusted or True, follow_redirects=True)


def _configuration(place: Place) -> dict[str, Any]:
    destination = place.destination
    if destination.kind is Kind.AZURE_BLOB:
        azure = {"containerUrl": destination.address, "pathPrefix": destination.prefix, "sasToken": place.secret}
        return {"newAzureConfiguration": azure}
    s3 = {"s3BucketName": destination.bucket, "s3PathPrefix": destination.prefix, "iamRoleArn": destination.access}
    return {"newS3Configuration": s3}


class TestWebhooks:
    def test_are_sent_by_the_schedule(self, host: Host) -> None:
        """The event of an update arrives once, when the schedule fires, and its delivery is listed."""
        with WebhookReceiver() as receiver:
            hook = {"organizationName": "acme", "name": "hook", "displayName": "Hook", "payloadUrl": receiver.url, "active": True}
            assert 201 == host.client.post("/api/orgs/acme/hooks", json=hook | {"format": "raw", "filters": []}).status_code
            begin(host.client, create_stack(host.client, "hooked", project="web")).complete()
            before = receiver.take()
            host.tick()
            received = receiver.wait(2)
            host.tick()

            assert [] == before
            assert ["stack", "stack_update"] == [one.kind for one in received]
            assert received == receiver.received
        deliveries = host.client.get("/api/orgs/acme/hooks/hook/deliveries").json()
        assert {200} == {delivery["responseCode"] for delivery in deliveries}
        assert {one.id for one in received} == {delivery["id"] for delivery in deliveries}
        assert host.client.delete("/api/orgs/acme/hooks/hook").is_success


class TestHourlyExport:
    def test_is_written_by_the_schedule(self, host: Host) -> None:
        """An hour that is over is one object in the organization's own bucket or container."""
        create_stack(host.client, "exported", project="web")
        config = "/api/orgs/acme/auditlogs/export/config"
        assert host.client.post(config, json={"newEnabled": True, **_configuration(host.place)}).is_success
        # As if everything had happened three hours ago.
        host.run(f"UPDATE audit_events SET recorded_at = recorded_at - {3 * HOUR_MILLIS}")
        host.run(f"UPDATE audit_exports SET next_hour = next_hour - {3 * HOUR_MILLIS}, due_at = 0")
        host.tick()
        objects = host.place.lines()

        # Two where a full hour passed meanwhile.
        assert 1 <= len(objects) <= 2
        assert all(key.startswith("logs/acme/") and key.endswith(".jsonl.gz") for key in objects)
        assert "Created stack acme/web/exported" in [line for lines in objects.values() for line in lines]
        assert "" == host.client.get(config).json()["lastResult"]["message"]
        assert host.client.delete(config).is_success


class TestLargeExport:
    def test_is_made_in_parts(self, host: Host) -> None:
        """Forty megabytes are more than one request makes: the client is sent on until there is a link, and has every record."""
        host.run(MANY_RECORDS)
        reply = host.client.get("/api/orgs/acme/auditlogs/v2/export", params={"format": "cef", "eventFilter": "role-created"})

        assert 200 == reply.status_code
        assert {302} == {one.status_code for one in reply.history}
        assert 2 <= len(reply.history) <= 9
        numbers = re.findall(r"msg=record ([0-9]+)x", reply.text)
        assert [str(number) for number in range(20_500, 0, -1)] == numbers


class TestPolicies:
    def test_are_published_and_required(self, host: Host) -> None:
        """A pack is stored and fetched at signed addresses, updates must run it, and the schedule makes issues of its events."""
        archive = make_archive()
        upload = create(host.client).json()
        stored = host.anyone.put(upload["uploadURI"], content=archive, headers=upload.get("requiredHeaders") or {})
        assert stored.is_success, stored.text
        assert 204 == complete(host.client).status_code
        assert enable(host.client).is_success
        stack = create_stack(host.client, "guarded", project="web")
        (policy,) = host.client.post(f"{stack}/update", json=program()).json()["requiredPolicies"]
        fetched = host.anyone.get(policy["packLocation"], follow_redirects=False)
        running = begin(host.client, stack)
        assert running.events(VIOLATION).is_success
        assert running.complete("failed").is_success
        host.tick()
        issues = host.client.post("/api/orgs/acme/policyresults/issues", json={"startRow": 0, "endRow": 100}).json()

        assert ("guard", "1.0.0") == (policy["name"], policy["versionTag"])
        assert (200, archive) == (fetched.status_code, fetched.content)
        assert [("no-public-buckets", BUCKET, "open")] == [
            (issue["policyName"], issue["resourceURN"], issue["status"]) for issue in issues["policyIssues"]
        ]
