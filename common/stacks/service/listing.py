"""Use cases that find and list stacks."""

from dataclasses import dataclass

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import NotFound
from common.core.names import is_name
from common.core.paging import make_token, read_token, seal
from common.rights.caller import Caller, missing_org
from common.rights.membership import Membership
from common.rights.permissions import Permission
from common.stacks import steps
from common.stacks.model import ListedStack, OrganizationStack, Stack, StackPath
from common.stacks.repository import listing, organization, stacks
from common.stacks.steps import LISTABLE

PAGE_DEFAULT = 100
PAGE_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Filters:
    """The values that a stack in a listing must have exactly; None allows every value."""

    organization: str | None = None
    project: str | None = None
    tag_name: str | None = None
    tag_value: str | None = None


def get_stack(backend: Backend, caller: Caller, path: StackPath, *, former_names: bool = False) -> Stack:
    """Return the stack, also by a name that it had before with `former_names`. NotFound if it does not exist or is hidden."""
    return steps.get_stack(backend, caller, path, Permission.STACK_READ, former_names=former_names)


def require_permission(
    backend: Backend, caller: Caller, path: StackPath, permission: Permission, *, former_names: bool = False
) -> None:
    """Raise NotFound for a stack that does not exist or is hidden, Forbidden if the caller lacks the permission on it."""
    steps.get_stack(backend, caller, path, permission, former_names=former_names)


def require_project(backend: Backend, caller: Caller, org: str, project: str) -> None:
    """Raise NotFound unless the project has a stack that the caller can see."""
    missing = f"Project '{org}/{project}' not found"
    scope = caller.stack_scope(caller.require_member(org, missing=missing), LISTABLE)
    with backend.db.connect() as connection:
        if not is_name(project) or not stacks.project_exists(connection, scope, project):
            raise NotFound(missing)


def page_stacks(
    backend: Backend,
    caller: Caller,
    filters: Filters,
    *,
    token: str | None,
    limit: int | None,
) -> tuple[list[ListedStack], str | None]:
    """Return a page of the stacks that the caller can see, and the token of the next page or None.

    Without a limit it returns all stacks at once, as clients before API version 8 expect.
    """
    memberships = steps.visible(caller, filters.organization)
    scopes = {membership.login: caller.stack_scope(membership, LISTABLE) for membership in memberships}
    sealed = seal(caller.user_id, filters.organization, filters.project, filters.tag_name, filters.tag_value)
    after = read_token(token, sealed, 3) if token is not None else None
    tag = (filters.tag_name, filters.tag_value) if filters.tag_name is not None else None
    with backend.db.connect() as connection:
        rows = listing.page(
            connection,
            scopes,
            listing.Filter(filters.project, tag, after),
            limit=limit + 1 if limit is not None else None,
            now_millis=unix_millis(backend.clock.now()),
        )
    page = rows[:limit]
    has_more = limit is not None and len(rows) > limit
    last = page[-1].path if has_more else None
    return page, make_token(sealed, last.org, last.project, last.name) if last is not None else None


def get_organization(backend: Backend, caller: Caller, org: str) -> tuple[Membership, list[OrganizationStack]]:
    """Return the caller's membership in an organization, and the stacks that they can see there, by project and name."""
    membership = caller.require_member(org, missing=missing_org(org))
    with backend.db.connect() as connection:
        return membership, organization.find_all(connection, caller.stack_scope(membership, LISTABLE))
