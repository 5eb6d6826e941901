"""A local installation's folders and key: checked before anything is changed, made on the first start.

Everything that could refuse a start is asked first, so that a refused start leaves things as they were.
"""

import os
from pathlib import Path

from common.blobs import Bucket, StoreError
from common.database import database_place
from common.db.engine import ensure_private
from common.errors import StartUpError
from common.keys.local import create_key, find_key_file, place_in_words, read_key
from common.masterkey import chosen, open_key_service
from common.settings import Settings
from common.stores import open_stores


def require_usable_folders(settings: Settings) -> None:
    """Raise StartUpError when the folders of a local installation are not folders or cannot be written to."""
    for name, folder in [("STACKHOLD_DATA", settings.data_folder), *_object_folders(settings).items()]:
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
    place = chosen(settings).place
    if place is None:
        return
    if find_key_file(place):
        read_key(place)
    elif in_use:
        where = place_in_words(place) if settings.is_set("PULUMI_LOCAL_KEYS") else f"in {place}"
        msg = f"the key {where} is missing, and this installation's secrets were encrypted with it: restore it from a backup"
        raise StartUpError(msg)
    elif settings.is_set("PULUMI_LOCAL_KEYS"):
        # The value is not repeated: it may be the key itself.
        msg = (
            "PULUMI_LOCAL_KEYS must be the path of a key file, or of a folder that holds one, and there is no key at this path;"
            " make one with `head -c 32 /dev/urandom > FILE` and `chmod 600 FILE`"
        )
        raise StartUpError(msg)


def require_services(settings: Settings) -> None:
    """Raise StartUpError unless remote object stores keep what they are given and a remote key service works: they are asked."""
    if chosen(settings).place is None:
        open_key_service(settings).check()
    for store in {store.words: store for store in open_stores(settings).values() if store.folder is None}.values():
        try:
            Bucket(store.driver).probe()
        except StoreError as error:
            msg = f"{store.setting}: the object store cannot be used ({error})"
            raise StartUpError(msg) from error


def prepare(settings: Settings) -> None:
    """Make the folders, the database file and the key of a local installation where they are absent."""
    try:
        _make_folder(settings.data_folder)
        for folder in _object_folders(settings).values():
            _make_folder(folder)
        # The folder often lies in a checkout, and it holds a key, a token and everybody's state.
        _write_if_absent(settings.data_folder / ".gitignore", "*\n")
    except OSError as error:
        msg = f"the folder {error.filename} cannot be used: {error.strerror}"
        raise StartUpError(msg) from error
    place = database_place(settings)
    if isinstance(place, Path):
        ensure_private(place)
    key = chosen(settings).place
    if key is not None and find_key_file(key) is None:
        create_key(key)


def _object_folders(settings: Settings) -> dict[str, Path]:
    """Return setting → folder of every object store that is a folder on this machine."""
    return {store.setting: store.folder for store in open_stores(settings).values() if store.folder is not None}


def _make_folder(folder: Path) -> None:
    for path in reversed([folder, *folder.parents]):
        path.mkdir(mode=0o700, exist_ok=True)


def _write_if_absent(path: Path, text: str) -> None:
    if not path.exists():
        path.write_text(text, encoding="utf-8")
