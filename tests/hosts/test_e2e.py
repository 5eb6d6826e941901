"""The conformance kit and the command line, against the packed function app and against a server on Azure's services."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from tests.e2e.cli import Server
from tests.e2e.toolchain import VERSIONS_SETTING
from tests.hosts.azure_app import ROOT, fire
from tools.client_versions import CLI_VERSIONS

KIT = ROOT.parent / "shared" / "conformance" / "run.py"
TICK_SECONDS = 60
LIMIT_SECONDS = 45 * 60


@pytest.fixture(params=["azure_server", "azure_backed_server"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The packed app with its timer, which Azure fires every minute; or a server process on the same services."""
    server: Server = request.getfixturevalue(request.param)
    stopping = threading.Event()

    def tick() -> None:
        while not stopping.wait(TICK_SECONDS):
            fire(server.url, "jobs")

    thread = threading.Thread(target=tick)
    if request.param == "azure_server":
        thread.start()
    yield server
    stopping.set()
    if thread.ident is not None:
        thread.join()


@pytest.mark.slow
def test_conformance(server: Server) -> None:
    """The conformance kit passes on MySQL, Blob Storage and Key Vault."""
    if not KIT.exists():
        pytest.skip("the conformance kit is not beside this checkout")
    command = [sys.executable, str(KIT), "--server", server.url, "--token", server.token, "--org", server.org]
    for group in os.environ.get("STACKHOLD_CONFORMANCE_GROUPS", "lifecycle,errors,names").split(","):
        ended = subprocess.run([*command, "--group", group], capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
        assert 0 == ended.returncode, ended.stdout[-3000:]


@pytest.mark.slow
@pytest.mark.e2e
def test_command_line(server: Server) -> None:
    """The newest command line, or those asked for, passes all of its tests."""
    asked = os.environ.get("STACKHOLD_CLOUD_E2E_VERSIONS", CLI_VERSIONS[0])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment |= {
        VERSIONS_SETTING: asked,
        "STACKHOLD_E2E_URL": server.url,
        "STACKHOLD_E2E_TOKEN": server.token,
        "STACKHOLD_E2E_ORG": server.org,
        # Azurite expects another signature in addresses that an identity signed than the newest SDK writes.
        "STACKHOLD_E2E_WITHOUT_UPLOADS": "the stand-in for Blob Storage refuses addresses that an identity signed",
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/e2e"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
    sys.stdout.write(ended.stdout[-1500:])

    assert 0 == ended.returncode, ended.stdout[-6000:]
