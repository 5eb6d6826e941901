"""Dependencies of pyproject.toml and the lock files stay in step. Everything here is read from files: no network."""

import ast
import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCK_FOLDER = ROOT / "requirements"
PIN = re.compile(r"^(?P<name>[a-z0-9.\-_]+)==(?P<version>\S+)(?: ; (?P<marker>.+?))? \\$", re.MULTILINE | re.IGNORECASE)
# What each lock file answers for: (extras, dependency groups, whether the core dependencies are in it).
LOCKS = {
    "build.txt": ((), ("build",), False),
    "local.txt": (("postgres",), (), True),
    "dev.txt": ((), ("dev",), True),
    "aws.txt": (("aws",), (), True),
    "aws-otel.txt": (("aws", "otel-http"), (), True),
    "aws-xray.txt": (("aws", "xray"), (), True),
    "container.txt": (("aws", "azure", "otel", "postgres"), (), True),
    "azure.txt": (("azure",), (), True),
    "azure-platform.txt": ((), ("azure-platform",), False),
    "chalice.txt": ((), ("schedules",), False),
    "console.txt": ((), ("console",), False),
    "policies.txt": ((), ("policies",), False),
    "sam.txt": ((), ("sam",), False),
}
# What the functions' lock files leave out of the core dependencies.
SERVER_ONLY = {line for line in (LOCK_FOLDER / "server-only.in").read_text("utf-8").splitlines() if not line.startswith("#")}
# Dependencies that no module of ours imports → why they are needed.
NOT_IMPORTED = {
    "httptools": "uvicorn's HTTP parser; functions/server/ names it to uvicorn",
    "uvloop": "uvicorn's event loop where it can be installed",
}


def imported_packages() -> set[str]:
    """Return the top-level packages that the product imports, at the top of a module or inside a function."""
    modules = [
        ROOT / "function_app.py",
        *(path for area in ("aws", "common", "functions") for path in (ROOT / area).rglob("*.py")),
    ]
    nodes = [node for path in modules for node in ast.walk(ast.parse(path.read_text("utf-8")))]
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    return {name.partition(".")[0] for name in names}


def pins(lock: str) -> dict[str, list[str]]:
    """Return package → pinned versions; a package has several where it is pinned by Python version."""
    found: dict[str, list[str]] = {}
    for match in PIN.finditer((LOCK_FOLDER / lock).read_text("utf-8")):
        found.setdefault(canonicalize_name(match["name"]), []).append(match["version"])
    return found


def direct_dependencies(lock: str) -> list[Requirement]:
    """Return what pyproject.toml asks for on behalf of one lock file."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    extras, groups, core = LOCKS[lock]
    left_out = SERVER_ONLY if lock.startswith(("aws", "azure")) else set()
    core_lines = project["project"]["dependencies"] if core else []
    wanted = [line for line in core_lines if canonicalize_name(Requirement(line).name) not in left_out]
    wanted += [line for extra in extras for line in project["project"]["optional-dependencies"][extra]]
    wanted += [line for group in groups for line in project["dependency-groups"][group]]
    return [Requirement(line) for line in wanted]


def test_every_lock_file_is_known() -> None:
    """A file in requirements/ says which part of pyproject.toml it locks."""
    assert set(LOCKS) == {path.name for path in LOCK_FOLDER.glob("*.txt")}


def test_functions_do_without_the_server() -> None:
    """What only the long-running server needs is in no function's package, whose size is limited."""
    assert set() == SERVER_ONLY & (pins("aws.txt").keys() | pins("azure.txt").keys())


def test_azure_finds_its_lock_file() -> None:
    """The root's requirements.txt, which Azure's own build installs, is the lock file of the azure extra."""
    assert (LOCK_FOLDER / "azure.txt").read_bytes() == (ROOT / "requirements.txt").read_bytes()


def test_every_dependency_is_imported() -> None:
    """A dependency or extra that no module imports is removed from pyproject.toml, or has its reason in this file."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    distributions = packages_distributions()
    imported = {canonicalize_name(name) for package in imported_packages() for name in distributions.get(package, [])}

    assert {canonicalize_name(Requirement(line).name) for line in lines} - imported == set(NOT_IMPORTED)


def test_typed_packages_say_so() -> None:
    """The classifier "Typing :: Typed" stands in pyproject.toml only if every package of the wheel has a py.typed file."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packages = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    typed = all((ROOT / package / "py.typed").exists() for package in packages)

    assert ("Typing :: Typed" in settings["project"]["classifiers"]) == typed


@pytest.mark.parametrize("lock", LOCKS)
class TestLockFile:
    def test_pins_every_direct_dependency_in_range(self, lock: str) -> None:
        """Every dependency of pyproject.toml is pinned to a version that its range allows: else run `make lock`."""
        pinned = pins(lock)
        wanted = direct_dependencies(lock)

        assert wanted
        for requirement in wanted:
            versions = pinned.get(canonicalize_name(requirement.name), [])
            assert versions, f"{requirement.name} is not in {lock}"
            assert all(requirement.specifier.contains(version, prereleases=True) for version in versions), (
                lock,
                str(requirement),
            )

    def test_names_no_registry(self, lock: str) -> None:
        """A lock file holds names, versions and hashes, and no address: everyone installs from the registry they use."""
        text = (LOCK_FOLDER / lock).read_text("utf-8")

        assert "://" not in text
        assert not re.search(r"^\s*(--(?!hash=)|-[a-z]\b)", text, re.MULTILINE)

    def test_has_a_hash_for_every_pin(self, lock: str) -> None:
        """Every pin carries at least one hash, or pip would refuse the whole file."""
        text = (LOCK_FOLDER / lock).read_text("utf-8")
        entries = re.split(r"^(?=\S)(?!#)", text, flags=re.MULTILINE)

        unhashed = [entry.splitlines()[0] for entry in entries if "==" in entry and "--hash=sha256:" not in entry]
        assert unhashed == []

    def test_ships_what_was_tested(self, lock: str) -> None:
        """A package that the tests use has the same version in every other lock file."""
        tested = pins("dev.txt")

        assert {name: versions for name, versions in pins(lock).items() if name in tested and tested[name] != versions} == {}
