"""Signing in, and finding out who one is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.e2e.cli import Cli, Server
from tests.e2e.project import ProjectFactory
from tests.e2e.server import call

# What CLIs up to 3.260 say to a user who is not signed in, and what 3.274 says.
SIGNED_OUT = ("PULUMI_ACCESS_TOKEN must be set for login", "this command requires logging in")
CliFactory = Callable[[Server], Cli]


def test_sign_in_and_out(make_cli: CliFactory, server: Server, tmp_path: Path) -> None:
    """A token is enough to sign in; the CLI then knows the user, their organizations and the server, until they sign out."""
    cli = make_cli(server)
    login = call(server, "/api/user")["githubLogin"]

    signed_in = cli.login()
    short = cli.run(["whoami"], tmp_path)
    long = cli.run(["whoami", "-v"], tmp_path)
    as_json = cli.run(["whoami", "--json"], tmp_path)
    cli.run(["logout"], tmp_path)
    signed_out = cli.run(["whoami"], tmp_path, ok=False, env={"PULUMI_ACCESS_TOKEN": None, "PULUMI_BACKEND_URL": server.url})

    assert f"Logged in to {server.url} as {login}" in signed_in.stdout
    assert login == short.stdout.strip()
    assert f"User: {login}" in long.stdout
    assert server.org in long.stdout
    # The address after it is the console's, which a server without one does not have.
    assert "Backend URL:" in long.stdout
    assert "Token type: personal" in long.stdout
    assert login == as_json.json()["user"]
    assert server.org in as_json.json()["organizations"]
    assert any(text in signed_out.text for text in SIGNED_OUT)


def test_sign_in_with_a_wrong_token(make_cli: CliFactory, server: Server, tmp_path: Path) -> None:
    """A wrong token is refused with words that say so."""
    cli = make_cli(server)

    refused = cli.run(["login", server.url], tmp_path, ok=False, env={"PULUMI_ACCESS_TOKEN": "pul-" + "0" * 40})

    assert "No credentials provided or are invalid" in refused.text


def test_default_organization(make_cli: CliFactory, server: Server, make_project: ProjectFactory) -> None:
    """Where a stack without organization goes is told by `org get-default` and chosen by `org set-default`."""
    cli = make_cli(server)
    cli.login()
    project = make_project(cli)
    told = call(server, "/api/user/organizations/default")["GitHubLogin"]

    before = project.run("org", "get-default")
    project.run("org", "set-default", server.org)
    after = project.run("org", "get-default")
    project.run("stack", "init", "dev")
    listed = project.run("stack", "ls", "--json")

    assert (told or "No Default Organization Specified") in before.stdout
    assert server.org == after.stdout.strip()
    assert [f"{server.org}/{project.name}/dev"] == [
        f"{server.org}/{project.name}/{stack['name'].rpartition('/')[2]}" for stack in listed.json()
    ]
    project.run("stack", "rm", "--yes", project.stack())
