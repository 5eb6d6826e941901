"""What people see of stacks: lists that are searched, filtered and sorted, a page at a time."""

from dataclasses import dataclass

from common.backend import Backend
from common.rights.caller import Caller, missing_org
from common.rights.membership import Membership
from common.stacks.repository import summaries as repository
from common.stacks.repository.summaries import StackFilter, StackSummary
from common.stacks.steps import LISTABLE

__all__ = ["StackFilter", "StackSummary", "SummaryPage", "page_summaries"]

_PROJECTS_LIMIT = 500


@dataclass(frozen=True, slots=True)
class SummaryPage:
    """A page of stacks; `total` is how many there are on all pages, `projects` are all that the caller may filter by."""

    membership: Membership
    stacks: list[StackSummary]
    total: int
    projects: list[tuple[str, int]]


def page_summaries(backend: Backend, caller: Caller, org: str, narrowed: StackFilter, *, size: int, number: int) -> SummaryPage:
    """Return a page of the stacks of an organization that the caller may see; pages are numbered from 1."""
    membership = caller.require_member(org, missing=missing_org(org))
    scope = caller.stack_scope(membership, LISTABLE)
    with backend.db.connect() as connection:
        stacks = repository.page(connection, scope, narrowed, limit=size, offset=size * (number - 1))
        total = repository.count(connection, scope, narrowed)
        projects = repository.find_projects(connection, scope, _PROJECTS_LIMIT)
    return SummaryPage(membership, stacks, total, projects)
