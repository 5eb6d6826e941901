"""Use cases for what people see of the change requests of one environment: a list, one of them, what it changes and its log.

What is done with requests is in `common.change_requests.service`, and drafts are in `drafts.py`.
"""

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from common.approvals import decisions, listing
from common.approvals import steps as approvals
from common.approvals.access import LoadedRequest, with_status
from common.approvals.evaluation import evaluate
from common.approvals.listing import EvaluatedRequest
from common.approvals.model import ENDED, SUBMITTED, Action, ChangeRequest, Evaluation, RequestEvent, RequestFilter, Revision
from common.approvals.targets import Target
from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.errors import Forbidden
from common.environments import steps
from common.environments.change_target import EnvironmentKind, OpenTerms, terms_of
from common.environments.gates import ENTITY_TYPE
from common.environments.model import LATEST, Environment, EnvironmentPath
from common.environments.service.overview import Viewed, viewed_by
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission

EVENTS_SHOWN = 500
_READ = Permission.ENVIRONMENT_READ
_KIND = EnvironmentKind()


@dataclass(frozen=True, slots=True)
class RequestPage:
    """A page of the change requests of an environment, and the token of the next one or None."""

    viewed: Viewed
    requests: list[EvaluatedRequest]
    next_token: str | None


@dataclass(frozen=True, slots=True)
class RequestDetail:
    """A change request with its gates and approvals, and what the caller may do with it.

    `actions` are words: edit, rebase, describe, submit, approve, withdraw, apply, close. `approval_problem` says why the caller
    may not approve. `terms` are those of a request to open.
    """

    viewed: Viewed
    request: ChangeRequest
    evaluation: Evaluation
    revision: Revision
    terms: OpenTerms | None
    actions: frozenset[str]
    approval_problem: str


@dataclass(frozen=True, slots=True)
class RequestChanges:
    """What a change request changes, and its log.

    `before` is the definition that the draft is compared with: the newest one, or after the request has ended the one that it was
    made for; None for a request to open, and for a definition that is not there any more or that the caller may not read.
    """

    viewed: Viewed
    request: ChangeRequest
    revision: Revision
    before: bytes | None
    before_number: int
    events: list[RequestEvent]


def page_requests(  # noqa: PLR0917 - what a listing is narrowed to
    backend: Backend, caller: Caller, path: EnvironmentPath, narrowed: RequestFilter, token: str | None, limit: int
) -> RequestPage:
    """Return the change requests of an environment, the newest first."""
    with backend.db.connect() as connection:
        environment = steps.load(connection, caller, path, _READ)
        membership = caller.require_member(path.org, missing=missing_org(path.org))
        narrowed = replace(narrowed, entity_type=ENTITY_TYPE, target_id=environment.id)
        kinds = {ENTITY_TYPE: _KIND}
        rows, following = listing.page_requests(connection, backend, kinds, caller, membership, narrowed, token, limit)
    return RequestPage(viewed_by(caller, environment), rows, following)


def get_detail(backend: Backend, caller: Caller, path: EnvironmentPath, request_id: str) -> RequestDetail:
    """Return a change request of an environment; NotFound for any other."""
    with backend.db.connect() as connection:
        environment = steps.load(connection, caller, path, _READ)
        request, revision, is_author = _get(connection, caller, environment, request_id)
        evaluation = evaluate(connection, backend, _KIND, request)
    viewed = viewed_by(caller, environment)
    membership = caller.require_member(path.org, missing=missing_org(path.org))
    target = Target(environment.id, request.qualified_name, viewed.permissions)
    loaded = LoadedRequest(with_status(request, evaluation), _KIND, target, membership)
    problem = _find_approval_problem(caller, loaded, evaluation, is_author=is_author)
    actions = _actions(caller, loaded, evaluation, revision, environment.latest, may_approve=not problem)
    terms = terms_of(revision) if request.action is Action.OPEN else None
    return RequestDetail(viewed, loaded.request, evaluation, revision, terms, actions, problem)


def get_changes(
    backend: Backend, caller: Caller, path: EnvironmentPath, request_id: str, *, events_limit: int = EVENTS_SHOWN
) -> RequestChanges:
    """Return what a change request changes, and the beginning of its log; the audit log records that the draft was read."""
    membership = caller.require_member(path.org, missing=missing_org(path.org))
    with backend.db.connect() as connection:
        found = approvals.find_with_revision(connection, caller, membership.org_id, request_id)
        # A request that does not exist costs as much as one of an environment that is hidden.
        has_ended = found is not None and found[0].status in ENDED
        version = str(found[1].base or 0) if found is not None and has_ended else LATEST
        environment = steps.load(connection, caller, path, _READ, version=version)
        if found is None or found[0].target_id != environment.id:
            raise approvals.missing(request_id)
        request, revision, _ = found
        events = listing.page_events(connection, caller, request, None, events_limit)[0] if events_limit else []
    viewed, before = viewed_by(caller, environment), None
    if request.action is Action.UPDATE:
        stored = environment.revision
        # Older revisions need a permission of their own.
        may_read = not has_ended or Permission.ENVIRONMENT_VERSION_READ in viewed.permissions
        before = stored.definition if stored is not None and not stored.is_retracted and may_read else None
        description = f"Read revision {revision.number} of change request {request.id}, a draft of environment {path}"
        if stored is not None and before is not None:
            description += f", and revision {stored.number} of the environment"
        audit.record_alone(backend, caller, environment.org_id, Event.ENVIRONMENT_READ, description=description)
    number = (revision.base or 0) if has_ended else environment.latest
    return RequestChanges(viewed, request, revision, before, number, events)


def _actions(
    caller: Caller,
    loaded: LoadedRequest,
    evaluation: Evaluation,
    revision: Revision,
    latest: int,
    *,
    may_approve: bool,
) -> frozenset[str]:
    request, permissions = loaded.request, loaded.target.permissions
    if request.status in ENDED:
        return frozenset()
    may_change, is_submitted = loaded.may_change(caller), request.status in SUBMITTED
    may_edit = request.action is Action.UPDATE and Permission.ENVIRONMENT_WRITE in permissions
    own = [one.revision for one in evaluation.approvals if one.user.id == caller.user_id]
    allowed = {
        "edit": may_edit,
        "rebase": may_edit and revision.base != latest,
        "describe": may_change,
        "submit": may_change and request.status not in SUBMITTED,
        "approve": may_approve and is_submitted and request.latest not in own,
        "withdraw": bool(own),
        "apply": is_submitted and evaluation.is_satisfied and _KIND.permissions[request.action] in permissions,
        "close": may_change or may_approve,
    }
    return frozenset(name for name, is_allowed in allowed.items() if is_allowed)


def _find_approval_problem(caller: Caller, loaded: LoadedRequest, evaluation: Evaluation, *, is_author: bool) -> str:
    try:
        decisions.require_may_approve(caller, loaded, evaluation, is_author=is_author)
    except Forbidden as error:
        return error.detail
    return ""


def _get(
    connection: Connection, caller: Caller, environment: Environment, request_id: str
) -> tuple[ChangeRequest, Revision, bool]:
    found = approvals.find_with_revision(connection, caller, environment.org_id, request_id)
    if found is None or found[0].target_id != environment.id:
        raise approvals.missing(request_id)
    return found
