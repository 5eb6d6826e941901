"""A server whose outgoing calls get no answer goes on serving everyone else."""

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.server.server_process import SIGN_IN, Served

# More than a server has threads.
CALLS = 24
BUDGET_SECONDS = 2.0


@pytest.fixture
def silent_host() -> Iterator[str]:
    """The address of a host that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_host_that_swallows_connections_does_not_hold_up_other_requests(tmp_path: Path, silent_host: str) -> None:
    """Issuers at a host that never answers are refused in time, and meanwhile every other request is answered."""
    with Served(tmp_path, STACKHOLD_OUTBOUND_ALLOW="127.0.0.1") as server:
        signed_in = SIGN_IN.search("\n".join(server.printed))
        assert signed_in
        token = signed_in[1]
        org = json.loads(server.call("/api/user", token=token)[1])["organizations"][0]["githubLogin"]

        def register(number: int) -> tuple[int, float]:
            body = json.dumps({"name": f"silent-{number}", "url": f"{silent_host}/{number}"}).encode()
            started = time.monotonic()
            status, _ = server.call(f"/api/orgs/{org}/oidc/issuers", token=token, body=body)
            return status, time.monotonic() - started

        with ThreadPoolExecutor(CALLS) as pool:
            calls = [pool.submit(register, number) for number in range(CALLS)]
            slowest = 0.0
            while not all(call.done() for call in calls):
                started = time.monotonic()
                assert 200 == server.call("/api/user", token=token)[0]
                slowest = max(slowest, time.monotonic() - started)
                time.sleep(0.05)
        ended = [call.result() for call in calls]

    print(f"other requests: {slowest:.2f} s at most; calls: {sorted((status, round(s, 1)) for status, s in ended)}")
    assert slowest < BUDGET_SECONDS
    assert {400, 503} >= {status for status, _ in ended}
    assert all(seconds < 15 for _, seconds in ended)
    assert CALLS - 2 == sum(seconds < BUDGET_SECONDS for _, seconds in ended)
