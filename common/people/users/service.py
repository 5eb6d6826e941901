"""Users: their default organization."""

from common.backend import Backend
from common.core.errors import NotFound
from common.people.users import repository
from common.rights.caller import Caller


def default_organization(caller: Caller) -> str:
    """Return the login of the caller's default organization: the one they chose while they are a member, or else their own."""
    # No permission check: it is the caller's own choice.
    chosen = (membership.login for membership in caller.memberships if membership.org_id == caller.default_org_id)
    return next(chosen, caller.home)


def set_default_organization(backend: Backend, caller: Caller, org_login: str) -> None:
    """Store the caller's default organization; NotFound unless they are a member."""
    membership = caller.membership(org_login)
    if membership is None:
        raise NotFound(f"Organization '{org_login[:100]}' not found")
    with backend.db.connect() as connection:
        repository.set_default_org(connection, caller.user_id, membership.org_id)
