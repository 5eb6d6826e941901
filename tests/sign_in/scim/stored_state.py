"""Looks at what a directory's calls have made: users, members, teams."""

from typing import Any

from sqlalchemy import func, select
from starlette.testclient import TestClient

from common.backend import Backend
from common.db.tables.people import members, organizations, team_members, teams, users
from common.db.tables.sign_in import scim_users
from tests.factories.people import make_token


def as_user(backend: Backend, person: Any) -> str:
    """Return the id of the user who a directory's person is."""
    with backend.db.connect() as connection:
        return str(connection.scalar(select(scim_users.c.user_id).where(scim_users.c.id == person["id"])))


def login_of(backend: Backend, person: Any) -> str:
    """Return the login of a directory's person."""
    with backend.db.connect() as connection:
        return str(connection.scalar(select(users.c.login).where(users.c.id == as_user(backend, person))))


def named(backend: Backend, person: Any) -> tuple[str, str]:
    """Return the name and the address that others see of a directory's person."""
    with backend.db.connect() as connection:
        query = select(users.c.name, users.c.email).where(users.c.id == as_user(backend, person))
        row = connection.execute(query).one()
    return row.name, row.email


def token_for(backend: Backend, person: Any) -> str:
    """Make a personal token of a directory's person."""
    with backend.db.begin() as tx:
        return make_token(tx, backend, as_user(backend, person)).text


def membership_of(backend: Backend, user_id: str, org: str = "acme") -> str:
    """Return whether a user is `in` an organization, `suspended` there, or `out`."""
    query = select(members.c.suspended).join(organizations, organizations.c.id == members.c.org_id)
    with backend.db.connect() as connection:
        found = connection.scalar(query.where(members.c.user_id == user_id, organizations.c.login == org))
    return {None: "out", False: "in", True: "suspended"}[found if found is None else bool(found)]


def team_of(client: TestClient, name: str) -> tuple[str, str, str, list[str]]:
    """Return kind, names and members of a team as its own calls show it."""
    team = client.get(f"/api/orgs/acme/teams/{name}").json()
    return team["kind"], team["name"], team["displayName"], [one["githubLogin"] for one in team["members"]]


def members_of(backend: Backend, name: str) -> int | None:
    """Return how many members a team has, or None without the team."""
    with backend.db.connect() as connection:
        team_id = connection.scalar(select(teams.c.id).where(teams.c.name == name))
        if team_id is None:
            return None
        return connection.scalar(select(func.count()).select_from(team_members).where(team_members.c.team_id == team_id))
