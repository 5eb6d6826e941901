"""The data keys of one owner (a stack, a project or an environment): the present one, and those it had before.

A retired key opens what was encrypted with it, also in files that the server never sees; nothing new is encrypted with it.
"""

import os
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.customer_key import CustomerKey
from common.core.errors import Unavailable
from common.core.ids import new_id
from common.crypto import repository
from common.crypto.envelope import Envelope
from common.crypto.model import OtherKeys, RetiredKey, WrappedKey
from common.db.retry import ATTEMPTS, retry
from common.ports.keys import KeyUnusable

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


def _other_keys(backend: Backend, owner_id: str, wrapped_key: bytes) -> OtherKeys:
    """Return the keys besides a present one. A key that does not open must not keep the others from opening values."""
    with backend.db.connect() as connection:
        others = repository.find_owner_keys(connection, owner_id)
    keys: list[bytes] = []
    problem: KeyUnusable | None = None
    # The present key is among them, and it may be a newer one than the caller has read.
    for key in others:
        if key.wrapped_key == wrapped_key:
            continue
        try:
            keys.append(backend.data_keys.open(key.wrapped_key, key.context))
        except KeyUnusable as error:
            problem = error
    return OtherKeys(keys, problem)


def replace_key(backend: Backend, key: WrappedKey, since: datetime) -> bool:
    """Give an owner a new data key and retire the one it has; False if it got a new one since a time, or is gone.

    Raises KeyUnusable where the present key does not open, or the key service does not open what it has just wrapped.
    """
    for _attempt in range(ATTEMPTS):
        # Another process may have replaced the key, or wrapped it anew, since it was read.
        with backend.db.connect() as connection:
            present = repository.find_present(connection, key)
            if present is None or repository.find_retired_since(connection, key.id, unix_millis(since)):
                return False
        if _replace(backend, replace(key, wrapped_key=present)):
            return True
    raise Unavailable("other processes replace the data key at the same time; run the command again")


def _replace(backend: Backend, key: WrappedKey) -> bool:
    """Give an owner a new data key in place of one that was read; False when that has changed or is gone."""
    retired_id = new_id()
    old, new = backend.keys.unwrap(key.wrapped_key, key.context), os.urandom(_KEY_BYTES)
    # The organization's own key, if it has wrapped the present data key, wraps both.
    customer_key = backend.keys.find_customer_key(key.wrapped_key)
    retired = RetiredKey(retired_id, key.id, _wrap(backend, old, retired_id, customer_key), unix_millis(backend.clock.now()))
    replacement = _wrap(backend, new, key.context, customer_key)

    def store() -> bool:
        with backend.db.begin() as tx:
            if not repository.replace_wrapped_key(tx, key, replacement):
                return False
            repository.add_retired_key(tx, retired)
        return True

    return retry(store)


def list_wrapped(connection: Connection, owner_id: str) -> list[bytes]:
    """Return the wrapped data keys of an owner, the retired ones among them; one statement."""
    return [key.wrapped_key for key in repository.find_owner_keys(connection, owner_id)]


def rewrap(backend: Backend, key: WrappedKey, org_id: str, customer_key: CustomerKey | None) -> bool:
    """Wrap a data key of an organization by its own key, or the master key.

    False if the data key has changed since it was read, or is gone: its stack may be in another organization by now.
    Raises KeyUnusable where the data key does not open, or the other key does not open what it has just wrapped.
    """
    replacement = _wrap(backend, backend.keys.unwrap(key.wrapped_key, key.context), key.context, customer_key)
    with backend.db.connect() as connection:
        return repository.replace_wrapped_key(connection, key, replacement, org_id)


def _wrap(backend: Backend, plain: bytes, context: str, customer_key: CustomerKey | None) -> bytes:
    """Return a data key wrapped by an organization's key or the master key, after a test that it opens.

    The stored wrapping of the key is lost with the change.
    """
    wrapped = backend.keys.wrap(plain, context, customer_key)
    if backend.keys.unwrap(wrapped, context) != plain:
        raise KeyUnusable("the key service does not return the data key that it has just wrapped; nothing was changed")
    return wrapped
