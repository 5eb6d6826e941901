"""What a stranger, or a user with an account, can do to a real server: it lives, keeps its memory, and answers others."""

import gzip
import http.client
import json
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.server.server_process import Served

TOKEN = "pul-" + "0123456789" * 4
MIB = 1 << 20
# What a request that is refused may leave in the peak of the server's memory.
CEILING_BYTES = 40 * MIB
BOMB = gzip.compress(b" " * (64 * MIB))
GZIP = {"Content-Encoding": "gzip"}
OWNER = {"Authorization": f"token {TOKEN}"}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="peaks of memory are read from /proc")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with a stack."""
    settings = {"STACKHOLD_BOOTSTRAP_TOKEN": TOKEN, "STACKHOLD_BOOTSTRAP_ORG": "acme"}
    with Served(tmp_path_factory.mktemp("attacked"), **settings) as started:
        call(started, "POST", "/api/stacks/acme/shop", b'{"stackName":"dev"}', OWNER)
        call(started, "POST", "/signin", b"", {})  # pages are loaded as well
        yield started


class TestLargeStates:
    def test_are_not_inflated_all_at_once(self, tmp_path: Path) -> None:
        """Everyone may import into a stack of their own: many large bodies at once are told to come again, and others are answered."""
        settings = {
            "STACKHOLD_BOOTSTRAP_TOKEN": TOKEN,
            "STACKHOLD_BOOTSTRAP_ORG": "acme",
            "STACKHOLD_BODY_LIMIT_BYTES": str(48 * MIB),
        }
        bomb = gzip.compress(b" " * (48 * MIB))
        with Served(tmp_path, **settings) as served, ThreadPoolExecutor(16) as many:
            process = Path(f"/proc/{served.process.pid}")
            call(served, "POST", "/api/stacks/acme/shop", b'{"stackName":"dev"}', OWNER)
            address = "/api/stacks/acme/shop/dev/import"
            call(served, "POST", address, gzip.compress(b"{}"), {**OWNER, **GZIP})
            before = resident(process)
            found = [many.submit(call, served, "POST", address, bomb, {**OWNER, **GZIP}) for _ in range(32)]
            assert 200 == call(served, "GET", "/api/status", b"", {})[0]
            statuses = {one.result()[0] for one in found}
            assert {400, 503} >= statuses
            assert 400 in statuses
            # Two at a time, of which each takes its text twice while it is inflated; and what each thread looks at before.
            assert resident(process) - before < (2 * 2 * 48 + 16 * 16) * MIB
            assert 400 == call(served, "POST", address, bomb, {**OWNER, **GZIP})[0]


@pytest.fixture
def peak(served: Served) -> Iterator[None]:
    """Whatever happens in the test, the server's memory stays below the ceiling, and it answers afterwards."""
    process = Path(f"/proc/{served.process.pid}")
    (process / "clear_refs").write_text("5")  # the peak begins anew
    before = resident(process)
    yield
    assert resident(process) - before < CEILING_BYTES
    assert 200 == call(served, "GET", "/api/status", b"", {})[0]


def resident(process: Path) -> int:
    """Return the peak of a process's resident memory."""
    found = re.search(r"VmHWM:\s+(\d+) kB", (process / "status").read_text())
    assert found
    return int(found[1]) << 10


def call(served: Served, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    """Return status and body of a call on a connection of its own."""
    connection = http.client.HTTPConnection(served.url.partition("//")[2], timeout=60)
    try:
        connection.request(method, path, body, headers)
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


@pytest.mark.usefixtures("peak")
class TestMemory:
    @pytest.mark.parametrize(
        "path",
        [
            "/signin",
            "/signup",
            "/reset",
            "/api/oauth/token",
            "/api/console/email/login",
            "/signin/token",
            "/login/acme/sso/saml/acs",
        ],
    )
    def test_is_not_filled_by_strangers(self, served: Served, path: str) -> None:
        """Small bodies that inflate to 64 MiB are refused at 64 KiB, many at once, on all forms and where tokens are made."""
        with ThreadPoolExecutor(6) as many:
            found = list(many.map(lambda _: call(served, "POST", path, BOMB, GZIP), range(12)))

        assert {413} == {status for status, _ in found}

    def test_is_not_filled_by_imports_of_nothing(self, served: Served) -> None:
        """A text of a million imports costs neither memory nor a reply of megabytes."""
        text = b'{"imports":[' + b'"",' * 650_000 + b'""]}'
        status, body = call(served, "POST", "/api/esc/environments/acme/yaml/check", gzip.compress(text), {**OWNER, **GZIP})

        assert 413 == status
        assert len(body) < 1_000

    def test_is_not_filled_by_empty_entries(self, served: Served) -> None:
        """Millions of empty entries in a journal batch are told by their number, which their sender halves."""
        lease = begun(served)
        text = b'{"entries":[' + b"{}," * 2_700_000 + b"{}]}"
        status, body = call(served, "PATCH", f"{lease[0]}/journalentries", gzip.compress(text), {**lease[1], **GZIP})

        assert (413, 413) == (status, json.loads(body)["code"])

    def test_is_not_filled_by_a_batch_of_blanks(self, served: Served) -> None:
        """A journal batch is bounded as it is inflated: 128 MiB of blanks are refused before they are there."""
        lease = begun(served)
        status, _ = call(served, "PATCH", f"{lease[0]}/journalentries", BOMB * 2, {**lease[1], **GZIP})

        assert 413 == status


def begun(served: Served) -> tuple[str, dict[str, str]]:
    """Return the address of a new preview, and what its calls are authorised with."""
    stack = "/api/stacks/acme/shop/dev"
    program = {
        "name": "shop",
        "runtime": "go",
        "main": "",
        "description": "",
        "options": {"dryRun": True},
        "config": {},
        "metadata": {},
    }
    created = json.loads(call(served, "POST", f"{stack}/preview", json.dumps(program).encode(), OWNER)[1])
    address = f"{stack}/preview/{created['updateID']}"
    started = json.loads(call(served, "POST", address, b'{"journalVersion":1}', OWNER)[1])
    return address, {"Authorization": f"update-token {started['token']}"}
