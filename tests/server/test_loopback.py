"""What a client on the server's machine gets from a real server, and one behind a proxy."""

import gzip
import json
import os
import urllib.request
from collections.abc import Iterator

import pytest

from tests.server.server_process import Served

TOKEN = "pul-" + "0123456789" * 4
PROJECT = "/api/stacks/acme/shop"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with two states of 200 KB that gzip makes half of."""
    settings = {"STACKHOLD_BOOTSTRAP_TOKEN": TOKEN, "STACKHOLD_BOOTSTRAP_ORG": "acme"}
    with Served(tmp_path_factory.mktemp("nearby"), **settings) as started:
        for name in ("dev", "prod"):
            ask(started, PROJECT, {"stackName": name})
            root = {"urn": f"urn:pulumi:{name}::shop::pulumi:pulumi:Stack::shop-{name}", "type": "pulumi:pulumi:Stack"}
            resources = [{**root, "outputs": {"noise": os.urandom(100_000).hex()}}]
            ask(started, f"{PROJECT}/{name}/import", {"version": 3, "deployment": {"manifest": {}, "resources": resources}})
        yield started


def ask(served: Served, path: str, body: object = None, **headers: str) -> tuple[str | None, bytes]:
    """Return the encoding of the answer and its bytes as they came."""
    sent = None if body is None else json.dumps(body).encode()
    given = {"Authorization": f"token {TOKEN}", "Accept-Encoding": "gzip", **headers}
    with urllib.request.urlopen(urllib.request.Request(served.url + path, sent, given), timeout=30) as reply:
        return reply.headers["Content-Encoding"], reply.read()


def test_state_is_plain_for_a_neighbour(served: Served) -> None:
    """The same state comes plain over loopback, and packed for whom a proxy asks."""
    path = f"{PROJECT}/dev/export"
    near, far = ask(served, path), ask(served, path, **{"X-Forwarded-For": "192.0.2.7"})

    assert (None, "gzip") == (near[0], far[0])
    assert near[1] == gzip.decompress(far[1])
    assert len(far[1]) < len(near[1])


def test_damaged_state_does_not_pass_for_a_whole_one(served: Served) -> None:
    """A state is read to its end before any of it is sent: the reply names the stack, and no client gets a part of it."""
    stored = max((served.out.parent / ".stackhold").rglob("checkpoints/*/*"), key=lambda path: path.stat().st_mtime_ns)
    damaged = bytearray(stored.read_bytes())
    damaged[-6] ^= 0xFF  # in the checksum, behind all of the text
    stored.write_bytes(damaged)

    with pytest.raises(urllib.error.HTTPError) as refusal:
        ask(served, f"{PROJECT}/prod/export")

    assert 500 == refusal.value.code
    assert "/prod' cannot be read" in refusal.value.read().decode()
