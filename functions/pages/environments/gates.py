"""Change gates of an environment: which actions on it need approvals, and whose."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.approvals.gates import GateRequest, NamedApprover, ShownGate
from common.approvals.model import APPROVALS_LIMIT, NAME_LIMIT, Action, Approver, ApproverKind, GateTarget
from common.change_requests.service import gates
from common.core.errors import BackendError, BadRequest
from common.environments.gates import ENTITY_TYPE
from common.rights.permissions import Permission
from functions.pages.environments.environment_request import EnvironmentRequest, EnvironmentRequestDep
from functions.pages.hiding import missing, unless_hidden
from functions.pages.visitor import Form, FormDep

router = APIRouter()
_LIST = "/{org}/esc/{project}/{environment}/settings/gates"
_GATE = f"{_LIST}/{{gate_id}}"
_ACTIONS = {Action.UPDATE: "Save a definition", Action.OPEN: "Open it and see its secrets"}
_PERMISSIONS = {
    Permission.ENVIRONMENT_OPEN.value: "Everyone who may open the environment",
    Permission.ENVIRONMENT_WRITE.value: "Everyone who may edit the environment",
    Permission.ENVIRONMENT_DELETE.value: "Everyone who may delete the environment",
}
_Text = Annotated[str, Query()]


@dataclass(frozen=True, slots=True)
class GateForm:
    """A gate as its form shows it; `users` and `teams` are names, separated by commas."""

    name: str = ""
    enabled: bool = True
    everywhere: bool = False
    actions: tuple[str, ...] = (Action.UPDATE.value,)
    approvals: str = "1"
    self_approval: bool = False
    reapproval: bool = True
    users: str = ""
    teams: str = ""
    permissions: tuple[str, ...] = ()


@router.get(_LIST)
def list_gates(request: EnvironmentRequestDep, done: _Text = "") -> Response:
    """Show the gates of the environment and of all environments, and the form for another."""
    return _list_page(request, done=done)


@router.post(_LIST)
def create_gate(request: EnvironmentRequestDep, form: FormDep) -> Response:
    """Create a gate."""
    entered = _entered(form)

    def act() -> None:
        gates.create_gate(request.backend, request.caller, request.path.org, _to_request(request, entered))

    address = f"{request.address('settings', 'gates')}?done=created"
    return request.change(act, address, lambda error: _list_page(request, error, entered=entered))


@router.get(_GATE)
def show_gate(request: EnvironmentRequestDep, gate_id: str, done: _Text = "") -> Response:
    """Show a gate, and its form to those who may change it."""
    return _gate_page(request, gate_id, done=done)


@router.post(_GATE)
def update_gate(request: EnvironmentRequestDep, gate_id: str, form: FormDep) -> Response:
    """Replace what a gate says."""
    entered = _entered(form)
    _get(request, gate_id)

    def act() -> None:
        gates.update_gate(request.backend, request.caller, request.path.org, gate_id, _to_request(request, entered))

    address = f"{request.address('settings', 'gates', gate_id)}?done=saved"
    return request.change(act, address, lambda error: _gate_page(request, gate_id, error, entered=entered))


@router.post(f"{_GATE}/delete")
def delete_gate(request: EnvironmentRequestDep, gate_id: str, form: FormDep) -> Response:
    """Delete a gate."""
    _ = form
    _get(request, gate_id)
    return request.change(
        lambda: gates.delete_gate(request.backend, request.caller, request.path.org, gate_id),
        f"{request.address('settings', 'gates')}?done=deleted",
        lambda error: _gate_page(request, gate_id, error),
    )


def _list_page(
    request: EnvironmentRequest, error: BackendError | None = None, *, entered: GateForm | None = None, done: str = ""
) -> Response:
    viewed = request.view(Permission.ENVIRONMENT_READ)
    rows = unless_hidden(
        lambda: gates.list_gates(request.backend, request.caller, request.path.org, ENTITY_TYPE, request.path.in_org)
    )
    content = {
        "gates": [(row.gate, approver_names(row)) for row in rows],
        "entered": entered or GateForm(),
        "may_create": _may(request, Permission.CHANGE_GATE_CREATE),
        **_choices(entered),
    }
    return request.page("gates", viewed, content, error, done)


def _gate_page(
    request: EnvironmentRequest,
    gate_id: str,
    error: BackendError | None = None,
    *,
    entered: GateForm | None = None,
    done: str = "",
) -> Response:
    viewed = request.view(Permission.ENVIRONMENT_READ)
    shown = _get(request, gate_id)
    entered = entered or _form_of(shown)
    content = {
        "gate": shown.gate,
        "approvers": approver_names(shown),
        "entered": entered,
        "may_update": _may(request, Permission.CHANGE_GATE_UPDATE),
        "may_delete": _may(request, Permission.CHANGE_GATE_DELETE),
        **_choices(entered),
    }
    return request.page("gate", viewed, content, error, done)


def _get(request: EnvironmentRequest, gate_id: str) -> ShownGate:
    """Return a gate of this environment, or of all; the error for a page that is missing for any other."""
    shown = unless_hidden(lambda: gates.get_gate(request.backend, request.caller, request.path.org, gate_id))
    target = shown.gate.target
    if target.entity_type != ENTITY_TYPE or target.qualified_name not in ("", request.path.in_org):
        raise missing()
    return shown


def _may(request: EnvironmentRequest, permission: Permission) -> bool:
    membership = request.caller.require_member(request.path.org, missing="")
    return permission in membership.permissions()


def _choices(entered: GateForm | None) -> dict[str, object]:
    """Return what can be chosen: also permissions that only other clients offer, if the gate has them."""
    others = [name for name in entered.permissions if name not in _PERMISSIONS] if entered is not None else []
    permissions = {**_PERMISSIONS, **{name: f"Everyone with the permission {name}" for name in others}}
    actions = {action.value: text for action, text in _ACTIONS.items()}
    return {"action_texts": actions, "permission_texts": permissions, "name_limit": NAME_LIMIT, "most": APPROVALS_LIMIT}


def approver_names(shown: ShownGate) -> list[str]:
    """Return who may approve, in words."""
    return [_describe(approver, shown) for approver in shown.gate.rule.approvers]


def _describe(approver: Approver, shown: ShownGate) -> str:
    if approver.kind is ApproverKind.PERMISSION:
        return _PERMISSIONS.get(approver.value, f"Everyone with the permission {approver.value}")
    if approver.kind is ApproverKind.TEAM:
        team = shown.approvers.teams.get(approver.value)
        return f"Team {team.name}" if team is not None else "A team that was deleted"
    user = shown.approvers.users.get(approver.value)
    return user.login if user is not None else "Someone who has left"


def _form_of(shown: ShownGate) -> GateForm:
    gate, rule = shown.gate, shown.gate.rule
    ids = {kind: [one.value for one in rule.approvers if one.kind is kind] for kind in ApproverKind}
    users = [shown.approvers.users[value].login for value in ids[ApproverKind.USER] if value in shown.approvers.users]
    teams = [shown.approvers.teams[value].name for value in ids[ApproverKind.TEAM] if value in shown.approvers.teams]
    return GateForm(
        name=gate.name,
        enabled=gate.enabled,
        everywhere=not gate.target.qualified_name,
        actions=tuple(action.value for action in gate.target.actions),
        approvals=str(rule.approvals_required),
        self_approval=rule.allows_self_approval,
        reapproval=rule.requires_reapproval,
        users=", ".join(users),
        teams=", ".join(teams),
        permissions=tuple(ids[ApproverKind.PERMISSION]),
    )


def _entered(form: Form) -> GateForm:
    return GateForm(
        name=form.text("name"),
        enabled=form.text("enabled") == "yes",
        everywhere=form.text("target") == "all",
        actions=tuple(form.texts("action")),
        approvals=form.text("approvals"),
        self_approval=form.text("self_approval") == "yes",
        reapproval=form.text("reapproval") == "yes",
        users=form.text("users"),
        teams=form.text("teams"),
        permissions=tuple(form.texts("permission")),
    )


def _to_request(request: EnvironmentRequest, entered: GateForm) -> GateRequest:
    if not (entered.approvals.isascii() and entered.approvals.isdigit() and len(entered.approvals) < 4):
        raise BadRequest(f"the number of approvals must be from 1 to {APPROVALS_LIMIT}")
    chosen = tuple(action for action in Action if action.value in entered.actions)
    if not chosen:
        raise BadRequest("choose what needs an approval")
    approvers = (
        *(NamedApprover(ApproverKind.USER, name) for name in _names(entered.users)),
        *(NamedApprover(ApproverKind.TEAM, name) for name in _names(entered.teams)),
        *(NamedApprover(ApproverKind.PERMISSION, name) for name in entered.permissions),
    )
    if not approvers:
        raise BadRequest("name someone who may approve")
    target = GateTarget(ENTITY_TYPE, "" if entered.everywhere else request.path.in_org, chosen)
    return GateRequest(
        name=entered.name,
        enabled=entered.enabled,
        target=target,
        approvals_required=int(entered.approvals),
        allows_self_approval=entered.self_approval,
        requires_reapproval=entered.reapproval,
        approvers=approvers,
    )


def _names(text: str) -> list[str]:
    return text.replace(",", " ").split()
