"""Evaluates the gates of change requests: steps that read what the rules in `model.py` look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from common.access import member_rights
from common.access.member_rights import MemberRights
from common.approvals import model
from common.approvals.model import Approval, Candidate, ChangeRequest, Evaluation, Gate
from common.approvals.repository import gates as gates_repository
from common.approvals.repository import requests
from common.approvals.targets import TargetKind
from common.backend import Backend
from common.people.users.model import Person
from common.rights.permissions import Permission


@dataclass(frozen=True, slots=True)
class _MemberApproval:
    """An approval of a member, with their rights, and whether they made a revision of the request."""

    approval: Approval
    rights: MemberRights
    is_author: bool


def evaluate(connection: Connection, backend: Backend, kind: TargetKind, request: ChangeRequest) -> Evaluation:
    """Return the gates of a request with the approvals that count now."""
    # No permission check in this module: the use case made it.
    return evaluate_all(connection, backend, {kind.entity_type: kind}, [request])[request.id]


def evaluate_all(
    connection: Connection, backend: Backend, kinds: Mapping[str, TargetKind], rows: Sequence[ChangeRequest]
) -> dict[str, Evaluation]:
    """Return the evaluation of each request of an organization, by their ids.

    Gates and approvals are read once for all, and permissions of approvers once for each target whose gates depend on them.
    """
    if not rows:
        return {}
    every_gate = gates_repository.list_all(connection, rows[0].org_id)
    applicable = {row.id: _applicable(every_gate, row) for row in rows}
    approvals = _list_approvals(connection, backend, rows[0].org_id, [row.id for row in rows])
    permissions = _permissions(connection, kinds, rows, applicable, approvals)
    evaluations = {}
    for row in rows:
        given = approvals.get(row.id, [])
        of_target = permissions.get((row.entity_type, row.qualified_name), {})
        candidates = {
            one.rights.user_id: Candidate(
                one.rights.user_id, frozenset(one.rights.membership.team_ids), of_target.get(one.rights.user_id, frozenset())
            )
            for one in given
            if not one.rights.suspended
        }
        authors = frozenset(one.rights.user_id for one in given if one.is_author) | {row.creator.id}
        evaluations[row.id] = model.evaluate(applicable[row.id], row.latest, authors, [one.approval for one in given], candidates)
    return evaluations


def _list_approvals(
    connection: Connection, backend: Backend, org_id: str, request_ids: Sequence[str]
) -> dict[str, list[_MemberApproval]]:
    """Return the approvals of members of the organization in the order in which they were given, by request."""
    named = member_rights.list_named(connection, org_id, requests.approvals_of(request_ids), backend.clock.now())
    approvals: dict[str, list[_MemberApproval]] = {}
    for row, rights in sorted(named, key=lambda member: (member.row.named_created_at, member.row.named_user_id)):
        person = Person(row.id, row.login, row.user_name, row.email, row.avatar_url)
        one = _MemberApproval(Approval(person, row.named_revision), rights, bool(row.named_is_author))
        approvals.setdefault(row.named_change_request_id, []).append(one)
    return approvals


def _permissions(
    connection: Connection,
    kinds: Mapping[str, TargetKind],
    rows: Sequence[ChangeRequest],
    applicable: Mapping[str, Sequence[Gate]],
    approvals: Mapping[str, Sequence[_MemberApproval]],
) -> dict[tuple[str, str], Mapping[str, frozenset[Permission]]]:
    """Return the permissions of approvers on the targets whose gates depend on them, by target and user."""
    members: dict[tuple[str, str], dict[str, MemberRights]] = {}
    for row in rows:
        if any(gate.rule.needs_permissions for gate in applicable[row.id]):
            of_target = members.setdefault((row.entity_type, row.qualified_name), {})
            of_target.update({one.rights.user_id: one.rights for one in approvals.get(row.id, [])})
    return {
        (entity_type, name): kinds[entity_type].permissions_of(connection, [*of_target.values()], name)
        for (entity_type, name), of_target in members.items()
        if of_target
    }


def _applicable(gates: Sequence[Gate], request: ChangeRequest) -> list[Gate]:
    return [
        gate
        for gate in gates
        if gate.enabled
        and gate.target.entity_type == request.entity_type
        and gate.target.qualified_name in ("", request.qualified_name)
        and request.action in gate.target.actions
    ]
