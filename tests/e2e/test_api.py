"""The command line's own client of the whole interface: `pulumi api`."""

from __future__ import annotations

import json

import pytest

from tests.e2e.project import Project


@pytest.mark.newest_cli_only
def test_operations_have_upstreams_names(project: Project) -> None:
    """Operations are listed and described by the names that upstream's documents give them."""
    listed = json.loads(project.run("api", "list", "--output", "json").stdout)["operations"]
    described = project.run("api", "describe", "GetStack").stdout

    names = {operation["operationId"] for operation in listed}
    assert {"GetStack", "GetStackMetadata", "UpsertStacksAnnotations"} <= names
    assert "/api/stacks/{orgName}/{projectName}/{stackName}" in described


@pytest.mark.newest_cli_only
def test_a_stack_is_read_and_changed(project: Project) -> None:
    """The names of the organization, the project and the stack are filled in from where the command runs."""
    project.init()
    stack = "/api/stacks/{orgName}/{projectName}/{stackName}"
    project.run("api", "-X", "PATCH", f"{stack}/annotations/readme", "--body", '{"text":"hi"}')

    assert {"text": "hi"} == json.loads(project.run("api", f"{stack}/annotations/readme").stdout)
    assert project.cli.server.org == json.loads(project.run("api", f"{stack}/metadata").stdout)["orgName"]
