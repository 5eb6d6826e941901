"""Finds Prometheus and promtool: on PATH, or Debian's package of them, unpacked into a cache folder."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.reporting import missing_tool

FETCH_SECONDS = 300


def find_tool(name: str) -> Path:
    """Return the path of `prometheus` or `promtool`; a test that needs it fails or is skipped without it."""
    if found := shutil.which(name):
        return Path(found)
    home = Path(os.environ.get("STACKHOLD_CACHE") or Path.home() / ".cache" / "stackhold") / "prometheus"
    home.parent.mkdir(parents=True, exist_ok=True)
    with home.with_suffix(".lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not home.exists():
            _fetch(home)
    return home / "usr" / "bin" / name


def _fetch(home: Path) -> None:
    """Unpack the package; the folder appears at the end, so a broken attempt leaves none."""
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        missing_tool("there is no prometheus, and no apt to fetch one with")
    with tempfile.TemporaryDirectory(dir=home.parent, prefix="fetching-") as name:
        folder = Path(name)
        try:
            subprocess.run(["apt-get", "-qq", "download", "prometheus"], cwd=folder, check=True, timeout=FETCH_SECONDS)
        except (subprocess.SubprocessError, OSError) as error:
            missing_tool(f"there is no prometheus, and apt does not fetch one: {type(error).__name__}")
        (package,) = folder.glob("*.deb")
        subprocess.run(["dpkg", "-x", str(package), str(folder / "root")], check=True, timeout=FETCH_SECONDS)
        (folder / "root").rename(home)
