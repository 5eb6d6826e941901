"""Rows of the service's own keys, wrapped by the configured key service."""

from collections.abc import Iterator

from sqlalchemy import Connection, exists, insert, inspect, select, union_all, update
from sqlalchemy.exc import IntegrityError

from common.db.tables.environments import environments
from common.db.tables.installation import service_keys
from common.db.tables.stacks import stacks


def find_key(connection: Connection, name: str) -> bytes | None:
    """Return the wrapped key of that name, or None."""
    wrapped: bytes | None = connection.scalar(select(service_keys.c.wrapped_key).where(service_keys.c.name == name))
    return wrapped


def add_key(connection: Connection, name: str, wrapped_key: bytes, now_millis: int) -> bool:
    """Insert a wrapped key in a statement of its own; False when the name has one already."""
    try:
        connection.execute(insert(service_keys).values(name=name, wrapped_key=wrapped_key, created_at=now_millis))
    except IntegrityError:
        return False
    return True


def list_keys(connection: Connection) -> list[tuple[str, bytes]]:
    """Return (name, wrapped key) of every key; there are a handful."""
    rows = connection.execute(select(service_keys.c.name, service_keys.c.wrapped_key).order_by(service_keys.c.name))
    return [(row.name, row.wrapped_key) for row in rows]


def iterate_wrapped_keys(connection: Connection) -> Iterator[bytes]:
    """Yield the wrapped key of the service and of every stack and environment, deleted ones that can be restored included."""
    tables = (service_keys, stacks, environments)
    yield from connection.scalars(union_all(*(select(table.c.wrapped_key) for table in tables)))


def replace_key(connection: Connection, name: str, wrapped_key: bytes, replacement: bytes) -> bool:
    """Replace the wrapping of a key that was read; False when another process was first."""
    statement = (
        update(service_keys)
        .where(service_keys.c.name == name, service_keys.c.wrapped_key == wrapped_key)
        .values(wrapped_key=replacement)
    )
    return connection.execute(statement).rowcount == 1


def has_any_key(connection: Connection) -> bool:
    """Tell whether there is a wrapped key at all; a database without tables has none."""
    if not inspect(connection).has_table(service_keys.name):
        return False
    return bool(connection.scalar(select(exists().where(service_keys.c.name.is_not(None)))))
