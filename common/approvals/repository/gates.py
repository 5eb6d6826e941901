"""Rows of change gates."""

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, func, insert, or_, select, update
from sqlalchemy import delete as delete_from

from common.approvals.model import Action, Approver, Gate, GateTarget, Rule
from common.db.tables.approvals import change_gates

_T = change_gates.c


def add(tx: Connection, gate: Gate, user_id: str, now_millis: int) -> None:
    """Insert a gate."""
    values = {"id": gate.id, "org_id": gate.org_id, "created_by": user_id, "created_at": now_millis, "modified_at": now_millis}
    tx.execute(insert(change_gates).values(**values, **_columns(gate)))


def replace(tx: Connection, gate: Gate, now_millis: int) -> bool:
    """Replace what a gate says; False if it does not exist any more."""
    is_it = (_T.id == gate.id, _T.org_id == gate.org_id)
    return tx.execute(update(change_gates).where(*is_it).values(modified_at=now_millis, **_columns(gate))).rowcount == 1


def delete(tx: Connection, org_id: str, gate_id: str) -> bool:
    """Delete a gate; False if it does not exist."""
    return tx.execute(delete_from(change_gates).where(_T.id == gate_id, _T.org_id == org_id)).rowcount == 1


def find(connection: Connection, org_id: str, gate_id: str) -> Gate | None:
    """Return a gate of an organization, or None."""
    row = connection.execute(select(change_gates).where(_T.id == gate_id, _T.org_id == org_id)).one_or_none()
    return _to_gate(row) if row is not None else None


def count(connection: Connection, org_id: str) -> int:
    """Return how many gates an organization has."""
    return connection.scalar(select(func.count()).select_from(change_gates).where(_T.org_id == org_id)) or 0


def list_all(connection: Connection, org_id: str, entity_type: str | None = None, name: str | None = None) -> list[Gate]:
    """Return the gates of an organization in the order of their names; of a type of target, and for one target with its name."""
    query = select(change_gates).where(_T.org_id == org_id).order_by(_T.name, _T.id)
    if entity_type is not None:
        query = query.where(_T.entity_type == entity_type)
    if name is not None:
        query = query.where(_T.qualified_name.in_(["", name]))
    return [_to_gate(row) for row in connection.execute(query)]


def list_enabled(connection: Connection, org_id: str, entity_type: str, action: Action, name: str | None = None) -> list[Gate]:
    """Return the enabled gates for an action, in the order of their names: on one target, or on all targets of a type."""
    query = (
        select(change_gates)
        .where(_T.org_id == org_id, _T.entity_type == entity_type, _T.enabled.is_(True))
        .where(or_(_T.actions == action.value, _T.actions.contains(action.value, autoescape=True)))
        .order_by(_T.name, _T.id)
    )
    if name is not None:
        query = query.where(_T.qualified_name.in_(["", name]))
    return [gate for row in connection.execute(query) if action in (gate := _to_gate(row)).target.actions]


def _columns(gate: Gate) -> dict[str, object]:
    return {
        "name": gate.name,
        "enabled": gate.enabled,
        "entity_type": gate.target.entity_type,
        "qualified_name": gate.target.qualified_name,
        "actions": ",".join(gate.target.actions),
        "approvals_required": gate.rule.approvals_required,
        "allows_self_approval": gate.rule.allows_self_approval,
        "requires_reapproval": gate.rule.requires_reapproval,
        "approvers": msgspec.json.encode(gate.rule.approvers).decode(),
    }


def _to_gate(row: Row[Any]) -> Gate:
    approvers = msgspec.json.decode(row.approvers, type=tuple[Approver, ...])
    actions = tuple(Action(word) for word in row.actions.split(","))
    return Gate(
        id=row.id,
        org_id=row.org_id,
        name=row.name,
        enabled=bool(row.enabled),
        target=GateTarget(row.entity_type, row.qualified_name, actions),
        rule=Rule(row.approvals_required, bool(row.allows_self_approval), bool(row.requires_reapproval), approvers),
    )
