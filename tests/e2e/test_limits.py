"""The command line meets the server's limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.cli import Cli, Server
from tests.e2e.project import UP, ProjectFactory, stash
from tests.e2e.recording_proxy import RecordingProxy
from tests.e2e.server import ServerProcess


@pytest.mark.newest_cli_only
def test_journal_batches_over_the_limit_are_halved(
    make_cli: Callable[[Server], Cli], make_project: ProjectFactory, tmp_path: Path
) -> None:
    """A batch that is too large is refused with 413, and its entries arrive in smaller ones: the update ends well."""
    process = ServerProcess(tmp_path / "data", STACKHOLD_BATCH_LIMIT_BYTES="6000")
    process.start()
    try:
        with RecordingProxy(process.server.url) as proxy:
            cli = make_cli(replace(process.server, url=proxy.url))
            cli.login()
            project = make_project(cli)
            project.write({f"r{number}": stash("x" * 1_000) for number in range(40)}, {})
            project.init()
            updated = project.run(*UP)

            assert {"created": 41} == updated.changes()
            assert {204, 413} == {status for call, status in proxy.statuses if call == "journalentries"}
            # With the stack itself and the provider.
            assert 42 == len(project.run("stack", "export").json()["deployment"]["resources"])
    finally:
        process.stop()
