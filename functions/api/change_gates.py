"""Change gates: which actions on which things need approvals (platform.md 15)."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from msgspec import UNSET

from common.approvals.gates import GateRequest, NamedApprover, ShownGate
from common.approvals.model import Action, Approver, ApproverKind, GateTarget
from common.change_requests.service import gates
from common.core.errors import BadRequest
from common.wire import change_requests as wire
from common.wire.stacks import UserInfo
from functions.api.change_requests import entity
from functions.http.bodies import BodyDep
from functions.http.deps import BackendDep, CallerDep, empty, reply

router = APIRouter()
_GATES = "/api/change-gates/{org}"
_GATE = f"{_GATES}/{{gate_id}}"
_RULE = "approval_required"


@router.get(_GATES)
def list_gates(
    backend: BackendDep,
    caller: CallerDep,
    org: str,
    entity_type: Annotated[str | None, Query(alias="entityType")] = None,
    qualified_name: Annotated[str | None, Query(alias="qualifiedName")] = None,
) -> Response:
    shown = gates.list_gates(backend, caller, org, entity_type, qualified_name)
    return reply(wire.ListChangeGatesResponse([_gate(one) for one in shown]))


@router.post(_GATES)
def create_gate(backend: BackendDep, caller: CallerDep, org: str, body: BodyDep) -> Response:
    request = _request(body.decode(wire.CreateChangeGateRequest))
    return reply(_gate(gates.create_gate(backend, caller, org, request)), 201)


@router.get(_GATE)
def read_gate(backend: BackendDep, caller: CallerDep, org: str, gate_id: str) -> Response:
    return reply(_gate(gates.get_gate(backend, caller, org, gate_id)))


@router.put(_GATE)
def update_gate(backend: BackendDep, caller: CallerDep, org: str, gate_id: str, body: BodyDep) -> Response:
    request = _request(body.decode(wire.CreateChangeGateRequest))
    return reply(_gate(gates.update_gate(backend, caller, org, gate_id, request)))


@router.delete(_GATE)
def delete_gate(backend: BackendDep, caller: CallerDep, org: str, gate_id: str) -> Response:
    gates.delete_gate(backend, caller, org, gate_id)
    return empty()


def _request(body: wire.CreateChangeGateRequest) -> GateRequest:
    if body.rule.rule_type != _RULE:
        raise BadRequest(f"ruleType {body.rule.rule_type[:40]!a} is not {_RULE}")
    return GateRequest(
        name=body.name,
        enabled=body.enabled,
        target=GateTarget(
            body.target.entity_type,
            body.target.qualified_name or "",
            tuple(dict.fromkeys(map(_action, body.target.action_types))),
        ),
        approvals_required=body.rule.num_approvals_required,
        allows_self_approval=body.rule.allow_self_approval,
        requires_reapproval=body.rule.require_reapproval_on_change,
        approvers=tuple(_named(approver) for approver in body.rule.eligible_approvers),
    )


def _action(word: str) -> Action:
    if word not in set(Action):
        raise BadRequest(f"actionTypes: {word[:40]!a} is not one of {', '.join(Action)}")
    return Action(word)


def _named(approver: wire.EligibilityInput) -> NamedApprover:
    names = {
        ApproverKind.USER: approver.user_login,
        ApproverKind.TEAM: approver.team_name,
        ApproverKind.PERMISSION: approver.permission,
    }
    if approver.eligibility_type not in names:
        raise BadRequest(f"eligibilityType {approver.eligibility_type[:40]!a} is not one of {', '.join(ApproverKind)}")
    kind = ApproverKind(approver.eligibility_type)
    return NamedApprover(kind, names[kind] or "")


def _gate(shown: ShownGate) -> wire.ChangeGate:
    gate = shown.gate
    rule = wire.ChangeGateRuleOutput(
        gate.rule.approvals_required,
        gate.rule.allows_self_approval,
        gate.rule.requires_reapproval,
        [_approver(approver, shown) for approver in gate.rule.approvers],
    )
    target = wire.ChangeGateTargetOutput(
        gate.target.entity_type,
        [action.value for action in gate.target.actions],
        gate.target.qualified_name or UNSET,
        entity(gate.target.qualified_name) if gate.target.qualified_name else UNSET,
    )
    return wire.ChangeGate(gate.id, gate.name, gate.enabled, rule, target)


def _approver(approver: Approver, shown: ShownGate) -> wire.UserEligibility | wire.TeamEligibility | wire.PermissionEligibility:
    """Return an approver; of a user or team that no longer exists the names are empty."""
    if approver.kind is ApproverKind.PERMISSION:
        return wire.PermissionEligibility(approver.value)
    if approver.kind is ApproverKind.TEAM:
        team = shown.approvers.teams.get(approver.value)
        return wire.TeamEligibility(team.name, team.display_name) if team is not None else wire.TeamEligibility("", "")
    user = shown.approvers.users.get(approver.value)
    return wire.UserEligibility(UserInfo(user.name, user.login, user.avatar_url) if user is not None else UserInfo("", "", ""))
