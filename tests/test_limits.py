"""House rules that can be read off the files: how long they are, what they are called, what they must not mention."""

import ast
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
OWN_CODE = ("aws", "bench", "common", "functions", "tests", "tools")
FILE_LINES = 500
FUNCTION_LINES = 60
# Path (or path::function) → (its own limit, why it reads better in one piece).
EXCEPTIONS: dict[str, tuple[int, str]] = {}

# Names that say nothing about what a module holds, so that everything ends up in it.
EMPTY_NAMES = {"base_utils", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}
# Written in two parts, so that this file does not name what it forbids.
REGISTRIES = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("files", "pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
        ("proxy", "golang", "org"),
        ("sum", "golang", "org"),
    )
)
# What a test may patch: modules and classes that are not ours.
MAY_BE_PATCHED = {
    "BlobServiceClient",
    "Chalice",
    "PasswordHasher",
    "TestClient",
    "httpcore",
    "os",
    "pymysql",
    "secrets",
    "socket",
    "sys",
    "time",
}
FOLDERS_OF_NOBODY = {Path("/"), Path("/home"), Path("/Users"), Path(tempfile.gettempdir())}


@cache
def repository_files() -> tuple[Path, ...]:
    """Return every file that is or would be committed, as git sees it; all files of our folders where there is no git."""
    if shutil.which("git") and (ROOT / ".git").exists():
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
        return tuple(path for name in names if name and (path := ROOT / name).is_file())
    return tuple(path for folder in (*OWN_CODE, "docs", "requirements") for path in (ROOT / folder).rglob("*") if path.is_file())


def own_modules() -> Iterator[Path]:
    """Yield the Python files we wrote."""
    return (
        path for path in repository_files() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in (*OWN_CODE, path.name)
    )


@cache
def measured() -> tuple[tuple[str, int, int], ...]:
    """Return (name, lines, limit) of every file and function of ours; parsing them all takes seconds, so once for all tests."""
    return tuple(_measure())


def _measure() -> Iterator[tuple[str, int, int]]:
    for path in own_modules():
        source, name = path.read_text("utf-8"), path.relative_to(ROOT).as_posix()
        yield name, source.count("\n"), FILE_LINES
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{name}::{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1, FUNCTION_LINES


class TestLength:
    def test_keeps_the_limits(self) -> None:
        """A file has at most 500 lines and a function at most 60; a longer one is in the list, with its reason."""
        sizes = measured()
        too_long = [f"{name}: {lines} lines" for name, lines, limit in sizes if lines > EXCEPTIONS.get(name, (limit, ""))[0]]

        assert len(sizes) > 100
        assert too_long == []

    def test_lists_no_exception_in_vain(self) -> None:
        """An exception that is no longer needed is taken off the list."""
        needed = {name for name, lines, limit in measured() if lines > limit}

        assert set(EXCEPTIONS) - needed == set()


class TestNames:
    def test_say_what_a_module_holds(self) -> None:
        """No module or folder is called utils, helpers, misc or manager."""
        files = [path.relative_to(ROOT) for path in own_modules()]

        assert [str(path) for path in files if EMPTY_NAMES & {*path.parent.parts, path.stem}] == []


class TestDocstrings:
    def test_state_the_rule_of_every_test(self) -> None:
        """Every test says in a sentence which rule it holds."""
        silent = [
            f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
            for path in own_modules()
            if path.name.startswith("test_")
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not ast.get_docstring(node)
        ]

        assert silent == []


class TestPatches:
    def test_are_of_what_is_not_ours(self) -> None:
        """A test patches the clock, the standard library or a library, and nothing of ours."""
        ours = [f"{path} patches {target}" for path, target in patches() if target.partition(".")[0] not in MAY_BE_PATCHED]

        assert ours == []


class TestMentions:
    def test_no_registry(self) -> None:
        """No file names a package registry: everyone installs from the one they use."""
        assert [place for host in REGISTRIES for place in places_of(host)] == []

    def test_no_path_of_this_machine(self) -> None:
        """No file holds the path of a checkout or of a user's home folder."""
        folders = {ROOT, ROOT.parent, Path.home()} - FOLDERS_OF_NOBODY

        assert [place for folder in folders for place in places_of(f"{folder}/")] == []


class TestLayout:
    def test_is_left_to_the_formatter(self) -> None:
        """No comment switches the formatter off: a place that reads badly is written in another way."""
        assert [place for switch in ("skip", "off") for place in places_of(f"# fmt: {switch}")] == []


@cache
def patches() -> tuple[tuple[str, str], ...]:
    """Return (file, what is patched) of every `setattr` of a patch fixture, `mock.patch` and write to a frozen object in tests."""
    calls = (
        (path.relative_to(ROOT).as_posix(), node)
        for path in own_modules()
        if path.is_relative_to(ROOT / "tests")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and node.args
        and ast.unparse(node.func).endswith(("patch.setattr", "patch.object", "mock.patch", "object.__setattr__"))
    )
    return tuple((name, ast.unparse(call.args[0]).strip("'")) for name, call in calls)


def places_of(needle: str) -> Iterator[str]:
    """Yield file and line of every mention in a text file."""
    wanted = needle.encode()
    for path in repository_files():
        content = path.read_bytes()
        if wanted in content:
            line = content[: content.index(wanted)].count(b"\n") + 1
            yield f"{path.relative_to(ROOT)}:{line} mentions {needle}"
