"""Use cases that list environments, their tags, and what refers to them, and restore deleted ones."""

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, NotFound
from common.core.names import is_name
from common.core.paging import make_token, read_token, seal
from common.db.faults import unless_taken
from common.db.retry import retry
from common.environments import gates, steps
from common.environments.model import LATEST, EnvironmentPath, ListedEnvironment, Reference, Referrer, missing
from common.environments.repository import listing
from common.environments.repository.visibility import Scope
from common.rights.caller import Caller, missing_org
from common.rights.membership import Membership
from common.rights.permissions import Permission
from common.stacks import steps as stacks
from common.stacks.model import EnvironmentUse

PAGE_DEFAULT = 100
PAGE_LIMIT = 500
_TAGS_LIMIT = 10_000
# A caller with either of them sees an environment in lists.
_LISTABLE = frozenset({Permission.ENVIRONMENT_LIST, Permission.ENVIRONMENT_READ})

# The kinds of referrers, in the order of a listing, and where each begins.
_ENVIRONMENTS, _STACKS = "environments", "stacks"
_FIRST = ("", "", 0, "")


@dataclass(frozen=True, slots=True)
class Page:
    """A page of environments, how many others and stacks refer to each (by project and name), and the token of the next page."""

    environments: list[ListedEnvironment]
    next_token: str | None
    referrer_counts: dict[tuple[str, str], int]
    stack_counts: dict[tuple[str, str], int]


def page_environments(
    backend: Backend,
    caller: Caller,
    org: str | None,
    token: str | None,
    limit: int = PAGE_DEFAULT,
    *,
    counts_referrers: bool = False,
) -> Page:
    """Return a page of the environments that the caller can see, in one organization or in all, by their names."""
    if org is not None:
        memberships = [caller.require_member(org, missing=missing_org(org))]
    else:
        memberships = [membership for membership in caller.memberships if membership.is_open]
    sealed = seal(caller.user_id, "environments", org)
    after = read_token(token, sealed, 3) if token else None
    size = min(max(limit, 1), PAGE_LIMIT)
    with backend.db.connect() as connection:
        scopes = {membership.login: scope_of(caller, membership) for membership in memberships}
        rows = listing.page(connection, scopes, after, size + 1)
        page = rows[:size]
        counts: dict[tuple[str, str], int] = {}
        stack_counts: dict[tuple[str, str], int] = {}
        if counts_referrers and org is not None and page:
            targets = [(row.path.project, row.path.name) for row in page]
            counts = listing.count_referrers(connection, memberships[0].org_id, targets)
            stack_counts = stacks.count_environment_uses(connection, memberships[0].org_id, targets)
    last = page[-1].path if len(rows) > size else None
    next_token = make_token(sealed, last.org, last.project, last.name) if last is not None else None
    return Page(page, next_token, counts, stack_counts)


def list_tags(backend: Backend, caller: Caller, org: str) -> dict[str, list[str]]:
    """Return the values of each tag on the environments of an organization that the caller can see."""
    membership = caller.require(Permission.ENVIRONMENT_TAGS_LIST, org, missing=missing_org(org))
    values: dict[str, list[str]] = defaultdict(list)
    with backend.db.connect() as connection:
        for name, value in listing.list_tags(connection, scope_of(caller, membership), _TAGS_LIMIT):
            values[name].append(value)
    return values


def page_deleted(backend: Backend, caller: Caller, org: str, token: str | None) -> Page:
    """Return a page of the environments that can be restored, the last deleted ones first."""
    membership = caller.require(Permission.ENVIRONMENT_LIST_DELETED, org, missing=missing_org(org))
    sealed = seal(caller.user_id, "deleted environments", org)
    after = _deleted_position(token, sealed) if token else None
    with backend.db.connect() as connection:
        rows = listing.page_deleted(connection, membership.org_id, after, PAGE_DEFAULT + 1)
    page = rows[:PAGE_DEFAULT]
    last = page[-1] if len(rows) > PAGE_DEFAULT else None
    return Page(page, make_token(sealed, str(last.deleted_at), last.id) if last is not None else None, {}, {})


def restore(backend: Backend, caller: Caller, path: EnvironmentPath, deleted_at: str | None) -> None:
    """Restore the environment of a name that was deleted last, or at a time, with revisions, tags and secrets.

    NotFound without such a deleted environment; Conflict if another one has the name; BadRequest if changes need an approval and
    a later one of the name was deleted. Teams have no access to it any more.
    """
    membership = caller.require(Permission.ENVIRONMENT_RESTORE_DELETED, path.org, missing=missing_org(path.org))
    moment = _moment(deleted_at)

    def record() -> None:
        with backend.db.begin() as tx:
            environment_id = None
            if is_name(path.project) and is_name(path.name):
                environment_id = listing.find_deleted(tx, membership.org_id, path.project, path.name, moment)
            if environment_id is None:
                raise NotFound(f"there is no deleted environment {path.in_org[:200]!a}")
            # The one that was deleted last has what was approved; an older one is a change.
            if listing.has_later_deleted(tx, environment_id):
                gates.require_no_update_gate(tx, membership.org_id, path)
            with unless_taken(f"environment {path.in_org} already exists"):
                if not listing.restore(tx, environment_id):
                    raise missing(path)
            description = f"Restored environment {path}"
            audit.record(tx, backend, caller, membership.org_id, Event.ENVIRONMENT_RESTORED, description=description)

    retry(record)


def page_referrers(  # noqa: PLR0917 - what a listing is narrowed to
    backend: Backend,
    caller: Caller,
    path: EnvironmentPath,
    token: str | None,
    limit: int = PAGE_DEFAULT,
    version: str | None = None,
    *,
    newest_only: bool = True,
    newest_stacks_only: bool = True,
) -> tuple[list[Referrer | EnvironmentUse], str | None]:
    """Return a page of what refers to this environment, or to one version of it, among what the caller can see.

    Environments come first, then the stacks that were updated with it.
    """
    environment = steps.get(backend, caller, path, Permission.ENVIRONMENT_READ, version=version or LATEST)
    if version is not None:
        steps.require_revision(environment, version)
    membership = caller.require_member(path.org, missing=missing_org(path.org))
    sealed = seal(caller.user_id, "referrers", environment.id, version, str(newest_only), str(newest_stacks_only))
    kind, after = _referrer_position(token, sealed) if token else (_ENVIRONMENTS, _FIRST)
    size = min(max(limit, 1), PAGE_LIMIT)
    target = Reference(path.project, path.name)
    rows: list[Referrer | EnvironmentUse] = []
    with backend.db.connect() as connection:
        if kind == _ENVIRONMENTS:
            scope = scope_of(caller, membership)
            rows += listing.page_referrers(connection, scope, target, after, size + 1, newest_only=newest_only)
            after = _FIRST
        left = size + 1 - len(rows)
        if left > 0:
            named = (path.project, path.name)
            rows += stacks.list_environment_uses(connection, caller, path.org, named, after, left, newest_only=newest_stacks_only)
    page = rows[:size]
    shown = [row for row in page if version is None or row.version == version]
    position = _position_of(page[-1]) if len(rows) > size else None
    return shown, make_token(sealed, *position) if position is not None else None


def scope_of(caller: Caller, membership: Membership) -> Scope:
    """Return the environments of an organization that the caller sees in lists."""
    return Scope(membership.org_id, membership.where_environments(_LISTABLE), caller.user_id, membership.team_ids)


def _deleted_position(token: str, sealed: str) -> tuple[int, str]:
    moment, environment_id = read_token(token, sealed, 2)
    return _integer(moment), environment_id


def _referrer_position(token: str, sealed: str) -> tuple[str, tuple[str, str, int, str]]:
    kind, project, name, number, version = read_token(token, sealed, 5)
    return kind, (project, name, _integer(number), version)


def _position_of(row: Referrer | EnvironmentUse) -> tuple[str, str, str, str, str]:
    kind, name = (_STACKS, row.stack) if isinstance(row, EnvironmentUse) else (_ENVIRONMENTS, row.name)
    return kind, row.project, name, str(row.number), row.version


def _integer(text: str) -> int:
    """Return a number of a token; BadRequest for any other text, and for a number too large for the database."""
    if not re.fullmatch("[0-9]{1,18}", text):
        raise BadRequest("the continuation token is not valid")
    return int(text)


def _moment(text: str | None) -> int | None:
    if not text:
        return None
    try:
        return unix_millis(datetime.fromisoformat(text)) // 1000 * 1000
    except (ValueError, OverflowError):
        raise BadRequest(f"deletionTimestamp {text[:40]!a} is not a time such as 2026-01-02T03:04:05Z") from None
