"""What a running update sends: the engine's most frequent calls. The lease alone authorizes them."""

from fastapi import APIRouter, Request, Response

from common.core.errors import BadRequest
from common.stacks.updates.model import Completion
from common.stacks.updates.service import completion, log_entries, progress
from common.wire.updates import (
    AppendUpdateLogEntryRequest,
    CompleteUpdateRequest,
    RenewUpdateLeaseRequest,
    RenewUpdateLeaseResponse,
)
from functions.http.bodies import BatchBodyDep, BodyDep, StateBodyDep
from functions.http.deps import BackendDep, LeaseDep, StackPathDep, client_address, empty, reply

router = APIRouter()
_UPDATE = "/api/stacks/{org}/{project}/{stack}/{kind}/{update_id}"


@router.patch(f"{_UPDATE}/journalentries")
def create_journal_entries(backend: BackendDep, lease: LeaseDep, body: BatchBodyDep) -> Response:
    progress.append_journal(backend, lease, body.stored, body.text)
    return empty()


@router.post(f"{_UPDATE}/events/batch")
def record_engine_event_batch(backend: BackendDep, lease: LeaseDep, body: BatchBodyDep) -> Response:
    progress.append_events(backend, lease, body.stored, body.text)
    return reply(b"{}")


@router.post(f"{_UPDATE}/log")
def append_update_log_entry(backend: BackendDep, lease: LeaseDep, body: BatchBodyDep) -> Response:
    request = body.decode(AppendUpdateLogEntryRequest)
    fields = request.fields
    entry = log_entries.LogEntry(request.kind, fields.text, fields.colorize, fields.severity)
    log_entries.append_log_entry(backend, lease, entry)
    return empty()


@router.patch(f"{_UPDATE}/checkpoint")
def patch_update_checkpoint(backend: BackendDep, lease: LeaseDep, body: StateBodyDep) -> Response:
    progress.update_checkpoint(backend, lease, body.text)
    return empty()


@router.patch(f"{_UPDATE}/checkpointverbatim")
def patch_update_verbatim_checkpoint(backend: BackendDep, lease: LeaseDep, body: StateBodyDep) -> Response:
    progress.update_checkpoint_verbatim(backend, lease, body.text)
    return empty()


@router.patch(f"{_UPDATE}/checkpointdelta")
def patch_update_checkpoint_delta(backend: BackendDep, lease: LeaseDep, body: StateBodyDep) -> Response:
    progress.update_checkpoint_delta(backend, lease, body.text)
    return empty()


@router.post(f"{_UPDATE}/renew_lease")
def renew_update_lease(backend: BackendDep, lease: LeaseDep, path: StackPathDep, body: BodyDep) -> Response:
    body.decode(RenewUpdateLeaseRequest)
    token, expires_at = progress.renew(backend, lease, path)
    return reply(RenewUpdateLeaseResponse(token, expires_at // 1000))


@router.post(f"{_UPDATE}/complete")
def complete_update(request: Request, backend: BackendDep, lease: LeaseDep, body: BodyDep) -> Response:
    status = _completion(body.decode(CompleteUpdateRequest).status)
    completion.complete(backend, lease, status, source_ip=client_address(request))
    return empty()


def _completion(text: str) -> Completion:
    try:
        return Completion(text)
    except ValueError as error:
        raise BadRequest(f"the status of a completed update must be succeeded or failed, not {text[:40]!a}") from error
