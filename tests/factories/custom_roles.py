"""Gives people rights for tests in every way there is: memberships, settings, grants, teams, custom roles."""

import json
from typing import Any

from sqlalchemy import Connection, insert, select, update

from common.access import grants
from common.backend import Backend
from common.core.ids import new_id
from common.db.tables.access import roles, team_roles
from common.db.tables.people import members, organizations, team_members, teams
from common.db.tables.stacks import stacks
from common.rights.caller import Caller
from common.rights.org_settings import OrgSettings, encode
from common.rights.permissions import Role, StackLevel
from common.stacks.model import StackPath
from tests.factories.people import ORG, caller_of

Rules = dict[str, Any]


def make_member(backend: Backend, token: str, org: str, role: Role = Role.MEMBER) -> Caller:
    """Make a user a member of one more organization, and return them as they are then."""
    user_id = caller_of(backend, token).user_id
    with backend.db.begin() as tx:
        org_id = _org_id(tx, org)
        tx.execute(insert(members).values(org_id=org_id, user_id=user_id, role=role, role_id=None, suspended=False, created_at=1))
    return caller_of(backend, token)


def set_settings(backend: Backend, org: str, settings: OrgSettings) -> None:
    """Stores an organization's settings."""
    with backend.db.begin() as tx:
        tx.execute(update(organizations).values(settings=encode(settings)).where(organizations.c.login == org))


def give(
    backend: Backend,
    path: StackPath,
    principal_id: str,
    level: StackLevel,
    *,
    is_team: bool = False,
    rules: Rules | None = None,
) -> None:
    """Give a person or a team a level on a stack, or a custom permission set."""
    with backend.db.begin() as tx:
        org_id = _org_id(tx, path.org)
        named = (stacks.c.org_id == org_id, stacks.c.project == path.project, stacks.c.name == path.name, stacks.c.live == 1)
        stack_id = tx.execute(select(stacks.c.id).where(*named)).scalar_one()
        set_id = make_role(tx, org_id, rules, "set") if rules is not None else None
        grants.replace(tx, stack_id, principal_id, is_team=is_team, level=level, now=backend.clock.now(), set_id=set_id)


def allow(*permissions: str) -> Rules:
    """Return the descriptor that allows permissions everywhere."""
    return {"__type": "PermissionDescriptorAllow", "permissions": list(permissions)}


def tagged(key: str, value: str, *permissions: str) -> Rules:
    """Return rules that allow permissions on stacks with a tag of a value."""
    stack = {"__type": "PermissionExpressionStack"}
    tag = {"__type": "PermissionExpressionTag", "context": stack, "key": key}
    text = {"__type": "PermissionLiteralExpressionString", "value": value}
    condition = {"__type": "PermissionExpressionEqual", "left": tag, "right": text}
    return {"__type": "PermissionDescriptorCondition", "condition": condition, "subNode": allow(*permissions)}


def make_role(tx: Connection, org_id: str, rules: Rules, purpose: str = "role") -> str:
    """Make a custom role or permission set and return its id."""
    role_id, text = new_id(), json.dumps(rules)
    tx.execute(
        insert(roles).values(
            id=role_id,
            org_id=org_id,
            purpose=purpose,
            name=role_id,
            description="",
            resource_type="global",
            details=text,
            rules=text,
            version=1,
            created_at=1,
            modified_at=1,
        ),
    )
    return role_id


def give_role(backend: Backend, caller: Caller, rules: Rules, org: str = ORG) -> str:
    """Make a custom role the caller's in an organization, and return its id."""
    with backend.db.begin() as tx:
        org_id = _org_id(tx, org)
        role_id = make_role(tx, org_id, rules)
        mine = (members.c.org_id == org_id, members.c.user_id == caller.user_id)
        tx.execute(update(members).values(role_id=role_id).where(*mine))
    return role_id


def make_team(backend: Backend, *people: Caller, org: str = ORG, rules: Rules | None = None) -> str:
    """Make a team of some people, with a custom role if rules are given, and return its id."""
    team_id = new_id()
    with backend.db.begin() as tx:
        org_id = _org_id(tx, org)
        row = {"id": team_id, "org_id": org_id, "kind": "pulumi", "name": team_id, "display_name": "", "description": ""}
        tx.execute(insert(teams).values(**row, created_at=1))
        for person in people:
            place = {"team_id": team_id, "user_id": person.user_id, "org_id": org_id, "role": "member"}
            tx.execute(insert(team_members).values(**place, created_at=1))
        if rules is not None:
            tx.execute(insert(team_roles).values(team_id=team_id, role_id=make_role(tx, org_id, rules), created_at=1))
    return team_id


def _org_id(tx: Connection, org: str) -> str:
    found: str = tx.execute(select(organizations.c.id).where(organizations.c.login == org)).scalar_one()
    return found
