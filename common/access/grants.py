"""Grants of teams and users on single stacks: steps for the use cases that create and delete them.

The rows belong to this area because teams, stacks and permission sets, which are all above it, change them.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from common.access.repository import grants
from common.access.stack_grant import decode, encode
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
    """Grant a team or a user a level, or a custom permission set, on a stack in place of an earlier grant."""
    # No permission check in this module: the use cases made it.
    grants.delete(tx, stack_id, principal_id)
    if level is not StackLevel.NONE or set_id is not None:
        grants.add(tx, stack_id, principal_id, is_team=is_team, level=level, set_id=set_id, now_millis=unix_millis(now))


def add_for_teams(tx: Connection, stack_id: str, team_ids: Sequence[str], *, level: StackLevel, now: datetime) -> None:
    """Grant teams a level on a new stack."""
    grants.add_teams(tx, stack_id, team_ids, level=level, now_millis=unix_millis(now))


def delete(tx: Connection, stack_id: str, principal_id: str) -> bool:
    """Delete a grant on a stack; False when it does not exist."""
    return grants.delete(tx, stack_id, principal_id)


def list_permissions(tx: Connection, team_id: str) -> list[frozenset[Permission]]:
    """Return the permissions of each kind of grant that a team has on stacks, and of those that a deleted stack would restore."""
    kinds = [*grants.find_kinds(tx, team_id), *grants.find_deleted_kinds(tx, team_id)]
    return [STACK_LEVELS[level] if rules is None else all_permissions(parse(rules)) for level, rules in kinds]


def delete_of_principal(tx: Connection, principal_id: str) -> None:
    """Delete all grants of a team or a user."""
    grants.delete_of_principal(tx, principal_id)


def delete_of_member(tx: Connection, principal_id: str, org_id: str) -> None:
    """Delete a user's grants on an organization's stacks."""
    grants.delete_of_principal_in_org(tx, principal_id, org_id)


def delete_of_set(tx: Connection, set_id: str) -> None:
    """Delete all grants of a custom permission set."""
    grants.delete_of_set(tx, set_id)


def delete_of_stack(tx: Connection, stack_id: str) -> str | None:
    """Delete all grants on a stack, and return the text that `restore` restores them from, or None if there are none."""
    deleted = grants.find_of_stack(tx, stack_id)
    # Also where there was none: one may have been added since.
    grants.delete_of_stack(tx, stack_id)
    return encode(deleted) if deleted else None


def restore(tx: Connection, stack_id: str, text: str, *, org_id: str, deleted_at: int, now: datetime) -> None:
    """Restore those grants on a stack that its organization would still have.

    A grant stays away whose team or permission set is gone, or whose user has left since `deleted_at`, in unix milliseconds, also
    one who is a member again.
    """
    valid = grants.find_valid(tx, org_id, decode(text), deleted_at)
    if valid:
        grants.add_several(tx, stack_id, valid, unix_millis(now))
