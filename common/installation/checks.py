"""An installation's folders, stores and keys: checked before anything is changed, made on the first start.

Everything that could refuse a start is tried first, so that a refused start leaves things as they were. What a trial writes
it removes again.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from common.config.master_key import LOCAL, open_key_service
from common.config.object_stores import Store
from common.config.plan import Plan
from common.core.errors import BackendError, StartUpError
from common.db.engine import ensure_private
from common.ports.blobs import Bucket, StoreError
from common.ports.keys import KeyService
from common.ports.keys.local import create_key, find_key_file, place_in_words


def require_usable_folders(plan: Plan) -> None:
    """Raise StartUpError when the folders of a local installation are not folders or cannot be written to."""
    for name, folder in [("STACKHOLD_DATA", plan.settings.data_folder), *_object_folders(plan).items()]:
        existing = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
        if not existing.is_dir():
            raise StartUpError(f"{existing} is a file, not a folder ({name})")
        if not os.access(existing, os.W_OK | os.X_OK):
            what = "is not writable" if existing == folder else f"cannot be created: {existing} is not writable"
            raise StartUpError(f"the folder {folder} {what} ({name})")


def find_key_service(plan: Plan, *, in_use: bool) -> KeyService | None:
    """Return the key service after it has encrypted and decrypted something, None where the first start makes the key.

    Raises StartUpError for a key that is unfit, or absent where it must not be made afresh.
    """
    place, is_configured = plan.master.place, plan.settings.is_set(LOCAL)
    if place is None or find_key_file(place):
        keys = open_key_service(plan.settings, plan.master)
        keys.check()
        return keys
    if in_use:
        where = place_in_words(place) if is_configured else f"in {place}"
        raise StartUpError(
            f"the key {where} is missing, and this installation's secrets were encrypted with it: restore it from a backup"
        )
    if is_configured:
        # The value is not repeated: it may be the key itself.
        raise StartUpError(
            f"{LOCAL} must be the path of a key file, or of a folder that holds one, and there is no key at this path;"
            " create one with `head -c 32 /dev/urandom > FILE` and `chmod 600 FILE`"
        )
    return None


def require_stores(plan: Plan) -> None:
    """Raise StartUpError unless each object store keeps what it is given."""
    for store in distinct_stores(plan):
        if store.folder is not None and not store.folder.exists():
            continue  # The first start makes it.
        require_store(store)


def require_store(store: Store) -> None:
    """Raise StartUpError unless an object store keeps what it is given: a document is stored, read and deleted."""
    try:
        Bucket(store.driver).probe()
    except StoreError as error:
        # Errors of a remote store name its bucket or container.
        where = store.words if store.folder is not None else "the object store"
        raise StartUpError(f"{store.setting}: {where} cannot be used ({error})") from error


def require_no_states(plan: Plan, prefixes: Iterable[str]) -> None:
    """Raise StartUpError when an installation that was never started has states: its database was lost, or is another one's.

    Without their rows states are garbage, which the sweep deletes after a day. `prefixes` are what their keys begin with.
    """
    for store in distinct_stores(plan):
        if store.folder is not None and not store.folder.exists():
            continue
        try:
            has_states = any(Bucket(store.driver).page(prefix, "", 1) for prefix in prefixes)
        except BackendError as error:
            raise StartUpError(f"{store.setting}: {error.detail}") from error
        if has_states:
            raise StartUpError(
                f"the database has never been used, but {store.words} ({store.setting}) holds states of an installation: restore"
                " its database, or configure another place for the states of a new installation"
            )


def prepare(plan: Plan) -> None:
    """Make the folders, the database file and the key of a local installation where they are absent."""
    _make_folders(plan.settings.data_folder, list(_object_folders(plan).values()))
    prepare_database(plan.database)
    key = plan.master.place
    if key is not None and find_key_file(key) is None:
        create_key(key)


def prepare_database(place: object) -> None:
    """Make the folder and the file of a SQLite database where they are absent; a server's are not ours to make."""
    if isinstance(place, Path):
        _make_folders(place.parent, [])
        ensure_private(place)


def _make_folders(data_folder: Path, others: list[Path]) -> None:
    try:
        for folder in (data_folder, *others):
            for path in reversed([folder, *folder.parents]):
                path.mkdir(mode=0o700, exist_ok=True)
        # The folder often lies in a checkout, and it holds a key, a token and the state of every stack.
        _write_if_absent(data_folder / ".gitignore", "*\n")
    except OSError as error:
        raise StartUpError(f"the folder {error.filename} cannot be used: {error.strerror}") from error


def distinct_stores(plan: Plan) -> list[Store]:
    """Return the object stores, each once."""
    return list({store.words: store for store in plan.stores.values()}.values())


def _object_folders(plan: Plan) -> dict[str, Path]:
    """Return setting → folder of every object store that is a folder on this machine."""
    return {store.setting: store.folder for store in plan.stores.values() if store.folder is not None}


def _write_if_absent(path: Path, text: str) -> None:
    if not path.exists():
        path.write_text(text, encoding="utf-8")
