"""Pipelines that people start with."""

from typing import Any

import pytest
import yaml
from starlette.testclient import TestClient

from tests.wire import create_stack, error_of

S = "/api/stacks/acme/shop/dev"
SERVER = "http://127.0.0.1:8080"


def workflow(client: TestClient, ci_system: str, runtime: str = "nodejs", folder: str = "", *, filtered: bool = False) -> Any:
    """Return the pipeline of a new stack, read as YAML."""
    create_stack(client, tags={"pulumi:runtime": runtime})
    body = {"ciSystem": ci_system, "workingDirectory": folder, "enablePathFilters": filtered}
    reply = client.post(f"{S}/workflow", json=body)
    assert 200 == reply.status_code, reply.text
    return yaml.safe_load(reply.json()["content"])


def test_github(client: TestClient) -> None:
    """A pull request previews the stack, and a push to the main branch updates it; both with the server's own address."""
    pipeline = workflow(client, "github", folder="infra", filtered=True)
    preview, update = pipeline["jobs"]["preview"]["steps"][-1]["with"], pipeline["jobs"]["update"]["steps"][-1]["with"]

    assert {"branches": ["main"], "paths": ["infra/**"]} == pipeline["on"]["push"] == pipeline["on"]["pull_request"]
    assert ("preview", "up") == (preview["command"], update["command"])
    assert ("acme/shop/dev", "infra", SERVER) == (update["stack-name"], update["work-dir"], update["cloud-url"])
    assert {"PULUMI_ACCESS_TOKEN": "${{ secrets.PULUMI_ACCESS_TOKEN }}"} == pipeline["env"]


def test_gitlab(client: TestClient) -> None:
    """A merge request previews the stack, and the default branch updates it."""
    pipeline = workflow(client, "gitlab-ci", "python")

    assert "pulumi/pulumi-python:latest" == pipeline["image"]["name"]
    assert f"pulumi login {SERVER}" in pipeline["update"]["script"]
    assert "pulumi up --stack acme/shop/dev --non-interactive --yes" == pipeline["update"]["script"][-1]
    assert "pulumi preview --stack acme/shop/dev --non-interactive" == pipeline["preview"]["script"][-1]


def test_azure_devops(client: TestClient) -> None:
    """A pull request previews the stack, and every other build updates it."""
    pipeline = workflow(client, "azure-devops", "go", "infra", filtered=True)

    assert {"include": ["infra"]} == pipeline["trigger"]["paths"]
    assert ["preview", "up"] == [step["script"].splitlines()[-1].split()[1] for step in pipeline["steps"][-2:]]


def test_a_runtime_without_dependencies_installs_none(client: TestClient) -> None:
    """A program in YAML, or in a language that we do not know, has no step that sets up or installs a language."""
    steps = workflow(client, "github", "yaml")["jobs"]["update"]["steps"]

    assert ["actions/checkout@v4", "pulumi/actions@v6", "pulumi/actions@v6"] == [step.get("uses") for step in steps]


def test_a_stack_without_a_runtime_is_refused(client: TestClient) -> None:
    """The runtime is a tag that the first update sets."""
    create_stack(client)

    assert (400, 400, "Bad Request: Stack 'acme/shop/dev' has no tag pulumi:runtime; its first update sets it") == error_of(
        client.post(f"{S}/workflow", json={"ciSystem": "github"})
    )


@pytest.mark.parametrize(
    "body",
    [
        {"ciSystem": "cron"},
        {"ciSystem": "github", "workingDirectory": "../other"},
        {"ciSystem": "github", "workingDirectory": "a; rm -rf /"},
        {"ciSystem": "github", "workingDirectory": "a\nb"},
        {},
    ],
)
def test_other_requests_are_refused(client: TestClient, body: dict[str, str]) -> None:
    """A system that is not known, and a folder that could be read as a command, are bad requests."""
    create_stack(client, tags={"pulumi:runtime": "go"})

    assert 400 == client.post(f"{S}/workflow", json=body).status_code
