"""What a process keeps of memory that it no longer needs."""

import subprocess
import sys

import pytest

from functions.server.memory import LARGE_BYTES

# A large block comes and goes; then smaller ones do, with one behind them that stays.
PROGRAM = f"""
import sys
from functions.server.memory import return_large_blocks

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

if sys.argv[1] == "returned":
    return_large_blocks()
before = resident()
large = b"x" * {24 * LARGE_BYTES}
del large
blocks = [b"x" * {4 * LARGE_BYTES} for _ in range(16)]
kept = b"x" * {LARGE_BYTES // 2}
del blocks
print(resident() - before)
"""


def kept_bytes(how: str) -> int:
    """Returns how much larger a process is after 64 MB came and went."""
    found = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, timeout=60, check=True)
    return int(found.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc on Linux is told how to treat large blocks")
def test_large_blocks_are_given_back() -> None:
    """A state that was served is no longer in the server's memory."""
    assert kept_bytes("returned") < 16 * LARGE_BYTES
