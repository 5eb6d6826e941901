"""Rows of the service's own keys, wrapped by the configured key service."""

from sqlalchemy import ColumnElement, Connection, Table, delete, exists, insert, inspect, select, union_all, update
from sqlalchemy.exc import IntegrityError

from common.crypto.model import RetiredKey, WrappedKey
from common.db.tables.environments import environments
from common.db.tables.installation import retired_keys, service_keys
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
        (retired_keys, retired_keys.c.id),
    )
}
TABLES = tuple(_OWNERS)
_OF_ORGANIZATIONS = (stacks, project_keys, environments)
# Retired keys come last: a key that is retired during a run is found too.
TABLES_OF_ORGANIZATIONS = (*(table.name for table in _OF_ORGANIZATIONS), retired_keys.name)
OWNER_COLUMNS = {name: column.name for name, (_, column) in _OWNERS.items()}


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


def page_organization_keys(connection: Connection, table_name: str, org_id: str, after: str, limit: int) -> list[WrappedKey]:
    """Return data keys of an organization by their owners, as `page_wrapped_keys` does."""
    table, owner = _OWNERS[table_name]
    query = select(owner, table.c.wrapped_key).where(owner > after, _is_of(table, org_id)).order_by(owner).limit(limit)
    return [WrappedKey(table_name, owner_id, wrapped_key) for owner_id, wrapped_key in connection.execute(query)]


def _is_of(table: Table, org_id: str) -> ColumnElement[bool]:
    """Return the condition that a data key is one of an organization."""
    if table is not retired_keys:
        return table.c.org_id == org_id
    owners = union_all(*(select(other.c.id).where(other.c.org_id == org_id) for other in _OF_ORGANIZATIONS))
    return retired_keys.c.owner_id.in_(owners)


def find_present(connection: Connection, key: WrappedKey) -> bytes | None:
    """Return the wrapped key that an owner has now, or None."""
    table, owner = _OWNERS[key.table]
    wrapped: bytes | None = connection.scalar(select(table.c.wrapped_key).where(owner == key.id))
    return wrapped


def replace_wrapped_key(connection: Connection, key: WrappedKey, replacement: bytes, org_id: str | None = None) -> bool:
    """Replace the wrapping of a data key that was read; False when it has changed, is gone, or is not one of an organization."""
    table, owner = _OWNERS[key.table]
    statement = update(table).where(owner == key.id, table.c.wrapped_key == key.wrapped_key).values(wrapped_key=replacement)
    if org_id is not None:
        statement = statement.where(_is_of(table, org_id))
    return connection.execute(statement).rowcount == 1


def add_retired_key(tx: Connection, key: RetiredKey) -> None:
    """Insert a key that its owner does not use any more."""
    tx.execute(
        insert(retired_keys).values(id=key.id, owner_id=key.owner_id, wrapped_key=key.wrapped_key, retired_at=key.retired_at)
    )


def find_owner_keys(connection: Connection, owner_id: str) -> list[WrappedKey]:
    """Return the data keys of an owner, the retired ones among them: one statement."""
    own = (select(table.c.id, table.c.wrapped_key).where(table.c.id == owner_id) for table in _OF_ORGANIZATIONS)
    retired = select(retired_keys.c.id, retired_keys.c.wrapped_key).where(retired_keys.c.owner_id == owner_id)
    rows = connection.execute(union_all(*own, retired))
    return [WrappedKey(retired_keys.name, key_id, wrapped_key) for key_id, wrapped_key in rows]


def find_retired_since(connection: Connection, owner_id: str, millis: int) -> bool:
    """Tell whether an owner has got a new data key since a time."""
    query = select(retired_keys.c.id).where(retired_keys.c.owner_id == owner_id, retired_keys.c.retired_at >= millis).limit(1)
    return connection.scalar(query) is not None


def delete_retired_keys(tx: Connection, owner_id: str) -> None:
    """Delete the retired keys of an owner that is gone for good."""
    tx.execute(delete(retired_keys).where(retired_keys.c.owner_id == owner_id))


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
