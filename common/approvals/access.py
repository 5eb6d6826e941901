"""Loads change requests with the rights of the caller: steps. `kinds` has the adapter of each type of target."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from common.approvals import steps as approvals
from common.approvals.model import ChangeRequest, Evaluation
from common.approvals.targets import Target, TargetKind
from common.rights.caller import Caller, missing_org
from common.rights.membership import Membership


@dataclass(frozen=True, slots=True)
class LoadedRequest:
    """A request, its target, and the caller's membership of the organization."""

    request: ChangeRequest
    kind: TargetKind
    target: Target
    membership: Membership

    def may_change(self, caller: Caller) -> bool:
        """Tell whether the caller made the request, or may do to the target what it proposes."""
        return self.request.creator.id == caller.user_id or self.kind.permissions[self.request.action] in self.target.permissions

    def require_may_change(self, caller: Caller) -> None:
        """Raise Forbidden unless the caller made the request, or may do what it proposes."""
        if not self.may_change(caller):
            raise caller.refusal(self.kind.permissions[self.request.action], self.membership)

    def require_may_apply(self, caller: Caller) -> None:
        """Raise Forbidden unless the caller may do what the request proposes."""
        permission = self.kind.permissions[self.request.action]
        if permission not in self.target.permissions:
            raise caller.refusal(permission, self.membership)


def load(
    connection: Connection, kinds: Mapping[str, TargetKind], caller: Caller, org: str, request_id: str, *, locks: bool = False
) -> LoadedRequest:
    """Return a request, locked until the transaction ends if `locks`.

    NotFound if it does not exist or its target is hidden from the caller or deleted; Forbidden if the caller may not read the
    target.
    """
    membership = caller.require_member(org, missing=missing_org(org))
    find = approvals.lock if locks else approvals.get
    request = find(connection, membership.org_id, request_id)
    kind = kinds.get(request.entity_type)
    target = kind.find(connection, caller, membership, request.qualified_name) if kind is not None else None
    if kind is None or target is None or target.id != request.target_id:
        raise approvals.missing(request_id)
    if kind.reading not in target.permissions:
        raise caller.refusal(kind.reading, membership)
    return LoadedRequest(request, kind, target, membership)


def with_status(request: ChangeRequest, evaluation: Evaluation) -> ChangeRequest:
    """Return a request with the status that its gates give it now."""
    return replace(request, status=evaluation.status(request.status))
