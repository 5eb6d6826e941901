"""What people do with change requests: steps on a request that is loaded and locked. Each returns what the audit log says."""

from dataclasses import replace

from sqlalchemy import Connection

from common.approvals import steps
from common.approvals.access import LoadedRequest
from common.approvals.evaluation import evaluate
from common.approvals.model import (
    COMMENT_LIMIT,
    DESCRIPTION_LIMIT,
    SUBMITTED,
    Candidate,
    ChangeRequest,
    Evaluation,
    EventKind,
    Reason,
    Status,
    require_text,
)
from common.approvals.repository import events, requests
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, Conflict, Forbidden
from common.rights.caller import Caller


def submit(tx: Connection, backend: Backend, caller: Caller, loaded: LoadedRequest, description: str | None) -> str:
    """Submit a draft for approval; BadRequest for a request that is not a draft."""
    loaded.require_may_change(caller)
    request = loaded.request
    if request.status is not Status.DRAFT:
        # Clients know this sentence (esc.md 4.9).
        raise BadRequest(f"change request must be in draft status to submit (current status: {request.status})")
    request = _describe(tx, backend, caller, request, description)
    request = steps.update_status(tx, backend, caller, request, Status.PENDING, Reason.SUBMITTED)
    request = steps.refresh_status(tx, backend, caller, loaded.kind, request)
    steps.notify(tx, backend, caller, request, "submitted")
    return f"Submitted change request {request.id}"


def approve(  # noqa: PLR0917 - what an approval consists of
    tx: Connection, backend: Backend, caller: Caller, loaded: LoadedRequest, revision: int, comment: str
) -> str:
    """Approve the latest revision of a submitted request.

    BadRequest for an older revision. Forbidden for tokens of machines and jobs, for an author where no gate allows it, and for
    who is not among the approvers of any gate.
    """
    require_text("a comment", comment, COMMENT_LIMIT)
    request = loaded.request
    _require_may_approve(tx, backend, caller, loaded)
    if request.status not in SUBMITTED:
        raise BadRequest(f"change request must be submitted to be approved (current status: {request.status})")
    if revision != request.latest:
        raise BadRequest(f"revision {revision} is not the latest one of the change request: look at revision {request.latest}")
    steps.require_room(tx, request, EventKind.APPROVED)
    requests.store_approval(tx, request.id, caller.user_id, revision, unix_millis(backend.clock.now()))
    event = steps.record(tx, backend, caller, request, EventKind.APPROVED, comment)
    events.replace_approvals(tx, request.id, caller.user_id, event.id)
    request = steps.refresh_status(tx, backend, caller, loaded.kind, request)
    steps.notify(tx, backend, caller, request, "approved")
    return f"Approved revision {revision} of change request {request.id}"


def unapprove(tx: Connection, backend: Backend, caller: Caller, loaded: LoadedRequest, comment: str) -> str:
    """Withdraw the caller's own approval; BadRequest without one, Conflict for a request that was applied or closed."""
    require_text("a comment", comment, COMMENT_LIMIT)
    request = loaded.request
    steps.require_open(request)
    if not requests.delete_approval(tx, request.id, caller.user_id):
        raise BadRequest("you have not approved the change request")
    event = steps.record(tx, backend, caller, request, EventKind.UNAPPROVED, comment)
    events.replace_approvals(tx, request.id, caller.user_id, event.id)
    request = steps.refresh_status(tx, backend, caller, loaded.kind, request)
    steps.notify(tx, backend, caller, request, "unapproved")
    return f"Withdrew the approval of change request {request.id}"


def close(tx: Connection, backend: Backend, caller: Caller, loaded: LoadedRequest, comment: str) -> str:
    """Close a request for good: its author may, who may do what it proposes, and its approvers; Conflict if it has ended."""
    require_text("a comment", comment, COMMENT_LIMIT)
    if not loaded.may_change(caller):
        _require_may_approve(tx, backend, caller, loaded)
    steps.require_open(loaded.request)
    request = steps.update_status(tx, backend, caller, loaded.request, Status.CLOSED, Reason.CLOSED, comment=comment)
    steps.notify(tx, backend, caller, request, "closed")
    return f"Closed change request {request.id}"


def add_comment(tx: Connection, backend: Backend, caller: Caller, loaded: LoadedRequest, comment: str) -> str:
    """Add a comment to the log of a request."""
    require_text("a comment", comment, COMMENT_LIMIT)
    if not comment.strip():
        raise BadRequest("a comment must not be empty")
    steps.require_room(tx, loaded.request, EventKind.COMMENTED)
    steps.record(tx, backend, caller, loaded.request, EventKind.COMMENTED, comment)
    return f"Commented on change request {loaded.request.id}"


def update_description(tx: Connection, backend: Backend, caller: Caller, loaded: LoadedRequest, description: str) -> str:
    """Change the description of a request that is neither applied nor closed."""
    loaded.require_may_change(caller)
    steps.require_open(loaded.request)
    request = _describe(tx, backend, caller, loaded.request, description)
    steps.notify(tx, backend, caller, request, "updated")
    return f"Changed the description of change request {request.id}"


def require_ready(connection: Connection, backend: Backend, caller: Caller, loaded: LoadedRequest) -> None:
    """Raise Forbidden unless the caller may do what a request proposes.

    Raise Conflict for a request that was not submitted, has ended, or lacks approvals.
    """
    loaded.require_may_apply(caller)
    request = loaded.request
    if request.status not in SUBMITTED:
        raise Conflict(f"change request must be in ready status to apply (current status: {request.status})")
    evaluation = evaluate(connection, backend, loaded.kind, request)
    if not evaluation.is_satisfied:
        raise Conflict(f"change request {request.id} needs more approvals: {evaluation.describe_missing()}")


def mark_applied(tx: Connection, backend: Backend, caller: Caller, loaded: LoadedRequest, message: str) -> str:
    """Say in the log that a request was applied."""
    request = steps.update_status(tx, backend, caller, loaded.request, Status.APPLIED, Reason.APPLIED)
    steps.notify(tx, backend, caller, request, "applied")
    return f"Applied change request {request.id}: {message}"


def _describe(tx: Connection, backend: Backend, caller: Caller, request: ChangeRequest, description: str | None) -> ChangeRequest:
    if description is None or description == request.description:
        return request
    require_text("a description", description, DESCRIPTION_LIMIT)
    steps.require_room(tx, request, EventKind.DESCRIPTION_UPDATED)
    requests.update_description(tx, request.id, description, unix_millis(backend.clock.now()))
    details = {"previousDescription": request.description, "newDescription": description}
    steps.record(tx, backend, caller, request, EventKind.DESCRIPTION_UPDATED, details=details)
    return replace(request, description=description)


def _require_may_approve(connection: Connection, backend: Backend, caller: Caller, loaded: LoadedRequest) -> None:
    """Raise Forbidden unless the caller's approval counts for a gate; without gates, unless they may do what is proposed."""
    request = loaded.request
    evaluation = evaluate(connection, backend, loaded.kind, request)
    authors = requests.list_authors(connection, [request.id])[request.id]
    require_may_approve(caller, loaded, evaluation, is_author=caller.user_id in authors)


def require_may_approve(caller: Caller, loaded: LoadedRequest, evaluation: Evaluation, *, is_author: bool) -> None:
    """Raise Forbidden unless the caller's approval counts for a gate; without gates, unless they may do what is proposed.

    `is_author`: the caller made one of the request's revisions.
    """
    if not caller.is_themselves:
        raise Forbidden("change requests are approved by people, not by tokens of organizations, teams or jobs")
    request = loaded.request
    rules = [one.gate.rule for one in evaluation.gates]
    if not rules:
        loaded.require_may_apply(caller)
    candidate = Candidate(caller.user_id, frozenset(loaded.membership.team_ids), loaded.target.permissions)
    eligible = [rule for rule in rules if rule.is_eligible(candidate)]
    if rules and not eligible:
        raise Forbidden(f"you are not among the approvers of change requests for {request.entity_type} {request.qualified_name}")
    made_it = is_author or caller.user_id == request.creator.id
    if made_it and not any(rule.allows_self_approval for rule in eligible):
        raise Forbidden("you cannot approve a change of your own: none of its gates allows it")
