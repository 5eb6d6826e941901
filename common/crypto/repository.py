"""Rows of the service's own keys, wrapped by the configured key service."""

from dataclasses import dataclass

from sqlalchemy import Connection, exists, insert, inspect, select, update
from sqlalchemy.exc import IntegrityError

from common.db.tables.environments import environments
from common.db.tables.installation import service_keys
from common.db.tables.stacks import project_keys, stacks

# Every table with a column `wrapped_key`, and the column that its context is made of. That column is written here and when its
# row is made, nowhere else.
_OWNERS = {
    table.name: (table, column)
    for table, column in (
        (service_keys, service_keys.c.name),
        (stacks, stacks.c.id),
        (project_keys, project_keys.c.id),
        (environments, environments.c.id),
    )
}
TABLES = tuple(_OWNERS)
OWNER_COLUMNS = {name: column.name for name, (_, column) in _OWNERS.items()}


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key as it is stored, with the name of its table and the id of its owner."""

    table: str
    id: str
    wrapped_key: bytes

    @property
    def context(self) -> str:
        """Return what the key is bound to."""
        return context_of(self.table, self.id)

    def __str__(self) -> str:
        """Name the owner for an operator."""
        return f"{self.table.removesuffix('s').replace('_', ' ')} {self.id}"


def context_of(table: str, owner_id: str) -> str:
    """Return what a data key of a table is bound to."""
    return f"service:{owner_id}" if table == service_keys.name else owner_id


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


def page_wrapped_keys(connection: Connection, table_name: str, after: str, limit: int) -> list[WrappedKey]:
    """Return data keys of a table by their owners, after an owner; deleted ones that can be restored are among them."""
    table, owner = _OWNERS[table_name]
    rows = connection.execute(select(owner, table.c.wrapped_key).where(owner > after).order_by(owner).limit(limit))
    return [WrappedKey(table_name, owner_id, wrapped_key) for owner_id, wrapped_key in rows]


def replace_wrapped_key(connection: Connection, key: WrappedKey, replacement: bytes) -> bool:
    """Replace the wrapping of a data key that was read; False when it has changed or is gone."""
    table, owner = _OWNERS[key.table]
    statement = update(table).where(owner == key.id, table.c.wrapped_key == key.wrapped_key).values(wrapped_key=replacement)
    return connection.execute(statement).rowcount == 1


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
