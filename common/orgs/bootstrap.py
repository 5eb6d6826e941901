"""Makes the first administrator and the first shared organization, so that a fresh installation can be signed in to.

It may run at every start, in several processes at once, and stop anywhere: what is there stays, what is missing is made.
It never prints; what to do with a new token is the entry point's business.
"""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from common.access import service as access
from common.backend import Backend
from common.db.faults import is_race
from common.errors import BadRequest, StartUpError
from common.names import require_owner_name
from common.orgs import service as orgs
from common.users import service as users

ADMIN_LOGIN = "admin"
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class BootstrapResult:
    """What the start found or made.

    `token` is set only if this call invented it: it is stored nowhere else. `token_added` says that the given token was
    new to this installation, `administrator_made` that there was no administrator before.
    """

    login: str
    administrator_made: bool
    token_added: bool
    token: str | None = field(default=None, repr=False)


def is_fresh(backend: Backend) -> bool:
    """Tell whether the installation has no administrator yet, so that an entry point can keep a token before it counts."""
    # No permission check: the entry point asks before it serves anybody.
    with backend.db.connect() as connection:
        return users.find_id(connection, ADMIN_LOGIN) is None


def bootstrap(backend: Backend, *, token: str | None, org: str | None) -> BootstrapResult:
    """Make the administrator with the personal organization, the shared organization `org` and the token, where missing.

    Without a given token one is invented, but only together with the administrator. A given token that the installation
    does not know is added beside the others, which stay good. Raises StartUpError for a token or name that cannot be.
    """
    # No permission check: nobody could pass one yet. Only the operator can set what is asked for here.
    require_fit(token, org)
    for _ in range(_ATTEMPTS):
        try:
            with backend.db.begin() as tx:
                return _make_missing(tx, backend.clock.now(), token, org)
        except Exception as error:
            # Another process makes the same things at this moment: ours are rolled back, and its are found next time.
            if not is_race(error):
                raise
    msg = "the first administrator could not be made: other processes keep changing the same rows; start again"
    raise StartUpError(msg)


def require_fit(token: str | None, org: str | None) -> None:
    """Raise StartUpError for a token or a name that cannot be, so that an entry point can refuse before it changes anything."""
    if token is not None and not access.is_token(token):
        msg = f"STACKHOLD_BOOTSTRAP_TOKEN must be {access.TOKEN_FORM}"
        raise StartUpError(msg)
    if org is not None:
        try:
            require_owner_name(org)
        except BadRequest as error:
            msg = f"STACKHOLD_BOOTSTRAP_ORG: {error.message.removeprefix('Bad Request: ')}"
            raise StartUpError(msg) from error


def _make_missing(tx: Connection, now: datetime, token: str | None, org: str | None) -> BootstrapResult:
    found = users.find_id(tx, ADMIN_LOGIN)
    user_id = found or _add_administrator(tx, now)
    if org is not None and orgs.find_id(tx, org) is None:
        # Whoever names an organization at the start wants stacks there, so it is the administrator's default as well.
        users.choose_default_organization(tx, user_id, orgs.add_shared(tx, login=org, admin_user_id=user_id, now=now))
    invented = access.new_token() if token is None and found is None else None
    added = _add_token(tx, user_id, token or invented, now)
    return BootstrapResult(ADMIN_LOGIN, administrator_made=found is None, token_added=added, token=invented)


def _add_administrator(tx: Connection, now: datetime) -> str:
    user_id = users.add(tx, login=ADMIN_LOGIN, name="Administrator", email="", site_admin=True, now=now)
    orgs.add_personal(tx, login=ADMIN_LOGIN, name="Administrator", user_id=user_id, now=now)
    return user_id


def _add_token(tx: Connection, user_id: str, text: str | None, now: datetime) -> bool:
    if text is None:
        return False
    owner = access.find_owner(tx, text)
    if owner is None:
        whose = access.TokenOwner(user_id)
        access.issue_token(
            tx, whose, name="bootstrap", description="made at the start", created_by=user_id, now=now, text=text,
        )  # fmt: skip
    elif owner != user_id:
        msg = "STACKHOLD_BOOTSTRAP_TOKEN is the token of another user; the administrator needs one of their own"
        raise StartUpError(msg)
    return owner is None
