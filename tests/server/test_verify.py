"""`stackhold verify`: which stored states, documents and data keys are missing or damaged."""

import json
import sqlite3
import urllib.request
from contextlib import closing
from pathlib import Path

from tests.server.server_process import Served, contents, run

TOKEN = "pul-" + "0123456789" * 4
SETTINGS = {"STACKHOLD_BOOTSTRAP_TOKEN": TOKEN, "STACKHOLD_BOOTSTRAP_ORG": "acme"}
STATE = {"version": 3, "deployment": {"manifest": {}, "resources": []}}
URN = "urn:pulumi:dev::shop::a:b:C::one"


def make_stacks(folder: Path, state: object = STATE) -> list[Path]:
    """Make two stacks with two versions each and return the files of their states, the oldest first."""
    with Served(folder, **SETTINGS) as served:

        def post(path: str, body: object) -> None:
            headers = {"Authorization": f"token {TOKEN}"}
            request = urllib.request.Request(served.url + path, json.dumps(body).encode(), headers)
            assert 200 == urllib.request.urlopen(request, timeout=30).status

        for name in ("dev", "prod"):
            post("/api/stacks/acme/shop", {"stackName": name})
            for _ in range(2):
                post(f"/api/stacks/acme/shop/{name}/import", state)
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

    assert (0, "2 stacks, 3 data keys, 4 documents, 0 problems\n") == (whole.returncode, whole.stdout), whole.stderr
    assert (1, 1) == (newest.returncode, every.returncode)
    [line, lost, count] = newest.stdout.splitlines()
    assert line.startswith("version 2 of stack 'acme/shop/dev': the stored document checkpoints/")
    assert states[1].name in line
    assert lost.endswith(f"{states[2].name}: the document is missing from the object store")
    assert "2 stacks, 3 data keys, 4 documents, 2 problems" == count
    assert "version 1 of stack 'acme/shop/prod': " in every.stdout
    assert 1 == every.stdout.count(states[2].name)
    assert before.keys() == contents(tmp_path).keys()


def test_names_keys_that_do_not_open_and_states_that_break_a_rule(tmp_path: Path) -> None:
    """A data key that was changed, and a state that Pulumi's engine would refuse, are in the report, here as JSON."""
    dangling = {"manifest": {}, "resources": [{"urn": URN, "type": "a:b:C", "parent": f"{URN}-gone"}]}
    make_stacks(tmp_path, {"version": 3, "deployment": dangling})
    with closing(sqlite3.connect(tmp_path / ".stackhold" / "stackhold.db")) as database:
        database.execute("UPDATE stacks SET wrapped_key = ? WHERE name = 'prod'", (b"\x01" + bytes(64),))
        database.commit()
    result = run(tmp_path, "verify", "--json", **SETTINGS)
    report = json.loads(result.stdout)

    assert 1 == result.returncode
    assert (2, 4, 3, False) == (report["states"], report["documents"], report["keys"], report["allVersions"])
    [key, *broken] = report["problems"]
    assert "key" == key["kind"]
    assert key["name"].startswith("stack ")
    assert "needs master key 0000000000000000" in key["problem"]
    assert ["version 2 of stack 'acme/shop/dev'", "version 2 of stack 'acme/shop/prod'"] == [state["name"] for state in broken]
    assert all("Pulumi's engine would refuse this state" in state["problem"] for state in broken)
