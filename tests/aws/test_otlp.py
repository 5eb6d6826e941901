"""A packed function that sends traces and metrics to a receiver of OTLP, before the platform freezes it."""

import os
from contextlib import closing
from pathlib import Path

import pytest

from tests.aws.artifact import Artifact, artifact
from tests.aws.gateway_front import Front
from tests.aws.installation import installed
from tests.aws.moto_process import Moto
from tests.aws.runtime_api import Environment
from tests.e2e.cli import Server
from tests.e2e.server import call
from tests.mysql.shared import SharedServer
from tests.telemetry.receiver import over_http
from tools import package_aws
from tools.packaging import size_of


@pytest.fixture(scope="module")
def with_otel(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """The artifact with OpenTelemetry's SDK."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "aws-otel"
    shared.mkdir(exist_ok=True)
    return artifact(shared, "otel")


def test_a_reply_comes_after_its_spans(
    with_otel: Artifact, moto_process: Moto, mysql_server: SharedServer, tmp_path: Path
) -> None:
    """When a reply is there, so are its spans at the receiver."""
    with over_http() as received, installed(with_otel, moto_process, mysql_server, tmp_path) as made:
        more = {"OTEL_EXPORTER_OTLP_ENDPOINT": received.endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": "http"}
        code = with_otel.code({**made.environment, **more})
        with closing(Environment(code, "aws.lambda_api.handler", tmp_path / "traced.log")) as environment:
            with closing(Front(environment.invoke_raw)) as front:
                call(Server(front.url, made.token, made.org), "/api/user")
            spans = [span.name for span in received.spans]
            environment.stop()

    assert "GET /api/user" in spans
    assert any(name.startswith("SELECT") for name in spans)
    assert 1 in received.points["http.server.request.duration"].values()


def test_the_package_is_within_its_limit(with_otel: Artifact) -> None:
    """The SDK and its exporter add less than the limit allows."""
    size = size_of(with_otel.folder)
    print(f"with otel: {size / 2**20:.1f} MiB")

    assert size <= package_aws.LIMIT_BYTES + package_aws.TELEMETRY["otel"]
