"""Machines: what a pipeline does with the token of an organization or a team."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.cli import Cli, Server
from tests.e2e.project import DESTROY, UP, ProjectFactory, secret, stash
from tests.e2e.server import call

CliFactory = Callable[[Server], Cli]
PROGRAM = {"note": stash("blue"), "vault": stash(secret("1234"))}
WRITE = 102


def send(server: Server, method: str, path: str, **body: Any) -> Any:
    """The JSON answer of a call with a body, None for an empty one. Raises urllib.error.HTTPError on a refusal."""
    headers = {"Authorization": f"token {server.token}", "Content-Type": "application/json"}
    request = urllib.request.Request(server.url + path, json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request, timeout=10) as reply:
        return json.loads(reply.read() or b"null")


def fresh(prefix: str) -> str:
    """A name that no one used before: names of tokens are never free again."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def machine(server: Server, path: str, name: str) -> tuple[Server, str]:
    """The server as a new token's holder sees it, and where the token is revoked."""
    made = send(server, "POST", f"{path}/tokens?reason=test", name=name, description="", expires=0)
    return Server(server.url, made["tokenValue"], server.org), f"{path}/tokens/{made['id']}"


def test_pipeline_of_an_organization(make_cli: CliFactory, server: Server, make_project: ProjectFactory, tmp_path: Path) -> None:
    """An organization's token signs in, deploys a stack of its own, shows who did it, and is out as soon as it is revoked."""
    name = fresh("ci")
    ours, revoked_at = machine(server, f"/api/orgs/{server.org}", name)
    cli = make_cli(ours)

    signed_in = cli.login()
    who = cli.run(["whoami", "-v"], tmp_path)
    as_json = cli.run(["whoami", "--json"], tmp_path).json()
    project = make_project(cli)
    project.write(PROGRAM, {"code": "${vault.output}"})
    project.run("stack", "init", "dev")
    up = project.run(*UP)
    code = project.run("stack", "output", "code", "--show-secrets")
    listed = project.run("stack", "ls", "--json").json()
    author = call(server, f"/api/stacks/{project.stack()}/updates/latest")["requestedBy"]["githubLogin"]
    destroyed = project.run(*DESTROY)
    send(server, "DELETE", revoked_at)
    refused = project.run("stack", "ls", ok=False)

    assert f"Logged in to {server.url} as {server.org}" in signed_in.stdout
    assert f"User: {server.org}" in who.stdout
    assert f"Organizations: {server.org}" in who.stdout
    assert f"Token type: organization: {server.org}" in who.stdout
    assert f"Token name: {name}" in who.stdout
    assert [server.org] == as_json["organizations"]
    assert up.changes() == {"created": 3}
    assert code.stdout.strip() == "1234"
    assert ["dev"] == [stack["name"].rpartition("/")[2] for stack in listed]
    assert f"{server.org}/{name}" == author
    assert destroyed.changes() == {"deleted": 3}
    assert ours.token not in signed_in.text + who.text + refused.text


def test_pipeline_of_a_team(make_cli: CliFactory, server: Server, make_project: ProjectFactory, tmp_path: Path) -> None:
    """A team's token deploys the stack that the team may update, and neither sees others nor makes new ones."""
    team, name = fresh("ops"), fresh("ci")
    org = f"/api/orgs/{server.org}"
    send(server, "POST", f"{org}/teams/pulumi", name=team, displayName=team, description="")
    given, hidden = make_project(), make_project()
    for project in (given, hidden):
        project.write(PROGRAM)
        project.init()
    stack = {"projectName": given.name, "stackName": "dev", "permission": WRITE}
    send(server, "PATCH", f"{org}/teams/{team}", addStackPermission=stack)
    ours, revoked_at = machine(server, f"{org}/teams/{team}", name)
    cli = make_cli(ours)
    cli.login()
    given.cli = hidden.cli = cli

    who = cli.run(["whoami", "-v"], tmp_path)
    up = given.run(*UP, "--stack", given.stack())
    listed = given.run("stack", "ls", "--all", "--json").json()
    seen = call(ours, "/api/user/stacks")["stacks"]
    not_seen = hidden.run("preview", "--stack", hidden.stack(), ok=False)
    not_made = hidden.run("stack", "init", hidden.stack("new"), ok=False)
    not_removed = given.run("stack", "rm", "--yes", "--force", given.stack(), ok=False)
    destroyed = given.run(*DESTROY, "--stack", given.stack())
    send(server, "DELETE", f"{org}/teams/{team}")

    assert f"Token type: team: {team}" in who.stdout
    assert up.changes() == {"created": 3}
    assert ["dev"] == [stack["name"].rpartition("/")[2] for stack in listed]
    assert [given.name] == [stack["projectName"] for stack in seen]
    assert f"no stack named '{hidden.stack()}' found" in not_seen.text
    assert "lacks the permission stack:create" in not_made.text
    assert "lacks the permission stack:delete" in not_removed.text
    assert destroyed.changes() == {"deleted": 3}
    with pytest.raises(urllib.error.HTTPError, match="404"):
        send(server, "DELETE", revoked_at)
    with pytest.raises(urllib.error.HTTPError, match="401"):
        call(ours, "/api/user")
