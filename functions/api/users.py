"""The signed-in user (state.md 2)."""

from fastapi import APIRouter, Response
from msgspec import UNSET

from common.people.users import service as users
from common.rights.caller import Caller
from common.wire.users import GetDefaultOrganizationResponse, OrganizationSummaryWithRole, TokenInfo, User
from functions.http.deps import BackendDep, CallerDep, empty, reply

router = APIRouter()


@router.get("/api/user")
def get_current_user(caller: CallerDep) -> Response:
    return reply(_user(caller))


@router.get("/api/user/organizations/default")
def get_default_organization(caller: CallerDep) -> Response:
    return reply(GetDefaultOrganizationResponse(GitHubLogin=users.default_organization(caller), Messages=[]))


@router.post("/api/user/organizations/{org}/default")
def set_default_organization(backend: BackendDep, caller: CallerDep, org: str) -> Response:
    users.set_default_organization(backend, caller, org)
    return empty()


def _user(caller: Caller) -> User:
    """Return the caller with all their organizations.

    The personal organization is among them: without it the client could not create a stack there, which it does when there is no
    default organization (state.md 2.1). A machine has its organization's login, since clients write the login before the names
    of stacks, and `token_info` says which token calls.
    """
    return User(
        id=caller.user_id,
        github_login=caller.home,
        name=caller.name,
        email=caller.email,
        avatar_url=caller.avatar_url,
        organizations=[
            OrganizationSummaryWithRole(
                name=membership.name,
                github_login=membership.login,
                avatar_url=membership.avatar_url,
                role=membership.role,
            )
            for membership in caller.memberships
        ],
        identities=[],
        site_admin=caller.site_admin,
        token_info=UNSET if caller.is_person else TokenInfo(caller.token_name, caller.home, caller.team_name),
    )
