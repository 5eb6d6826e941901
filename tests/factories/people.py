"""Makes users and callers for tests, through the services that real ones are made with."""

from datetime import datetime

from sqlalchemy import Connection

from common.access import authentication as access
from common.access import tokens
from common.access.tokens import IssuedToken
from common.backend import Backend
from common.installation.bootstrap import bootstrap
from common.people.orgs import steps as orgs
from common.people.users import steps as users
from common.rights.caller import Caller
from common.rights.permissions import Role

ADMIN_TOKEN = "pul-" + "a1" * 20
ORG = "acme"


def make_admin(backend: Backend) -> Caller:
    """Make the administrator, token ADMIN_TOKEN, with organization acme, unless they are there."""
    bootstrap(backend, token=ADMIN_TOKEN, org=ORG)
    return caller_of(backend, ADMIN_TOKEN)


def make_user(backend: Backend, login: str, *, org: str | None = None, role: Role = Role.MEMBER) -> str:
    """Make a user with a personal organization, in `org` as well if it is given, and return a token."""
    now = backend.clock.now()
    with backend.db.begin() as tx:
        user_id = users.create(tx, login=login, name=login.title(), email=f"{login}@example.com", site_admin=False, now=now)
        orgs.create_personal_organization(tx, login=login, name=login.title(), user_id=user_id, now=now)
        if org is not None:
            org_id = orgs.find_id(tx, org)
            assert org_id is not None, f"make {org} first"
            orgs.add_member(tx, org_id=org_id, user_id=user_id, role=role, now=now)
        return make_token(tx, backend, user_id).text


def make_org(backend: Backend, login: str, *admins: Caller) -> str:
    """Make a shared organization with some admins, and return its id; who they are is to be looked up again."""
    now = backend.clock.now()
    with backend.db.begin() as tx:
        org_id = orgs.create_organization(tx, login=login, admin_user_id=admins[0].user_id, now=now)
        for other in admins[1:]:
            orgs.add_member(tx, org_id=org_id, user_id=other.user_id, role=Role.ADMIN, now=now)
    return org_id


def make_token(tx: Connection, backend: Backend, user_id: str, *, expires_at: datetime | None = None) -> IssuedToken:
    """Make a personal token."""
    owner, now = access.TokenOwner(user_id), backend.clock.now()
    return tokens.issue_token(tx, owner, name="laptop", description="", created_by=user_id, now=now, expires_at=expires_at)


def reloaded(backend: Backend, caller: Caller) -> Caller:
    """Return a caller with the memberships and teams that they have by now."""
    with backend.db.begin() as tx:
        token = make_token(tx, backend, caller.user_id)
    return caller_of(backend, token.text)


def caller_of(backend: Backend, token: str) -> Caller:
    """Return who a token belongs to."""
    return access.authenticate(backend, f"token {token}")
