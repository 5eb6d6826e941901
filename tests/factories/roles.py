"""Makes roles and gives them to people; and the descriptors of roles, as clients send them."""

import json
from typing import Any

from sqlalchemy import insert, select, update

from common.access import authentication as access
from common.access import tokens
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.ids import new_id
from common.db.tables.access import roles
from common.db.tables.people import members, users
from common.people.roles.model import NewRecord, Purpose, Record
from common.people.roles.service import roles as role_service
from common.people.users import steps as users_service
from common.rights.caller import Caller
from common.rights.descriptor import Allow, encode
from common.rights.permissions import Permission
from tests.factories.orgs import org_id_of
from tests.factories.people import ORG, caller_of, make_user


def allow(*permissions: str) -> dict[str, Any]:
    """Return a leaf as clients send it."""
    return {"__type": "PermissionDescriptorAllow", "permissions": list(permissions)}


def compose(*ids: str) -> dict[str, Any]:
    """Return a reference to records as clients send it."""
    return {"__type": "PermissionDescriptorCompose", "permissionDescriptors": list(ids)}


def group(*entries: dict[str, Any]) -> dict[str, Any]:
    """Return a union as clients send it."""
    return {"__type": "PermissionDescriptorGroup", "entries": list(entries)}


def tagged(key: str, value: str, *permissions: str) -> dict[str, Any]:
    """Return rules that allow permissions on stacks with a tag of a value."""
    stack = {"__type": "PermissionExpressionStack"}
    tag = {"__type": "PermissionExpressionTag", "context": stack, "key": key}
    text = {"__type": "PermissionLiteralExpressionString", "value": value}
    condition = {"__type": "PermissionExpressionEqual", "left": tag, "right": text}
    return {"__type": "PermissionDescriptorCondition", "condition": condition, "subNode": allow(*permissions)}


def new_record(name: str, details: dict[str, Any] | str, purpose: Purpose = Purpose.ROLE, **members: str) -> NewRecord:
    """Return what a user wants to make."""
    text = details if isinstance(details, str) else json.dumps(details)
    return NewRecord(name, members.get("description", ""), purpose, members.get("resource_type", "global"), text)


def make_role(
    backend: Backend,
    *permissions: Permission,
    name: str = "auditor",
    org: str = ORG,
    purpose: str = "role",
    rules: dict[str, Any] | None = None,
) -> str:
    """Store a custom role that allows permissions everywhere, or one with other rules, and return its id."""
    role_id, now_millis = new_id(), unix_millis(backend.clock.now())
    text = json.dumps(rules) if rules is not None else encode(Allow(permissions=list(permissions)))
    with backend.db.begin() as tx:
        org_id = org_id_of(tx, org)
        tx.execute(
            insert(roles).values(
                id=role_id,
                org_id=org_id,
                purpose=purpose,
                name=name,
                description="",
                resource_type="global",
                details=text,
                rules=text,
                version=1,
                created_at=now_millis,
                modified_at=now_millis,
            ),
        )
    return role_id


def hold(backend: Backend, login: str, role_id: str | None, *, org: str = ORG) -> None:
    """Give a member a custom role."""
    with backend.db.begin() as tx:
        user_id = tx.scalar(select(users.c.id).where(users.c.login == login))
        is_it = (members.c.org_id == org_id_of(tx, org), members.c.user_id == user_id)
        assert 1 == tx.execute(update(members).values(role_id=role_id).where(*is_it)).rowcount


def make_holder(backend: Backend, login: str, *permissions: Permission) -> Caller:
    """Make a member of acme with a custom role that gives these permissions."""
    token = make_user(backend, login, org=ORG)
    hold(backend, login, make_role(backend, *permissions, name=f"role of {login}"))
    return caller_of(backend, token)


def give_role(backend: Backend, caller: Caller, rules: dict[str, Any], *, org: str = ORG) -> str:
    """Make a custom role the caller's in an organization, and return its id."""
    role_id = make_role(backend, name=new_id(), org=org, rules=rules)
    hold(backend, caller.login, role_id, org=org)
    return role_id


def create_role(
    backend: Backend, caller: Caller, name: str, details: dict[str, Any] | str, purpose: Purpose = Purpose.ROLE, **members: str
) -> Record:
    """Create a role, permission set or policy in organization acme, as a caller's request does."""
    return role_service.create_role(backend, caller, ORG, new_record(name, details, purpose, **members), with_policy=False)


def make_records(backend: Backend, number: int, *, size_bytes: int) -> None:
    """Store many policies of organization acme at once, with details of a size."""
    details = json.dumps(allow()).ljust(size_bytes)
    row = {"purpose": "policy", "description": "", "resource_type": "global", "details": details, "rules": "{}", "version": 1}
    with backend.db.begin() as tx:
        row["org_id"] = org_id_of(tx, ORG)
        records = [{**row, "id": new_id(), "name": f"policy {place}"} for place in range(number)]
        tx.execute(insert(roles), [{**record, "created_at": 1, "modified_at": 1} for record in records])


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
