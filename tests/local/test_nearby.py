"""What a client on the server's machine gets from a real server, and one behind a proxy."""

import gzip
import json
import os
import urllib.request
from collections.abc import Iterator

import pytest

from tests.local.server_process import Served

TOKEN = "pul-" + "0123456789" * 4
STACK = "/api/stacks/acme/shop/dev"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with a state of 200 KB that gzip makes half of."""
    settings = {"STACKHOLD_BOOTSTRAP_TOKEN": TOKEN, "STACKHOLD_BOOTSTRAP_ORG": "acme"}
    with Served(tmp_path_factory.mktemp("nearby"), **settings) as started:
        ask(started, "/api/stacks/acme/shop", {"stackName": "dev"})
        root = {"urn": "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev", "type": "pulumi:pulumi:Stack"}
        resources = [{**root, "outputs": {"noise": os.urandom(100_000).hex()}}]
        ask(started, f"{STACK}/import", {"version": 3, "deployment": {"manifest": {}, "resources": resources}})
        yield started


def ask(served: Served, path: str, body: object = None, **headers: str) -> tuple[str | None, bytes]:
    """Returns the encoding of the answer and its bytes as they came."""
    sent = None if body is None else json.dumps(body).encode()
    given = {"Authorization": f"token {TOKEN}", "Accept-Encoding": "gzip", **headers}
    with urllib.request.urlopen(urllib.request.Request(served.url + path, sent, given), timeout=30) as reply:
        return reply.headers["Content-Encoding"], reply.read()


def test_state_is_plain_for_a_neighbour(served: Served) -> None:
    """The same state comes plain over loopback, and packed for whom a proxy asks."""
    near, far = ask(served, f"{STACK}/export"), ask(served, f"{STACK}/export", **{"X-Forwarded-For": "192.0.2.7"})

    assert (None, "gzip") == (near[0], far[0])
    assert near[1] == gzip.decompress(far[1])
    assert len(far[1]) < len(near[1])
