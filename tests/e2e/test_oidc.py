"""Machine identity: `pulumi login --oidc-token` for an organization, a team and a person, and a renewal by the CLI itself."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.dialects import NewDatabase
from tests.e2e.cli import Cli, Result, Server
from tests.e2e.project import DESTROY, UP, ProjectFactory, stash
from tests.e2e.server import ServerProcess
from tests.e2e.test_machine_tokens import WRITE, send
from tests.peers.workload_issuer import Pipeline, WorkloadIssuer

CliFactory = Callable[[Server], Cli]
PROGRAM = {"note": stash("blue")}
# The CLI's own word for "no token in the environment": only then does it use what a login has stored.
NO_TOKEN = {"PULUMI_ACCESS_TOKEN": None}
EXPIRY_SECONDS = 3

pytestmark = pytest.mark.newest_cli_only


@pytest.fixture(scope="module")
def own_server(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on each database that may call loopback, where the issuer is."""
    with pytest.MonkeyPatch.context() as patch, new_database() as database:
        for name, value in {"STACKHOLD_OUTBOUND_ALLOW": "127.0.0.1", **database}.items():
            patch.setenv(name, value)
        # A new database beside the objects of another installation is refused, so those of the server under test are not for it.
        for name in [name for name in os.environ if name.endswith("_BLOB_STORAGE_ENDPOINT")]:
            patch.delenv(name)
        process = ServerProcess(tmp_path_factory.mktemp("server") / "data")
        process.start()
        yield process.server
        process.stop()


@contextmanager
def issuer(server: Server, *statements: dict[str, Any]) -> Iterator[WorkloadIssuer]:
    """An issuer that the organization trusts, with a policy."""
    org = f"/api/orgs/{server.org}"
    with WorkloadIssuer() as running:
        made = send(server, "POST", f"{org}/oidc/issuers", name=f"ci-{uuid.uuid4().hex[:6]}", url=running.url)
        policy = send(server, "GET", f"{org}/auth/policies/oidcissuers/{made['id']}")
        send(server, "PATCH", f"{org}/auth/policies/{policy['id']}", policies=list(statements))
        yield running


def allow(token_type: str, **members: Any) -> dict[str, Any]:
    """A statement that lets the subject `ci` in."""
    return {"decision": "allow", "tokenType": token_type, "authorizedPermissions": [], "rules": {"sub": "ci"}, **members}


def login(cli: Cli, server: Server, token: str, *args: str, ok: bool = True) -> Result:
    """Signs in with an identity token, which stands in a file as pipelines have it."""
    file = cli.home / "identity-token"
    file.write_text(token, encoding="utf-8")
    command = ["login", server.url, "--oidc-token", f"file://{file}", "--oidc-org", server.org, *args]
    return cli.run(command, cli.home, env=NO_TOKEN, ok=ok)


def test_login_as_an_organization(make_cli: CliFactory, own_server: Server, make_project: ProjectFactory, tmp_path: Path) -> None:
    """A job signs in with its identity token alone, deploys a stack, and its name stands in the history."""
    with issuer(own_server, allow("organization", authorizedPermissions=["standard"])) as running:
        cli = make_cli(own_server)
        cli.environment.pop("PULUMI_ACCESS_TOKEN")
        signed_in = login(cli, own_server, running.mint(aud=f"urn:pulumi:org:{own_server.org}"))
        who = cli.run(["whoami", "-v"], tmp_path)
        project = make_project(cli)
        project.write(PROGRAM)
        project.run("stack", "init", "dev")
        up = project.run(*UP)
        destroyed = project.run(*DESTROY)
        refused = login(cli, own_server, running.mint(sub="stranger"), ok=False)

    assert f"Logged in to {own_server.url} as {own_server.org}" in signed_in.stdout
    assert f"Token type: organization: {own_server.org}" in who.stdout
    assert "Token name: oidc/ci-" in who.stdout
    assert {"created": 2} == up.changes()
    assert {"deleted": 2} == destroyed.changes()
    assert "no statement of the policy allows it" in refused.text


def test_login_as_a_team(make_cli: CliFactory, own_server: Server, make_project: ProjectFactory, tmp_path: Path) -> None:
    """A job of a team deploys what the team may deploy, and makes nothing new."""
    team, org = f"ops-{uuid.uuid4().hex[:6]}", f"/api/orgs/{own_server.org}"
    send(own_server, "POST", f"{org}/teams/pulumi", name=team, displayName=team, description="")
    admin = make_cli(own_server)
    admin.login()
    project = make_project(admin)
    project.write(PROGRAM)
    project.init()
    given = {"projectName": project.name, "stackName": "dev", "permission": WRITE}
    send(own_server, "PATCH", f"{org}/teams/{team}", addStackPermission=given)
    with issuer(own_server, allow("team", teamName=team)) as running:
        cli = make_cli(own_server)
        cli.environment.pop("PULUMI_ACCESS_TOKEN")
        login(cli, own_server, running.mint(), "--oidc-team", team)
        who = cli.run(["whoami", "-v"], tmp_path)
        project.cli = cli
        up = project.run(*UP, "--stack", project.stack())
        not_made = project.run("stack", "init", project.stack("new"), ok=False)

    assert f"Token type: team: {team}" in who.stdout
    assert {"created": 2} == up.changes()
    assert "lacks the permission stack:create" in not_made.text


def test_login_as_a_person(make_cli: CliFactory, own_server: Server, make_project: ProjectFactory, tmp_path: Path) -> None:
    """A job that acts for a person is that person, in the organization that trusts its issuer alone."""
    person = send(own_server, "GET", "/api/user")["githubLogin"]
    with issuer(own_server, allow("personal", userLogin=person)) as running:
        cli = make_cli(own_server)
        cli.environment.pop("PULUMI_ACCESS_TOKEN")
        login(cli, own_server, running.mint(), "--oidc-user", person)
        who = cli.run(["whoami", "-v"], tmp_path)
        project = make_project(cli)
        project.write(PROGRAM)
        project.init()
        up = project.run(*UP)
        elsewhere = project.run("stack", "init", f"{person}/{project.name}/dev", ok=False)

    assert f"User: {person}" in who.stdout
    assert f"Organizations: {own_server.org}\n" in who.stdout
    assert {"created": 2} == up.changes()
    assert f"Organization '{person}' not found" in elsewhere.text.replace('"', "'")


def test_renewal_by_the_cli(make_cli: CliFactory, own_server: Server, tmp_path: Path) -> None:
    """When its token has expired, the CLI renews it with the refresh token beside it, goes on, and keeps the new pair."""
    with issuer(own_server, allow("organization", authorizedPermissions=["standard"])) as running:
        cli = make_cli(own_server)
        cli.environment.pop("PULUMI_ACCESS_TOKEN")
        login(cli, own_server, running.mint())
        form = Pipeline(running, own_server.org).form(running.mint(), expiration=str(EXPIRY_SECONDS))
        given = send(own_server, "POST", "/api/oauth/token", **form)
    file = cli.home / "credentials.json"
    before = put(file, own_server, given)
    time.sleep(EXPIRY_SECONDS + 0.5)

    listed = cli.run(["stack", "ls", "--all", "--json"], tmp_path)
    who = cli.run(["whoami"], tmp_path)
    after = json.loads(file.read_text(encoding="utf-8"))["accounts"][own_server.url]

    assert isinstance(listed.json(), list)
    assert own_server.org == who.stdout.strip()
    assert after["accessToken"] not in ("", given["access_token"])
    assert after["refreshToken"] not in ("", given["refresh_token"])
    assert before["accessToken"] == given["access_token"]


def put(file: Path, server: Server, given: dict[str, Any]) -> dict[str, Any]:
    """Put a pair of tokens where the CLI keeps what it signed in with, and return the account."""
    credentials = json.loads(file.read_text(encoding="utf-8"))
    account: dict[str, Any] = credentials["accounts"][server.url]
    account |= {"accessToken": given["access_token"], "refreshToken": given["refresh_token"]}
    credentials["accessTokens"][server.url] = given["access_token"]
    file.write_text(json.dumps(credentials), encoding="utf-8")
    return account
