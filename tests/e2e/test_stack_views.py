"""What the command line shows of one stack: its details, the policies that apply, and the parts that are missing."""

from __future__ import annotations

import json

import pytest

from tests.e2e.project import UP, Project, stash


@pytest.mark.newest_cli_only
def test_a_stack_is_shown_with_its_details(project: Project) -> None:
    """`stack get` shows the version, the tags, the resources and the outputs of a stack."""
    project.write({"a": stash("1")}, {"value": "${a.output}"})
    project.init()
    project.run(*UP)
    project.run("stack", "tag", "set", "env", "prod")

    shown = json.loads(project.run("stack", "get", "--output", "json").stdout)

    assert (1, "prod", {"value": "1"}) == (shown["version"], shown["tags"]["env"], shown["outputs"])
    assert ["a"] == [item["name"] for item in shown["resources"] if item["type"] == "pulumi:index:Stash"]


@pytest.mark.newest_cli_only
def test_the_policies_of_a_stack_are_listed(project: Project) -> None:
    """`stack policy list` shows the group that every stack is in, and that no pack applies."""
    project.init()
    shown = project.run("stack", "policy", "list").stdout

    assert "default-policy-group" in shown
    assert "No Policy Packs apply" in shown


@pytest.mark.newest_cli_only
def test_a_selection_is_taken_back(project: Project) -> None:
    """After `stack unselect` a command without a stack asks for one, and `stack select` chooses one again."""
    project.init()
    project.run("stack", "unselect")
    unselected = project.run("stack", "get", ok=None)
    project.run("stack", "select", project.stack())

    assert 0 != unselected.code
    assert "Current stack is dev" in project.run("stack", "get").stdout
