"""Exceptions as people use them: a mandatory policy stops an update, an exception lets it pass, and its end stops it again."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

import pytest
from httpx2 import Client

from tests.e2e.cli import Result
from tests.e2e.policy_packs import Pack
from tests.e2e.project import Project, ProjectFactory, part

pytestmark = pytest.mark.newest_cli_only
EXPERIMENTAL: Mapping[str, str | None] = {"PULUMI_EXPERIMENTAL": "true"}
UP = ("up", "--yes", "--skip-preview")
SHORT_SECONDS = 3


@pytest.fixture
def project(pack: Pack, make_project: ProjectFactory) -> Project:
    """A stack in a group that applies the pack, with a resource that its mandatory policy forbids; the update was stopped."""
    project = make_project()
    project.write({"one": part(value="bad", label="x"), "two": part(value="good", label="x")})
    project.init()
    group, org = f"group-{uuid.uuid4().hex[:8]}", pack.cli.server.org
    pack.run("group", "new", group, "--org", org, "--mode", "preventative", "--yes")
    pack.run(
        "group", "edit", group, "--org", org, "--add-stack", f"{project.name}/dev", "--add-policy-pack", f"{pack.name}@1.0.0"
    )
    assert "the value is forbidden" in project.run(*UP, ok=False).text
    return project


def run(project: Project, *args: str, ok: bool | None = True) -> Result:
    """Run a command about exceptions."""
    return project.run("policy", "exception", *args, ok=ok, env=EXPERIMENTAL)


def create(project: Project, pack: Pack, *args: str) -> dict[str, Any]:
    """Create an exception for what stopped the newest update."""
    made = run(project, "new", pack.name, "--reason", "It is a legacy value.", "--yes", "--output", "json", *args)
    document: dict[str, Any] = made.json()
    return document


def test_lets_an_update_pass_until_it_is_removed(pack: Pack, project: Project) -> None:
    """The exception is made of the violations of the update that was stopped; once it is removed, the policy stops updates again."""
    org = pack.cli.server.org
    found = json.loads(run(project, "new", pack.name, "--dry-run", "--output", "json").stdout)
    assert "no-bad-value" in json.dumps(found)
    made = create(project, pack, "--expires-in", "30d")
    name = made["id"]
    assert name == create(project, pack)["id"]
    passed = project.run(*UP)
    assert "no-bad-value" in passed.text
    assert ["one", "two"] == project.export().names
    assert name in run(project, "list", "--org", org).text
    assert (
        name in run(project, "list", pack.name, "--org", org, "--policy", "no-bad-value", "--stack", f"{project.name}/dev").text
    )
    assert "It is a legacy value." in run(project, "get", name, "--org", org).text
    run(project, "remove", name, "--org", org, "--yes")
    assert name in run(project, "list", "--org", org, "--status", "removed").text
    assert "already removed" in run(project, "remove", name, "--org", org, "--yes").text
    stopped = project.run(*UP, ok=False)
    assert "the value is forbidden" in stopped.text


def test_ends_by_itself(pack: Pack, project: Project) -> None:
    """An exception that has expired lets nothing pass any longer."""
    server = pack.cli.server
    name = create(project, pack, "--expires-in", "12h")["id"]
    project.run(*UP)
    path = f"/api/orgs/{server.org}/policy/exceptions"
    with Client(base_url=server.url, headers={"Authorization": f"token {server.token}"}) as client:
        stored = client.get(f"{path}/{name}").json()
        body = {key: stored[key] for key in ("policyPack", "match", "reason")}
        assert 200 == client.post(path, json={**body, "expiresInSeconds": SHORT_SECONDS}).status_code
        deadline = time.monotonic() + 10 * SHORT_SECONDS
        while client.get(f"{path}/{name}").json()["status"] == "active" and time.monotonic() < deadline:
            time.sleep(0.2)

    assert "the value is forbidden" in project.run(*UP, ok=False).text
    assert name in run(project, "list", "--org", server.org, "--status", "removed").text
