"""`/metrics` of a server of several processes."""

import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.server import ServerProcess, call

SECRET = "correct-horse-battery"
ROUTE = {"http_request_method": "GET", "http_route": "/healthz", "http_response_status_code": "200"}


@pytest.fixture
def process(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server of two processes that is scraped."""
    process = ServerProcess(tmp_path / "data", workers=2, METRICS_WEBHOOK_SECRET=SECRET, STACKHOLD_LOG_FORMAT="json")
    process.start()
    yield process
    process.stop()


def scrape(process: ServerProcess) -> float:
    """Return how many requests for `/healthz` were counted."""
    request = urllib.request.Request(f"{process.server.url}/metrics", headers={"Authorization": f"webhook-token {SECRET}"})
    with urllib.request.urlopen(request, timeout=10) as reply:
        text = reply.read().decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    counts = [one for one in samples if one.name == "http_server_request_duration_seconds_count" and one.labels == ROUTE]
    assert len(counts) <= 1
    return counts[0].value if counts else 0


def workers(process: ServerProcess) -> set[int]:
    """Return the ids of the processes that serve, as the log has them."""
    return {int(line.partition("worker ")[2].split()[0]) for line in process.log.splitlines() if " serves" in line}


def test_every_process_answers_for_all(process: ServerProcess) -> None:
    """Requests are counted once whichever process served them, each scrape has them all, and a death loses none."""
    for _ in range(20):
        call(process.server, "/healthz")
    counts = {scrape(process) for _ in range(6)}
    victim = min(workers(process))
    os.kill(victim, signal.SIGKILL)
    while len(workers(process)) < 3:
        time.sleep(0.1)
    call(process.server, "/healthz")

    assert {20} == counts
    assert 21 == scrape(process)


def test_an_access_token_is_refused(process: ServerProcess) -> None:
    """An administrator's token is not the secret, and the log has neither."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        call(process.server, "/metrics")

    assert 401 == refused.value.code
    assert SECRET not in process.log
