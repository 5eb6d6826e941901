"""Lists of change requests and of their events: steps. `kinds` has the adapter of each type of target."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from common.approvals import access
from common.approvals.evaluation import evaluate_all
from common.approvals.model import ChangeRequest, Evaluation, RequestEvent, RequestFilter
from common.approvals.repository import events, requests
from common.approvals.targets import TargetKind
from common.backend import Backend
from common.core.errors import BadRequest
from common.core.paging import make_token, read_token, seal
from common.rights.caller import Caller
from common.rights.membership import Membership

PAGE_DEFAULT, PAGE_LIMIT = 100, 500
_SEQUENCE = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class EvaluatedRequest:
    """A request with its gates. The status is that of now: gates and members may have changed since it was stored."""

    request: ChangeRequest
    evaluation: Evaluation


def page_requests(  # noqa: PLR0917 - what a listing is narrowed to
    connection: Connection,
    backend: Backend,
    kinds: Mapping[str, TargetKind],
    caller: Caller,
    membership: Membership,
    narrowed: RequestFilter,
    token: str | None,
    limit: int,
) -> tuple[list[EvaluatedRequest], str | None]:
    """Return the requests for targets that the caller can see, the newest first, and the token of the next page or None."""
    of_target = (narrowed.entity_type, narrowed.target_id)
    narrower = (narrowed.action, narrowed.creator, None if narrowed.is_open is None else str(narrowed.is_open))
    sealed = seal(caller.user_id, "change requests", membership.org_id, *of_target, *narrower)
    before = read_token(token, sealed, 1)[0] if token else None
    size = min(max(limit, 1), PAGE_LIMIT)
    visible = {name: kind.visible(caller, membership, requests.TARGET_ID) for name, kind in kinds.items()}
    rows = requests.page(
        connection,
        membership.org_id,
        requests.any_of(visible),
        narrowed=narrowed,
        before=before,
        limit=size + 1,
    )
    page = rows[:size]
    evaluations = evaluate_all(connection, backend, kinds, page)
    next_token = make_token(sealed, page[-1].id) if len(rows) > size else None
    return [evaluated(row, evaluations[row.id]) for row in page], next_token


def page_events(
    connection: Connection, caller: Caller, request: ChangeRequest, token: str | None, limit: int
) -> tuple[list[RequestEvent], str | None]:
    """Return the log of a request, the oldest entry first, and the token of the next page or None."""
    sealed = seal(caller.user_id, "events of change request", request.id)
    after = _sequence(read_token(token, sealed, 1)[0]) if token else 0
    rows = events.page(connection, request.id, after, limit + 1)
    page = rows[:limit]
    return page, make_token(sealed, str(page[-1].sequence)) if len(rows) > limit else None


def evaluated(request: ChangeRequest, evaluation: Evaluation) -> EvaluatedRequest:
    """Return a request with the status that its gates give it now."""
    return EvaluatedRequest(access.with_status(request, evaluation), evaluation)


def _sequence(text: str) -> int:
    if not _SEQUENCE.fullmatch(text):
        raise BadRequest("the continuation token is not one of this server's")
    return int(text)
