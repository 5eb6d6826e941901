"""The data keys of one owner (a stack, a project or an environment): the present one, and those it had before.

A retired key opens what was encrypted with it, also in files that the server never sees; nothing new is encrypted with it.
"""

import os
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.ids import new_id
from common.crypto import repository
from common.crypto.envelope import Envelope
from common.crypto.model import RetiredKey, WrappedKey

_KEY_BYTES = 32


def open_envelope(backend: Backend, owner_id: str, wrapped_key: bytes) -> Envelope:
    """Return the envelope of an owner, by the present data key; raises KeyUnusable.

    One query more, and a call of the key service for each retired key, if a value comes that the present key does not open.
    """
    return Envelope(backend.data_keys.open(wrapped_key, owner_id), owner_id, lambda: _other_keys(backend, owner_id, wrapped_key))


def open_present(backend: Backend, key: WrappedKey) -> Envelope | None:
    """Return the envelope of an owner by the data key it has now; None if the owner is gone.

    The key may have been replaced since it was read.
    """
    with backend.db.connect() as connection:
        wrapped_key = repository.find_present(connection, key)
    return open_envelope(backend, key.id, wrapped_key) if wrapped_key is not None else None


def delete_retired(tx: Connection, owner_id: str) -> None:
    """Delete the retired keys of an owner that is gone for good."""
    repository.delete_retired_keys(tx, owner_id)


def _other_keys(backend: Backend, owner_id: str, wrapped_key: bytes) -> Sequence[bytes]:
    with backend.db.connect() as connection:
        others = repository.find_owner_keys(connection, owner_id)
    # The present key is among them, and it may be a newer one than the caller has read.
    return [backend.data_keys.open(key.wrapped_key, key.context) for key in others if key.wrapped_key != wrapped_key]


def replace_key(backend: Backend, key: WrappedKey, since: datetime) -> bool:
    """Give an owner a new data key and retire the one it has; False if it got a new one since a time, or changes now.

    Raises KeyUnusable where the present key does not open.
    """
    with backend.db.connect() as connection:
        if repository.find_retired_since(connection, key.id, unix_millis(since)):
            return False
    retired_id = new_id()
    old = backend.keys.unwrap(key.wrapped_key, key.context)
    retired = RetiredKey(retired_id, key.id, backend.keys.wrap(old, retired_id), unix_millis(backend.clock.now()))
    replacement = backend.keys.wrap(os.urandom(_KEY_BYTES), key.context)
    with backend.db.begin() as tx:
        if not repository.replace_wrapped_key(tx, key, replacement):
            return False
        repository.add_retired_key(tx, retired)
    return True
