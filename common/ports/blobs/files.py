"""Blobs as files in a folder: complete or absent, never half written, durable before `put` returns.

File modes are 0600 and folder modes 0700. A file appears under its key by a rename, whole, and is flushed with its name in
one step of the file system's journal; flushing first would cost a second one. What a crash leaves behind, a temporary file
or one that `put` never vouched for, is named by no row. `page` lists those too, so the sweep removes them.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from common.core.folders import flush_folder
from common.core.ids import new_id
from common.ports.blobs import BlobNotFound

_TEMPORARY = ".part-"


class Files:
    """The driver for a local folder."""

    def __init__(self, root: Path) -> None:
        """Keep blobs below `root`, which exists already."""
        self._root = root

    def put(self, key: str, stored: bytes) -> None:
        """Write a temporary file beside the target, rename it, and flush file and name to the disk."""
        path = self._path(key)
        try:
            self._place(path, stored)
        except FileNotFoundError:  # `delete` of another key removed the empty folder in between.
            self._place(path, stored)

    def get(self, key: str) -> bytes:
        """Read the file of a key."""
        try:
            return self._path(key).read_bytes()
        except FileNotFoundError as error:
            raise BlobNotFound(key) from error

    def size(self, key: str) -> int:
        """Return the size of the file of a key."""
        try:
            return self._path(key).stat().st_size
        except FileNotFoundError as error:
            raise BlobNotFound(key) from error

    def delete(self, keys: Iterable[str]) -> None:
        """Unlink the files of keys, and folders that became empty."""
        for key in keys:
            path = self._path(key)
            path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                path.parent.rmdir()

    def page(self, prefix: str, after: str, limit: int) -> list[tuple[str, int]]:
        """Walk the folder in key order."""
        keys = (key for key in self._keys(self._root, "", prefix, after) if key.startswith(prefix) and key > after)
        entries = ((key, written_at) for key in keys if (written_at := self._written_at(key)) is not None)
        return list(islice(entries, limit))

    def link(self, _key: str, _seconds: int) -> str | None:
        """Return None: a folder serves no addresses."""
        return None

    def put_file(self, key: str, stored: bytes) -> None:
        """Store a file as any other blob."""
        self.put(key, stored)

    def upload_link(self, _key: str, _seconds: int) -> None:
        """Return None: a folder serves no addresses."""

    def load(self) -> None:
        """Do nothing: there is nothing to load."""

    def _keys(self, folder: Path, above: str, prefix: str, after: str) -> Iterator[str]:
        """Yield keys in order, leaving out folders that can hold none of those wanted."""
        try:
            entries = sorted(os.scandir(folder), key=lambda e: e.name + "/" if e.is_dir() else e.name)
        except FileNotFoundError:  # Emptied and removed since its name was read.
            return
        for entry in entries:
            key = above + entry.name
            if not entry.is_dir():
                yield key
            elif _may_hold(key + "/", prefix) and (key + "/" > after or after.startswith(key + "/")):
                yield from self._keys(Path(entry.path), key + "/", prefix, after)

    def _place(self, path: Path, stored: bytes) -> None:
        self._ensure_folder(path.parent)
        temporary = path.parent / f"{_TEMPORARY}{new_id()}"
        try:
            _write(temporary, path, stored)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        flush_folder(path.parent)

    def _written_at(self, key: str) -> int | None:
        try:
            return self._path(key).stat().st_mtime_ns // 1_000_000
        except FileNotFoundError:
            return None

    def _path(self, key: str) -> Path:
        # Keys of documents have no dot, names of stacks in a DIY backend may have two; this guards against a key built by hand.
        if ".." in key.split("/") or key.startswith("/"):
            raise ValueError(f"not a blob key: {key}")
        return self._root / key

    def _ensure_folder(self, folder: Path) -> None:
        missing = []
        while not folder.is_dir():
            missing.append(folder)
            folder = folder.parent
        for path in reversed(missing):
            path.mkdir(mode=0o700, exist_ok=True)
            flush_folder(path.parent)


def _may_hold(folder: str, prefix: str) -> bool:
    return folder.startswith(prefix) or prefix.startswith(folder)


def _write(temporary: Path, path: Path, stored: bytes) -> None:
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        view = memoryview(stored)
        while view:
            view = view[os.write(descriptor, view) :]
        temporary.rename(path)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
