"""A local installation's folders and key: checked before anything is changed, made on the first start.

Everything that could refuse a start is asked first, so that a refused start leaves things as they were.
"""

import os
from pathlib import Path

from common.db.engine import ensure_private
from common.errors import StartUpError
from common.keys.local import create_key, find_key_file, read_key
from common.opening import database_place, key_place, objects_folder
from common.settings import Settings


def require_usable_folders(settings: Settings) -> None:
    """Raise StartUpError when the folders of a local installation are not folders or cannot be written to."""
    for name, folder in (("STACKHOLD_DATA", settings.data_folder), ("PULUMI_LOCAL_OBJECTS", objects_folder(settings))):
        existing = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
        if not existing.is_dir():
            msg = f"{existing} is a file, not a folder ({name})"
            raise StartUpError(msg)
        if not os.access(existing, os.W_OK | os.X_OK):
            what = "is not writable" if existing == folder else f"cannot be made: {existing} is not writable"
            msg = f"the folder {folder} {what} ({name})"
            raise StartUpError(msg)


def require_key(settings: Settings, *, in_use: bool) -> None:
    """Raise StartUpError for a key that is unfit, or absent where it must not be made afresh."""
    place = key_place(settings)
    if find_key_file(place):
        read_key(place)
    elif in_use:
        msg = f"the key in {place} is missing, and this installation's secrets were encrypted with it: restore it from a backup"
        raise StartUpError(msg)
    elif settings.is_set("PULUMI_LOCAL_KEYS"):
        msg = f"PULUMI_LOCAL_KEYS: there is no key in {place}; make one: head -c 32 /dev/urandom > {place}, then chmod 600"
        raise StartUpError(msg)


def prepare(settings: Settings) -> None:
    """Make the folders, the database file and the key of a local installation where they are absent."""
    try:
        _make_folder(settings.data_folder)
        _make_folder(objects_folder(settings))
        # The folder often lies in a checkout, and it holds a key, a token and everybody's state.
        _write_if_absent(settings.data_folder / ".gitignore", "*\n")
    except OSError as error:
        msg = f"the folder {error.filename} cannot be used: {error.strerror}"
        raise StartUpError(msg) from error
    place = database_place(settings)
    if isinstance(place, Path):
        ensure_private(place)
    if find_key_file(key_place(settings)) is None:
        create_key(key_place(settings))


def _make_folder(folder: Path) -> None:
    for path in reversed([folder, *folder.parents]):
        path.mkdir(mode=0o700, exist_ok=True)


def _write_if_absent(path: Path, text: str) -> None:
    if not path.exists():
        path.write_text(text, encoding="utf-8")
