"""A packed function that sends segments to a stand-in for the daemon of AWS X-Ray."""

import os
import time
from collections.abc import Iterator
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
from tests.telemetry.xray_daemon import Daemon, running_daemon
from tools import package_aws
from tools.packaging import size_of

ROOT, PARENT = "1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8"
LIMIT_SECONDS = 20


@pytest.fixture(scope="module")
def with_xray(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """The artifact with X-Ray's SDK."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "aws-xray"
    shared.mkdir(exist_ok=True)
    return artifact(shared, "xray")


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """What takes the place of the daemon."""
    with running_daemon() as daemon:
        yield daemon


def test_a_call_is_a_subsegment_of_the_platforms_segment(
    with_xray: Artifact, moto_process: Moto, mysql_server: SharedServer, daemon: Daemon, tmp_path: Path
) -> None:
    """What a function does is below the segment that Lambda makes: statements on MySQL, and calls of AWS with their operation."""
    with installed(with_xray, moto_process, mysql_server, tmp_path) as made:
        more = {"STACKHOLD_XRAY": "true", "AWS_XRAY_DAEMON_ADDRESS": daemon.address}
        code = with_xray.code({**made.environment, **more})
        with closing(Environment(code, "aws.lambda_api.handler", tmp_path / "traced.log")) as environment:
            environment.trace = f"Root={ROOT};Parent={PARENT};Sampled=1"
            with closing(Front(environment.invoke_raw)) as front:
                server = Server(front.url, made.token, made.org)
                call(server, f"/api/stacks/{made.org}/shop", {"stackName": "dev"})
                call(server, f"/api/stacks/{made.org}/shop/dev/encrypt", {"plaintext": "eA=="})
            deadline = time.monotonic() + LIMIT_SECONDS
            while not any(one.get("namespace") == "aws" for one in daemon.everything):
                assert time.monotonic() < deadline, environment.log
                time.sleep(0.05)

    requests = [one for one in daemon.documents if one.get("parent_id") == PARENT]
    databases = {one["sql"]["database_type"] for one in daemon.everything if "sql" in one}
    calls = {one["name"]: one["aws"]["operation"] for one in daemon.everything if one.get("namespace") == "aws"}
    assert {ROOT} == {one["trace_id"] for one in daemon.documents}
    assert "/api/stacks/{org}/{project}/{stack}/encrypt" in {one["annotations"].get("http_route") for one in requests}
    assert {"mysql"} == databases
    assert calls["kms"] in {"Encrypt", "GenerateDataKey"}


def test_the_package_is_within_its_limit(with_xray: Artifact) -> None:
    """X-Ray's SDK adds little to the package."""
    assert size_of(with_xray.folder) <= package_aws.LIMIT_BYTES + package_aws.TELEMETRY["xray"]
