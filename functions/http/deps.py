"""What a handler may ask for: the backend, the caller, the lease, the stack's path, the body.

What needs no database is `async`, which saves a change of thread; `get_caller` asks the database and is not. They are
resolved in the order in which a handler names them, so a handler that names the caller before the body refuses a stranger
before it reads what they send.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

import msgspec
from fastapi import Depends, Request, Response

from common.access import authentication as access
from common.backend import Backend
from common.core.errors import Unauthorized
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission
from common.stacks.model import StackPath
from common.stacks.service import listing as stacks
from common.stacks.updates.leases import Lease
from common.stacks.updates.service import progress
from functions.http.bodies import DOCUMENT, PROGRAM, STATE, VALUES, Body, BodyReader

JSON = "application/json"


def reply(shape: object, status: int = 200) -> Response:
    """Return a JSON reply of a wire shape, or of bytes that are JSON already."""
    content = shape if isinstance(shape, bytes) else msgspec.json.encode(shape)
    return Response(content, status, media_type=JSON)


def empty(status: int = 204) -> Response:
    """Return a reply without a body."""
    return Response(status_code=status)


async def get_backend(request: Request) -> Backend:
    """Return the process's backend."""
    return _backend(request)


def get_caller(request: Request) -> Caller:
    """Return who the access token belongs to; raises Unauthorized. One statement."""
    caller = access.authenticate(_backend(request), request.headers.get("authorization", ""))
    caller = replace(caller, source_ip=client_address(request))
    request.state.caller = caller
    return caller


def client_address(request: Request) -> str:
    """Return the network address that a request came from, as the nearest trusted proxy says, or an empty text."""
    return request.client.host if request.client is not None else ""


async def get_lease(request: Request) -> Lease:
    """Return the lease of the Authorization header after checking its signature, without a query."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme != "update-token":
        raise Unauthorized("this call needs the token of an update's lease")
    return progress.require_lease(_backend(request), token.strip(), _stack_path(request), request.path_params["update_id"])


async def get_stack_path(request: Request) -> StackPath:
    """Return the stack that the address names."""
    return _stack_path(request)


def may_in_organization(request: Request) -> None:
    """Raise NotFound unless the caller belongs to the organization of the address, Forbidden if it is closed to them."""
    org = request.path_params["org"]
    _caller(request).require_member(org, missing=missing_org(org))


def may_create_stacks(request: Request) -> None:
    """Raise NotFound or Forbidden unless the caller may create stacks in the organization of the address."""
    org = request.path_params["org"]
    _caller(request).require(Permission.STACK_CREATE, org, missing=missing_org(org))


def may_on_stack(permission: Permission, *, former_names: bool = False) -> Callable[[Request], None]:
    """Return a check that raises NotFound or Forbidden unless the caller has a permission on the stack of the address."""

    def check(request: Request) -> None:
        stacks.require_permission(
            _backend(request), _caller(request), _stack_path(request), permission, former_names=former_names
        )

    return check


def _backend(request: Request) -> Backend:
    backend: Backend = request.app.state.backend
    return backend


def _stack_path(request: Request) -> StackPath:
    path = request.path_params
    return StackPath(path["org"], path["project"], path["stack"])


def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


BackendDep = Annotated[Backend, Depends(get_backend)]
CallerDep = Annotated[Caller, Depends(get_caller)]
LeaseDep = Annotated[Lease, Depends(get_lease)]
StackPathDep = Annotated[StackPath, Depends(get_stack_path)]
DocumentBodyDep = Annotated[Body, Depends(BodyReader(DOCUMENT, may=may_in_organization))]
StackDocumentBodyDep = Annotated[Body, Depends(BodyReader(DOCUMENT, may=may_on_stack(Permission.STACK_READ)))]
ProgramBodyDep = Annotated[Body, Depends(BodyReader(PROGRAM, may=may_on_stack(Permission.STACK_READ)))]
NewStackBodyDep = Annotated[Body, Depends(BodyReader(STATE, may=may_create_stacks))]
ProjectValuesBodyDep = Annotated[Body, Depends(BodyReader(VALUES, may=may_in_organization))]
PlainValuesBodyDep = Annotated[Body, Depends(BodyReader(VALUES, may=may_on_stack(Permission.STACK_ENCRYPT, former_names=True)))]
SealedValuesBodyDep = Annotated[Body, Depends(BodyReader(VALUES, may=may_on_stack(Permission.STACK_DECRYPT, former_names=True)))]
