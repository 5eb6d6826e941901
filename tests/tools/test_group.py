"""The skeleton of a new group of endpoints, made in a copy of this repository."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.reporting import missing_tool

ROOT = Path(__file__).parents[2]
RUFF, MYPY = (str(Path(sys.executable).with_name(name)) for name in ("ruff", "mypy"))
# Groups that upstream has. Some may be built by now: the tests make two that are still missing.
CANDIDATES = ("agent_pools", "services", "deployments")
GROUP, OTHER_GROUP = [name for name in CANDIDATES if not (ROOT / "functions" / "api" / f"{name}.py").exists()][:2]
ADDRESSES = {name: f"/api/orgs/{{org}}/{name.replace('_', '-')}" for name in CANDIDATES}
PERMISSION = ("--permission", "organization_webhook:read")
# Two are edited, two are generated.
CHANGED = ["docs/compatibility.md", "docs/tables.md", "functions/http/groups.py", "pyproject.toml"]
MODULES = (f"common/{GROUP}", f"common/wire/{GROUP}.py", f"functions/api/{GROUP}.py", f"tests/{GROUP}")
# What a new group may break, and its own tests.
TESTS = (
    f"tests/{GROUP}",
    "tests/authorization/test_matrix.py::TestTable",
    f"tests/authorization/test_matrix.py::test_every_caller_of_every_route[GET {ADDRESSES[GROUP]}]",
    "tests/contract/test_operations.py",
    "tests/db/test_migrations.py::TestMigrations",
    "tests/test_architecture.py::TestTree",
    "tests/test_architecture.py::TestHandlers",
    "tests/test_limits.py",
)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of its own with the files of this one."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        missing_tool("git and its repository are needed to copy what is committed")
    folder = tmp_path_factory.mktemp("group")
    names = run(ROOT, "git", "ls-files", "--cached", "--others", "--exclude-standard", "-z").stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    run(folder, "git", "init", "--quiet")
    run(folder, "git", "add", "--all")
    run(folder, "git", "-c", "user.name=alice", "-c", "user.email=alice@example.com", "commit", "--quiet", "-m", "copy")
    return folder


@pytest.fixture(scope="module")
def extended(copy: Path) -> Path:
    """The copy with the skeleton of a group."""
    make_group(copy, GROUP, "--address", ADDRESSES[GROUP], *PERMISSION)
    return copy


class TestGroup:
    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            (["Webhooks"], "'Webhooks' is not a name: give a plural noun in small letters"),
            (["../hooks"], "'../hooks' is not a name"),
            (["hook"], "'hook' is not a name"),
            (["teams"], "there is a group teams already"),
            (["parcels"], "upstream has no one operation that lists the parcels of an organization: give ADDRESS="),
            (["parcels", "--address", "/api/orgs/{org}/parcels"], "upstream has no operation GET /api/orgs/{org}/parcels"),
            (["parcels", "--address", "/api/orgs/{org}/members"], "GET /api/orgs/{org}/members is served already"),
            (["parcels", "--address", ADDRESSES[OTHER_GROUP]], "there is no permission parcel:read: give PERMISSION="),
        ],
    )
    def test_refuses_what_does_not_fit(self, copy: Path, arguments: list[str], reason: str) -> None:
        """A name that is no plural noun, a group that exists, and what upstream does not have are refused with a reason."""
        before = run(copy, "git", "status", "--porcelain").stdout
        refused = make_group(copy, *arguments, expected=2)

        assert reason in refused.stderr
        assert run(copy, "git", "status", "--porcelain").stdout == before

    def test_touches_four_existing_files(self, extended: Path) -> None:
        """A new group with a route is new files, two edited lists and two generated documents."""
        lines = run(extended, "git", "status", "--porcelain").stdout.splitlines()

        assert CHANGED == [line.removeprefix(" M ") for line in lines if not line.startswith("?? ")]
        assert f"?? common/{GROUP}/" in lines

    def test_passes_the_checks(self, extended: Path) -> None:
        """The skeleton is formatted and typed, the documents are up to date, and the tests of group and house rules pass."""
        run(extended, RUFF, "format", "--check", ".")
        run(extended, RUFF, "check", ".")
        run(extended, MYPY, "--follow-imports=silent", *MODULES)
        run(extended, sys.executable, "-m", "tools.generate_docs", "--check")
        run(extended, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--database", "sqlite", *TESTS)

    def test_refuses_a_group_twice(self, extended: Path) -> None:
        """A second run for the same name changes nothing."""
        refused = make_group(extended, GROUP, "--address", ADDRESSES[GROUP], *PERMISSION, expected=2)

        assert f"there is a group {GROUP} already" in refused.stderr

    def test_makes_a_second_group(self, extended: Path) -> None:
        """Another group, which finds its address by its name, is added beside the first."""
        make_group(extended, OTHER_GROUP, *PERMISSION)

        run(extended, RUFF, "check", ".")
        run(
            extended,
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--database",
            "sqlite",
            f"tests/{OTHER_GROUP}",
        )


def make_group(folder: Path, *arguments: str, expected: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the tool in a copy."""
    return run(folder, sys.executable, "-m", "tools.group", *arguments, expected=expected)


def run(folder: Path, *command: str, expected: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a program, which must end as expected, without what this run says to pytest."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert ran.returncode == expected, ran.stdout + ran.stderr
    return ran
