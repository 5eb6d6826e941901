"""Use cases for change gates: which actions on which targets need approvals."""

from common.approvals.gates import GateRequest, GateSteps, ShownGate, describe
from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.change_requests.targets import KINDS
from common.core.ids import new_id
from common.db.retry import retry
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission


def list_gates(
    backend: Backend, caller: Caller, org: str, entity_type: str | None = None, qualified_name: str | None = None
) -> list[ShownGate]:
    """Return gates by their names; of a type of target, and for one target.

    The caller sees those of targets that they can read, and in the list of such a target those of all targets; others are for
    who manages gates.
    """
    membership = caller.require_member(org, missing=missing_org(org))
    with backend.db.connect() as connection:
        return GateSteps(KINDS, caller, membership).list_visible(connection, entity_type or None, qualified_name or None)


def get_gate(backend: Backend, caller: Caller, org: str, gate_id: str) -> ShownGate:
    """Return a gate; NotFound if it does not exist, or its target is hidden from the caller."""
    membership = caller.require_member(org, missing=missing_org(org))
    with backend.db.connect() as connection:
        return GateSteps(KINDS, caller, membership).get(connection, gate_id)


def create_gate(backend: Backend, caller: Caller, org: str, request: GateRequest) -> ShownGate:
    """Create a gate; NotFound for a target, a user or a team that does not exist."""
    membership = caller.require(Permission.CHANGE_GATE_CREATE, org, missing=missing_org(org))

    def create() -> ShownGate:
        with backend.db.begin() as tx:
            shown = GateSteps(KINDS, caller, membership).add(tx, backend, new_id(), request)
            description = f"Created change gate {shown.gate.name!a} for {describe(shown.gate.target)}"
            audit.record(tx, backend, caller, membership.org_id, Event.CHANGE_GATE_CREATED, description=description)
            return shown

    return retry(create)


def update_gate(backend: Backend, caller: Caller, org: str, gate_id: str, request: GateRequest) -> ShownGate:
    """Replace what a gate says; NotFound if it does not exist, or for a target, a user or a team that does not."""
    membership = caller.require(Permission.CHANGE_GATE_UPDATE, org, missing=missing_org(org))

    def update() -> ShownGate:
        with backend.db.begin() as tx:
            shown = GateSteps(KINDS, caller, membership).replace(tx, backend, gate_id, request)
            state = "" if shown.gate.enabled else ", which is not enabled"
            description = f"Changed change gate {shown.gate.name!a} for {describe(shown.gate.target)}{state}"
            audit.record(tx, backend, caller, membership.org_id, Event.CHANGE_GATE_UPDATED, description=description)
            return shown

    return retry(update)


def delete_gate(backend: Backend, caller: Caller, org: str, gate_id: str) -> None:
    """Delete a gate; NotFound if it does not exist."""
    membership = caller.require(Permission.CHANGE_GATE_DELETE, org, missing=missing_org(org))

    def delete() -> None:
        with backend.db.begin() as tx:
            gate = GateSteps(KINDS, caller, membership).delete(tx, gate_id)
            description = f"Deleted change gate {gate.name!a} for {describe(gate.target)}"
            audit.record(tx, backend, caller, membership.org_id, Event.CHANGE_GATE_DELETED, description=description)

    retry(delete)
