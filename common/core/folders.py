"""Makes a change of a folder last: the name of a new or renamed file is on the disk only once its folder was flushed."""

import os
from pathlib import Path


def flush_folder(folder: Path) -> None:
    """Write the folder's entries to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
