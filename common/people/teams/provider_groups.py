"""Members of teams that follow groups of an identity provider: steps for sign-in.

The operator or the organization chose the groups, so permissions of the teams are not checked.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection

from common.core.clock import unix_millis
from common.people.teams.repository import provider_groups


def add_to_teams(tx: Connection, org_id: str, team_ids: Collection[str], user_id: str, now: datetime) -> int:
    """Add a member of an organization to its teams, by id, and return to how many they did not belong before.

    Unknown teams are passed over. The use case holds the organization's lock, so that the member is not removed meanwhile.
    """
    if not team_ids:
        return 0
    known_ids = provider_groups.lock(tx, org_id, team_ids)
    missing = sorted(set(known_ids) - provider_groups.find_places(tx, user_id, team_ids))
    if missing:
        provider_groups.add(tx, org_id, missing, user_id, unix_millis(now))
    return len(missing)


def remove_from_teams(tx: Connection, team_ids: Collection[str], user_id: str) -> int:
    """Remove a user from teams, by id, whatever their role, and return from how many."""
    return provider_groups.remove(tx, team_ids, user_id) if team_ids else 0
