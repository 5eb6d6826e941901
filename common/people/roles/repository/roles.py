"""Rows of custom roles, permission sets and policies, and of their compositions."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, insert, select, update
from sqlalchemy import delete as delete_from

from common.db.tables.access import role_references, roles, team_roles
from common.db.tables.people import organizations
from common.people.roles.model import NewRecord, Purpose, Record

_COLUMNS = (
    roles.c.id,
    roles.c.org_id,
    roles.c.purpose,
    roles.c.name,
    roles.c.description,
    roles.c.resource_type,
    roles.c.details,
    roles.c.version,
    roles.c.created_at,
    roles.c.modified_at,
)


def lock(tx: Connection, org_id: str) -> None:
    """Lock an organization, so that one transaction at a time changes its roles: rules of composition concern all of them."""
    tx.execute(select(organizations.c.id).where(organizations.c.id == org_id).with_for_update())


def find(connection: Connection, org_id: str, role_id: str) -> Record | None:
    """Return a record of the organization, or None."""
    query: Select[Any] = select(*_COLUMNS).where(roles.c.id == role_id, roles.c.org_id == org_id)
    row = connection.execute(query).one_or_none()
    return _to_record(row) if row is not None else None


def lock_record(tx: Connection, role_id: str) -> None:
    """Lock a record, so that it is not given to a member, team or token until the transaction ends."""
    tx.execute(select(roles.c.id).where(roles.c.id == role_id).with_for_update())


def find_all(connection: Connection, org_id: str, purpose: Purpose | None) -> list[Record]:
    """Return the organization's records, all or those of one purpose."""
    query = select(*_COLUMNS).where(roles.c.org_id == org_id).order_by(roles.c.purpose, roles.c.name)
    return _records(connection, query if purpose is None else query.where(roles.c.purpose == purpose))


def find_of_teams(connection: Connection, org_id: str, team_ids: Collection[str]) -> tuple[list[Record], set[str]]:
    """Return the records of the teams, and the ids of all their roles, built-in ones too."""
    query = select(team_roles.c.role_id).where(team_roles.c.team_id.in_(team_ids))
    ids = set(connection.scalars(query)) if team_ids else set()
    return (find_several(connection, org_id, ids), ids) if ids else ([], ids)


def find_several(connection: Connection, org_id: str, ids: Collection[str]) -> list[Record]:
    """Return the records of the organization among the ids."""
    query = select(*_COLUMNS).where(roles.c.org_id == org_id, roles.c.id.in_(_list(ids))).order_by(roles.c.purpose, roles.c.name)
    return _records(connection, query)


def find_rules(connection: Connection, org_id: str, ids: Collection[str]) -> dict[str, str]:
    """Return the rules of the organization's records among the ids."""
    query = select(roles.c.id, roles.c.rules).where(roles.c.org_id == org_id, roles.c.id.in_(_list(ids)))
    return {row.id: row.rules for row in connection.execute(query)}


def find_references(connection: Connection, org_id: str) -> dict[str, frozenset[str]]:
    """Return the ids of the records that each record of the organization composes."""
    query = select(role_references.c.role_id, role_references.c.composed_id).join(roles, roles.c.id == role_references.c.role_id)
    references: dict[str, set[str]] = {}
    for row in connection.execute(query.where(roles.c.org_id == org_id)):
        references.setdefault(row.role_id, set()).add(row.composed_id)
    return {role_id: frozenset(composed) for role_id, composed in references.items()}


def count_others(connection: Connection, org_id: str, *, without: str) -> tuple[int, int]:
    """Return the number of an organization's records without one of them, and the total length of their descriptors."""
    size = func.coalesce(func.sum(func.length(roles.c.details)), 0)
    row = connection.execute(select(func.count(), size).where(roles.c.org_id == org_id, roles.c.id != without)).one()
    return int(row[0]), int(row[1])


def add(tx: Connection, org_id: str, role_id: str, new: NewRecord, *, rules: str, now_millis: int) -> None:
    """Insert a record; IntegrityError for a name that another record of the purpose has."""
    tx.execute(
        insert(roles).values(
            id=role_id,
            org_id=org_id,
            purpose=new.purpose,
            name=new.name,
            description=new.description,
            resource_type=new.resource_type,
            details=new.details,
            rules=rules,
            version=1,
            created_at=now_millis,
            modified_at=now_millis,
        ),
    )


def replace(tx: Connection, record: Record, rules: str | None, now_millis: int) -> bool:
    """Store a record's next version unless its version has changed; IntegrityError for a name that is taken."""
    values: dict[str, Any] = {
        "name": record.name,
        "description": record.description,
        "details": record.details,
        "version": record.version + 1,
        "modified_at": now_millis,
    }
    if rules is not None:
        values["rules"] = rules
    is_unchanged = (roles.c.id == record.id, roles.c.version == record.version)
    return tx.execute(update(roles).values(values).where(*is_unchanged)).rowcount == 1


def update_rules(tx: Connection, rules: Mapping[str, str]) -> None:
    """Store the effective rules of records, without a new version."""
    if rules:
        change = update(roles).values(rules=bindparam("new_rules")).where(roles.c.id == bindparam("changed_id"))
        tx.execute(change, [{"changed_id": role_id, "new_rules": text} for role_id, text in rules.items()])


def replace_references(tx: Connection, role_id: str, composed: Iterable[str]) -> None:
    """Replace the list of records that a record composes."""
    tx.execute(delete_from(role_references).where(role_references.c.role_id == role_id))
    rows = [{"role_id": role_id, "composed_id": composed_id} for composed_id in sorted(set(composed))]
    if rows:
        tx.execute(insert(role_references), rows)


def delete(tx: Connection, role_id: str) -> None:
    """Delete a record, its compositions, and its rows of teams."""
    tx.execute(delete_from(role_references).where(role_references.c.role_id == role_id))
    tx.execute(delete_from(role_references).where(role_references.c.composed_id == role_id))
    tx.execute(delete_from(team_roles).where(team_roles.c.role_id == role_id))
    tx.execute(delete_from(roles).where(roles.c.id == role_id))


def _list(ids: Collection[str]) -> Any:  # noqa: ANN401 - a parameter that expands
    return bindparam("ids", sorted(ids), expanding=True)


def _records(connection: Connection, query: Select[Any]) -> list[Record]:
    return [_to_record(row) for row in connection.execute(query)]


def _to_record(row: Row[Any]) -> Record:
    return Record(
        row.id,
        row.org_id,
        Purpose(row.purpose),
        row.name,
        row.description,
        row.resource_type,
        row.details,
        row.version,
        row.created_at,
        row.modified_at,
    )
