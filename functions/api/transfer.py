"""Transfer of stacks to another organization, their owners, and restoring deleted stacks."""

from functools import partial

from fastapi import APIRouter, Response

from common.core.errors import BadRequest
from common.environments.service import managed_environments
from common.stacks.model import DeletedStack
from common.stacks.service import deleted, ownership, transfer
from common.wire import transfer as wire
from common.wire.stacks import UserInfo
from common.wire.updates import UpdateSummary
from functions.http.bodies import BodyDep
from functions.http.deps import BackendDep, CallerDep, StackPathDep, empty, reply
from functions.http.shapes import result_of

router = APIRouter()
_STACK = "/api/stacks/{org}/{project}/{stack}"
_ORG = "/api/orgs/{org}"


@router.post(f"{_STACK}/transfer")
def transfer_stack(backend: BackendDep, caller: CallerDep, path: StackPathDep, body: BodyDep) -> Response:
    request = body.decode(wire.TransferStackRequest)
    _require_same((request.from_org, path.org), (request.project_name, path.project), (request.stack_name, path.name))
    transfer.transfer_stack(backend, caller, path, request.to_org)
    return empty()


@router.post(f"{_ORG}/bulk-transfer/stacks")
def transfer_all_stacks(backend: BackendDep, caller: CallerDep, org: str, body: BodyDep) -> Response:
    request = body.decode(wire.TransferAllStacksRequest)
    _require_same((request.from_org, org))
    count = transfer.transfer_all(backend, caller, org, request.to_org)
    subject = "1 stack was" if count == 1 else f"{count} stacks were"
    return reply(f"{subject} transferred from {org} to {request.to_org}")


@router.post(f"{_STACK}/ownership")
def reassign_stack_ownership(backend: BackendDep, caller: CallerDep, path: StackPathDep, body: BodyDep) -> Response:
    former_owner = ownership.update_owner(backend, caller, path, body.decode(wire.NewOwner).github_login)
    return reply(UserInfo(former_owner.name, former_owner.login, former_owner.avatar_url))


@router.get(f"{_ORG}/restore-stack")
def list_deleted_stacks(backend: BackendDep, caller: CallerDep, org: str) -> Response:
    return reply(wire.ListDeletedStacksResponse([_deleted_stack(stack) for stack in deleted.list_deleted(backend, caller, org)]))


@router.post(f"{_ORG}/restore-stack/{{program_id}}")
def restore_deleted_stack(backend: BackendDep, caller: CallerDep, org: str, program_id: str, body: BodyDep) -> Response:
    name = body.decode(wire.RestoreDeletedStackRequest).stack_name or ""
    deleted.restore(backend, caller, org, program_id, name, attach=partial(managed_environments.restore, backend, caller))
    return empty()


def _require_same(*pairs: tuple[str | None, str]) -> None:
    for in_body, in_address in pairs:
        if in_body and in_body != in_address:
            raise BadRequest(f"the body names {in_body[:100]!a}, and the address {in_address[:100]!a}")


def _deleted_stack(stack: DeletedStack) -> wire.DeletedStack:
    last = UpdateSummary(result_of(stack.status), stack.started_at // 1000, stack.ended_at // 1000, stack.resource_count)
    return wire.DeletedStack(stack.id, stack.id, stack.project, stack.name, stack.version, stack.deleted_at // 1000, last)
