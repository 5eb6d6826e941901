"""`make conformance`: the conformance kit against a server from the built wheel."""

import sys
import urllib.request
from pathlib import Path

import pytest

from tools import conformance, release_check


def test_says_where_it_looked_for_the_kit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a kit nothing is built, and the message names the folder and the option."""
    code = conformance.main(["--kit", str(tmp_path)])

    assert conformance.NO_KIT == code
    assert f"there is no conformance kit in {tmp_path}: name its folder with --kit\n" == capsys.readouterr().err


def test_the_server_is_one_that_the_kit_can_use(tmp_path: Path) -> None:
    """It has the organization and the administrator's token that the kit is told, and ends with the run."""
    token = "pul-" + "0123456789" * 4
    settings = {"STACKHOLD_BOOTSTRAP_TOKEN": token, "STACKHOLD_BOOTSTRAP_ORG": conformance.ORGANIZATION}
    with release_check.serving(Path(sys.executable).with_name("stackhold"), tmp_path, settings) as address:
        request = urllib.request.Request(f"{address}/api/user", headers={"Authorization": f"token {token}"})
        with urllib.request.urlopen(request, timeout=30) as reply:
            assert b'"conformance"' in reply.read()

    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"{address}/healthz", timeout=5)
