"""Rows of the settings of hourly exports."""

from dataclasses import asdict, replace
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update

from common.audit.archives.model import Destination, Export, Position, Result
from common.db.tables.audit import audit_exports
from common.db.tables.people import organizations


def find(connection: Connection, org_id: str) -> Export | None:
    """Return the settings of an organization, or None."""
    row = connection.execute(select(audit_exports).where(audit_exports.c.org_id == org_id)).one_or_none()
    return _to_export(row) if row is not None else None


def store(tx: Connection, export: Export) -> None:
    """Insert the settings of an organization, in place of those before."""
    delete_export(tx, export.org_id)
    result = export.result
    tx.execute(
        insert(audit_exports).values(
            org_id=export.org_id,
            is_enabled=export.is_enabled,
            kind=export.destination.kind,
            destination=msgspec.json.encode(asdict(export.destination)).decode(),
            sealed_secret=export.sealed_secret,
            next_hour=export.next_hour,
            due_at=export.due_at,
            failures=export.failures,
            parts=export.position.parts,
            last_record=export.position.last,
            result_at=result.at if result is not None else None,
            result=result.message if result is not None else "",
        )
    )


def delete_export(tx: Connection, org_id: str) -> bool:
    """Delete the settings of an organization, and tell whether there were any."""
    return tx.execute(delete(audit_exports).where(audit_exports.c.org_id == org_id)).rowcount > 0


def store_result(connection: Connection, org_id: str, result: Result) -> None:
    """Store the result of an attempt that changes nothing else."""
    change = update(audit_exports).where(audit_exports.c.org_id == org_id)
    connection.execute(change.values(result_at=result.at, result=result.message))


def store_progress(tx: Connection, export: Export, later: Export) -> None:
    """Store how far an export came and when it is due again, unless its settings were changed meanwhile."""
    current = find(tx, export.org_id)
    if current is None or replace(current, result=export.result) != export:
        return
    # Guards against a change since the line above: each change sets the time that the export is due.
    is_same = (
        audit_exports.c.org_id == export.org_id,
        audit_exports.c.next_hour == export.next_hour,
        audit_exports.c.due_at == export.due_at,
    )
    values: dict[str, int | str] = {
        "next_hour": later.next_hour,
        "due_at": later.due_at,
        "failures": later.failures,
        "parts": later.position.parts,
        "last_record": later.position.last,
    }
    if later.result is not None and later.result != export.result:
        values |= {"result_at": later.result.at, "result": later.result.message}
    tx.execute(update(audit_exports).where(*is_same).values(**values))


def turn_off(tx: Connection, result: Result) -> None:
    """Turn all exports off that are on."""
    change = update(audit_exports).where(audit_exports.c.is_enabled.is_(True))
    tx.execute(change.values(is_enabled=False, result_at=result.at, result=result.message))


def list_due(connection: Connection, now_millis: int, after: str, limit: int) -> list[tuple[str, int]]:
    """Return (organization's id, time that the export is due since) of some exports, by id, after one."""
    is_due = (audit_exports.c.is_enabled.is_(True), audit_exports.c.due_at <= now_millis, audit_exports.c.org_id > after)
    query = select(audit_exports.c.org_id, audit_exports.c.due_at).where(*is_due).order_by(audit_exports.c.org_id).limit(limit)
    return [(row.org_id, row.due_at) for row in connection.execute(query)]


def find_next_due(connection: Connection, now_millis: int) -> int | None:
    """Return when the next export is tried that failed or has more to write, or None if all are complete."""
    is_open = or_(audit_exports.c.failures > 0, audit_exports.c.due_at <= now_millis)
    query = select(func.min(audit_exports.c.due_at)).join(organizations, organizations.c.id == audit_exports.c.org_id)
    due_at: int | None = connection.scalar(query.where(audit_exports.c.is_enabled.is_(True), is_open))
    return due_at


def find_org(connection: Connection, org_id: str) -> str | None:
    """Return the login of an organization, or None."""
    return connection.scalar(select(organizations.c.login).where(organizations.c.id == org_id))


def _to_export(row: Row[Any]) -> Export:
    return Export(
        org_id=row.org_id,
        is_enabled=row.is_enabled,
        destination=msgspec.json.decode(row.destination, type=Destination),
        sealed_secret=row.sealed_secret,
        next_hour=row.next_hour,
        due_at=row.due_at,
        failures=row.failures,
        result=Result(row.result_at, row.result) if row.result_at is not None else None,
        position=Position(row.parts, row.last_record),
    )
