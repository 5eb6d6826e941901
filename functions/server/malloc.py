"""How the C library treats memory that a large state took for a moment."""

import ctypes
import sys
from contextlib import suppress

# malloc.h of glibc.
_M_MMAP_THRESHOLD = -3
LARGE_BYTES = 1 << 20


def return_large_blocks() -> None:
    """Have blocks of a megabyte and more given back to the system the moment they are freed; for glibc, elsewhere nothing.

    By itself glibc moves that size up with every larger block that it sees freed, to 32 MB. What comes below it is cut from
    one heap, which shrinks from its end only: a server that once served a large state would keep several times its size.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # Another C library, or none that can be asked.
            ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
