"""Commands whose part of the API is not in this release: a person reads which part that is."""

from __future__ import annotations

import pytest

from tests.e2e.project import Project

_WORDS = "not part of this release (docs/compatibility.md)"


@pytest.mark.newest_cli_only
def test_commands_say_which_part_is_missing(project: Project) -> None:
    """One line of standard error with the part, no stack trace and no address."""
    project.write({})
    project.init()
    # It takes seven seconds: the command line repeats every read that was answered with 5xx.
    found = project.run("deployment", "settings", "get", ok=None)
    assert 0 != found.code, found
    assert f"deployments are {_WORDS}" in found.text, found
