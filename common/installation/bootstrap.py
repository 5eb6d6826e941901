"""Makes the first administrator and the first shared organization, so that a fresh installation can be signed in to.

It may run at every start, in several processes at once, and stop anywhere: what is there stays, what was never made is made.
What a start has made is remembered, so that what an administrator took away since stays away. It never prints nor logs; what
to do with a new token and with the warnings is the entry point's business.
"""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from common.access import authentication as access
from common.access import tokens
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, StartUpError
from common.core.names import require_owner_name
from common.db.faults import is_race
from common.db.retry import retry
from common.installation.repository import bootstrap as repository
from common.people.orgs import steps as orgs
from common.people.users import steps as users

ADMIN_LOGIN = "admin"
_ADMIN, _TOKEN_NAME = "admin", "bootstrap"
_ENDED = (
    "STACKHOLD_BOOTSTRAP_TOKEN is a token that was revoked or has expired, so no one can sign in with it: remove it from the"
    " settings, or set a new one"
)
_OTHERS = (
    "the token in STACKHOLD_BOOTSTRAP_TOKEN is new here and was added; earlier tokens stay valid: revoke them with"
    " DELETE /api/user/tokens/<id> for {ids}"
)
_NO_ADMINISTRATOR = (
    f"user {ADMIN_LOGIN} has been deleted and is not created again; set STACKHOLD_BOOTSTRAP_TOKEN to a token"
    " that was never used here to create a new administrator"
)


@dataclass(frozen=True, slots=True)
class BootstrapResult:
    """What the start found or made.

    `token` is set only if this call invented it: it is stored nowhere else. `token_added` says that the given token was
    new to this installation, `administrator_made` that there was no administrator before. `warnings` are lines for the log.
    """

    login: str
    administrator_made: bool
    token_added: bool
    token: str | None = field(default=None, repr=False)
    warnings: tuple[str, ...] = ()


def is_fresh(backend: Backend) -> bool:
    """Tell whether the installation has no administrator yet, so that an entry point can keep a token before it counts."""
    # No permission check: the entry point asks before it serves requests.
    with backend.db.connect() as connection:
        return users.find_id(connection, ADMIN_LOGIN) is None and not repository.was_made(connection, _ADMIN)


def bootstrap(backend: Backend, *, token: str | None, org: str | None) -> BootstrapResult:
    """Make the administrator with the personal organization, the shared organization `org` and the token, each once.

    Without a given token one is invented, but only together with the administrator. A given token that the installation
    has never known is added beside the others, which stay good; one that was revoked stays revoked. Raises StartUpError for
    a token or name that cannot be.
    """
    # No permission check: no user exists yet. Only the operator can set what is asked for here.
    require_fit(token, org)

    def attempt() -> BootstrapResult:
        with backend.db.begin() as tx:
            return _make_missing(tx, backend.clock.now(), token, org)

    # Another process may make the same things at this moment: then ours are rolled back, and the repeat finds its.
    return retry(attempt, when=is_race, failure=_too_many_changes)


def _too_many_changes() -> StartUpError:
    return StartUpError("the first administrator cannot be created: other processes keep changing the same rows; start again")


def require_fit(token: str | None, org: str | None) -> None:
    """Raise StartUpError for a token or a name that cannot be, so that an entry point can refuse before it changes anything."""
    if token is not None and not tokens.is_token(token):
        raise StartUpError(f"STACKHOLD_BOOTSTRAP_TOKEN must be {tokens.TOKEN_FORM}")
    if org is not None:
        try:
            require_owner_name(org)
        except BadRequest as error:
            raise StartUpError(f"STACKHOLD_BOOTSTRAP_ORG: {error.detail}") from error


def _make_missing(tx: Connection, now: datetime, token: str | None, org: str | None) -> BootstrapResult:
    admin_id, warnings = users.find_id(tx, ADMIN_LOGIN), list[str]()
    is_new = admin_id is None and (not repository.was_made(tx, _ADMIN) or _is_unknown(tx, token))
    if admin_id is None and not is_new:
        return BootstrapResult(ADMIN_LOGIN, administrator_made=False, token_added=False, warnings=(_NO_ADMINISTRATOR,))
    user_id = admin_id or _add_administrator(tx, now)
    repository.note(tx, _ADMIN, now)
    if org is not None:
        warnings += _make_organization(tx, user_id, org, now)
    invented = tokens.new_token() if token is None and is_new else None
    added = _add_token(tx, user_id, token or invented, now, warnings)
    return BootstrapResult(ADMIN_LOGIN, administrator_made=is_new, token_added=added, token=invented, warnings=tuple(warnings))


def _add_administrator(tx: Connection, now: datetime) -> str:
    user_id = users.create(tx, login=ADMIN_LOGIN, name="Administrator", email="", site_admin=True, now=now)
    orgs.create_personal_organization(tx, login=ADMIN_LOGIN, name="Administrator", user_id=user_id, now=now)
    return user_id


def _make_organization(tx: Connection, user_id: str, org: str, now: datetime) -> list[str]:
    """Make the organization if no start has, and return what there is to warn of."""
    if orgs.find_id(tx, org) is None:
        if repository.was_made(tx, _org_item(org)):
            return [f"STACKHOLD_BOOTSTRAP_ORG: organization {org} has been deleted and is not created again"]
        if orgs.is_taken(tx, org):
            raise StartUpError(f"STACKHOLD_BOOTSTRAP_ORG: the name {org} is taken: another name differs from it only in case")
        try:
            org_id = orgs.create_organization(tx, login=org, admin_user_id=user_id, now=now)
        except BadRequest as error:
            raise StartUpError(f"STACKHOLD_BOOTSTRAP_ORG: {error.detail}") from error
        # An operator who names an organization at the start wants stacks there, so it is the administrator's default as well.
        users.set_default_organization(tx, user_id, org_id)
    repository.note(tx, _org_item(org), now)
    return []


def _add_token(tx: Connection, user_id: str, text: str | None, now: datetime, warnings: list[str]) -> bool:
    """Add the token if the installation has never known it, and tell whether it did; `warnings` gets what there is to say."""
    if text is None:
        return False
    owner = tokens.find_owner(tx, text)
    if owner not in (None, user_id):
        raise StartUpError("STACKHOLD_BOOTSTRAP_TOKEN is the token of another user; the administrator needs one of their own")
    is_unknown = _is_unknown(tx, text)
    repository.note(tx, _token_item(text), now)
    if owner is None and is_unknown:
        others = repository.find_tokens(tx, user_id, _TOKEN_NAME, unix_millis(now))
        if others:
            warnings.append(_OTHERS.format(ids=", ".join(others)))
        whose = access.TokenOwner(user_id)
        tokens.issue_token(
            tx,
            whose,
            name=_TOKEN_NAME,
            description="made at the start",
            created_by=user_id,
            now=now,
            text=text,
        )
        return True
    if owner is None or not repository.is_good(tx, tokens.hash_of(text), unix_millis(now)):
        warnings.append(_ENDED)
    return False


def _is_unknown(tx: Connection, token: str | None) -> bool:
    return token is not None and not repository.was_made(tx, _token_item(token))


def _token_item(text: str) -> str:
    return f"token {tokens.hash_of(text)}"


def _org_item(org: str) -> str:
    return f"org {org}"
