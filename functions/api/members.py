"""Members of an organization (platform.md 4)."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Response
from msgspec import UNSET

from common.core.clock import from_millis
from common.people.orgs.members import service as members
from common.people.orgs.model import Member, RequestedRole
from common.people.teams import service as teams
from common.people.users.model import Person
from common.wire.orgs import (
    AddOrganizationMemberRequest,
    FGARole,
    GetOrganizationMemberTeamsResponse,
    ListOrganizationMembersResponse,
    MemberInfo,
    OrganizationMember,
    UpdateOrganizationMemberRequest,
)
from functions.http.bodies import BodyDep
from functions.http.deps import BackendDep, CallerDep, empty, reply

router = APIRouter()
_MEMBERS = "/api/orgs/{org}/members"
_MEMBER = f"{_MEMBERS}/{{login}}"


class MemberKind(StrEnum):
    """Upstream: OrganizationMemberKind, members of the organization here or at an identity provider: the same people."""

    FRONTEND = "frontend"
    BACKEND = "backend"


@router.get(_MEMBERS)
def list_members(
    backend: BackendDep,
    caller: CallerDep,
    org: str,
    kind: Annotated[MemberKind, Query(alias="type")] = MemberKind.FRONTEND,  # noqa: ARG001 - both are the same here
    token: Annotated[str | None, Query(alias="continuationToken")] = None,
    *,
    suspended: Annotated[bool, Query(alias="includeSuspended")] = False,
) -> Response:
    page, next_token = members.page_members(backend, caller, org, with_suspended=suspended, token=token or None)
    shapes = [_member(member) for member in page]
    return reply(ListOrganizationMembersResponse(shapes, next_token if next_token is not None else UNSET))


@router.post(_MEMBER)
def add_member(backend: BackendDep, caller: CallerDep, org: str, login: str, body: BodyDep) -> Response:
    role = body.decode(AddOrganizationMemberRequest).role
    return reply(_member(members.add_member(backend, caller, org, login, role)))


@router.patch(_MEMBER)
def update_member(backend: BackendDep, caller: CallerDep, org: str, login: str, body: BodyDep) -> Response:
    request = body.decode(UpdateOrganizationMemberRequest)
    members.update_role(backend, caller, org, login, RequestedRole(request.role or None, request.fga_role_id or None))
    return empty()


@router.delete(_MEMBER)
def delete_member(backend: BackendDep, caller: CallerDep, org: str, login: str) -> Response:
    teams.remove_member(backend, caller, org, login)
    return empty()


@router.post(f"{_MEMBER}/set-admin")
def set_sole_admin(backend: BackendDep, caller: CallerDep, org: str, login: str) -> Response:
    members.set_sole_admin(backend, caller, org, login)
    return empty()


@router.get(f"{_MEMBER}/teams")
def list_teams_of_member(backend: BackendDep, caller: CallerDep, org: str, login: str) -> Response:
    return reply(GetOrganizationMemberTeamsResponse(members.list_teams_of_member(backend, caller, org, login)))


def _info(person: Person) -> MemberInfo:
    return MemberInfo(person.name, person.login, person.avatar_url, person.email)


def _member(member: Member) -> OrganizationMember:
    role = member.effective
    return OrganizationMember(
        role=member.role,
        user=_info(member.person),
        # `pulumi org member list` shows the text as it comes.
        created=from_millis(member.created_at).replace(microsecond=0),
        fga_role=FGARole(role.id, role.name, from_millis(role.modified_at)),
        suspended=member.suspended,
    )
