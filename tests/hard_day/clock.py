"""A clock that servers read and that jumps: libfaketime, Debian's package of that name, where it is or can be had."""

import os
import shutil
import subprocess
import tempfile
from functools import cached_property
from pathlib import Path

_NAME = "libfaketime.so.1"


class Clock:
    """The clock of all servers of an installation; it goes right until it is told otherwise."""

    def __init__(self, folder: Path) -> None:
        """Look for no library yet: only some kinds of faults need it, and it may have to be fetched."""
        self._offset = folder / "clock"
        self.is_on = False
        self.be_right()

    @property
    def can_jump(self) -> bool:
        """Whether the library is there."""
        return self._library is not None

    @cached_property
    def _library(self) -> Path | None:
        return find_library()

    @property
    def environment(self) -> dict[str, str]:
        """What a server is started with. Its waiting goes by another clock, which does not jump."""
        if not self.is_on or self._library is None:
            return {}
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
        }

    def jump(self, seconds: int) -> None:
        """Let the clock go wrong by so many seconds."""
        fresh = self._offset.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}s\n", encoding="ascii")
        fresh.replace(self._offset)

    def be_right(self) -> None:
        """Let the clock go right."""
        self.jump(0)


def find_library() -> Path | None:
    """Return the library, unpacked into the cache on first use, or None."""
    home = Path(os.environ.get("STACKHOLD_CACHE") or Path.home() / ".cache" / "stackhold") / "faketime"
    for root in (Path("/usr/lib"), home):
        for path in sorted(root.glob(f"**/faketime/{_NAME}")):
            return path
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        return None
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home, prefix="fetching-") as work:
        fetched = subprocess.run(["apt-get", "-qq", "download", "libfaketime"], cwd=work, capture_output=True, check=False)
        packages = sorted(Path(work).glob("*.deb"))
        if fetched.returncode or not packages:
            return None
        subprocess.run(["dpkg", "-x", packages[0], home / "root"], check=True)
    return next(iter(sorted(home.glob(f"**/faketime/{_NAME}"))), None)
