"""Unpacks a program of Debian's packages into a folder, with the libraries it came with: nothing on the machine changes.

apt checks the signatures as it always does.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

INSTALL_SECONDS = 900
_NEEDLESS = ("usr/share/doc", "usr/share/man", "usr/share/locale")
_LAUNCHER = """#!/bin/sh
root={root}
exec "$root{loader}" --library-path "$root{libraries}" --argv0 "{shown}" "$root/{program}" "$@"
"""


class ProgramUnavailableError(Exception):
    """The program cannot be had on this machine; the text says why."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package of a suite, and the beginnings of the names of those that come with it and are never run."""

    suite: str
    name: str
    unused: tuple[str, ...] = ()


def cache_folder(name: str) -> Path:
    """Return where fetched programs are kept, outside any checkout."""
    return Path(os.environ.get("STACKHOLD_CACHE") or Path.home() / ".cache" / "stackhold") / name


def fetched(package: Package, home: Path, finish: Callable[[Path], None]) -> Path:
    """Return a folder with the unpacked package in `root`, which is made on first use.

    `finish` writes what else it has, such as launchers. The folder appears at the end, so a broken attempt leaves none.
    """
    home.parent.mkdir(parents=True, exist_ok=True)
    with _locked(home.parent / "install.lock"):
        if not home.exists():
            _fetch(package, home, finish)
    return home


def write_launcher(place: Path, root: Path, program: str, *, root_in_shell: str, shown: str) -> None:
    """Write a script that runs a program with the loader and the libraries it was unpacked with.

    `root_in_shell` says in the script where the root is; `shown` is the name that the program sees as its own.
    """
    loader = next((path for path in sorted(root.glob("usr/lib*/ld-linux*.so.*"))), None)
    loader = loader or next((path for path in sorted(root.glob("usr/lib/*/ld-linux*.so.*"))), None)
    libraries = next((path.parent for path in sorted(root.glob("usr/lib/*/libc.so.6"))), None)
    if loader is None or libraries is None:
        raise ProgramUnavailableError(f"the packages of {program} hold no loader for this machine")
    parts = {"loader": f"/{loader.relative_to(root)}", "libraries": f"/{libraries.relative_to(root)}"}
    place.write_text(_LAUNCHER.format(root=root_in_shell, shown=shown, program=program, **parts), encoding="utf-8")
    place.chmod(0o755)


def _fetch(package: Package, home: Path, finish: Callable[[Path], None]) -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise ProgramUnavailableError("no apt to fetch one with")
    sys.stderr.write(f"fetching {package.name} into {home}\n")
    with tempfile.TemporaryDirectory(dir=home.parent, prefix="fetching-") as name:
        work = Path(name)
        root = work / "made" / "root"
        root.mkdir(parents=True)
        # Other users than root may have to run it.
        for folder in (work / "made", root):
            folder.chmod(0o755)
        for archive in _downloaded(package, work / "apt"):
            if not archive.name.startswith(package.unused):
                _run("dpkg", "-x", str(archive), str(root))
        for needless in _NEEDLESS:
            shutil.rmtree(root / needless, ignore_errors=True)
        finish(work / "made")
        (work / "made").rename(home)


def _downloaded(package: Package, apt: Path) -> list[Path]:
    """Return the archives of the package's closure, from the mirror that this machine uses for its own."""
    for folder in ("lists/partial", "archives/partial", "state"):
        (apt / folder).mkdir(parents=True)
    # With no package installed the closure includes the C library, so that the machine's own release does not matter.
    (apt / "status").touch()
    (apt / "sources.list").write_text(f"deb {_mirror(package)} {package.suite} main\n", encoding="utf-8")
    places = {
        "Dir::State": apt / "state",
        "Dir::State::Lists": apt / "lists",
        "Dir::State::status": apt / "status",
        "Dir::Cache": apt,
        "Dir::Etc::sourcelist": apt / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "APT::Install-Recommends": "false",
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "",
        "Debug::NoLocking": "true",
    }
    options = [part for place, value in places.items() for part in ("-o", f"{place}={value}")]
    _run("apt-get", "-qq", *options, "update")
    _run("apt-get", "-qq", *options, "--yes", "--download-only", "install", package.name)
    return sorted((apt / "archives").glob("*.deb"))


def _mirror(package: Package) -> str:
    listed = _run("apt-get", "indextargets", "--format", "$(SITE) $(SUITE) $(ORIGIN)", "Created-By: Packages")
    sites = [site for site, *rest in map(str.split, listed.splitlines()) if rest[-1] == "Debian" and "security" not in site]
    if not sites:
        raise ProgramUnavailableError(f"apt has no Debian mirror to fetch {package.name} from")
    return min(sites)


def _run(*command: str) -> str:
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ProgramUnavailableError(f"{command[0]} did not end: {error}") from error
    if ended.returncode:
        words = " ".join((ended.stderr or ended.stdout).split())[-300:]
        raise ProgramUnavailableError(f"{' '.join(command[:2])} failed: {words}")
    return ended.stdout


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
