"""A download: what it has, and how far it came. No I/O."""

from dataclasses import dataclass

from common.audit.events import Search
from common.audit.export import Format


@dataclass(frozen=True, slots=True)
class Query:
    """What a download has: records of an organization, by its login, and in which format."""

    org: str
    form: Format
    since: int | None
    until: int | None
    events: tuple[str, ...]
    user_ids: tuple[str, ...]

    @staticmethod
    def of(org: str, form: Format, search: Search) -> "Query":
        """Return the query for what a search finds; the same search always gives the same query."""
        return Query(org, form, search.since, search.until, tuple(sorted(search.events)), tuple(sorted(search.user_ids)))

    @property
    def search(self) -> Search:
        """Return what to search for."""
        return Search(self.since, self.until, frozenset(self.events), frozenset(self.user_ids))


@dataclass(frozen=True, slots=True)
class Download:
    """An export that is made in parts; times are unix milliseconds. `last` is the position (time, id) after its last part."""

    id: str
    org_id: str
    user_id: str
    query: Query
    created_at: int
    claimed_until: int = 0
    parts: int = 0
    last: tuple[int, str] | None = None
    is_complete: bool = False
