"""Steps on policy packs: they join their caller's connection."""

from sqlalchemy import Connection

from common.policies.packs import repository
from common.policies.packs.model import PackVersion


def find_version(connection: Connection, org_id: str, name: str, tag: str) -> PackVersion | None:
    """Return a version of a pack by its tag, or None for one that was deleted."""
    # No permission check: the use case made it.
    return repository.find(connection, org_id, name, tag)
