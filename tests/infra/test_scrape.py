"""A real Prometheus scrapes a server, and alerts fire on faults that are put in."""

import json
import re
import sqlite3
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.server import ServerProcess, free_port
from tests.infra.prometheus_tools import find_tool

SOURCE = Path(__file__).parents[2] / "infra" / "prometheus"
SECRET = "correct-horse-battery"
LIMIT_SECONDS = 90.0
HOUR_MILLIS = 3_600_000


@pytest.fixture
def process(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server that is scraped, and runs no jobs that would mend what the test puts in."""
    process = ServerProcess(tmp_path / "data", METRICS_WEBHOOK_SECRET=SECRET, PULUMI_API_CONTAINER_MODE="API")
    process.start()
    yield process
    if process.is_running:
        process.stop()


@contextmanager
def prometheus(folder: Path, target: str) -> Iterator[str]:
    """Run Prometheus with our configuration, faster: everything within a second, no alert waits."""
    binary, port = find_tool("prometheus"), free_port()
    folder.mkdir()
    configuration = yaml.safe_load((SOURCE / "prometheus.yaml").read_text("utf-8"))
    configuration["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    configuration["scrape_configs"][0]["static_configs"][0]["targets"] = [target]
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(configuration), "utf-8")
    (folder / "alerts.yaml").write_text(re.sub(r"for: \w+", "for: 0s", (SOURCE / "alerts.yaml").read_text("utf-8")), "utf-8")
    (folder / "secret").write_text(SECRET, "utf-8")
    command = [str(binary), "--config.file=prometheus.yaml", "--storage.tsdb.path=data", f"--web.listen-address=127.0.0.1:{port}"]
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait(30)


def ask(url: str, path: str, **query: str) -> Any:
    """Return an answer of Prometheus, or None while it starts."""
    try:
        with urllib.request.urlopen(f"{url}/api/v1/{path}?{urllib.parse.urlencode(query)}", timeout=5) as reply:
            return json.load(reply)["data"]
    except OSError:
        return None


def firing(url: str) -> set[str]:
    """The alerts that fire."""
    alerts = (ask(url, "alerts") or {"alerts": []})["alerts"]
    return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}


def await_firing(url: str, expected: set[str]) -> None:
    """Wait until these alerts fire."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not expected <= firing(url):
        assert time.monotonic() < deadline, f"{expected - firing(url)} do not fire"
        time.sleep(0.5)


def test_alerts_fire_on_faults(process: ServerProcess, tmp_path: Path) -> None:
    """Healthy, none fires; late and failing jobs, messages given up and a lost server each make their alert fire."""
    with prometheus(tmp_path / "prometheus", process.server.url.removeprefix("http://")) as url:
        deadline = time.monotonic() + LIMIT_SECONDS
        while not (ask(url, "query", query="stackhold_database_up == 1") or {"result": []})["result"]:
            assert time.monotonic() < deadline, (tmp_path / "prometheus" / "log").read_text()
            time.sleep(0.5)
        healthy = firing(url)
        with sqlite3.connect(tmp_path / "data" / "stackhold.db") as database:
            add_faults(database)
        await_firing(url, {"StackholdJobLate", "StackholdJobFails", "StackholdOutboxOld", "StackholdMessagesGivenUp"})
        process.stop()
        await_firing(url, {"StackholdDown"})

    assert set() == healthy


def add_faults(database: sqlite3.Connection) -> None:
    """Put in a job that is late and failed, a message that waits for long, and one that was given up."""
    now = int(time.time() * 1000)
    database.execute(
        "INSERT INTO jobs (name, due_at, resume_after, ended_at, done, problem) VALUES ('x', ?, '', ?, 0, 'ValueError')",
        (now - HOUR_MILLIS, now - HOUR_MILLIS),
    )
    for state, created_at in (("waiting", now - 6 * HOUR_MILLIS), ("failed", now)):
        database.execute(
            "INSERT INTO outbox (topic, target, subject, dedupe_key, content, state, created_at, due_at, attempts, problem)"
            " VALUES ('x', ?, 'x', ?, '', ?, ?, ?, 0, '')",
            (state, state, state, created_at, created_at),
        )
    database.commit()
