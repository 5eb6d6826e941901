"""Makes tokens by the calls that clients make, and limits how long they live."""

import msgspec
from httpx2 import Client
from sqlalchemy import select

from common.backend import Backend
from common.db.tables.people import organizations
from common.people.orgs.steps import update_settings
from common.rights.org_settings import OrgSettings
from tests.factories.people import ORG

TOKENS = "/api/orgs/acme/tokens"
OWN = "/api/user/tokens"
OPS = "/api/orgs/acme/teams/ops/tokens"
DAY_SECONDS = 86_400


def signed(token: str) -> dict[str, str]:
    """Return the headers of a call with a token."""
    return {"Authorization": f"token {token}"}


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
