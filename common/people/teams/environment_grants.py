"""What teams were given on environments, by name: steps for the use cases that delete and copy environments."""

from sqlalchemy import Connection

from common.people.teams.repository import environment_grants


def delete(tx: Connection, org_id: str, project: str, name: str) -> None:
    """Delete what the teams of an organization were given on an environment, so that a later one of that name has nothing."""
    # No permission check in this module: the use cases made it.
    environment_grants.delete(tx, org_id, project, name)


def copy(tx: Connection, org_id: str, source: tuple[str, str], target: tuple[str, str], now_millis: int) -> None:
    """Give the teams of an organization on one environment what they have on another; each is (project, name)."""
    environment_grants.copy(tx, org_id, source, target, now_millis)
