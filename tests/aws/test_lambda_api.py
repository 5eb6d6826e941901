"""The packed API function under the platform's own runtime client, behind a gateway with the platform's limits."""

import base64
import gzip
import json
import os
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Client, Response

from tests.aws.artifact import Artifact
from tests.aws.gateway_front import event_of
from tests.aws.installation import JOBS_EVENT, Installation
from tests.aws.moto_process import Moto
from tests.aws.runtime_api import REPLY_LIMIT_BYTES, Environment
from tests.stacks.engine.builders import make_resource, make_state
from tests.wire import create_stack, error_of, import_state

MEGABYTE = 1_000_000


@pytest.fixture
def client(installation: Installation) -> Client:
    """A client signed in as the administrator, which follows redirects as the command line does."""
    headers = {"Authorization": f"token {installation.token}", "Accept-Encoding": "gzip"}
    return Client(base_url=installation.url, headers=headers, timeout=60, follow_redirects=True)


@pytest.fixture
def stack(client: Client) -> str:
    """A stack of this test's own."""
    return create_stack(client, f"dev-{uuid.uuid4().hex[:8]}")


def random_state(size_bytes: int) -> bytes:
    """Return a state with one output of so many bytes, which no compression makes smaller than three quarters."""
    noise = base64.b64encode(os.urandom(size_bytes * 3 // 4)).decode()
    return make_state(make_resource("big", outputs={"noise": noise}))


def import_packed(client: Client, stack: str, state: bytes) -> Response:
    """Import a state as the command line does: compressed."""
    return client.post(f"{stack}/import", content=gzip.compress(state), headers={"Content-Encoding": "gzip"})


def call(environment: Environment, method: str, path: str, **headers: str) -> dict[str, Any]:
    """Call the function with the event of a request."""
    reply: dict[str, Any] = environment.invoke(event_of(method, path, {"host": "api.example.com", **headers}, b"", "192.0.2.1"))
    return reply


class TestLargeReplies:
    """A reply that is larger than a function may return."""

    def test_that_compress_well_are_sent(self, client: Client, stack: str) -> None:
        """Thirteen megabytes of ordinary state are far below the limit once compressed."""
        state = make_state(*(make_resource(f"r{number}", outputs={"text": "x" * 1200}) for number in range(10_000)))
        assert 200 == import_packed(client, stack, state).status_code
        reply = client.get(f"{stack}/export")

        assert (200, []) == (reply.status_code, reply.history)
        assert 10_000 == len(reply.json()["deployment"]["resources"])

    def test_that_just_fit_are_sent(self, client: Client, stack: str) -> None:
        """Five megabytes that hardly compress fit, as base64 of gzip and as plain text."""
        state = random_state(5 * MEGABYTE)
        assert 200 == import_packed(client, stack, state).status_code
        for accepted in ("gzip", "identity"):
            reply = client.get(f"{stack}/export", headers={"Accept-Encoding": accepted})
            assert (200, []) == (reply.status_code, reply.history)
            assert json.loads(state)["deployment"]["resources"] == reply.json()["deployment"]["resources"]

    def test_that_do_not_fit_come_from_the_store(self, installation: Installation, client: Client, stack: str) -> None:
        """Nine megabytes come by a redirect, or are refused with size, limit and way out; the process lives on."""
        put_state(installation, stack, random_state(9 * MEGABYTE))
        starts = installation.api.inits
        reply = client.get(f"{stack}/export")
        status, code, message = error_of(client.get(f"{stack}/export", headers={"Accept-Encoding": "identity"}))
        after = [client.get("/api/user").status_code for _ in range(40)]

        assert 200 == reply.status_code
        assert [302] == [one.status_code for one in reply.history]
        assert "no-store" == reply.history[0].headers["Cache-Control"]
        assert 8 * MEGABYTE < len(reply.content)
        assert (413, 413) == (status, code)
        assert "6,000,000" in message
        assert "Accept-Encoding: gzip" in message
        assert "stackhold serve" in message
        assert [200] * 40 == after
        assert starts == installation.api.inits

    def test_never_reach_the_runtime(self, installation: Installation, client: Client, stack: str) -> None:
        """Whatever the size, the reply that the runtime is handed is within the platform's limit."""
        for size in (4_400_000, 5_500_000, 5_900_000, 6_000_000):
            put_state(installation, stack, random_state(size))
            for accepted in ("gzip", ""):
                event = event_of(
                    "GET",
                    f"{stack}/export",
                    {"host": "x", "authorization": f"token {installation.token}", "accept-encoding": accepted},
                    b"",
                    "192.0.2.1",
                )
                assert REPLY_LIMIT_BYTES >= len(installation.api.invoke_raw(json.dumps(event).encode()))


class TestLargeRequests:
    def test_are_refused_before_the_gateway_does(self, client: Client, stack: str) -> None:
        """A body that nearly fills an event is a 413 of ours, with advice; what is over the gateway's limit never comes here."""
        body = os.urandom(4_600_000)
        status, code, message = error_of(
            client.post(f"{stack}/import", content=b"\x1f\x8b" + body, headers={"Content-Encoding": "gzip"})
        )

        assert (413, 413) == (status, code)
        assert "4.5 MB" in message
        assert "stackhold serve" in message

    def test_below_that_are_taken(self, client: Client, stack: str) -> None:
        """Four megabytes of gzip go through."""
        assert 200 == import_packed(client, stack, random_state(5_400_000)).status_code


class TestRequests:
    def test_to_head_have_no_body(self, installation: Installation, client: Client) -> None:
        """The function returns no body for a HEAD, which the gateway would pass on."""
        assert 200 == client.get("/healthz").status_code
        replies = [call(installation.api.environments[0], method, "/healthz") for method in ("GET", "HEAD")]

        assert [200, 200] == [reply["statusCode"] for reply in replies]
        assert ['{"status":"ok"}', ""] == [reply["body"] for reply in replies]

    def test_that_nobody_serves_are_answered_in_the_wire_form(self, client: Client) -> None:
        """An unknown address is a 404 of ours and not of the gateway."""
        assert (404, 404) == error_of(client.get("/api/nothing/of%20the/kind"))[:2]


class TestStart:
    def test_from_a_snapshot_has_everything_loaded(self, packed: Artifact, installation: Installation, folder: Path) -> None:
        """Where a snapshot is taken the SDK and all groups are in it, and requests are served after it is restored."""
        environment = Environment(
            packed.code(installation.environment),
            "aws.lambda_api.handler",
            folder / "snap.log",
            AWS_LAMBDA_INITIALIZATION_TYPE="snap-start",
        )
        try:
            environment.start()
            authorization = {"authorization": f"token {installation.token}"}
            replies = [
                call(environment, "GET", path, **authorization) for path in ("/api/user", "/api/capabilities", "/api/user")
            ]
        finally:
            environment.close()

        assert [200, 200, 200] == [reply["statusCode"] for reply in replies]
        assert 1 == environment.inits

    def test_with_wrong_settings_says_so_and_goes_on(self, packed: Artifact, installation: Installation, folder: Path) -> None:
        """A function that cannot serve answers in the wire's form, and its log has one line with the reason, without secrets."""
        settings = {**installation.environment, "PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT": "s3://b?frobnicate=1"}
        environment = Environment(packed.code(settings), "aws.lambda_api.handler", folder / "wrong.log")
        try:
            replies = [call(environment, "GET", "/api/user") for _ in range(2)]
        finally:
            environment.close()

        assert [(503, 503)] * 2 == [(reply["statusCode"], json.loads(reply["body"])["code"]) for reply in replies]
        assert "PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT: unknown option 'frobnicate'" in environment.log
        assert "svc" not in environment.log
        assert 1 == environment.inits


class TestSettings:
    def test_of_a_secret_are_read_at_the_start_and_after_a_change(
        self, packed: Artifact, installation: Installation, moto_process: Moto, folder: Path
    ) -> None:
        """More than an environment holds comes from a secret, a change of it is used, and a mistake leaves what was before."""
        client = moto_process.client("secretsmanager")
        name = f"stackhold/{uuid.uuid4().hex}"
        oidc = {"STACKHOLD_OIDC_ISSUER": "https://login.example.com", "STACKHOLD_OIDC_CLIENT_ID": "stackhold"}
        further = {"METRICS_WEBHOOK_SECRET": "x" * 9000, "STACKHOLD_SETTINGS_SECONDS": "1"}
        client.create_secret(Name=name, SecretString=json.dumps({**oidc, **further, "STACKHOLD_OIDC_NAME": "Before"}))
        environment = Environment(
            packed.code({**installation.environment, "STACKHOLD_SETTINGS_SECRETS": name}),
            "aws.lambda_api.handler",
            folder / "secret.log",
            AWS_LAMBDA_INITIALIZATION_TYPE="snap-start",
        )

        def page() -> str:
            time.sleep(1.05)
            reply = call(environment, "GET", "/signin", accept="text/html")
            assert 200 == reply["statusCode"]
            body = str(reply["body"])
            return gzip.decompress(base64.b64decode(body)).decode() if reply.get("isBase64Encoded") else body

        try:
            before = page()
            client.put_secret_value(SecretId=name, SecretString=json.dumps({**oidc, **further, "STACKHOLD_OIDC_NAME": "After"}))
            after = page()
            client.put_secret_value(SecretId=name, SecretString='{"STACKHOLD_OIDC_ISSUER": "hush"}')
            mistaken = page()
        finally:
            environment.close()

        assert ["Before" in before, "After" in after, "After" in mistaken] == [True] * 3
        assert "the previous settings stay in use: " in environment.log
        assert "hush" not in environment.log
        assert 1 == environment.inits


class TestJobs:
    def test_run_on_a_schedule(self, installation: Installation) -> None:
        """The jobs function runs what is due, from the event that the schedule sends; what is not due is left."""
        first, second = (installation.jobs.invoke(JOBS_EVENT) for _ in range(2))

        assert isinstance(first, list)
        assert "delete_unused_blobs" not in second
        assert "Traceback" not in installation.jobs.log


def put_state(installation: Installation, stack: str, state: bytes) -> None:
    """Import a state as a server of one's own does, on the same database and store."""
    from starlette.testclient import TestClient

    from common.backend import open_backend
    from common.config.settings import Settings
    from functions.http.app import create_app

    with pytest.MonkeyPatch.context() as patch:
        for name, value in installation.environment.items():
            patch.setenv(name, value)
        backend = open_backend(Settings(installation.environment))
        with TestClient(create_app(backend), headers={"Authorization": f"token {installation.token}"}) as client:
            import_state(client, stack, state)
        backend.close()
