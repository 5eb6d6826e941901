"""Use cases that read change requests: lists, one with its gates, and its log."""

from common.approvals import access, listing
from common.approvals.evaluation import evaluate
from common.approvals.listing import PAGE_DEFAULT, EvaluatedRequest
from common.approvals.model import RequestEvent, RequestFilter
from common.backend import Backend
from common.change_requests.targets import KINDS
from common.rights.caller import Caller, missing_org

_EVERYTHING = RequestFilter()


def page_requests(  # noqa: PLR0917 - what a listing is narrowed to
    backend: Backend,
    caller: Caller,
    org: str,
    narrowed: RequestFilter = _EVERYTHING,
    token: str | None = None,
    limit: int = PAGE_DEFAULT,
) -> tuple[list[EvaluatedRequest], str | None]:
    """Return the requests for targets that the caller can see, the newest first, and the token of the next page or None."""
    membership = caller.require_member(org, missing=missing_org(org))
    with backend.db.connect() as connection:
        return listing.page_requests(connection, backend, KINDS, caller, membership, narrowed, token, limit)


def get_request(backend: Backend, caller: Caller, org: str, request_id: str) -> EvaluatedRequest:
    """Return a request with its gates; NotFound if it does not exist, or its target is hidden or deleted."""
    with backend.db.connect() as connection:
        loaded = access.load(connection, KINDS, caller, org, request_id)
        evaluation = evaluate(connection, backend, loaded.kind, loaded.request)
    return listing.evaluated(loaded.request, evaluation)


def page_events(  # noqa: PLR0917 - what a listing is narrowed to
    backend: Backend, caller: Caller, org: str, request_id: str, token: str | None = None, limit: int = PAGE_DEFAULT
) -> tuple[list[RequestEvent], str | None]:
    """Return the log of a request, the oldest entry first, and the token of the next page or None."""
    with backend.db.connect() as connection:
        request = access.load(connection, KINDS, caller, org, request_id).request
        return listing.page_events(connection, caller, request, token, limit)
