"""What must be true of a commit that is released, and what a release consists of."""

import importlib.metadata
import json
import re
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from tools import release_check
from tools.release_check import NotReleasable

ROOT = Path(__file__).parents[2]
PIN = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^ ]+)", re.MULTILINE)
CHANGELOG = """# Changelog

## [Unreleased]

## [1.2.0] - 2027-01-31

### Added

- A page.

### Security

- A fix.

## [1.1.0] - 2027-01-01

### Fixed

- Another.
"""


class TestTag:
    def test_names_the_version(self) -> None:
        """A commit with the tag of its version passes, whatever other tags it has."""
        release_check.require_tag(["nightly", "v1.2.0"], "1.2.0")

    @pytest.mark.parametrize("tags", [[], ["1.2.0"], ["v1.2.0-rc1"], ["v1.1.0"]])
    def test_is_needed(self, tags: list[str]) -> None:
        """Without its tag, or with one that is spelled otherwise, a commit is not released; the message says how to tag it."""
        with pytest.raises(NotReleasable, match=r"git tag -a v1\.2\.0"):
            release_check.require_tag(tags, "1.2.0")


class TestChangelog:
    def test_has_the_release_on_top(self) -> None:
        """A dated section of the version, below an empty Unreleased, passes."""
        release_check.require_changelog(CHANGELOG, "1.2.0")

    @pytest.mark.parametrize(
        ("old", "new", "complaint"),
        [
            ("[1.2.0]", "[1.3.0]", "newest release"),
            (" - 2027-01-31", "", "newest release"),
            ("## [Unreleased]\n", "## [Unreleased]\n\n### Added\n\n- Late.\n", "Unreleased"),
            ("### Added", "### New", "needs entries"),
            ("### Added\n\n- A page.\n\n### Security\n\n- A fix.\n", "", "needs entries"),
            ("### Security", "### Added", "at most once"),
            ("### Added\n\n- A page.\n\n### Security", "### Security\n\n- A page.\n\n### Added", "in this order"),
        ],
        ids=["version", "date", "unreleased", "kind", "empty", "twice", "order"],
    )
    def test_is_in_its_form(self, old: str, new: str, complaint: str) -> None:
        """A section of another version, without a date, with unknown, repeated or unsorted kinds, or late entries stop a release."""
        with pytest.raises(NotReleasable, match=complaint):
            release_check.require_changelog(CHANGELOG.replace(old, new), "1.2.0")


class TestDistributions:
    def test_hold_all_that_runs(self, tmp_path: Path) -> None:
        """The wheel has every module, page and migration of the product, its command and its licence; there is a source archive."""
        wheel, source = sorted(release_check.build_distributions(tmp_path), key=lambda path: path.suffix, reverse=True)
        names = set(zipfile.ZipFile(wheel).namelist())
        parts = [path for folder in ("aws", "common", "functions") for path in (ROOT / folder).rglob("*") if path.is_file()]
        shipped = {path.relative_to(ROOT).as_posix() for path in parts if path.suffix in {".py", ".html", ".css"}}

        assert source.name.endswith(".tar.gz")
        assert shipped - names == set()
        assert {name.rpartition("/")[2] for name in names if ".dist-info/" in name} >= {"entry_points.txt", "LICENSE", "METADATA"}


class TestComponents:
    @pytest.mark.parametrize("lock", ["build.txt", *release_check.PRODUCTS.values()])
    def test_are_those_of_the_lock_file(self, lock: str, tmp_path: Path) -> None:
        """The list of components names the product, and every pin of the lock file once, with its hashes."""
        path = ROOT / "requirements" / lock
        release_check.write_components(path, tmp_path / "list.json")
        found = json.loads((tmp_path / "list.json").read_text("utf-8"))

        assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.6")
        assert found["metadata"]["component"]["name"] == "stackhold"
        assert found["metadata"]["component"]["version"] == release_check.project_version()
        assert Counter((part["name"], part["version"]) for part in found["components"]) == Counter(
            PIN.findall(path.read_text("utf-8"))
        )
        assert [part["name"] for part in found["components"] if _is_installed(part["name"]) and not part.get("licenses")] == []

    @pytest.mark.parametrize(
        ("package", "licence"),
        [("msgspec", "BSD-3-Clause"), ("fastapi", "MIT"), ("typer", "MIT"), ("sqlalchemy", "MIT")],
    )
    def test_name_their_licences(self, package: str, licence: str) -> None:
        """A licence is taken from what the installed package says of itself, in either of the two forms."""
        assert licence in json.dumps(release_check.licence_of(package))

    def test_of_other_platforms_have_none(self) -> None:
        """A package that is not installed here has no licence in the list."""
        assert release_check.licence_of("no-such-package") is None

    def test_need_hashes(self, tmp_path: Path) -> None:
        """A pin without a hash stops a release."""
        lock = tmp_path / "lock.txt"
        lock.write_text("msgspec==0.22.0\n", "utf-8")

        with pytest.raises(NotReleasable, match="msgspec"):
            release_check.write_components(lock, tmp_path / "list.json")


class TestWheel:
    def test_serves(self, tmp_path: Path) -> None:
        """The command starts a server whose API answers; one that ends at once stops a release."""
        release_check.require_serving(Path(sys.executable).with_name("stackhold"), tmp_path)

        with pytest.raises(NotReleasable, match="it did not start"):
            release_check.require_serving(Path("/bin/false"), tmp_path)


def _is_installed(package: str) -> bool:
    try:
        return bool(importlib.metadata.version(package))
    except importlib.metadata.PackageNotFoundError:
        return False
