"""Teams of kind `scim`: groups of an organization's directory, which owns their names and members.

The steps are for the directory's use cases. Calls about teams may read such a team and give it stacks, environments and
roles. Without a directory such a team is like any other.
"""

import re
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection

from common.core.clock import unix_millis
from common.core.errors import BadRequest
from common.core.ids import new_id
from common.core.names import first_free, is_name, numbered
from common.people.teams.model import Team, TeamChange
from common.people.teams.repository import directory_groups, teams

KIND = "scim"
_UNFIT = re.compile(r"[^A-Za-z0-9_.-]+")
_LENGTH = 80


def require_not_owned(tx: Connection, org_id: str, team: Team) -> None:
    """Raise BadRequest for a team that has its name and members from the organization's directory."""
    # No permission check in this module: the use case made it, or the directory's token was checked.
    if team.kind == KIND and directory_groups.has_directory(tx, org_id):
        raise BadRequest(f"team {team.name} is a group of the organization's directory (SCIM): change its name and members there")


def changes_owned_fields(change: TeamChange) -> bool:
    """Tell whether a change concerns what the directory decides: the name or the members."""
    return change.member is not None or change.display_name is not None


def create(tx: Connection, org_id: str, display_name: str, now: datetime) -> str:
    """Create a team and return its id; IntegrityError when its name was taken meanwhile."""
    team = Team(new_id(), KIND, _free_name(tx, org_id, display_name), display_name, "")
    teams.add(tx, org_id, team, unix_millis(now))
    return team.id


def rename(tx: Connection, team_id: str, display_name: str) -> None:
    """Change the display name of a team; the name in addresses and policies stays."""
    directory_groups.update_display_name(tx, team_id, display_name)


def add_members(tx: Connection, org_id: str, team_id: str, user_ids: Collection[str], now: datetime) -> bool:
    """Add users to a team; False when they all are members."""
    missing = set(user_ids) - directory_groups.find_members(tx, team_id, user_ids) if user_ids else set()
    if missing:
        directory_groups.add_members(tx, org_id, team_id, sorted(missing), unix_millis(now))
    return bool(missing)


def remove_members(tx: Connection, team_id: str, user_ids: Collection[str]) -> bool:
    """Remove users from a team; False when none was a member."""
    return bool(user_ids) and directory_groups.remove_members(tx, team_id, user_ids) > 0


def remove_others(tx: Connection, team_id: str, user_ids: Collection[str]) -> bool:
    """Remove all members of a team but these users; False without other members."""
    return directory_groups.remove_others(tx, team_id, user_ids) > 0


def _free_name(tx: Connection, org_id: str, display_name: str) -> str:
    """Return an unused team name for addresses that is like the display name."""
    base = _UNFIT.sub("-", display_name)[:_LENGTH].strip("-")
    name = base if is_name(base) else "group"
    taken = directory_groups.find_taken(tx, org_id, numbered(name))
    return first_free(name, taken.__contains__)
