"""A real server that is sent far more than it can inflate: it lives, answers others meanwhile, and comes up again."""

import gzip
import json
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.server.server_process import Served

TOKEN = "pul-" + "0123456789" * 4
STACK = "/api/stacks/acme/shop/dev"
SETTINGS = {"STACKHOLD_BOOTSTRAP_TOKEN": TOKEN, "STACKHOLD_BOOTSTRAP_ORG": "acme"}
MIB = 1 << 20
BATCHES = 12
# What one request takes of itself, and what the process may take beside what it had.
BATCH_BYTES = 60 * MIB
MOST_MORE_BYTES = 320 * MIB
MOST_SECONDS = 2.0

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


def ask(served: Served, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
    """Return status and body of a reply."""
    given = {"Authorization": f"token {TOKEN}", **headers}
    request = urllib.request.Request(served.url + path, body, given, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, json.loads(reply.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def peak_bytes(served: Served) -> int:
    """Return the most memory that the process has had."""
    lines = Path(f"/proc/{served.process.pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def poison(step: int) -> bytes:
    """Return a request of 60 KB that holds 60 MiB, blanks for the most part."""
    entry = {"version": 1, "kind": 1, "sequenceID": step, "operationID": step, "state": {"urn": f"u{step}", "type": "t"}}
    return gzip.compress(b'{"entries":[' + b" " * BATCH_BYTES + json.dumps(entry).encode() + b"]}")


def test_poisoned_update_harms_nobody(tmp_path: Path) -> None:
    """Twelve such batches of one update, 720 MiB in all, cost the server little more than one of them."""
    with Served(tmp_path, **SETTINGS) as served:
        assert 200 == ask(served, "POST", "/api/stacks/acme/shop", b'{"stackName":"dev"}')[0]
        begin = {"updateKind": "update", "program": {"options": {}}, "journalVersion": 2}
        _, begun = ask(served, "POST", f"{STACK}/begin-update", json.dumps(begin).encode())
        update, lease = f"{STACK}/update/{begun['updateID']}", {"Authorization": f"update-token {begun['token']}"}
        before = peak_bytes(served)
        for step in range(BATCHES):
            packed = {**lease, "Content-Encoding": "gzip"}
            assert 204 == ask(served, "PATCH", f"{update}/journalentries", poison(step), **packed)[0]
        began = time.monotonic()
        assert 200 == ask(served, "GET", "/api/user")[0]
        assert time.monotonic() - began < MOST_SECONDS
        assert 204 == ask(served, "POST", f"{update}/complete", b'{"status":"succeeded"}', **lease)[0]

        assert peak_bytes(served) - before < MOST_MORE_BYTES
    with Served(tmp_path, **SETTINGS) as served:
        assert BATCHES == len(ask(served, "GET", f"{STACK}/export")[1]["deployment"]["resources"])
