"""The signed-in user (state.md 2)."""

from fastapi import APIRouter, Response

from common.people.users import service as users
from functions.http.deps import BackendDep, CallerDep, empty, reply

router = APIRouter()


@router.get("/api/user")
def get_current_user(caller: CallerDep) -> Response:
    return reply(users.current(caller))


@router.get("/api/user/organizations/default")
def get_default_organization(caller: CallerDep) -> Response:
    return reply(users.default_organization(caller))


@router.post("/api/user/organizations/{org}/default")
def set_default_organization(backend: BackendDep, caller: CallerDep, org: str) -> Response:
    users.set_default_organization(backend, caller, org)
    return empty()
