"""The command line works with a server that a proxy shows under a path and leaves the path in the address."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.cli import Cli, Server
from tests.e2e.project import UP, ProjectFactory, secret, stash
from tests.e2e.recording_proxy import RecordingProxy
from tests.e2e.server import ServerProcess


@pytest.mark.newest_cli_only
def test_under_a_path_behind_a_proxy(make_cli: Callable[[Server], Cli], make_project: ProjectFactory, tmp_path: Path) -> None:
    """Signing in, making a stack, secret configuration and an update: all through the path."""
    process = ServerProcess(tmp_path / "data", STACKHOLD_BASE_PATH="/pulumi")
    process.start()
    try:
        with RecordingProxy(process.server.url) as proxy:
            cli = make_cli(replace(process.server, url=f"{proxy.url}/pulumi"))
            cli.login()
            project = make_project(cli)
            project.write({"vault": stash(secret("1234"))}, {"code": "${vault.output}"})
            project.init()
            project.run("config", "set", "--secret", "pin", "4711")
            updated = project.run(*UP)

            assert {"created": 2} == updated.changes()
            assert "4711" == project.run("config", "get", "pin").stdout.strip()
            state = project.run("stack", "export")
            assert "1234" not in state.stdout
            assert f"{proxy.url}/pulumi" == state.json()["deployment"]["secrets_providers"]["state"]["url"]
    finally:
        process.stop()
