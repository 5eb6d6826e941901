"""Steps on change gates. `kinds` has the adapter of each type of target."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from common.approvals.model import GATES_LIMIT, Approver, ApproverKind, Gate, GateTarget, Rule, require_gate
from common.approvals.repository import approvers, gates
from common.approvals.repository.approvers import Approvers
from common.approvals.targets import Target, TargetKind
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, NotFound
from common.core.ids import is_id
from common.rights.caller import Caller
from common.rights.membership import Membership
from common.rights.permissions import Permission

_MANAGING = frozenset({Permission.CHANGE_GATE_CREATE, Permission.CHANGE_GATE_UPDATE, Permission.CHANGE_GATE_DELETE})


@dataclass(frozen=True, slots=True)
class NamedApprover:
    """An approver as clients name them: the login of a user, the name of a team, or a permission."""

    kind: ApproverKind
    name: str


@dataclass(frozen=True, slots=True)
class GateRequest:
    """A gate as a client describes it."""

    name: str
    enabled: bool
    target: GateTarget
    approvals_required: int
    allows_self_approval: bool
    requires_reapproval: bool
    approvers: tuple[NamedApprover, ...]


@dataclass(frozen=True, slots=True)
class ShownGate:
    """A gate with the users and teams that it names."""

    gate: Gate
    approvers: Approvers


class GateSteps:
    """The gates of one organization, as one caller sees and changes them."""

    def __init__(self, kinds: Mapping[str, TargetKind], caller: Caller, membership: Membership) -> None:
        """Read nothing yet."""
        # No permission check in this class: the use case made it.
        self._kinds = kinds
        self._caller = caller
        self._membership = membership

    def list_visible(self, connection: Connection, entity_type: str | None, qualified_name: str | None) -> list[ShownGate]:
        """Return gates by their names; of a type of target, and for one target.

        The caller sees those of targets that they can read, and in the list of such a target those of all targets; others are for
        who manages gates.
        """
        rows = gates.list_all(connection, self._membership.org_id, entity_type, qualified_name)
        narrowed = GateTarget(entity_type or "", qualified_name or "", ())
        shows_all = qualified_name is not None and self._is_visible(connection, narrowed)
        visible = [gate for gate in rows if shows_all or self._is_visible(connection, gate.target)]
        named = approvers.find_all(connection, self._membership.org_id, visible)
        return [ShownGate(gate, named) for gate in visible]

    def get(self, connection: Connection, gate_id: str) -> ShownGate:
        """Return a gate; NotFound if it does not exist, or its target is hidden from the caller.

        Forbidden if the caller may not read the target.
        """
        gate = gates.find(connection, self._membership.org_id, gate_id) if is_id(gate_id) else None
        if gate is None:
            raise _missing(gate_id)
        found = self._find_target(connection, gate.target)
        if not self._may_see(gate.target, found):
            # As many statements as for a gate that does not exist, but for one.
            kind = self._kinds.get(gate.target.entity_type)
            raise _missing(gate_id) if found is None or kind is None else self._caller.refusal(kind.reading, self._membership)
        return self._shown(connection, gate)

    def add(self, tx: Connection, backend: Backend, gate_id: str, request: GateRequest) -> ShownGate:
        """Insert a gate; NotFound for a target, a user or a team that does not exist."""
        if gates.count(tx, self._membership.org_id) >= GATES_LIMIT:
            raise BadRequest(f"an organization may have at most {GATES_LIMIT:,} change gates; delete some first")
        gate = self._to_gate(tx, gate_id, request)
        gates.add(tx, gate, self._caller.user_id, unix_millis(backend.clock.now()))
        return self._shown(tx, gate)

    def replace(self, tx: Connection, backend: Backend, gate_id: str, request: GateRequest) -> ShownGate:
        """Replace what a gate says; NotFound if it does not exist, or for a target, a user or a team that does not."""
        gate = self._to_gate(tx, gate_id, request)
        if not is_id(gate_id) or not gates.replace(tx, gate, unix_millis(backend.clock.now())):
            raise _missing(gate_id)
        return self._shown(tx, gate)

    def delete(self, tx: Connection, gate_id: str) -> Gate:
        """Delete a gate and return it; NotFound if it does not exist."""
        gate = gates.find(tx, self._membership.org_id, gate_id) if is_id(gate_id) else None
        if gate is None or not gates.delete(tx, self._membership.org_id, gate_id):
            raise _missing(gate_id)
        return gate

    def _shown(self, connection: Connection, gate: Gate) -> ShownGate:
        return ShownGate(gate, approvers.find_all(connection, self._membership.org_id, [gate]))

    def _is_visible(self, connection: Connection, target: GateTarget) -> bool:
        """Tell whether the caller may see gates of a target: one that they can read, others if they manage gates."""
        return self._may_see(target, self._find_target(connection, target))

    def _may_see(self, target: GateTarget, found: Target | None) -> bool:
        kind = self._kinds.get(target.entity_type)
        if kind is None or found is None:
            return bool(self._membership.permissions() & _MANAGING)
        return kind.reading in found.permissions

    def _find_target(self, connection: Connection, target: GateTarget) -> Target | None:
        kind = self._kinds.get(target.entity_type)
        if kind is None or not target.qualified_name:
            return None
        return kind.find(connection, self._caller, self._membership, target.qualified_name)

    def _to_gate(self, connection: Connection, gate_id: str, request: GateRequest) -> Gate:
        target = request.target
        kind = self._kinds.get(target.entity_type)
        if kind is None:
            raise BadRequest(f"entityType {target.entity_type[:40]!a} is not one of {', '.join(self._kinds)}")
        unknown = [action.value for action in target.actions if action not in kind.permissions]
        if unknown:
            raise BadRequest(f"{kind.entity_type} has no change gates for {', '.join(unknown)}")
        rule = Rule(
            request.approvals_required,
            request.allows_self_approval,
            request.requires_reapproval,
            tuple(self._to_approver(connection, approver) for approver in dict.fromkeys(request.approvers)),
        )
        require_gate(request.name, rule, target)
        if target.qualified_name and self._find_target(connection, target) is None:
            raise NotFound(f"{kind.entity_type} {target.qualified_name[:200]!a} not found")
        return Gate(gate_id, self._membership.org_id, request.name.strip(), request.enabled, target, rule)

    def _to_approver(self, connection: Connection, approver: NamedApprover) -> Approver:
        if approver.kind is ApproverKind.PERMISSION:
            if approver.name not in {permission.value for permission in Permission}:
                raise BadRequest(f"{approver.name[:100]!a} is not a permission")
            return Approver(approver.kind, approver.name)
        is_user = approver.kind is ApproverKind.USER
        find = approvers.find_member_id if is_user else approvers.find_team_id
        approver_id = find(connection, self._membership.org_id, approver.name)
        if approver_id is None:
            noun = "user" if is_user else "team"
            raise NotFound(f"{noun} {approver.name[:100]!a} not found in organization {self._membership.login}")
        return Approver(approver.kind, approver_id)


def describe(target: GateTarget) -> str:
    """Return a target for the audit log."""
    actions = " and ".join(action.value for action in target.actions)
    return f"{actions} of {target.entity_type} {target.qualified_name or '(all)'}"


def _missing(gate_id: str) -> NotFound:
    return NotFound(f"change gate {gate_id[:100]!a} not found")
