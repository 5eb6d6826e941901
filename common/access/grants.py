"""What teams and people were given on single stacks: steps for the use cases that give and take.

The rows belong to this area, the lowest one, because teams, stacks and permission sets all change them.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from common.access.repository import grants
from common.core.clock import unix_millis
from common.rights.descriptor import all_permissions
from common.rights.permissions import STACK_LEVELS, Permission, StackLevel
from common.rights.rules import parse


def replace(
    tx: Connection,
    stack_id: str,
    principal_id: str,
    *,
    is_team: bool,
    level: StackLevel,
    now: datetime,
    set_id: str | None = None,
) -> None:
    """Give a team or a person a level, or a custom permission set, on a stack, in place of what they had there."""
    # No permission check in this module: the use cases made it.
    grants.delete(tx, stack_id, principal_id)
    if level is not StackLevel.NONE or set_id is not None:
        grants.add(tx, stack_id, principal_id, is_team=is_team, level=level, set_id=set_id, now_millis=unix_millis(now))


def add_for_teams(tx: Connection, stack_id: str, team_ids: Sequence[str], *, level: StackLevel, now: datetime) -> None:
    """Give teams a level on a stack that is being made, on which nobody has anything yet."""
    grants.add_teams(tx, stack_id, team_ids, level=level, now_millis=unix_millis(now))


def delete(tx: Connection, stack_id: str, principal_id: str) -> bool:
    """Take away what a team or a person was given on a stack; False when there was nothing."""
    return grants.delete(tx, stack_id, principal_id)


def list_permissions(tx: Connection, principal_id: str) -> list[frozenset[Permission]]:
    """Return what a team or a person was given, on whichever stacks."""
    found = grants.find_kinds(tx, principal_id)
    return [STACK_LEVELS[level] if rules is None else all_permissions(parse(rules)) for level, rules in found]


def delete_of_principal(tx: Connection, principal_id: str) -> None:
    """Take away everything that a team or a person was given."""
    grants.delete_of_principal(tx, principal_id)


def delete_of_member(tx: Connection, principal_id: str, org_id: str) -> None:
    """Take away everything that a person was given on an organization's stacks."""
    grants.delete_of_principal_in_org(tx, principal_id, org_id)


def delete_of_set(tx: Connection, set_id: str) -> None:
    """Take away a custom permission set from everybody, on every stack."""
    grants.delete_of_set(tx, set_id)


def delete_of_stack(tx: Connection, stack_id: str) -> None:
    """Take away everything that was given on a stack."""
    grants.delete_of_stack(tx, stack_id)
