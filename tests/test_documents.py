"""The documents keep their form, and what they point to exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
HEADINGS = ["## Context", "## Decision", "## Consequences", "## Alternatives"]
STATE = re.compile(r"^\d{4}-\d\d-\d\d · (accepted|superseded by \d{4})$")
LINK = re.compile(r"\]\((?P<target>[^)\s#]+)[^)]*\)")


def name_of(path: Path) -> str:
    """Return a path as a test's label."""
    return path.relative_to(ROOT).as_posix()


class TestDecisions:
    def test_are_numbered_in_order(self) -> None:
        """Decisions are numbered from 1 without gaps, and the list in the folder names each."""
        listed = (ROOT / "docs" / "decisions" / "README.md").read_text("utf-8")

        assert [path.name[:4] for path in DECISIONS] == [f"{number:04}" for number in range(1, len(DECISIONS) + 1)]
        assert [path.name for path in DECISIONS if f"]({path.name})" not in listed] == []

    @pytest.mark.parametrize("path", DECISIONS, ids=name_of)
    def test_have_their_form(self, path: Path) -> None:
        """A decision has a numbered title, a date with its state, the four headings, and at most 40 lines."""
        lines = path.read_text("utf-8").splitlines()

        assert len(lines) <= 40
        assert lines[0].startswith(f"# {path.name[:4]} ")
        assert STATE.match(lines[2]), lines[2]
        assert [line for line in lines if line.startswith("## ")] == HEADINGS


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    """A link to a file of the repository leads to a file."""
    targets = [found["target"] for found in LINK.finditer(path.read_text("utf-8")) if "://" not in found["target"]]

    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_the_changelog_has_its_form() -> None:
    """The changelog follows Keep a Changelog: an Unreleased section first, and only the six kinds of change."""
    lines = (ROOT / "CHANGELOG.md").read_text("utf-8").splitlines()
    versions = [line for line in lines if line.startswith("## ")]
    kinds = {line.removeprefix("### ") for line in lines if line.startswith("### ")}

    assert versions[0] == "## [Unreleased]"
    assert all(re.match(r"## \[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d$", line) for line in versions[1:])
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
