"""Makes what the tests of organizations need beside people: many members, suspended ones, settings; and reads rows."""

from typing import Any

from msgspec.structs import replace
from pulumi_cloud_sdk.api_client import default_encoder
from sqlalchemy import insert, select, update

from common.backend import Backend
from common.core.ids import new_id
from common.db.tables.access import stack_grants
from common.db.tables.people import members, organizations, team_members, users
from common.db.tables.stacks import stacks
from common.people.orgs.steps import update_settings
from common.rights.caller import Caller
from common.rights.org_settings import OrgSettings, encode
from common.rights.permissions import Role
from tests.factories.people import ORG, caller_of

_PERSON = {
    "is_machine": False,
    "email": "",
    "avatar_url": "",
    "site_admin": False,
    "default_org_id": None,
    "created_at": 1,
}
_MEMBER = {"role": "member", "role_id": None, "suspended": False, "saml_at": None, "created_at": 1}


def decoded(document: Any, model: str) -> Any:
    """Return a reply as the vendor's SDK reads it; it raises for what is missing or null, and for unknown words."""
    return default_encoder.deserialize(document, model)


def suspend(backend: Backend, login: str, *, org: str = ORG) -> None:
    """Suspends a member."""
    _put(backend, login, org, suspended=True)


def make_members(backend: Backend, number: int, *, org: str = ORG) -> list[str]:
    """Make many plain members at once, without personal organizations, and return their logins in order."""
    people = [(new_id(), f"member-{place:05}") for place in range(number)]
    with backend.db.begin() as tx:
        org_id = org_id_of(tx, org)
        tx.execute(insert(users), [{**_PERSON, "id": user_id, "login": login, "name": login} for user_id, login in people])
        tx.execute(insert(members), [{**_MEMBER, "org_id": org_id, "user_id": user_id} for user_id, _ in people])
    return [login for _, login in people]


def make_member(backend: Backend, token: str, org: str, role: Role = Role.MEMBER) -> Caller:
    """Make a user a member of one more organization, and return them as they are then."""
    user_id = caller_of(backend, token).user_id
    with backend.db.begin() as tx:
        org_id = org_id_of(tx, org)
        tx.execute(insert(members).values({**_MEMBER, "org_id": org_id, "user_id": user_id, "role": role}))
    return caller_of(backend, token)


def set_settings(backend: Backend, org: str, settings: OrgSettings) -> None:
    """Store an organization's settings."""
    with backend.db.begin() as tx:
        tx.execute(update(organizations).values(settings=encode(settings)).where(organizations.c.login == org))


def make_default(backend: Backend, role_id: str) -> None:
    """Make a role the one that new members of acme get."""
    with backend.db.begin() as tx:
        update_settings(tx, org_id_of(tx, ORG), lambda old: replace(old, default_role_id=role_id))


def people_of(backend: Backend, org: str = ORG) -> dict[str, tuple[str, str | None]]:
    """Return role and custom role of each member by login."""
    query = (
        select(users.c.login, members.c.role, members.c.role_id)
        .join(members, members.c.user_id == users.c.id)
        .join(organizations, organizations.c.id == members.c.org_id)
        .where(organizations.c.login == org)
    )
    with backend.db.connect() as connection:
        return {row[0]: (row[1], row[2]) for row in connection.execute(query)}


def admins_of(backend: Backend, org: str = ORG) -> list[str]:
    """Return the logins of the admins."""
    return sorted(login for login, (role, _) in people_of(backend, org).items() if role == "admin")


def grants_of(backend: Backend, login: str) -> list[str]:
    """Return the names of the stacks on which a user was given something."""
    query = (
        select(stacks.c.name)
        .join(stack_grants, stack_grants.c.stack_id == stacks.c.id)
        .join(users, users.c.id == stack_grants.c.principal_id)
        .where(users.c.login == login)
        .order_by(stacks.c.name)
    )
    with backend.db.connect() as connection:
        return list(connection.scalars(query))


def teams_of(backend: Backend, login: str) -> int:
    """Return how many teams a user is in, in all organizations."""
    query = select(team_members.c.team_id).join(users, users.c.id == team_members.c.user_id).where(users.c.login == login)
    with backend.db.connect() as connection:
        return len(connection.scalars(query).all())


def org_id_of(tx: Any, org: str) -> str:
    """Return an organization's id."""
    return str(tx.scalar(select(organizations.c.id).where(organizations.c.login == org)))


def _put(backend: Backend, login: str, org: str, **values: Any) -> None:
    with backend.db.begin() as tx:
        user_id = tx.scalar(select(users.c.id).where(users.c.login == login))
        is_it = (members.c.org_id == org_id_of(tx, org), members.c.user_id == user_id)
        assert 1 == tx.execute(update(members).values(values).where(*is_it)).rowcount
