"""Checks that a commit can be released, and makes what a release consists of.

python -m tools.release_check [--folder dist/release]

The tag, the version in pyproject.toml and the changelog must agree. Then the wheel and the source distribution are built, the
wheel is installed in a virtual environment of its own and serves from there, the documentation is built, the packages for the
clouds are built where the platform's Python is installed, and each gets a list of its components (CycloneDX), made from
the lock file with hashes and licences.
"""

import argparse
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import tomllib
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx

from tools import docs_site, package_aws, package_azure
from tools.changelog import KINDS
from tools.pythons import find_python

ROOT = Path(__file__).parents[1]
# What is shipped → the lock file that it is installed from.
PRODUCTS = {"server": "local.txt", "aws": "aws.txt", "azure": "azure.txt"}
START_LIMIT_SECONDS = 60
_SERVING = re.compile(r"serving (https?://[^,\s\"]+)")
_HEADING = re.compile(r"^## \[(?P<version>[^\]]+)\](?P<date> - \d{4}-\d\d-\d\d)?$")


class NotReleasable(Exception):
    """Something has to be changed before this commit can be released; the message says what."""


def project_version() -> str:
    """Return the version in pyproject.toml."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert isinstance(version, str)  # noqa: S101 - the build backend accepts nothing else
    return version


def require_tag(tags: list[str], version: str) -> None:
    """Raise NotReleasable unless the commit has the tag of its version."""
    if f"v{version}" not in tags:
        raise NotReleasable(f"pyproject.toml says {version}, the commit has {tags or 'no tag'}: git tag -a v{version}")


def require_changelog(text: str, version: str) -> None:
    """Raise NotReleasable unless the newest section is this version's, has every kind of change once, and in order."""
    sections = _sections(text)
    newest = next((heading for heading in sections if not heading.startswith("## [Unreleased]")), "")
    found = _HEADING.match(newest)
    if found is None or found["version"] != version or not found["date"]:
        raise NotReleasable(
            f"CHANGELOG.md: the newest release must be '## [{version}] - YYYY-MM-DD', not {newest or 'missing'!r}"
        )
    if any(sections.get("## [Unreleased]", [])):
        raise NotReleasable("CHANGELOG.md: [Unreleased] must be empty; move its entries to the release")
    kinds = [line.removeprefix("### ") for line in sections[newest] if line.startswith("### ")]
    if not kinds or any(kind not in KINDS for kind in kinds):
        raise NotReleasable(f"CHANGELOG.md: {version} needs entries under {', '.join(KINDS)}; it has {kinds}")
    if any(KINDS.index(first) >= KINDS.index(second) for first, second in pairwise(kinds)):
        raise NotReleasable(
            f"CHANGELOG.md: {version} must have each of {', '.join(KINDS)} at most once, in this order; it has {kinds}"
        )


def build_distributions(folder: Path) -> list[Path]:
    """Build wheel and source distribution with the locked build tool; return their paths."""
    command = [_program("uv"), "build", "--quiet", "--offline", "--no-build-isolation", "--python", sys.executable]
    subprocess.run([*command, "--out-dir", str(folder), str(ROOT)], check=True)
    (folder / ".gitignore").unlink(missing_ok=True)
    return sorted(path for path in folder.iterdir() if path.name.endswith((".whl", ".tar.gz")))


def require_working_wheel(wheel: Path, version: str) -> None:
    """Install a wheel with its locked dependencies into a new virtual environment; raise NotReleasable unless it answers."""
    with tempfile.TemporaryDirectory(prefix="stackhold-release-") as name:
        programs = install_wheel(wheel, Path(name) / "venv")
        # In another folder: the checkout must not be what answers.
        answer = subprocess.run([str(programs / "stackhold"), "version"], cwd=name, capture_output=True, text=True, check=False)
        require_serving(programs / "stackhold", Path(name))
    if answer.stdout.strip() != version:
        raise NotReleasable(
            f"`stackhold version` of the wheel answers {answer.stdout.strip()!r}, not {version!r}: {answer.stderr}"
        )


def install_wheel(wheel: Path, folder: Path) -> Path:
    """Make a virtual environment with a wheel and its locked dependencies; return the folder of its programs."""
    programs = folder / "bin"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(programs / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet", "install"]
    subprocess.run([*pip, "--require-hashes", "-r", str(ROOT / "requirements" / PRODUCTS["server"])], check=True)
    subprocess.run([*pip, "--no-deps", str(wheel)], check=True)
    subprocess.run([*pip[:-2], "check"], check=True)
    return programs


def require_serving(program: Path, folder: Path) -> None:
    """Start a server with its data in a folder, and raise NotReleasable unless its API answers."""
    with serving(program, folder, {}) as address:
        status = httpx.get(f"{address}/api/status", timeout=START_LIMIT_SECONDS).status_code
    if status != HTTPStatus.OK:
        raise NotReleasable(f"the server of the wheel does not serve: {address} {status}")


@contextmanager
def serving(program: Path, folder: Path, settings: Mapping[str, str]) -> Iterator[str]:
    """Start a server with its data in a folder, yield its address, and end it; NotReleasable if it does not start."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PULUMI_", "STACKHOLD_"))}
    with subprocess.Popen(
        [str(program), "serve", "--port", "0", "--data", str(folder / "data")],
        cwd=folder,
        env={**environment, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        # It ends by itself should it never say where it serves.
        limit = threading.Timer(START_LIMIT_SECONDS, server.kill)
        limit.start()
        try:
            output = server.stdout or iter(())
            address = next((found[1] for line in output if (found := _SERVING.search(line))), "")
            limit.cancel()
            if not address:
                raise NotReleasable("the server of the wheel does not serve: it did not start")
            # What it goes on to log must not fill the pipe, which would stop it.
            threading.Thread(target=lambda: deque(output, maxlen=0), daemon=True).start()
            yield address
        finally:
            limit.cancel()
            server.kill()


def write_components(lock: Path, target: Path) -> None:
    """Write the components of a lock file as CycloneDX JSON; the same lock file always gives the same text."""
    command = [_program("cyclonedx-py"), "requirements", str(lock), "--pyproject", str(ROOT / "pyproject.toml")]
    subprocess.run(
        [*command, "--output-reproducible", "--spec-version", "1.6", "--output-file", str(target)],
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        check=True,
    )
    document = json.loads(target.read_text("utf-8"))
    unhashed = [component["name"] for component in document["components"] if not _hashes(component)]
    if unhashed:
        raise NotReleasable(f"{lock.name}: components without a hash: {', '.join(unhashed)}")
    for component in document["components"]:
        if licence := licence_of(component["name"]):
            component["licenses"] = [licence]
    target.write_text(json.dumps(document, indent=2) + "\n", "utf-8")


def licence_of(package: str) -> dict[str, Any] | None:
    """Return a package's licence in the form of CycloneDX, or nothing for one that is not for this platform.

    Raises NotReleasable for a package that names none.
    """
    try:
        metadata = importlib.metadata.metadata(package)
    except importlib.metadata.PackageNotFoundError:
        return None
    if "License-Expression" in metadata:
        return {"expression": metadata["License-Expression"]}
    names = [value.rpartition(" :: ")[2] for value in metadata.get_all("Classifier") or [] if value.startswith("License :: ")]
    # Some packages put the whole text of their licence there; its first line is the name.
    names = names or (metadata.get_all("License") or [""])[0].strip().splitlines()[:1]
    if not names:
        raise NotReleasable(f"{package} names no licence")
    return {"license": {"name": ", ".join(names)}}


def build_packages(folder: Path) -> list[str]:
    """Build the packages for the clouds; return the names of those for which this machine has no Python."""
    builds = {
        "aws": (package_aws.main, package_aws.PYTHON_VERSION, ["--folder", str(folder / "aws")]),
        "azure": (package_azure.main, package_azure.PYTHON_VERSION, ["--zip", str(folder / "stackhold-azure.zip")]),
    }
    missing = []
    for name, (build, python, arguments) in builds.items():
        if find_python(python) is None:
            missing.append(f"{name} (needs Python {python})")
        elif build(arguments):
            raise NotReleasable(f"the package for {name} cannot be built (see above)")
    if (folder / "aws").is_dir():
        shutil.make_archive(str(folder / "stackhold-aws"), "zip", folder / "aws")
        shutil.rmtree(folder / "aws")
    return missing


def main(arguments: list[str]) -> int:
    """Check and build; return the exit code."""
    parser = argparse.ArgumentParser(description="Check that this commit can be released, and build the release.")
    parser.add_argument("--folder", type=Path, default=ROOT / "dist" / "release")
    folder = parser.parse_args(arguments).folder.absolute()
    try:
        missing = _release(folder)
    except (NotReleasable, subprocess.CalledProcessError) as error:
        print(f"not releasable: {error}", file=sys.stderr)
        return 1
    print(*sorted(path.name for path in folder.iterdir()), sep="\n")
    if missing:
        print(f"not built here: {', '.join(missing)}", file=sys.stderr)
    return 0


def _release(folder: Path) -> list[str]:
    version = project_version()
    if changed := _git("status", "--porcelain"):
        raise NotReleasable(f"files differ from the commit: {', '.join(line.split()[-1] for line in changed)}")
    require_tag(_git("tag", "--points-at", "HEAD"), version)
    require_changelog((ROOT / "CHANGELOG.md").read_text("utf-8"), version)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    require_working_wheel(next(path for path in build_distributions(folder) if path.suffix == ".whl"), version)
    for product, lock in PRODUCTS.items():
        write_components(ROOT / "requirements" / lock, folder / f"stackhold-{version}-{product}.cdx.json")
    if docs_site.main():
        raise NotReleasable("the documentation cannot be built (see above)")
    shutil.make_archive(str(folder / f"stackhold-{version}-docs"), "zip", ROOT / "build" / "site")
    return build_packages(folder)


def _sections(text: str) -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("## "):
            lines = sections.setdefault(line, [])
        else:
            lines.append(line.strip())
    return sections


def _hashes(component: dict[str, Any]) -> list[Any]:
    return [digest for reference in component.get("externalReferences", []) for digest in reference.get("hashes", [])]


def _git(*arguments: str) -> list[str]:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
