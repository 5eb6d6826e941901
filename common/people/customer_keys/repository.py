"""Rows of keys that organizations manage themselves, and of migrations."""

from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from common.core.customer_key import CustomerKey
from common.db.tables.customer_keys import customer_keys, key_migrations
from common.people.customer_keys.model import Migration, MigrationState, StoredKey

_SHOWN_MIGRATIONS = 100


def list_keys(connection: Connection, org_id: str) -> list[StoredKey]:
    """Return the keys of an organization, disabled ones too, the oldest first."""
    query = select(customer_keys).where(customer_keys.c.org_id == org_id)
    return [_to_key(row) for row in connection.execute(query.order_by(customer_keys.c.created_at, customer_keys.c.id))]


def find_key(connection: Connection, org_id: str, key_id: str) -> StoredKey | None:
    """Return a key of an organization, or None."""
    query = select(customer_keys).where(customer_keys.c.org_id == org_id, customer_keys.c.id == key_id)
    row = connection.execute(query).one_or_none()
    return _to_key(row) if row is not None else None


def add_key(tx: Connection, stored: StoredKey) -> None:
    """Insert a key; IntegrityError for a name that another key of the organization has."""
    row = {
        "id": stored.key.id,
        "org_id": stored.key.org_id,
        "name": stored.name,
        "key_arn": stored.key.key_arn,
        "role_arn": stored.key.role_arn,
        "is_enabled": stored.is_enabled,
        "created_at": stored.created_at,
    }
    tx.execute(insert(customer_keys).values(row))


def disable_keys(tx: Connection, org_id: str, key_id: str | None = None) -> int:
    """Disable a key of an organization, or all of them, and return how many were enabled."""
    statement = update(customer_keys).where(customer_keys.c.org_id == org_id, customer_keys.c.is_enabled.is_(True))
    if key_id is not None:
        statement = statement.where(customer_keys.c.id == key_id)
    return tx.execute(statement.values(is_enabled=False)).rowcount


def list_migrations(connection: Connection, org_id: str) -> list[Migration]:
    """Return the latest migrations of an organization, the newest first."""
    query = select(key_migrations).where(key_migrations.c.org_id == org_id)
    query = query.order_by(key_migrations.c.created_at.desc(), key_migrations.c.id.desc()).limit(_SHOWN_MIGRATIONS)
    return [_to_migration(row) for row in connection.execute(query)]


def find_migration(connection: Connection, migration_id: str) -> Migration | None:
    """Return a migration, or None."""
    row = connection.execute(select(key_migrations).where(key_migrations.c.id == migration_id)).one_or_none()
    return _to_migration(row) if row is not None else None


def add_migration(tx: Connection, migration: Migration) -> None:
    """Insert a migration."""
    names = [column.name for column in key_migrations.columns]
    tx.execute(insert(key_migrations).values({name: getattr(migration, name) for name in names}))


def restart_pending(tx: Connection, org_id: str, target_key_id: str | None, now_millis: int) -> Migration | None:
    """Let a pending migration to a key begin again, and return it; None without one."""
    is_it = (
        key_migrations.c.org_id == org_id,
        key_migrations.c.state == MigrationState.PENDING,
        key_migrations.c.target_key_id == target_key_id,
    )
    if not tx.execute(update(key_migrations).where(*is_it).values(began_at=now_millis)).rowcount:
        return None
    row = tx.execute(select(key_migrations).where(*is_it).limit(1)).one()
    return _to_migration(row)


def supersede(tx: Connection, org_id: str, now_millis: int) -> None:
    """End the migrations of an organization that are not complete."""
    is_open = key_migrations.c.state.in_((MigrationState.PENDING, MigrationState.FAILED))
    statement = update(key_migrations).where(key_migrations.c.org_id == org_id, is_open)
    tx.execute(statement.values(state=MigrationState.SUPERSEDED, ended_at=now_millis))


def retry_failed(tx: Connection, migration: Migration, now_millis: int) -> bool:
    """Make a failed migration pending again; False if it is not failed any more."""
    is_it = (key_migrations.c.id == migration.id, key_migrations.c.state == MigrationState.FAILED)
    values = {"state": MigrationState.PENDING, "problem": "", "began_at": now_millis, "ended_at": None}
    return tx.execute(update(key_migrations).where(*is_it).values(values)).rowcount == 1


def store_progress(connection: Connection, migration: Migration, rewrapped: int, problem: str) -> None:
    """Add to the number of data keys that a migration has wrapped anew, and store what has interrupted it."""
    values = {"rewrapped": key_migrations.c.rewrapped + rewrapped, "problem": problem}
    connection.execute(update(key_migrations).where(key_migrations.c.id == migration.id).values(values))


def end(connection: Connection, migration: Migration, state: MigrationState, problem: str, now_millis: int) -> bool:
    """End a migration that was read; False when it has begun again or was superseded since."""
    is_it = (
        key_migrations.c.id == migration.id,
        key_migrations.c.state == MigrationState.PENDING,
        key_migrations.c.began_at == migration.began_at,
    )
    values = {"state": state, "problem": problem, "ended_at": now_millis}
    return connection.execute(update(key_migrations).where(*is_it).values(values)).rowcount == 1


def _to_key(row: Row[Any]) -> StoredKey:
    key = CustomerKey(row.id, row.org_id, row.key_arn, row.role_arn)
    return StoredKey(key, row.name, bool(row.is_enabled), row.created_at)


def _to_migration(row: Row[Any]) -> Migration:
    return Migration(**{**row._asdict(), "state": MigrationState(row.state)})
