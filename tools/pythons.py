"""Finds a Python of a given minor version on this machine, for what must be done by the version that the clouds run."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path


def find_python(version: str) -> Path | None:
    """Return a Python of that version ("3.13") from PATH or a version manager's folder, or None."""
    return next((path for path in _candidates(version) if _is(path, version)), None)


def _candidates(version: str) -> Iterator[Path]:
    if found := shutil.which(f"python{version}"):
        yield Path(found)
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    yield from sorted(versions.glob(f"{version}*/bin/python3"), reverse=True)


def _is(path: Path, version: str) -> bool:
    # A version manager may put a name on PATH that only prints an error: running it is the one sure test.
    said = subprocess.run(
        [str(path), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], capture_output=True, text=True, check=False
    )
    return said.returncode == 0 and said.stdout.strip() == version
