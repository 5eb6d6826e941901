"""Steps on policy packs: they join their caller's connection."""

from collections.abc import Collection, Iterator

from sqlalchemy import Connection

from common.policies.packs import repository
from common.policies.packs.model import PackVersion


def find_version(connection: Connection, org_id: str, name: str, tag: str) -> PackVersion | None:
    """Return a version of a pack by its tag, or None for one that was deleted."""
    # No permission check: the use case made it.
    return repository.find(connection, org_id, name, tag)


def iterate_archives(connection: Connection, page_size: int = 1000) -> Iterator[list[str]]:
    """Yield the keys of the archives that versions need, page by page."""
    # No permission check: the operator may read everything.
    after = ""
    while page := repository.page_archives(connection, after, page_size):
        yield page
        after = page[-1]


def find_archives(connection: Connection, keys: Collection[str]) -> set[str]:
    """Return those keys that are archives that versions need."""
    return repository.find_archives(connection, keys)
