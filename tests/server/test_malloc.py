"""What a process keeps of memory that it no longer needs."""

import subprocess
import sys

import pytest

from functions.server.malloc import LARGE_BYTES

# A large block comes and goes; then smaller ones do, with one behind them that stays.
PROGRAM = f"""
from functions.server.malloc import return_large_blocks

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

return_large_blocks()
before = resident()
large = b"x" * {24 * LARGE_BYTES}
del large
blocks = [b"x" * {4 * LARGE_BYTES} for _ in range(16)]
kept = b"x" * {LARGE_BYTES // 2}
del blocks
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc on Linux is told how to treat large blocks")
def test_large_blocks_are_given_back() -> None:
    """A state that was served is no longer in the server's memory; left alone, glibc would keep 64 MB here."""
    found = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)

    assert int(found.stdout) < 16 * LARGE_BYTES
