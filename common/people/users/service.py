"""Users: what they may know of themselves, and their default organization."""

from datetime import datetime

from msgspec import UNSET
from sqlalchemy import Connection

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, NotFound
from common.core.ids import new_id
from common.core.names import require_new_owner_name
from common.people.users import repository
from common.rights.caller import Caller, Membership
from common.wire.users import GetDefaultOrganizationResponse, OrganizationSummaryWithRole, TokenInfo, User

NAME_LIMIT = 255


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


def find_id(tx: Connection, login: str) -> str | None:
    """Return a user's id by login, or None: a step of its caller's use case."""
    return repository.find_id(tx, login)


def add(tx: Connection, *, login: str, name: str, email: str, site_admin: bool, now: datetime) -> str:
    """Make a user and return the id, a step; raises BadRequest for a bad login, IntegrityError for one that is taken.

    `email` is an address that is known to be theirs, or empty: invitations and sign-ins trust it.
    """
    require_new_owner_name(login)
    user_id = new_id()
    repository.add(
        tx, user_id=user_id, login=login, name=name, email=email.lower(), site_admin=site_admin, is_machine=False,
        now_millis=unix_millis(now),
    )  # fmt: skip
    return user_id


def give_address(tx: Connection, user_id: str, email: str) -> bool:
    """Store an address, in lower case, that is now known to be a user's, a step; False when another user has it."""
    if repository.has_address(tx, email, other_than=user_id):
        return False
    repository.put_address(tx, user_id, email)
    return True


def rename(tx: Connection, user_id: str, name: str) -> None:
    """Store the name that others see of a user, a step; raises BadRequest for an empty or a long one."""
    repository.put_name(tx, user_id, fit_name(name))


def fit_name(text: str) -> str:
    """Return a name as it is shown, without needless spaces; raises BadRequest for an empty or a long one."""
    name = " ".join(text.split())
    if not name.isprintable() or not 1 <= len(name) <= NAME_LIMIT:
        msg = f"a name has 1 to {NAME_LIMIT} characters"
        raise BadRequest(msg)
    return name


def add_machine(tx: Connection, *, org_login: str, name: str, now: datetime) -> str:
    """Make the user behind an organization's or a team's token and return the id, a step; nobody can sign in as it."""
    user_id = new_id()
    repository.add(
        tx, user_id=user_id, login=f"{org_login}/{name}", name=name, email="", site_admin=False, is_machine=True,
        now_millis=unix_millis(now),
    )  # fmt: skip
    return user_id


def choose_default_organization(tx: Connection, user_id: str, org_id: str) -> None:
    """Store a user's default organization: a step of its caller's use case."""
    repository.set_default_org(tx, user_id, org_id)


def forget_default_organization(tx: Connection, user_id: str, org_id: str) -> None:
    """Delete a user's choice of default organization if it is this one: a step of its caller's use case."""
    repository.clear_default_org(tx, user_id, org_id)


def adopt_email(tx: Connection, user_id: str, email: str) -> bool:
    """Store an address that is known to be a user's unless they have one, a step; False when they have."""
    return repository.put_first_email(tx, user_id, email.lower())


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
