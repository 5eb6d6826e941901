"""What the operator may do without signing in: create users and organizations.

It is for the command line on the server's own machine, which can read the database anyway. Until people can sign up and
sign in by themselves, this is how the second one comes.
"""

from dataclasses import dataclass, field

import msgspec
from sqlalchemy import Connection

from common.access import authentication as access
from common.access import tokens
from common.backend import Backend
from common.core.errors import BadRequest, Conflict, NotFound
from common.db.faults import unless_taken
from common.db.retry import retry
from common.mailing.model import clean_address
from common.people.orgs import steps as orgs
from common.people.orgs.steps import update_settings
from common.people.users import steps as users
from common.rights.permissions import Role


@dataclass(frozen=True, slots=True)
class NewPerson:
    """A person to make, and the organization they join with a role, if any."""

    login: str
    name: str = ""
    email: str = ""
    org: str | None = None
    role: Role = Role.MEMBER


@dataclass(frozen=True, slots=True)
class AddedUser:
    """A person who was made, and the one token that they can sign in with."""

    login: str
    token: str = field(repr=False)


def add_person(backend: Backend, new: NewPerson) -> AddedUser:
    """Make a person with a personal organization and a token.

    Raises Conflict for a login or an address that is taken, BadRequest for an invalid address, NotFound for no
    organization.
    """
    # No permission check in this module: the operator holds the database.
    if new.role is Role.NONE:
        raise BadRequest("the role in an organization must be member, admin or billing-manager")

    email = clean_address(new.email)
    if new.email and not email:
        raise BadRequest(f"{new.email[:80]!a} is not an e-mail address")

    def make() -> AddedUser:
        now = backend.clock.now()
        with backend.db.begin() as tx:
            org_id = _organization(tx, new.org) if new.org is not None else None
            name = new.name or new.login
            user_id = users.create(tx, login=new.login, name=name, email="", site_admin=False, now=now)
            orgs.create_personal_organization(tx, login=new.login, name=name, user_id=user_id, now=now)
            if email and not users.set_email(tx, user_id, email):
                raise Conflict(f"the address {email} is already used by another user")
            if org_id is not None:
                orgs.add_member(tx, org_id=org_id, user_id=user_id, role=new.role, now=now)
                users.set_default_organization(tx, user_id, org_id)
            token = tokens.issue_token(
                tx,
                access.TokenOwner(user_id),
                name="first",
                description="made by the operator",
                created_by=user_id,
                now=now,
            )
        return AddedUser(new.login, token.text)

    with unless_taken(_taken(new.login)):
        return retry(make)


def add_organization(backend: Backend, login: str, admin: str) -> None:
    """Make an organization with a person as its admin; Conflict for a name that is taken, NotFound for no such person."""

    def make() -> None:
        with backend.db.begin() as tx:
            user_id = users.find_id(tx, admin)
            if user_id is None:
                raise NotFound(f"there is no user {admin[:80]!a}")
            orgs.create_organization(tx, login=login, admin_user_id=user_id, now=backend.clock.now())

    with unless_taken(_taken(login)):
        retry(make)


def stop_requiring_saml(backend: Backend, login: str) -> None:
    """Let an organization's members in without its SAML provider, if that does not work; NotFound for an unknown one."""

    def stop() -> None:
        with backend.db.begin() as tx:
            update_settings(tx, _organization(tx, login), lambda old: msgspec.structs.replace(old, saml_required=False))

    retry(stop)


def _organization(tx: Connection, login: str) -> str:
    org_id = orgs.find_id(tx, login)
    if org_id is None:
        raise NotFound(f"there is no organization {login[:80]!a}")
    return org_id


def _taken(login: str) -> str:
    return f"the name {login[:80]!a} is taken, by a user or an organization"
