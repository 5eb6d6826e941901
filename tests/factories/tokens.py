"""Makes what tokens hang on: teams, custom roles, limits; and tokens, by the calls that clients make."""

from collections.abc import Iterable

import msgspec
from httpx2 import Client
from sqlalchemy import insert, select

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.ids import new_id
from common.db.tables.access import roles, team_roles
from common.db.tables.people import organizations, team_members, teams, users
from common.people.orgs.steps import update_settings
from common.rights.descriptor import Allow, encode
from common.rights.org_settings import OrgSettings
from common.rights.permissions import Permission
from tests.factories.people import ORG

TOKENS = "/api/orgs/acme/tokens"
OWN = "/api/user/tokens"
OPS = "/api/orgs/acme/teams/ops/tokens"
DAY_SECONDS = 86_400


def signed(token: str) -> dict[str, str]:
    """Return the headers of a call with a token."""
    return {"Authorization": f"token {token}"}


def make_team(
    backend: Backend,
    name: str = "ops",
    *,
    org: str = ORG,
    members: Iterable[str] = (),
    admins: Iterable[str] = (),
    role_ids: Iterable[str] = (),
) -> str:
    """Make a team of people, by login, with roles, and return its id."""
    team_id, now_millis = new_id(), unix_millis(backend.clock.now())
    with backend.db.begin() as tx:
        org_id = tx.scalar(select(organizations.c.id).where(organizations.c.login == org))
        of_team = {"team_id": team_id, "created_at": now_millis}
        texts = {"kind": "pulumi", "name": name, "display_name": name.title(), "description": ""}
        tx.execute(insert(teams).values(id=team_id, org_id=org_id, created_at=now_millis, **texts))
        for role, logins in (("member", members), ("admin", admins)):
            for user_id in tx.scalars(select(users.c.id).where(users.c.login.in_(list(logins)))).all():
                tx.execute(insert(team_members).values(user_id=user_id, org_id=org_id, role=role, **of_team))
        for role_id in role_ids:
            tx.execute(insert(team_roles).values(role_id=role_id, **of_team))
    return team_id


def make_role(backend: Backend, *permissions: Permission, name: str = "auditor", org: str = ORG, purpose: str = "role") -> str:
    """Make a custom role that allows permissions everywhere, and return its id."""
    role_id, now_millis = new_id(), unix_millis(backend.clock.now())
    rules = encode(Allow(permissions=list(permissions)))
    with backend.db.begin() as tx:
        org_id = tx.scalar(select(organizations.c.id).where(organizations.c.login == org))
        tx.execute(
            insert(roles).values(
                id=role_id,
                org_id=org_id,
                purpose=purpose,
                name=name,
                description="",
                resource_type="global",
                details=rules,
                rules=rules,
                version=1,
                created_at=now_millis,
                modified_at=now_millis,
            ),
        )
    return role_id


def limit_days(backend: Backend, days: int, *, org: str = ORG) -> None:
    """Limits how long tokens live that are used in an organization."""

    def change(settings: OrgSettings) -> OrgSettings:
        return msgspec.structs.replace(settings, max_access_token_expiry_days=days)

    with backend.db.begin() as tx:
        org_id = tx.scalar(select(organizations.c.id).where(organizations.c.login == org))
        assert org_id is not None
        update_settings(tx, org_id, change)


def in_days(backend: Backend, days: float) -> int:
    """Return a moment ahead in unix seconds."""
    return int(backend.clock.now().timestamp() + days * DAY_SECONDS)


def create(client: Client, path: str, *, token: str | None = None, **body: object) -> dict[str, str]:
    """Make a token and return its id and text."""
    made = client.post(path, json={"description": "", "expires": 0, **body}, headers=signed(token) if token else {})
    assert 200 == made.status_code, made.text
    found: dict[str, str] = made.json()
    return found


def listed(client: Client, path: str, **query: str | int) -> list[str]:
    """Return the names that a list shows, descriptions for tokens without a name."""
    found = client.get(path, params=query)
    assert 200 == found.status_code, found.text
    return [token["name"] or token["description"] for token in found.json()["tokens"]]
