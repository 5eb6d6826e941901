"""What an organization uses, as the command line asks for it."""

from __future__ import annotations

import re

import pytest

from tests.e2e.project import UP, Project, stash


@pytest.mark.newest_cli_only
def test_usage_counts_resources(project: Project) -> None:
    """The resources of an organization's stacks are counted by day."""
    project.write({"a": stash("1"), "b": stash("2")})
    project.init()
    project.run(*UP)

    usage = project.run("org", "usage", "get", "--org", project.cli.server.org)
    resources = re.findall(r"\s(\d+) │\s+\d+ │$", usage.stdout, re.MULTILINE)

    # The stack itself, and two resources; other tests may have more.
    assert int(resources[-1]) >= 3
