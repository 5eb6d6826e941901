"""Segments of a server at a stand-in for the daemon of AWS X-Ray."""

import time
import urllib.request
from pathlib import Path

from tests.e2e.server import ServerProcess
from tests.telemetry.xray_daemon import running_daemon

ROOT, PARENT = "1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8"
LIMIT_SECONDS = 20


def test_a_request_is_a_segment_of_the_gateways_trace(tmp_path: Path) -> None:
    """The segment is joined to what the gateway's header names, has route and status, and the statements below it."""
    with running_daemon() as daemon:
        process = ServerProcess(tmp_path / "data", STACKHOLD_XRAY="true", AWS_XRAY_DAEMON_ADDRESS=daemon.address)
        process.start()
        headers = {
            "Authorization": f"token {process.server.token}",
            "X-Amzn-Trace-Id": f"Root={ROOT};Parent={PARENT};Sampled=1",
        }
        with urllib.request.urlopen(urllib.request.Request(f"{process.server.url}/api/user", headers=headers), timeout=10):
            pass
        deadline = time.monotonic() + LIMIT_SECONDS
        while not (segments := [one for one in daemon.documents if one["trace_id"] == ROOT]):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.stop()

    (segment,) = segments
    statements = [one for one in daemon.everything if "sql" in one]
    assert (PARENT, "stackhold") == (segment["parent_id"], segment["name"])
    assert "/api/user" == segment["annotations"]["http_route"]
    assert ("GET", 200) == (segment["http"]["request"]["method"], segment["http"]["response"]["status"])
    assert any("access_tokens" in one["sql"]["sanitized_query"] for one in segment["subsegments"])
    assert {"sqlite"} == {one["sql"]["database_type"] for one in statements}
    assert process.server.token not in str(daemon.documents)
