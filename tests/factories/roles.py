"""Makes roles, teams and people for tests of roles."""

import json
from typing import Any

from sqlalchemy import insert, select

from common.access import authentication as access
from common.access import grants, tokens
from common.backend import Backend
from common.core.ids import new_id
from common.db.tables.access import roles
from common.db.tables.stacks import stacks
from common.people.roles.model import NewRecord, Purpose, Record
from common.people.roles.service import roles as role_service
from common.people.users import steps as users_service
from common.rights.caller import Caller
from common.rights.permissions import StackLevel
from tests.factories.orgs import org_id_of
from tests.factories.people import ORG


def allow(*permissions: str) -> dict[str, Any]:
    """Return a leaf as clients send it."""
    return {"__type": "PermissionDescriptorAllow", "permissions": list(permissions)}


def compose(*ids: str) -> dict[str, Any]:
    """Return a reference to records as clients send it."""
    return {"__type": "PermissionDescriptorCompose", "permissionDescriptors": list(ids)}


def group(*entries: dict[str, Any]) -> dict[str, Any]:
    """Return a union as clients send it."""
    return {"__type": "PermissionDescriptorGroup", "entries": list(entries)}


def new_record(name: str, details: dict[str, Any] | str, purpose: Purpose = Purpose.ROLE, **members: str) -> NewRecord:
    """Return what a user wants to make."""
    text = details if isinstance(details, str) else json.dumps(details)
    return NewRecord(name, members.get("description", ""), purpose, members.get("resource_type", "global"), text)


def make_role(
    backend: Backend, caller: Caller, name: str, details: dict[str, Any] | str, purpose: Purpose = Purpose.ROLE, **members: str
) -> Record:
    """Make a role, permission set or policy in organization acme."""
    return role_service.create_role(backend, caller, ORG, new_record(name, details, purpose, **members), with_policy=False)


def make_records(backend: Backend, number: int, *, size_bytes: int) -> None:
    """Store many policies of organization acme at once, with details of a size."""
    details = json.dumps(allow()).ljust(size_bytes)
    row = {"purpose": "policy", "description": "", "resource_type": "global", "details": details, "rules": "{}", "version": 1}
    with backend.db.begin() as tx:
        row["org_id"] = org_id_of(tx, ORG)
        records = [{**row, "id": new_id(), "name": f"policy {place}"} for place in range(number)]
        tx.execute(insert(roles), [{**record, "created_at": 1, "modified_at": 1} for record in records])


def grant(
    backend: Backend, stack: str, principal_id: str, level: StackLevel, *, is_team: bool = True, set_id: str | None = None
) -> None:
    """Give a team or person something on a stack of that name."""
    with backend.db.begin() as tx:
        stack_id = tx.scalar(select(stacks.c.id).where(stacks.c.name == stack, stacks.c.live == 1))
        grants.replace(tx, str(stack_id), principal_id, is_team=is_team, level=level, now=backend.clock.now(), set_id=set_id)


def stack_id_of(backend: Backend, name: str) -> str:
    """Return the id of a live stack."""
    with backend.db.connect() as connection:
        return str(connection.scalar(select(stacks.c.id).where(stacks.c.name == name, stacks.c.live == 1)))


def stored_rules(backend: Backend, role_id: str) -> str:
    """Return what is stored for a record with all that it composes."""
    with backend.db.connect() as connection:
        return str(connection.scalar(select(roles.c.rules).where(roles.c.id == role_id)))


def make_machine(backend: Backend, admin: Caller, role_id: str) -> str:
    """Make an organization's token with a role, and return it."""
    org_id = next(found.org_id for found in admin.memberships if found.login == ORG)
    now = backend.clock.now()
    with backend.db.begin() as tx:
        user_id = users_service.create_machine(tx, org_login=ORG, name="robot", now=now)
        owner = access.TokenOwner(user_id, org_id=org_id, role_id=role_id)
        return tokens.issue_token(tx, owner, name="robot", description="", created_by=admin.user_id, now=now).text
