"""`pulumi org audit-log list` and `export`: what a person sees of what they did."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from tests.e2e.project import UP, Project, stash

pytestmark = pytest.mark.newest_cli_only
COLUMNS = [
    "Timestamp",
    "Name",
    "Login",
    "Event",
    "Description",
    "SourceIP",
    "RequireOrgAdmin",
    "RequireStackAdmin",
    "AuthenticationFailure",
]
# What the fixture does, newest first.
EVENTS = ["stack-exported", "stack-tags-updated", "stack-update-completed", "stack-update-started", "stack-created"]


@pytest.fixture
def log(project: Project) -> Project:
    """A project after an update, a tag and an export of its state."""
    project.write({"box": stash("1234")})
    project.init()
    project.run(*UP)
    project.run("stack", "tag", "set", "env", "dev")
    project.run("stack", "export")
    return project


def audit_log(project: Project, *arguments: str) -> str:
    """Return what a sub-command of `pulumi org audit-log` writes to standard output."""
    name, *options = arguments
    return project.run("org", "audit-log", name, "--org", project.cli.server.org, *options).stdout


def test_list(log: Project) -> None:
    """Events are listed with who did them, newest first; filters by event, user and time narrow the list."""
    mine = [event for event in _events(log, "--count", "100") if log.name in event["description"]]
    assert EVENTS == [event["event"] for event in mine]
    assert [("admin", True)] * len(EVENTS) == [(event["user"]["githubLogin"], bool(event["tokenID"])) for event in mine]
    table = audit_log(log, "list")
    assert f"Changed tags of stack {log.cli.server.org}/{log.name}/dev: set env" in table

    tags = _events(log, "--event-type", "stack-tags-updated", "--user", "admin")
    later = _events(log, "--start-time", str(mine[0]["timestamp"] + 3600))
    assert {"stack-tags-updated"} == {event["event"] for event in tags}
    assert [] == later
    assert 2 == len(_events(log, "--count", "2"))
    assert set(EVENTS) <= {event["event"] for event in _events(log, "--all")}
    refused = log.run("org", "audit-log", "list", "--org", log.cli.server.org, "--user", "nemo", ok=False)
    assert "nemo" in refused.text


def test_export(log: Project) -> None:
    """An export has every record, as CSV and as CEF."""
    rows = list(csv.DictReader(io.StringIO(audit_log(log, "export", "--format", "csv"))))
    lines = audit_log(log, "export", "--format", "cef").splitlines()

    assert COLUMNS == list(rows[0])
    assert EVENTS == [row["Event"] for row in rows if log.name in row["Description"]]
    assert len(EVENTS) == len([line for line in lines if "CEF:0|Stackhold|" in line and log.name in line])


def _events(project: Project, *options: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = json.loads(audit_log(project, "list", "--output", "json", *options))["events"] or []
    return events
