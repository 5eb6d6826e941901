"""Traces and metrics at a receiver of OTLP, and nothing where none is set."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from common.backend import Backend
from common.core.errors import StartUpError
from common.rights.caller import Caller
from common.telemetry.otlp import Flushing
from functions.jobs import run_due
from tests.factories.clients import make_client
from tests.factories.people import ADMIN_TOKEN
from tests.factories.settings import with_settings
from tests.factories.stacks import creation
from tests.telemetry.receiver import RECEIVERS, Received, over_http
from tests.wire import begin, create_stack

pytestmark = pytest.mark.dialects("sqlite")
S = "/api/stacks/acme/shop/dev"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def received() -> Iterator[Received]:
    """A receiver over HTTP."""
    with over_http() as received:
        yield received


@pytest.fixture
def traced(backend: Backend, received: Received) -> Iterator[Backend]:
    """A backend that sends there."""
    opened = with_settings(
        backend,
        OTEL_EXPORTER_OTLP_ENDPOINT=received.endpoint,
        OTEL_EXPORTER_OTLP_PROTOCOL="http",
        SMTP_PASSWORD="canary-password",
    )
    opened.start_telemetry()
    yield opened
    opened.telemetry.close()


class TestProtocols:
    @pytest.mark.parametrize("protocol", RECEIVERS)
    def test_both_carry_traces_and_metrics(self, backend: Backend, admin: Caller, protocol: str) -> None:
        """A receiver of either protocol gets spans, and metrics with the name and release of the service."""
        with RECEIVERS[protocol]() as received:
            settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": received.endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol}
            opened = with_settings(backend, **settings)
            opened.start_telemetry()
            assert 200 == make_client(opened).get("/api/user").status_code
            opened.telemetry.close()

        assert {"GET /api/user"} == {span.name for span in received.spans if span.kind == 2}
        assert 1 in received.points["http.server.request.duration"].values()
        assert "stackhold" == received.resources[0]["service.name"]
        assert received.resources[0]["service.version"]

    def test_what_does_not_answer_fails_no_request(self, backend: Backend, admin: Caller) -> None:
        """A receiver that is not there costs its spans, and nothing else."""
        opened = with_settings(backend, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", OTEL_EXPORTER_OTLP_PROTOCOL="http")
        opened.start_telemetry()
        status = make_client(opened).get("/api/user").status_code
        opened.telemetry.close()

        assert 200 == status


class TestTraces:
    def test_go_on_from_the_client(self, traced: Backend, received: Received, admin: Caller) -> None:
        """The span of a request is a child of what the client names, and has what the request is about."""
        client = make_client(traced)
        create_stack(client)
        update = begin(client, S)
        client.headers["traceparent"] = f"00-{TRACE}-{PARENT}-01"
        update.journal(*creation("b", 1))
        update.complete()
        traced.telemetry.flush()
        spans = [span for span in received.spans if span.trace_id == TRACE]
        (complete,) = (span for span in spans if span.name.endswith("/complete"))
        inside = [span for span in spans if span.parent_id == complete.span_id]

        assert (PARENT, 2) == (complete.parent_id, complete.kind)
        assert ("acme", "shop", "dev") == tuple(
            complete.attributes[f"stackhold.{name}"] for name in ("organization", "project", "stack")
        )
        assert update.id == complete.attributes["stackhold.update.id"]
        assert ("POST", 204) == (complete.attributes["http.request.method"], complete.attributes["http.response.status_code"])
        assert "/api/stacks/{org}/{project}/{stack}/{kind}/{update_id}/complete" == complete.attributes["http.route"]
        assert {"UPDATE updates", "SELECT journal_batches", "blob put"} <= {span.name for span in inside}
        assert {"sqlite"} == {span.attributes["db.system.name"] for span in inside if "db.query.text" in span.attributes}

    def test_of_jobs_begin_with_the_job(self, traced: Backend, received: Received) -> None:
        """A run of a job is a trace of its own; statements outside of any work are none."""
        run_due(traced)
        traced.telemetry.flush()
        roots = {span.name for span in received.spans if not span.parent_id}

        assert "job expire_leases" in roots
        assert {"job"} == {name.partition(" ")[0] for name in roots}

    def test_of_failures_say_so(self, traced: Backend, received: Received, admin: Caller) -> None:
        """A refused request is a span without an error; its address is not part of it."""
        make_client(traced).get("/api/no/such/address")
        traced.telemetry.flush()
        (span,) = (span for span in received.spans if span.kind == 2)

        assert ("GET", 404) == (span.name, span.attributes["http.response.status_code"])
        assert "error.type" not in span.attributes

    def test_have_no_secret(self, traced: Backend, received: Received, admin: Caller) -> None:
        """Neither tokens nor values nor settings are in what is sent: parameters of statements are not."""
        client = make_client(traced)
        create_stack(client)
        update = begin(client, S)
        update.journal(*creation("b", 1))
        update.complete()
        client.post(f"{S}/encrypt", json={"plaintext": "Y2FuYXJ5LXZhbHVl"})
        client.get("/api/user?token=canary-query", headers={"Authorization": "token canary-header-canary-header"})
        run_due(traced)
        traced.telemetry.close()
        text = b"".join(received.raw)

        assert len(received.spans) > 30
        assert [] == [secret for secret in ("canary", "Y2FuYXJ5", ADMIN_TOKEN, update.token) if secret.encode() in text]


class TestGauges:
    def test_are_pushed_by_what_runs_jobs(self, traced: Backend, received: Received) -> None:
        """Who does not scrape gets what the database knows from the process that runs jobs."""
        from common.installation import measurements

        assert traced.telemetry.pushes_gauges
        measurements.push(traced)
        traced.telemetry.close()

        assert {0} == set(received.points["stackhold.outbox.age"].values())
        assert {1} == set(received.points["stackhold.database.up"].values())


class TestUnset:
    def test_loads_nothing(self) -> None:
        """Without a receiver neither the SDK nor an exporter is loaded, nor Prometheus, nor X-Ray; FastAPI needs the bare API."""
        code = """
import sys
import functions.server.uvicorn_server, functions.hosts.function_host, functions.http.group_app
names = ("opentelemetry.sdk", "opentelemetry.exporter", "opentelemetry.instrumentation", "grpc", "prometheus_client", "aws_xray_sdk")
print([name for name in sys.modules if name.startswith(names)])
"""
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)

        assert "[]" == ended.stdout.strip()

    def test_an_unknown_protocol_is_refused(self, backend: Backend) -> None:
        """The setting names the protocols that there are."""
        with pytest.raises(StartUpError, match="OTEL_EXPORTER_OTLP_PROTOCOL must be grpc or http"):
            with_settings(backend, OTEL_EXPORTER_OTLP_PROTOCOL="udp")


class TestFlushing:
    def test_pauses_after_a_failure(self) -> None:
        """A receiver that failed is not waited for again within a minute, and no error reaches the request."""
        calls: list[int] = []

        def fail(milliseconds: int) -> bool:
            calls.append(milliseconds)
            raise RuntimeError("no receiver")

        flushing = Flushing(fail)
        flushing.run()
        flushing.run()

        assert 1 == len(calls)

    def test_goes_on_after_a_success(self) -> None:
        """Each request sends what it has."""
        calls: list[int] = []

        def send(milliseconds: int) -> bool:
            calls.append(milliseconds)
            return True

        flushing = Flushing(send)
        flushing.run()
        flushing.run()

        assert 2 == len(calls)
