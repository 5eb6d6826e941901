"""Making an organization by oneself, where the installation lets people."""

from common.backend import Backend
from common.config.public_urls import is_laptop
from common.config.settings import Settings
from common.core.errors import BadRequest, Forbidden
from common.db.faults import unless_taken
from common.db.retry import retry
from common.people.orgs import steps as orgs
from common.rights.caller import Caller

# Every request loads all of a person's organizations.
BELONGING_LIMIT = 100
_SETTING = "STACKHOLD_ORGANIZATIONS_BY_ANYONE"


def may_found(settings: Settings, caller: Caller) -> bool:
    """Tell whether the caller may make organizations: administrators of the installation, or everybody."""
    is_open = settings.flag(_SETTING) if settings.is_set(_SETTING) else is_laptop(settings)
    return caller.is_themselves and (is_open or caller.site_admin)


def found(backend: Backend, caller: Caller, login: str) -> None:
    """Make an organization with the caller as its admin.

    Raises Forbidden for whom the installation does not let, BadRequest for a bad name and for too many organizations, and
    Conflict for a name that is taken.
    """
    if not may_found(backend.settings, caller):
        msg = "only administrators of the installation make organizations here; ask one of them"
        raise Forbidden(msg)
    if len(caller.memberships) >= BELONGING_LIMIT:
        msg = f"a person who belongs to {BELONGING_LIMIT} organizations cannot make another one"
        raise BadRequest(msg)

    def make() -> None:
        with backend.db.begin() as tx:
            orgs.add_shared(tx, login=login, admin_user_id=caller.user_id, now=backend.clock.now())

    with unless_taken(f"the name {login[:80]!a} is taken, by a user or an organization"):
        retry(make)
