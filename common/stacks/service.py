"""Use cases of stacks that need no state: look-up, listing, tags, configuration reference."""

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, Forbidden, NotBuilt, NotFound
from common.core.names import is_name, require_tag, require_tag_count, require_tags
from common.core.paging import make_token, read_token, seal
from common.db.faults import Contention, repeated, unless_taken
from common.rights.caller import Caller
from common.rights.membership import Membership, StackScope
from common.rights.permissions import STACK_VISIBLE, Permission
from common.stacks.model import Listed, Place, Stack, StackPath
from common.stacks.repository import listing, stacks
from common.stacks.repository.listing import Narrowed

PAGE_DEFAULT = 100
PROJECT_TAG = "pulumi:project"
# What clients set on every update, all at once; the calls for single tags leave them alone (platform.md 16).
BUILT_IN_TAGS = frozenset(
    {PROJECT_TAG, "pulumi:runtime", "pulumi:description", "pulumi:template", "vcs:owner", "vcs:repo", "vcs:kind", "vcs:root"}
)
PAGE_LIMIT = 500
# Whoever may do either sees a stack in lists.
LISTABLE = frozenset({Permission.STACK_LIST, Permission.STACK_READ})


# So many stacks that were deleted and can still be brought back are kept for each that may live.
_DELETED_FOR_EACH = 10


@dataclass(frozen=True, slots=True)
class Filters:
    """What a listing is narrowed to; all of them are exact."""

    organization: str | None = None
    project: str | None = None
    tag_name: str | None = None
    tag_value: str | None = None


def get_stack(
    backend: Backend, caller: Caller, path: StackPath, permission: Permission, *, former_names: bool = False,
) -> Stack:  # fmt: skip
    """Return the stack; NotFound when there is none or the caller may not know of it, Forbidden when he may not do this."""
    with backend.db.connect() as connection:
        return load_stack(connection, caller, path, permission, former_names=former_names)


def load_stack(
    connection: Connection, caller: Caller, path: StackPath, permission: Permission, *, former_names: bool = False,
) -> Stack:  # fmt: skip
    """Return the stack within the caller's own connection or transaction; errors as in get_stack."""
    found = None
    # A stack that moved away is looked for by whoever may use it now, also by those who never belonged to its old place.
    if not former_names or caller.membership(path.org) is not None:
        found = _find(connection, caller, path)
    if found is None and former_names:
        found = _find_by_former_name(connection, caller, path)
    if found is None:
        raise NotFound(_missing(path))
    stack, membership = found
    require_on_stack(caller, membership, stack, permission, missing=_missing(path))
    return stack


def require_on_stack(
    caller: Caller, membership: Membership, stack: Stack, permission: Permission, *, missing: str = "",
) -> None:  # fmt: skip
    """Raise Forbidden without a permission on the stack, NotFound when the caller may not even know of it.

    `missing` is what is said then, if the caller asked by an id or a former name: the present one is not told.
    """
    held = caller.held_on_stack(membership, stack.entity, stack.grants, created_by=stack.created_by)
    if not held & STACK_VISIBLE:
        raise NotFound(missing or _missing(stack.path))
    if permission not in held:
        raise caller.refusal(permission, membership)


def require_givable(caller: Caller, membership: Membership, stack: Stack, given: frozenset[Permission]) -> None:
    """Raise Forbidden when the caller is to give something on a stack that they do not hold there themselves."""
    held = caller.held_on_stack(membership, stack.entity, stack.grants, created_by=stack.created_by) | membership.held()
    # Who receives it does not get what the organization keeps from its members either.
    lacking = sorted(given - held - membership.withheld())
    if lacking:
        msg = f"nobody may give what they do not hold on the stack themselves: {', '.join(lacking[:5])}"
        raise Forbidden(msg)


def still_holds(connection: Connection, caller: Caller, stack_id: str, permission: Permission) -> bool:
    """Tell whether a caller holds a permission on a stack as things are now, whatever else keeps them out at the moment."""
    principals = [principal for membership in caller.memberships for principal in caller.principals(membership)]
    stack = stacks.find_by_id(connection, stack_id, principals)
    return stack is not None and may_on_stack(caller, stack, permission)


def may_on_stack(caller: Caller, stack: Stack, permission: Permission) -> bool:
    """Tell whether the caller, who looked the stack up, holds a permission on it."""
    membership = caller.membership(stack.path.org)
    if membership is None:
        return False
    return permission in caller.held_on_stack(membership, stack.entity, stack.grants, created_by=stack.created_by)


def _find(connection: Connection, caller: Caller, path: StackPath) -> tuple[Stack, Membership] | None:
    membership = caller.require_member(path.org, missing=_missing(path))
    if not (is_name(path.project) and is_name(path.name)):
        return None
    stack = stacks.find(connection, membership.org_id, path.project, path.name, caller.principals(membership))
    return (stack, membership) if stack is not None else None


def _find_by_former_name(connection: Connection, caller: Caller, path: StackPath) -> tuple[Stack, Membership] | None:
    """Return the stack with the caller's place in the organization that owns it now: the old one decides nothing any more."""
    if not all(map(is_name, (path.org, path.project, path.name))):
        return None
    found = stacks.find_by_former_name(connection, path)
    membership = caller.membership(found[1]) if found is not None else None
    if found is None or membership is None or not membership.is_open:
        return None
    stack = stacks.find_by_id(connection, found[0], caller.principals(membership))
    # It may move on between the two statements: then it is somebody else's to decide.
    return (stack, membership) if stack is not None and stack.org_id == membership.org_id else None


def require_project(backend: Backend, caller: Caller, org: str, project: str) -> None:
    """Raise NotFound unless the project has a stack that the caller may see."""
    missing = f"Project '{org}/{project}' not found"
    scope = caller.stack_scope(caller.require_member(org, missing=missing), LISTABLE)
    with backend.db.connect() as connection:
        if not is_name(project) or not stacks.project_exists(connection, scope, project):
            raise NotFound(missing)


def page_stacks(
    backend: Backend, caller: Caller, filters: Filters, *, token: str | None, limit: int | None,
) -> tuple[list[Listed], str | None]:  # fmt: skip
    """Return a page of the stacks that the caller may see, and the token of the next page or None.

    `limit` None gives everything at once, as clients before API version 8 expect.
    """
    scopes = {found.login: caller.stack_scope(found, LISTABLE) for found in _visible(caller, filters.organization)}
    sealed = seal(caller.user_id, filters.organization, filters.project, filters.tag_name, filters.tag_value)
    after = read_token(token, sealed, 3) if token is not None else None
    tag = (filters.tag_name, filters.tag_value) if filters.tag_name is not None else None
    narrowed = Narrowed(filters.project, tag, after)
    with backend.db.connect() as connection:
        rows = listing.page(
            connection, scopes, narrowed, limit=limit + 1 if limit is not None else None,
            now_millis=unix_millis(backend.clock.now()),
        )  # fmt: skip
    found = rows[:limit]
    more = limit is not None and len(rows) > limit
    last = found[-1].path if more else None
    return found, make_token(sealed, last.org, last.project, last.name) if last is not None else None


def visible_scopes(caller: Caller, organization: str | None) -> list[StackScope]:
    """Return which stacks the caller may list: in an organization that he names, or in all of his."""
    return [caller.stack_scope(membership, LISTABLE) for membership in _visible(caller, organization)]


def _visible(caller: Caller, organization: str | None) -> list[Membership]:
    if organization is not None:
        return [caller.require_member(organization, missing=f"Organization {organization[:100]!a} not found")]
    return [membership for membership in caller.memberships if membership.is_open]


def replace_tags(backend: Backend, caller: Caller, path: StackPath, tags: dict[str, str]) -> None:
    """Replace all tags of the stack; BadRequest for a name or value that is not valid."""

    def change() -> None:
        stack = get_stack(backend, caller, path, Permission.STACK_TAGS_UPDATE)
        require_tags(tags)
        if tags != stack.tags:
            with backend.db.begin() as tx:
                put_tags(tx, stack, tags)

    repeated(change)


def set_tag(
    backend: Backend, caller: Caller, path: StackPath, name: str, value: str, *, must_exist: bool, name_again: str = ""
) -> None:
    """Change one tag with `must_exist`, NotFound when the stack has none of that name; else add it, BadRequest when it has.

    `name_again` is what the body calls the tag: empty, or the same.
    """

    def change() -> None:
        with backend.db.begin() as tx:
            stack = load_stack(tx, caller, path, Permission.STACK_TAGS_UPDATE)
            require_tag(name, value)
            if must_exist:
                _require_own_tag(name)
            if name_again not in ("", name):
                msg = f"the tag {name[:80]!a} cannot be renamed to {name_again[:80]!a}"
                raise BadRequest(msg)
            tags = _lock_tags(tx, stack)
            if must_exist and name not in tags:
                raise NotFound(_missing_tag(name, path))
            if not must_exist and name in tags:
                msg = f"Stack '{path}' has a tag {name[:80]!a} already"
                raise BadRequest(msg)
            if not must_exist:
                require_tag_count(len(tags) + 1)
            put_tags(tx, stack, {**tags, name: value})

    repeated(change)


def remove_tag(backend: Backend, caller: Caller, path: StackPath, name: str) -> None:
    """Remove one tag; NotFound when the stack has none of that name."""

    def change() -> None:
        with backend.db.begin() as tx:
            stack = load_stack(tx, caller, path, Permission.STACK_TAGS_UPDATE)
            _require_own_tag(name)
            tags = _lock_tags(tx, stack)
            if name not in tags:
                raise NotFound(_missing_tag(name, path))
            put_tags(tx, stack, {key: value for key, value in tags.items() if key != name})

    repeated(change)


def _require_own_tag(name: str) -> None:
    if name in BUILT_IN_TAGS:
        msg = f"{name} is a built-in tag, which clients set themselves"
        raise BadRequest(msg)


def put_tags(tx: Connection, stack: Stack, tags: dict[str, str]) -> None:
    """Replace the tags of a stack, in the caller's transaction; Contention when the stack is gone since it was read."""
    if not stacks.replace_tags(tx, stack.id, tags):
        raise _gone(stack)


def _lock_tags(tx: Connection, stack: Stack) -> dict[str, str]:
    """Lock the stack and return its tags as they are now: calls for different tags wait for each other, none is refused."""
    tags = stacks.lock_tags(tx, stack.id)
    if tags is None:
        raise _gone(stack)
    return tags


def lock(tx: Connection, stack: Stack) -> Stack:
    """Lock the stack until the transaction ends and return it as it is now; Contention when it is gone since it was read."""
    # No permission check in this and the next three steps: their use cases made it.
    found = stacks.find_by_id(tx, stack.id, ()) if stacks.lock(tx, stack.id) else None
    if found is None or found.path != stack.path:
        raise _gone(stack)
    return replace(found, grants=stack.grants)


def _gone(stack: Stack) -> Contention:
    return Contention(f"stack '{stack.path}' was deleted or renamed at the same time; try again")


def add(tx: Connection, stack: Stack, now_millis: int) -> None:
    """Insert a new stack with its tags, in the caller's transaction; Conflict when there is one of that name."""
    with unless_taken(taken(stack.path)):
        stacks.add(tx, stack, now_millis)


def rename(tx: Connection, stack: Stack, target: StackPath, now_millis: int) -> None:
    """Give the stack another name, remember the old one, and let the project's tag follow; Conflict when it is taken."""
    if target.project != stack.path.project:
        tags = _lock_tags(tx, stack)
        if tags.get(PROJECT_TAG) == stack.path.project:
            put_tags(tx, stack, {**tags, PROJECT_TAG: target.project})
    with unless_taken(taken(target)):
        stacks.rename(tx, stack, Place(stack.org_id, target.project, target.name), now_millis)


def mark_deleted(tx: Connection, stack: Stack, now_millis: int) -> None:
    """Free the stack's name; its rows and states stay until the purge."""
    stacks.mark_deleted(tx, stack.id, now_millis)


def taken(path: StackPath) -> str:
    """Return what is said of a name that another stack has."""
    return f"Stack '{path}' already exists"


def get_config(backend: Backend, caller: Caller, path: StackPath) -> bytes:
    """Return the configuration reference as it was given; NotFound when the stack has none."""
    stack = get_stack(backend, caller, path, Permission.STACK_READ)
    if stack.config is None:
        msg = f"Stack '{path}' has no configuration stored with the service"
        raise NotFound(msg)
    return stack.config


def require_room(tx: Connection, backend: Backend, org_id: str, org: str) -> None:
    """Raise BadRequest when an organization has as many stacks as it may: a step of creating and moving one."""
    limit = backend.settings.integer("STACKHOLD_STACKS_PER_ORGANIZATION")
    live, kept = stacks.count_of_org(tx, org_id)
    if live >= limit:
        raise BadRequest(
            f"organization {org} has {live:,} stacks, which is the limit (STACKHOLD_STACKS_PER_ORGANIZATION); delete some first"
        )
    if kept >= limit * _DELETED_FOR_EACH:
        raise BadRequest(
            f"organization {org} has {kept:,} stacks with those deleted recently, which is over the limit"
            " (STACKHOLD_STACKS_PER_ORGANIZATION, STACKHOLD_DELETED_STACK_DAYS)"
        )


def set_config(backend: Backend, caller: Caller, path: StackPath, config: bytes | None) -> None:
    """Store the configuration reference, or remove it; NotBuilt for one, while there are no environments."""
    stack = get_stack(backend, caller, path, Permission.STACK_WRITE)
    require_no_config(config)
    with backend.db.connect() as connection:
        stacks.set_config(connection, stack.id, config)


def require_no_config(config: bytes | None) -> None:
    """Raise NotBuilt for a configuration that is to be kept in an environment: a stack would point to what cannot be there."""
    if config is not None:
        msg = (
            "environments are not part of this release (docs/compatibility.md), so a stack cannot keep its configuration in one;"
            " leave --remote-config out"
        )
        raise NotBuilt(msg)


def _missing(path: StackPath) -> str:
    return f"Stack '{ascii(str(path)[:320])[1:-1]}' not found"


def _missing_tag(name: str, path: StackPath) -> str:
    return f"Stack '{path}' has no tag {name[:80]!a}"
