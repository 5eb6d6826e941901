"""Every sub-command of `pulumi stack webhook` and `pulumi org webhook`, and an update whose events reach a receiver."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.cli import Cli, Result, Server
from tests.e2e.project import UP, Project, ProjectFactory, stash
from tests.e2e.server import ServerProcess, running_server
from tests.peers.webhook_receiver import WebhookReceiver

pytestmark = pytest.mark.newest_cli_only


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    """A receiver that takes everything."""
    with WebhookReceiver() as running:
        yield running


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server that may call loopback."""
    if running_server():
        pytest.skip("a server that was not started here may not call the receiver of the test")
    process = ServerProcess(tmp_path / "hooks", STACKHOLD_OUTBOUND_ALLOW="127.0.0.1")
    process.start()
    yield process.server
    process.stop()


@pytest.fixture
def project(make_cli: Callable[[Server], Cli], make_project: ProjectFactory, own_server: Server) -> Project:
    """A project with a stack."""
    cli = make_cli(own_server)
    cli.login()
    project = make_project(cli)
    project.write({"box": stash("1234")})
    project.init()
    return project


def webhook(project: Project, *arguments: str, ok: bool | None = True) -> Result:
    """Run a sub-command of `pulumi stack webhook`."""
    return project.run("stack", "webhook", *arguments, ok=ok)


def test_of_a_stack(project: Project, receiver: WebhookReceiver) -> None:
    """new, list, get, edit, ping, delivery list, delivery redeliver and remove do what they say; events are signed and arrive."""
    created = webhook(
        project,
        "new",
        "--name",
        "Announce",
        "--url",
        receiver.url,
        "--group",
        "stacks",
        "--secret",
        "hush",
        "--yes",
        "--output",
        "json",
    ).json()
    name = created["id"]
    listed = webhook(project, "list", "--output", "json").json()
    shown = webhook(project, "get", name, "--output", "json").json()
    assert ("Announce", receiver.url, ["stacks"], True) == (
        created["name"],
        created["url"],
        created["eventGroups"],
        shown["hasSecret"],
    )
    assert name in str(listed)

    project.run(*UP)
    [request] = receiver.wait(1)
    assert ("stack_update", "succeeded", "update") == (request.kind, request.json["result"], request.json["kind"])
    assert hmac.new(b"hush", request.body, hashlib.sha256).hexdigest() == request.headers["pulumi-webhook-signature"]
    receiver.take()

    edited = webhook(
        project, "edit", name, "--add-event", "deployment_failed", "--display-name", "Other", "--secret", "", "--output", "json"
    ).json()
    assert ("Other", ["deployment_failed"], ["stacks"], False) == (
        edited["name"],
        edited["events"],
        edited["eventGroups"],
        edited["hasSecret"],
    )
    webhook(project, "ping", name)
    [ping] = receiver.wait(1)
    assert ("ping", False) == (ping.kind, "pulumi-webhook-signature" in ping.headers)
    deliveries = webhook(project, "delivery", "list", name, "--output", "json").text
    assert {ping.id, request.id} == {one for one in (ping.id, request.id) if one in deliveries}
    receiver.take()
    webhook(project, "delivery", "redeliver", name, request.id)
    [again] = receiver.wait(1)
    assert (request.body, True) == (again.body, request.id != again.id)

    webhook(project, "remove", name, "--yes")
    assert 0 != webhook(project, "get", name, ok=None).code


def test_of_an_organization(project: Project, receiver: WebhookReceiver, own_server: Server) -> None:
    """The same for an organization, which also hears of new stacks."""
    run = project.run
    org = ("--org", own_server.org)
    created = run(
        "org",
        "webhook",
        "new",
        *org,
        "--name",
        "Announce",
        "--url",
        receiver.url,
        "--hook-format",
        "slack",
        "--yes",
        "--output",
        "json",
    ).json()
    name = created["id"]
    assert name in run("org", "webhook", "list", *org, "--output", "json").text
    assert "slack" == created["format"]
    run("org", "webhook", "ping", name, *org)
    assert ["ping"] == [one.kind for one in receiver.wait(1)]
    assert '"ping"' in run("org", "webhook", "delivery", "list", name, *org, "--output", "json").text
    receiver.take()
    run("stack", "init", f"{own_server.org}/other")
    [request] = receiver.wait(1)
    assert "was created by admin" in request.json["text"]
    run("org", "webhook", "edit", name, *org, "--active=false")
    run("org", "webhook", "remove", name, *org, "--yes")
    assert name not in run("org", "webhook", "list", *org, "--output", "json").text
