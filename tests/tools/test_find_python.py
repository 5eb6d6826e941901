"""`make serve` on a user's machine begins with the search for a Python that will do."""

import subprocess
from pathlib import Path

import pytest

FIND_PYTHON = Path(__file__).parents[2] / "tools" / "find_python"
# Answers the three questions of the search as a Python of some version would, with or without ensurepip.
FAKE = """#!/bin/bash
case "$2" in
    *ensurepip*) exit {without_venv} ;;
    *print*) echo {version} ;;
    *) [[ {minor} -ge 11 ]] ;;
esac
"""


def find(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the search with only a folder on PATH."""
    return subprocess.run(
        ["/bin/bash", str(FIND_PYTHON)],
        env={"PATH": str(folder), **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def install(folder: Path, name: str, minor: int, *, venv: bool = True) -> Path:
    """Put a pretended Python on the PATH of the search."""
    path = folder / name
    path.write_text(FAKE.format(without_venv=0 if venv else 1, version=f"3.{minor}", minor=minor), "utf-8")
    path.chmod(0o755)
    return path


class TestFindPython:
    def test_takes_the_newest_that_was_tested(self, tmp_path: Path) -> None:
        """Python 3.13, which the clouds run, goes before 3.11 and before whatever python3 is."""
        expected = install(tmp_path, "python3.13", 13)
        install(tmp_path, "python3.11", 11)
        install(tmp_path, "python3", 12)

        assert find(tmp_path).stdout.strip() == str(expected)

    def test_passes_over_one_that_is_too_old_or_broken(self, tmp_path: Path) -> None:
        """A name on PATH that is too old, or that only prints an error, is passed over."""
        (tmp_path / "python3.13").write_text("#!/bin/bash\nexit 127\n", "utf-8")
        (tmp_path / "python3.13").chmod(0o755)
        install(tmp_path, "python3.12", 9)
        expected = install(tmp_path, "python3", 11)

        assert find(tmp_path).stdout.strip() == str(expected)

    def test_names_the_package_that_debian_leaves_out(self, tmp_path: Path) -> None:
        """Where ensurepip is missing, the message names the package of the Python at hand."""
        install(tmp_path, "python3", 13, venv=False)
        found = find(tmp_path)

        assert (found.returncode, found.stdout) == (1, "")
        assert "apt-get install python3.13-venv" in found.stderr

    def test_prefers_a_complete_one(self, tmp_path: Path) -> None:
        """An older Python with ensurepip goes before a newer one without it."""
        install(tmp_path, "python3.13", 13, venv=False)
        expected = install(tmp_path, "python3.11", 11)

        assert find(tmp_path).stdout.strip() == str(expected)

    @pytest.mark.parametrize("variables", [{}, {"PYTHON": "python3.9"}])
    def test_says_what_is_needed(self, tmp_path: Path, variables: dict[str, str]) -> None:
        """Without any, the message names the version that is needed."""
        install(tmp_path, "python3.9", 9)
        found = find(tmp_path, **variables)

        assert (found.returncode, found.stdout) == (1, "")
        assert "3.11 or later" in found.stderr
