"""The scripts and styles that are committed are those that the sources in console/ build."""

import json
import re
import shutil
from pathlib import Path

import pytest

from functions.pages import static_files
from tools import console


def test_were_built_from_the_sources() -> None:
    """After a change in console/ a user ran `make console`."""
    assert console.is_current(), "console/ was changed: run `make console`"


@pytest.mark.parametrize("name", ["source/live.ts", "style/base.css", "package-lock.json", "source/fresh.ts"])
def test_are_older_once_a_source_changes(tmp_path: Path, name: str) -> None:
    """The hash covers scripts, styles, and what the lock file pins."""
    copy = tmp_path / "console"
    shutil.copytree(console.CONSOLE, copy, ignore=shutil.ignore_patterns("node_modules"))
    with (copy / name).open("a") as file:
        file.write(" ")

    assert console.digest_of_sources(copy) != console.digest_of_sources()


def test_are_the_files_that_the_manifest_names() -> None:
    """Three scripts, one style sheet, and nothing that was left behind by an earlier build."""
    there = {path.name for path in console.ASSETS.iterdir()}

    assert {"console.js", "editor.js", "graph.js", "page.css"} == set(static_files.names())
    assert {"licences.txt", "manifest.json", *static_files.names().values()} == there


def test_load_nothing_from_elsewhere() -> None:
    """Neither names another host, and the script runs no text as code by itself."""
    for name in static_files.names().values():
        text = (console.ASSETS / name).read_text("utf-8")
        assert [] == re.findall(r"(?:import|url)\(\s*[\"']?(?:https?:)?//", text)
        assert "sourceMappingURL" not in text


def test_are_pinned_without_an_address() -> None:
    """The lock file of npm works with any registry: it names versions and hashes, and no address."""
    lock = json.loads((console.CONSOLE / "package-lock.json").read_text("utf-8"))

    assert [] == [name for name, package in lock["packages"].items() if "resolved" in package]
    assert [] == [name for name, package in lock["packages"].items() if name and "integrity" not in package]
