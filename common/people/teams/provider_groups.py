"""Places in teams that a directory outside decides about: steps for those who follow it.

The directory's word is the operator's or the organization's, so nothing is asked about what the teams hold.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection

from common.core.clock import unix_millis
from common.people.teams.repository import provider_groups


def add_to_teams(tx: Connection, org_id: str, team_ids: Collection[str], user_id: str, now: datetime) -> int:
    """Put a member of an organization into teams of it, by id, and return how many are new to them: a step.

    Teams that are not there are passed over. The caller's use case has the organization's turn, so that nobody leaves
    it meanwhile.
    """
    if not team_ids:
        return 0
    held = provider_groups.lock(tx, org_id, team_ids)
    missing = sorted(set(held) - provider_groups.find_places(tx, user_id, team_ids))
    if missing:
        provider_groups.add(tx, org_id, missing, user_id, unix_millis(now))
    return len(missing)


def remove_from_teams(tx: Connection, team_ids: Collection[str], user_id: str) -> int:
    """Take somebody out of teams, by id, whatever they are in them, and return out of how many: a step."""
    return provider_groups.remove(tx, team_ids, user_id) if team_ids else 0
