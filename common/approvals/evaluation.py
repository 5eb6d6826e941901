"""Evaluates the gates of change requests: steps that read what the rules in `model.py` look at."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from common.access import member_rights
from common.approvals import model
from common.approvals.model import Approval, Candidate, ChangeRequest, Evaluation, Gate
from common.approvals.repository import gates as gates_repository
from common.approvals.repository import requests
from common.approvals.targets import TargetKind
from common.backend import Backend


def evaluate(connection: Connection, backend: Backend, kind: TargetKind, request: ChangeRequest) -> Evaluation:
    """Return the gates of a request with the approvals that count now."""
    # No permission check in this module: the use case made it.
    return evaluate_all(connection, backend, {kind.entity_type: kind}, [request])[request.id]


def evaluate_all(
    connection: Connection, backend: Backend, kinds: Mapping[str, TargetKind], rows: Sequence[ChangeRequest]
) -> dict[str, Evaluation]:
    """Return the evaluation of each request of an organization, by their ids; gates and approvals are read once for all."""
    if not rows:
        return {}
    every_gate = gates_repository.list_all(connection, rows[0].org_id)
    applicable = {row.id: _applicable(every_gate, row) for row in rows}
    ids = [row.id for row in rows if applicable[row.id]]
    approvals = requests.list_approvals(connection, ids) if ids else {}
    authors = requests.list_authors(connection, ids) if ids else {}
    evaluations = {}
    for row in rows:
        gates, given = applicable[row.id], approvals.get(row.id, [])
        candidates = _candidates(connection, backend, kinds[row.entity_type], row, gates, given)
        everyone = authors.get(row.id, frozenset()) | {row.creator.id}
        evaluations[row.id] = model.evaluate(gates, row.latest, everyone, given, candidates)
    return evaluations


def _applicable(gates: Sequence[Gate], request: ChangeRequest) -> list[Gate]:
    return [
        gate
        for gate in gates
        if gate.enabled
        and gate.target.entity_type == request.entity_type
        and gate.target.qualified_name in ("", request.qualified_name)
        and request.action in gate.target.actions
    ]


def _candidates(  # noqa: PLR0917 - what the permissions of approvers depend on
    connection: Connection,
    backend: Backend,
    kind: TargetKind,
    request: ChangeRequest,
    gates: Sequence[Gate],
    approvals: Sequence[Approval],
) -> dict[str, Candidate]:
    """Return the approvers who are members of the organization, and not suspended."""
    needs_permissions = any(gate.rule.needs_permissions for gate in gates)
    candidates = {}
    for approval in approvals:
        rights = member_rights.find(connection, request.org_id, approval.user.login, backend.clock.now())
        if rights is None or rights.suspended:
            continue
        permissions = kind.permissions_of(connection, rights, request.qualified_name) if needs_permissions else frozenset()
        candidates[rights.user_id] = Candidate(rights.user_id, frozenset(rights.membership.team_ids), permissions)
    return candidates
