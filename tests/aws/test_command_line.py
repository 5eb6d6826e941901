"""The end-to-end tests of the command line, and the conformance kit, against the packed Lambda functions and a server on AWS."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.aws.installation import JOBS_EVENT, Installation, served
from tests.aws.moto_process import Moto
from tests.e2e.cli import Server
from tests.e2e.toolchain import VERSIONS_SETTING
from tests.mysql.shared import SharedServer
from tests.reporting import missing_tool
from tools.client_versions import CLI_VERSIONS

ROOT = Path(__file__).parents[2]
KIT = ROOT.parent / "shared" / "conformance" / "run.py"
# The schedule's own period is a minute; tests of what a job does should not wait so long.
TICK_SECONDS = 5.0
LIMIT_SECONDS = 45 * 60
pytestmark = pytest.mark.slow


@pytest.fixture
def functions(installation: Installation) -> Iterator[Server]:
    """The packed functions with their schedule, whose processes must all live to the end."""
    stopping = threading.Event()

    def tick() -> None:
        while not stopping.wait(TICK_SECONDS):
            installation.jobs.invoke(JOBS_EVENT)

    thread = threading.Thread(target=tick)
    thread.start()
    yield Server(installation.url, installation.token, installation.org)
    stopping.set()
    thread.join()
    assert len(installation.api.environments) == installation.api.inits


@pytest.fixture
def own_server(moto_process: Moto, mysql_server: SharedServer, tmp_path: Path) -> Iterator[Server]:
    """`stackhold serve` on MySQL, S3 and KMS."""
    with served(moto_process, mysql_server, tmp_path) as server:
        yield server


@pytest.fixture(params=["functions", "own_server"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each way to serve from AWS's services."""
    found: Server = request.getfixturevalue(request.param)
    return found


def run(command: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program and show its last lines."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    ended = subprocess.run(
        command, cwd=ROOT, env={**inherited, **variables}, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
    )
    sys.stdout.write(ended.stdout[-1500:])
    return ended


@pytest.mark.e2e
def test_command_line(server: Server) -> None:
    """The newest command line, or those asked for, passes all of its tests."""
    ended = run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/e2e"],
        **{VERSIONS_SETTING: os.environ.get("STACKHOLD_CLOUD_E2E_VERSIONS", CLI_VERSIONS[0])},
        STACKHOLD_E2E_URL=server.url,
        STACKHOLD_E2E_TOKEN=server.token,
        STACKHOLD_E2E_ORG=server.org,
    )

    assert 0 == ended.returncode, ended.stdout[-6000:]


def test_conformance(server: Server) -> None:
    """The kit that judges servers from outside finds nothing, in some ten thousand calls."""
    if not KIT.exists():
        missing_tool("the conformance kit is not beside this repository")
    ended = run([sys.executable, str(KIT), "--server", server.url, "--token", server.token, "--org", server.org])

    assert 0 == ended.returncode, ended.stdout[-6000:]
