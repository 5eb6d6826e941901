"""Stacks that change hands: transfer to another organization, ownership, bringing deleted stacks back."""

from fastapi import APIRouter, Response

from common.core.errors import BadRequest
from common.stacks import ownership
from common.stacks.model import Deleted
from common.stacks.state import restore
from common.stacks.state import transfer as moves
from common.wire.stacks import UserInfo
from common.wire.transfer import (
    DeletedStack,
    ListDeletedStacksResponse,
    NewOwner,
    RestoreDeletedStackRequest,
    TransferAllStacksRequest,
    TransferStackRequest,
)
from common.wire.updates import UpdateSummary
from functions.http.bodies import BodyDep
from functions.http.deps import BackendDep, CallerDep, StackPathDep, empty, reply
from functions.http.shapes import result_of

router = APIRouter()
_STACK = "/api/stacks/{org}/{project}/{stack}"
_ORG = "/api/orgs/{org}"


@router.post(f"{_STACK}/transfer")
def transfer_stack(backend: BackendDep, caller: CallerDep, path: StackPathDep, body: BodyDep) -> Response:
    asked = body.decode(TransferStackRequest)
    _require_same((asked.from_org, path.org), (asked.project_name, path.project), (asked.stack_name, path.name))
    moves.transfer(backend, caller, path, asked.to_org)
    return empty()


@router.post(f"{_ORG}/bulk-transfer/stacks")
def transfer_all_stacks(backend: BackendDep, caller: CallerDep, org: str, body: BodyDep) -> Response:
    asked = body.decode(TransferAllStacksRequest)
    _require_same((asked.from_org, org))
    count = moves.transfer_all(backend, caller, org, asked.to_org)
    done = "1 stack was" if count == 1 else f"{count} stacks were"
    return reply(f"{done} transferred from {org} to {asked.to_org}")


@router.post(f"{_STACK}/ownership")
def reassign_stack_ownership(backend: BackendDep, caller: CallerDep, path: StackPathDep, body: BodyDep) -> Response:
    previous = ownership.reassign(backend, caller, path, body.decode(NewOwner).github_login)
    return reply(UserInfo(previous.name, previous.login, previous.avatar_url))


@router.get(f"{_ORG}/restore-stack")
def list_deleted_stacks(backend: BackendDep, caller: CallerDep, org: str) -> Response:
    return reply(ListDeletedStacksResponse([_deleted(stack) for stack in restore.list_deleted(backend, caller, org)]))


@router.post(f"{_ORG}/restore-stack/{{program_id}}")
def restore_deleted_stack(backend: BackendDep, caller: CallerDep, org: str, program_id: str, body: BodyDep) -> Response:
    restore.restore(backend, caller, org, program_id, body.decode(RestoreDeletedStackRequest).stack_name or "")
    return empty()


def _require_same(*pairs: tuple[str | None, str]) -> None:
    for asked, addressed in pairs:
        if asked and asked != addressed:
            msg = f"the body names {asked[:100]!a}, and the address {addressed[:100]!a}"
            raise BadRequest(msg)


def _deleted(stack: Deleted) -> DeletedStack:
    last = UpdateSummary(result_of(stack.status), stack.started_at // 1000, stack.ended_at // 1000, stack.resource_count)
    return DeletedStack(stack.id, stack.id, stack.project, stack.name, stack.version, stack.deleted_at // 1000, last)
