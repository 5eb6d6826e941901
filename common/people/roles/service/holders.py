"""Members, teams and tokens with a role."""

from common.backend import Backend
from common.people.roles import steps
from common.people.roles.model import Record, TeamSummary, TokenSummary
from common.people.roles.repository import holders
from common.people.users.model import Person
from common.rights.caller import Caller
from common.rights.permissions import Permission


def list_people(backend: Backend, caller: Caller, org: str, role_id: str) -> list[Person]:
    """Return the members who have a role themselves."""
    membership = steps.require(caller, Permission.ROLE_READ, org)
    with backend.db.connect() as connection:
        record = steps.get(connection, membership.org_id, role_id)
        return holders.find_people(connection, membership.org_id, record.id)


def list_teams(backend: Backend, caller: Caller, org: str, role_id: str) -> list[TeamSummary]:
    """Return the teams with a role."""
    membership = steps.require(caller, Permission.ROLE_READ, org)
    with backend.db.connect() as connection:
        record = steps.get(connection, membership.org_id, role_id)
        return holders.find_teams(connection, membership.org_id, record.id)


def get_with_holders(backend: Backend, caller: Caller, org: str, role_id: str) -> tuple[Record, list[Person], list[TeamSummary]]:
    """Return a role with the members who have it themselves, and the teams with it."""
    membership = steps.require(caller, Permission.ROLE_READ, org)
    with backend.db.connect() as connection:
        record = steps.mark_default([steps.get(connection, membership.org_id, role_id)], membership.settings)[0]
        people = holders.find_people(connection, membership.org_id, record.id)
        return record, people, holders.find_teams(connection, membership.org_id, record.id)


def list_tokens(backend: Backend, caller: Caller, org: str, role_id: str) -> tuple[Record, list[TokenSummary]]:
    """Return a role and the organization's tokens with it."""
    membership = steps.require(caller, Permission.ROLE_READ, org)
    with backend.db.connect() as connection:
        record = steps.get(connection, membership.org_id, role_id)
        return record, holders.find_tokens(connection, membership.org_id, record.id)
