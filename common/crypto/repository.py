"""Rows of the service's own keys, wrapped by the configured key service."""

from sqlalchemy import Connection, exists, insert, inspect, select
from sqlalchemy.exc import IntegrityError

from common.db.tables import service_keys


def find_key(connection: Connection, name: str) -> bytes | None:
    """Return the wrapped key of that name, or None."""
    found: bytes | None = connection.scalar(select(service_keys.c.wrapped_key).where(service_keys.c.name == name))
    return found


def add_key(connection: Connection, name: str, wrapped_key: bytes, now_millis: int) -> bool:
    """Insert a wrapped key in a statement of its own; False when the name has one already."""
    try:
        connection.execute(insert(service_keys).values(name=name, wrapped_key=wrapped_key, created_at=now_millis))
    except IntegrityError:
        return False
    return True


def has_any_key(connection: Connection) -> bool:
    """Tell whether there is a wrapped key at all; a database without tables has none."""
    if not inspect(connection).has_table(service_keys.name):
        return False
    return bool(connection.scalar(select(exists().where(service_keys.c.name.is_not(None)))))
