"""`stackhold verify`: which stored states cannot be read."""

import json
import urllib.request
from pathlib import Path

from tests.server.server_process import Served, contents, run

TOKEN = "pul-" + "0123456789" * 4
SETTINGS = {"STACKHOLD_BOOTSTRAP_TOKEN": TOKEN, "STACKHOLD_BOOTSTRAP_ORG": "acme"}
STATE = {"version": 3, "deployment": {"manifest": {}, "resources": []}}


def make_stacks(folder: Path) -> list[Path]:
    """Make two stacks with two versions each and return the files of their states, the oldest first."""
    with Served(folder, **SETTINGS) as served:

        def post(path: str, body: object) -> None:
            headers = {"Authorization": f"token {TOKEN}"}
            request = urllib.request.Request(served.url + path, json.dumps(body).encode(), headers)
            assert 200 == urllib.request.urlopen(request, timeout=30).status

        for name in ("dev", "prod"):
            post("/api/stacks/acme/shop", {"stackName": name})
            for _ in range(2):
                post(f"/api/stacks/acme/shop/{name}/import", STATE)
    [objects] = [path for path in folder.rglob("checkpoints") if path.is_dir()]
    return sorted((path for path in objects.rglob("*") if path.is_file()), key=lambda path: path.name)


def test_names_what_is_damaged(tmp_path: Path) -> None:
    """A lost state and one that was cut off are named with version and stack, old versions on demand; nothing is changed."""
    states = make_stacks(tmp_path)
    whole = run(tmp_path, "verify", **SETTINGS)
    states[1].write_bytes(states[1].read_bytes()[:-9])
    states[2].unlink()
    before = contents(tmp_path)
    newest, every = run(tmp_path, "verify", **SETTINGS), run(tmp_path, "verify", "--all-versions", **SETTINGS)

    assert (0, "2 stacks checked, 0 damaged\n") == (whole.returncode, whole.stdout), whole.stderr
    assert (1, 1) == (newest.returncode, every.returncode)
    [line, count] = newest.stdout.splitlines()
    assert line.startswith("version 2 of stack 'acme/shop/dev': the stored document checkpoints/")
    assert states[1].name in line
    assert "2 stacks checked, 1 damaged" == count
    assert "version 1 of stack 'acme/shop/prod': " in every.stdout
    assert states[2].name in every.stdout
    assert before.keys() == contents(tmp_path).keys()
