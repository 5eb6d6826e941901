"""Users: what they may know of themselves, and their default organization."""

from msgspec import UNSET

from common.backend import Backend
from common.core.errors import NotFound
from common.people.users import repository
from common.rights.caller import Caller, Membership
from common.wire.users import GetDefaultOrganizationResponse, OrganizationSummaryWithRole, TokenInfo, User


def current(caller: Caller) -> User:
    """Return the caller as the wire shows them, with their organizations, the personal one included.

    A machine is shown as its organization, with what says whose token it is: clients write the login before the names of
    stacks, and the machine's own would lead nowhere.
    """
    # No permission check: everyone may know who they are. Without the personal namespace among the organizations the
    # client could not make a stack there, which it does when there is no default organization (state.md 2.1).
    return User(
        id=caller.user_id,
        github_login=caller.login if caller.is_person else _home(caller),
        name=caller.name,
        email=caller.email,
        avatar_url=caller.avatar_url,
        organizations=[_to_summary(membership) for membership in caller.memberships],
        identities=[],
        site_admin=caller.site_admin,
        token_info=UNSET if caller.is_person else _token_info(caller),
    )


def default_organization(caller: Caller) -> GetDefaultOrganizationResponse:
    """Return the organization the caller chose, or their personal one when they chose none or have left it; a machine's own."""
    # No permission check: it is the caller's own choice.
    usual = caller.login if caller.is_person else _home(caller)
    chosen = next((found.login for found in caller.memberships if found.org_id == caller.default_org_id), usual)
    return GetDefaultOrganizationResponse(GitHubLogin=chosen, Messages=[])


def set_default_organization(backend: Backend, caller: Caller, org_login: str) -> None:
    """Store the caller's default organization; raises NotFound unless they are a member."""
    membership = caller.membership(org_login)
    if membership is None:
        msg = f"Organization '{org_login[:100]}' not found"
        raise NotFound(msg)
    with backend.db.connect() as connection:
        repository.set_default_org(connection, caller.user_id, membership.org_id)


def _home(machine: Caller) -> str:
    """Return the login of the organization that a machine's token belongs to."""
    return next((membership.login for membership in machine.memberships), machine.login)


def _token_info(machine: Caller) -> TokenInfo:
    return TokenInfo(name=machine.token_name, organization=_home(machine), team=machine.team_name)


def _to_summary(membership: Membership) -> OrganizationSummaryWithRole:
    return OrganizationSummaryWithRole(
        name=membership.name,
        github_login=membership.login,
        avatar_url=membership.avatar_url,
        role=membership.role,
    )
