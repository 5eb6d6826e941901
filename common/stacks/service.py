"""Use cases of stacks that need no state: look-up, listing, tags, configuration reference."""

from dataclasses import dataclass

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, Forbidden, NotFound
from common.core.names import is_name, require_tag, require_tag_count, require_tags
from common.core.paging import make_token, read_token, seal
from common.db.retry import retry
from common.rights.caller import Caller, missing_org
from common.rights.membership import Membership
from common.rights.permissions import Permission
from common.stacks import steps
from common.stacks.model import Listed, Stack, StackPath, Summary
from common.stacks.repository import listing, organization, stacks
from common.stacks.repository.listing import Narrowed
from common.stacks.steps import LISTABLE, PROJECT_TAG

PAGE_DEFAULT = 100
# What clients set on every update, all at once; the calls for single tags leave them alone (platform.md 16).
BUILT_IN_TAGS = frozenset(
    {PROJECT_TAG, "pulumi:runtime", "pulumi:description", "pulumi:template", "vcs:owner", "vcs:repo", "vcs:kind", "vcs:root"}
)
PAGE_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Filters:
    """What a listing is narrowed to; all of them are exact."""

    organization: str | None = None
    project: str | None = None
    tag_name: str | None = None
    tag_value: str | None = None


def require_givable(caller: Caller, membership: Membership, stack: Stack, given: frozenset[Permission]) -> None:
    """Raise Forbidden when the caller is to give something on a stack that they do not hold there themselves."""
    held = (
        caller.permissions_on_stack(membership, stack.entity, stack.grants, created_by=stack.created_by)
        | membership.permissions()
    )
    # Who receives it does not get what the organization keeps from its members either.
    lacking = sorted(given - held - membership.withheld_permissions())
    if lacking:
        msg = f"nobody may give what they do not hold on the stack themselves: {', '.join(lacking[:5])}"
        raise Forbidden(msg)


def require_project(backend: Backend, caller: Caller, org: str, project: str) -> None:
    """Raise NotFound unless the project has a stack that the caller may see."""
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
) -> tuple[list[Listed], str | None]:
    """Return a page of the stacks that the caller may see, and the token of the next page or None.

    `limit` None gives everything at once, as clients before API version 8 expect.
    """
    scopes = {found.login: caller.stack_scope(found, LISTABLE) for found in steps.visible(caller, filters.organization)}
    sealed = seal(caller.user_id, filters.organization, filters.project, filters.tag_name, filters.tag_value)
    after = read_token(token, sealed, 3) if token is not None else None
    tag = (filters.tag_name, filters.tag_value) if filters.tag_name is not None else None
    narrowed = Narrowed(filters.project, tag, after)
    with backend.db.connect() as connection:
        rows = listing.page(
            connection,
            scopes,
            narrowed,
            limit=limit + 1 if limit is not None else None,
            now_millis=unix_millis(backend.clock.now()),
        )
    found = rows[:limit]
    more = limit is not None and len(rows) > limit
    last = found[-1].path if more else None
    return found, make_token(sealed, last.org, last.project, last.name) if last is not None else None


def replace_tags(backend: Backend, caller: Caller, path: StackPath, tags: dict[str, str]) -> None:
    """Replace all tags of the stack; BadRequest for a name or value that is not valid."""

    def change() -> None:
        stack = steps.get_stack(backend, caller, path, Permission.STACK_TAGS_UPDATE)
        require_tags(tags)
        if tags != stack.tags:
            with backend.db.begin() as tx:
                steps.put_tags(tx, stack, tags)

    retry(change)


def set_tag(
    backend: Backend, caller: Caller, path: StackPath, name: str, value: str, *, must_exist: bool, name_again: str = ""
) -> None:
    """Change one tag with `must_exist`, NotFound when the stack has none of that name; else add it, BadRequest when it has.

    `name_again` is what the body calls the tag: empty, or the same.
    """

    def change() -> None:
        with backend.db.begin() as tx:
            stack = steps.load_stack(tx, caller, path, Permission.STACK_TAGS_UPDATE)
            require_tag(name, value)
            if must_exist:
                _require_own_tag(name)
            if name_again not in ("", name):
                msg = f"the tag {name[:80]!a} cannot be renamed to {name_again[:80]!a}"
                raise BadRequest(msg)
            tags = steps.lock_tags(tx, stack)
            if must_exist and name not in tags:
                raise NotFound(_missing_tag(name, path))
            if not must_exist and name in tags:
                msg = f"Stack '{path}' has a tag {name[:80]!a} already"
                raise BadRequest(msg)
            if not must_exist:
                require_tag_count(len(tags) + 1)
            steps.put_tags(tx, stack, {**tags, name: value})

    retry(change)


def remove_tag(backend: Backend, caller: Caller, path: StackPath, name: str) -> None:
    """Remove one tag; NotFound when the stack has none of that name."""

    def change() -> None:
        with backend.db.begin() as tx:
            stack = steps.load_stack(tx, caller, path, Permission.STACK_TAGS_UPDATE)
            _require_own_tag(name)
            tags = steps.lock_tags(tx, stack)
            if name not in tags:
                raise NotFound(_missing_tag(name, path))
            steps.put_tags(tx, stack, {key: value for key, value in tags.items() if key != name})

    retry(change)


def _require_own_tag(name: str) -> None:
    if name in BUILT_IN_TAGS:
        msg = f"{name} is a built-in tag, which clients set themselves"
        raise BadRequest(msg)


def get_config(backend: Backend, caller: Caller, path: StackPath) -> bytes:
    """Return the configuration reference as it was given; NotFound when the stack has none."""
    stack = steps.get_stack(backend, caller, path, Permission.STACK_READ)
    if stack.config is None:
        msg = f"Stack '{path}' has no configuration stored with the service"
        raise NotFound(msg)
    return stack.config


def set_config(backend: Backend, caller: Caller, path: StackPath, config: bytes | None) -> None:
    """Store the configuration reference, or remove it; NotBuilt for one, while there are no environments."""
    stack = steps.get_stack(backend, caller, path, Permission.STACK_WRITE)
    steps.require_no_config(config)
    with backend.db.connect() as connection:
        stacks.set_config(connection, stack.id, config)


def _missing_tag(name: str, path: StackPath) -> str:
    return f"Stack '{path}' has no tag {name[:80]!a}"


def get_organization(backend: Backend, caller: Caller, org: str) -> tuple[Membership, list[Summary]]:
    """Return the caller's place in an organization, and the stacks that they may see there, by project and name."""
    membership = caller.require_member(org, missing=missing_org(org))
    with backend.db.connect() as connection:
        return membership, organization.find_all(connection, caller.stack_scope(membership, LISTABLE))
