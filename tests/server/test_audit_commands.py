"""`stackhold audit verify` and `stackhold audit export`: a log proven unaltered, live and offline."""

import json
import urllib.request
from pathlib import Path

from tests.server.server_process import Served, run

TOKEN = "pul-" + "0123456789" * 4
SETTINGS = {"STACKHOLD_BOOTSTRAP_TOKEN": TOKEN, "STACKHOLD_BOOTSTRAP_ORG": "acme"}


def make_log(folder: Path) -> None:
    """Make a log with one record: a token of the organization."""
    with Served(folder, **SETTINGS) as served:
        body = {"name": "ci", "description": "", "admin": False, "expires": 0}
        headers = {"Authorization": f"token {TOKEN}"}
        request = urllib.request.Request(f"{served.url}/api/orgs/acme/tokens", json.dumps(body).encode(), headers)
        assert 200 == urllib.request.urlopen(request, timeout=30).status


def test_verify_a_log_and_its_export(tmp_path: Path) -> None:
    """A log and its export hold; a change of the export is named, also where there is no installation."""
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    for folder in (data, elsewhere):
        folder.mkdir()
    make_log(data)
    live = run(data, "audit", "verify", "--organization", "acme")
    exported = run(data, "audit", "export", "--organization", "acme")
    file = tmp_path / "export.jsonl"
    file.write_text(exported.stdout)
    offline = run(elsewhere, "audit", "verify", "--from", str(file))
    file.write_text(exported.stdout.replace("token 'ci'", "token 'cd'"))
    changed = run(elsewhere, "audit", "verify", "--from", str(file))
    unknown = run(data, "audit", "verify", "--organization", "example")

    assert (0, 2) == (live.returncode, len(exported.stdout.splitlines())), live.stderr + exported.stderr
    assert live.stdout.startswith("acme: 1 record unaltered since ")
    assert (0, f"{file}: ") == (offline.returncode, offline.stdout[: len(f"{file}: ")])
    assert [] == list(elsewhere.iterdir())
    assert (1, f"{file}: record 1 changed (line 1)") == (changed.returncode, changed.stdout.partition(": record 1 was")[0])
    assert (1, "") == (unknown.returncode, unknown.stdout)
    assert "example" in unknown.stderr
