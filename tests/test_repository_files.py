"""The files that a hosting service, git and editors read: they agree with the repository and give nothing away."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = [GITHUB / "ISSUE_TEMPLATE" / name for name in ("bug.yml", "feature.yml")]
# A version that its owner cannot move to other code, and the same for readers.
PINNED = re.compile(r"^\s*- uses: [\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


def parsed(path: Path) -> Any:
    """Return a YAML file as values."""
    return yaml.safe_load(path.read_text("utf-8"))


class TestWorkflows:
    def test_run_what_every_machine_runs(self) -> None:
        """A hosted job ends with .ci/run, which is executable; what comes before only prepares the machine."""
        jobs = [job for path in WORKFLOWS for job in parsed(path)["jobs"].values()]
        commands = [[step["run"] for step in job["steps"] if "run" in step] for job in jobs]

        assert [".ci/run"] * len(jobs) == [job[-1] for job in commands]
        assert [line for job in commands for line in job if re.search(r"\b(make|pytest|pip|ruff|mypy)\b", line)] == []
        assert os.access(ROOT / ".ci" / "run", os.X_OK)

    @pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
    def test_use_fixed_actions_and_no_secrets(self, path: Path) -> None:
        """Every action is named by commit and version, the token may only read, and no secret is used."""
        text = path.read_text("utf-8")
        actions = [line for line in text.splitlines() if "uses:" in line]

        assert actions
        assert [line for line in actions if not PINNED.match(line)] == []
        assert parsed(path)["permissions"] == {"contents": "read"}
        assert "secrets." not in text


class TestDependencyUpdates:
    def test_cover_every_folder_with_dependencies(self) -> None:
        """Every folder with a go.mod, a package.json, lock files of pip, or a workflow is kept up to date."""
        covered: dict[str, set[Path]] = {}
        for update in parsed(GITHUB / "dependabot.yml")["updates"]:
            patterns = update.get("directories") or [update["directory"]]
            folders = {folder for pattern in patterns for folder in (ROOT.glob(pattern[1:]) if pattern != "/" else [ROOT])}
            covered.setdefault(update["package-ecosystem"], set()).update(folders)

        assert covered["gomod"] == {path.parent for path in (ROOT / "tests").rglob("go.mod")}
        assert covered["npm"] == {path.parent for path in ROOT.glob("[!.]*/**/package.json") if "node_modules" not in path.parts}
        assert covered["pip"] == {ROOT, ROOT / "requirements"}
        assert covered["github-actions"] == {ROOT}


class TestIssueForms:
    @pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
    def test_ask_for_the_doctor_and_warn_of_secrets(self, path: Path) -> None:
        """A form asks for the output of `stackhold doctor` and says that secrets do not belong into it."""
        text = path.read_text("utf-8")

        assert "stackhold doctor" in text
        assert "Do not paste secrets" in text

    @pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
    def test_have_fields_with_names_of_their_own(self, path: Path) -> None:
        """A field has an id that no other field of the form has, and a label."""
        fields = [field for field in parsed(path)["body"] if field["type"] != "markdown"]

        assert len({field["id"] for field in fields}) == len(fields) > 0
        assert all(field["attributes"]["label"] for field in fields)


class TestProjectPages:
    @pytest.mark.parametrize("name", ["SECURITY.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "LICENSE", "CHANGELOG.md"])
    def test_stand_where_people_look_for_them(self, name: str) -> None:
        """The pages that hosting services link to are in the root and have content."""
        assert (ROOT / name).stat().st_size > 0

    def test_hold_no_address_of_a_person(self) -> None:
        """A way to reach the project is a page, not a user's mail address."""
        pages = [ROOT / "SECURITY.md", ROOT / "CODE_OF_CONDUCT.md", *GITHUB.rglob("*.*")]

        assert [path.name for path in pages if re.search(r"[\w.]+@(?!stackhold/)[\w-]+\.\w+", path.read_text("utf-8"))] == []
