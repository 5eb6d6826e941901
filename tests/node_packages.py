"""Installs what tests need from npm, into the cache outside the repository; lock files pin every byte."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from tests.e2e.toolchain import cache_folder
from tests.reporting import missing_tool

INSTALL_LIMIT_SECONDS = 600


def installed(folder: Path, needed_for: str) -> Path:
    """The `node_modules` of what a folder's lock file pins; `needed_for` is what a machine without npm is told."""
    lock = (folder / "package-lock.json").read_bytes()
    place = cache_folder() / f"{folder.name}-{hashlib.sha256(lock).hexdigest()[:16]}"
    modules = place / "node_modules"
    if modules.exists() and (place / "complete").exists():
        return modules
    if shutil.which("npm") is None:
        missing_tool(needed_for)
    place.mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not (place / "complete").exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copyfile(folder / name, place / name)
            command = ["npm", "ci", "--omit=dev", "--no-audit", "--no-fund", "--ignore-scripts"]
            subprocess.run(
                command, cwd=place, check=True, capture_output=True, timeout=INSTALL_LIMIT_SECONDS, env=dict(os.environ)
            )
            (place / "complete").touch()
    return modules
