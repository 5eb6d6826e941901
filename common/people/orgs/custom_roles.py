"""What becomes of members when a custom role ends: a step for the use case that deletes it."""

from sqlalchemy import Connection

from common.people.orgs.repository import custom_roles


def drop_role(tx: Connection, org_id: str, role_id: str) -> None:
    """Make every holder of a custom role, and everybody invited with it, what they are without it: a plain member."""
    # No permission check: the use case made it.
    custom_roles.drop(tx, org_id, role_id)
