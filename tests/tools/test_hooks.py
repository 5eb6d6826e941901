"""The git hooks of tools/hooks, run by git in a repository of their own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.reporting import missing_tool

ROOT = Path(__file__).parents[2]
PASSING = "class TestMentions:\n    def test_it(self) -> None:\n        pass\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository that uses our hooks, with our virtual environment and two stand-ins for the tests that they run."""
    if shutil.which("git") is None:
        missing_tool("git is needed to test its hooks")
    git(tmp_path, "init", "--quiet")
    for name, value in {
        "core.hooksPath": str(ROOT / "tools" / "hooks"),
        "user.name": "alice",
        "user.email": "alice@example.com",
    }.items():
        git(tmp_path, "config", name, value)
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("python", "ruff"):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{Path(sys.executable).parent / name}" "$@"\n', "utf-8")
        program.chmod(0o755)
    (tmp_path / ".gitignore").write_text(".venv/\n__pycache__/\n.*_cache/\n", "utf-8")
    (tmp_path / "tests").mkdir()
    for name in ("test_limits.py", "test_documents.py"):
        (tmp_path / "tests" / name).write_text(PASSING, "utf-8")
    return tmp_path


def git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git without the settings of this machine."""
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    environment = {
        name: value for name, value in environment.items() if name not in {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"}
    }
    return subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def commit(folder: Path, **files: str) -> subprocess.CompletedProcess[str]:
    """Write Python files, named by keyword, and commit all there is."""
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, "utf-8")
    git(folder, "add", "--all")
    return git(folder, "commit", "--quiet", "-m", "tests: add a file")


class TestPreCommit:
    def test_lets_good_files_pass(self, repository: Path) -> None:
        """A commit of formatted files without lint passes."""
        result = commit(repository, good="VALUE = 1\n")

        assert result.returncode == 0, result.stdout + result.stderr

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [("VALUE  =  1\n", "would be reformatted"), ("import os\n", "F401"), ("VALUE = 1\n<<<<<<< HEAD\n", "conflict marker")],
        ids=["format", "lint", "conflict"],
    )
    def test_stops_a_bad_file(self, repository: Path, text: str, complaint: str) -> None:
        """A commit stops at a file that is not formatted, has lint, or still has the marks of a conflict."""
        result = commit(repository, bad=text)

        assert result.returncode != 0
        assert complaint in result.stdout + result.stderr

    def test_stops_at_a_failed_test(self, repository: Path) -> None:
        """A commit stops when a rule about the files of the repository is broken."""
        (repository / "tests" / "test_documents.py").write_text("def test_it() -> None:\n    assert []\n", "utf-8")

        assert commit(repository).returncode != 0

    def test_says_what_is_missing(self, repository: Path) -> None:
        """Without a virtual environment a commit stops and names the command that makes one."""
        shutil.rmtree(repository / ".venv")

        assert "make setup" in commit(repository).stderr


def check_message(folder: Path, message: str) -> subprocess.CompletedProcess[str]:
    """Run the hook on a message as git does."""
    path = folder / "COMMIT_EDITMSG"
    path.write_text(message, "utf-8")
    hook = ROOT / "tools" / "hooks" / "commit-msg"
    return subprocess.run([hook, path], capture_output=True, text=True, check=False, timeout=30)


class TestCommitMessage:
    @pytest.mark.parametrize(
        "message",
        [
            "state: refuse entries of an expired lease\n\nThe body may be longer than a line, and says why.\n",
            "docs, tools: write the release recipe",
            "fixup! anything",
            'Revert "x"',
        ],
    )
    def test_lets_the_house_form_pass(self, tmp_path: Path, message: str) -> None:
        """A message that names its area passes, and so does what git writes itself."""
        result = check_message(tmp_path, message)

        assert (0, "") == (result.returncode, result.stderr)

    @pytest.mark.parametrize("message", ["Fix things", "state: ends with a stop.", "state:", f"state: {'x' * 70}"])
    def test_stops_any_other(self, tmp_path: Path, message: str) -> None:
        """A message without an area, with a full stop, without words or with more than 72 characters stops."""
        result = check_message(tmp_path, message)

        assert result.returncode == 1
        assert result.stderr.startswith("commit-msg: ")
