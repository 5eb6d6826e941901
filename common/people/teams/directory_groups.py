"""Teams of kind `scim`: groups of an organization's directory, which owns their names and members.

What is here are steps for the directory's use cases; in the team's own calls everybody may read such a team, and give it
stacks, environments and roles. When the organization has no directory any more, such a team is like any other.
"""

import re
import secrets
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection

from common.core.clock import unix_millis
from common.core.errors import BadRequest
from common.core.ids import new_id
from common.core.names import is_name
from common.people.teams.model import Team, TeamChange
from common.people.teams.repository import directory_groups, teams

KIND = "scim"
_UNFIT = re.compile(r"[^A-Za-z0-9_.-]+")
_LENGTH, _TRIES = 80, 20


def require_not_owned(tx: Connection, org_id: str, team: Team) -> None:
    """Raise BadRequest for a team whose name and members the organization's directory decides: a step."""
    # No permission check in this module: the use case made it, or the directory's token was checked.
    if team.kind == KIND and directory_groups.has_directory(tx, org_id):
        msg = f"team {team.name} is a group of the organization's directory (SCIM): change its name and members there"
        raise BadRequest(msg)


def changes_owned_fields(change: TeamChange) -> bool:
    """Tell whether a change is one that the owner of a team alone may make."""
    return change.member is not None or change.display_name is not None


def create(tx: Connection, org_id: str, display_name: str, now: datetime) -> str:
    """Make a team and return its id: a step. IntegrityError means that somebody took its name meanwhile."""
    team = Team(new_id(), KIND, _free_name(tx, org_id, display_name), display_name, "")
    teams.add(tx, org_id, team, unix_millis(now))
    return team.id


def rename(tx: Connection, team_id: str, display_name: str) -> None:
    """Change what people see a team called, a step; the name in addresses and policies stays."""
    directory_groups.update_display_name(tx, team_id, display_name)


def add_members(tx: Connection, org_id: str, team_id: str, user_ids: Collection[str], now: datetime) -> bool:
    """Let users be members of a team, a step; False when they all are."""
    missing = set(user_ids) - directory_groups.find_members(tx, team_id, user_ids) if user_ids else set()
    if missing:
        directory_groups.add_members(tx, org_id, team_id, sorted(missing), unix_millis(now))
    return bool(missing)


def remove_members(tx: Connection, team_id: str, user_ids: Collection[str]) -> bool:
    """Let users be members of a team no longer, a step; False when none was."""
    return bool(user_ids) and directory_groups.remove_members(tx, team_id, user_ids) > 0


def remove_others(tx: Connection, team_id: str, user_ids: Collection[str]) -> bool:
    """Let nobody but these users be a member of a team, a step; False when nobody else was."""
    return directory_groups.remove_others(tx, team_id, user_ids) > 0


def _free_name(tx: Connection, org_id: str, display_name: str) -> str:
    """Return a name for addresses that is like what people see, and that no team of the organization has."""
    base = _UNFIT.sub("-", display_name)[:_LENGTH].strip("-")
    wanted = [base if is_name(base) else "group", *(f"{base or 'group'}-{number}" for number in range(2, _TRIES))]
    taken = directory_groups.find_taken(tx, org_id, wanted)
    return next((name for name in wanted if name not in taken), f"{base or 'group'}-{secrets.token_hex(4)}")
