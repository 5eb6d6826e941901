"""Pages of stacks over all organizations of a caller, in order of organization, project and name.

What a caller may see is a union: all of some organizations, and of others what a rule takes, what was given, what the caller
made. As one condition over a hundred organizations it would be tried on every stack there is. So the first few organizations
are read, each in the order of its index, and that fills most pages. Only if it does not, all others are asked, once for each
reason to see a stack, by the index that finds those. A page takes two statements at most.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Row, Select, and_, exists, func, or_, select, tuple_, union

from common.db.tables.people import organizations
from common.db.tables.stacks import stack_tags, stacks, updates
from common.rights.membership import StackScope
from common.stacks.model import FINISHING_MILLIS, IN_PROGRESS, Listed, StackPath, Status
from common.stacks.repository.visibility import reasons, reasons_apart

# So many organizations are read in order before all others are asked. More of them fill more pages, and cost every page.
NEAR = 6
_ORDER = (organizations.c.login, stacks.c.project, stacks.c.name)
_newest = updates.alias("newest")


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What a page is narrowed to: a project, a tag (name, and value if it must have one), what comes after a position."""

    project: str | None = None
    tag: tuple[str, str | None] | None = None
    after: tuple[str, ...] | None = None


def page(
    connection: Connection,
    scopes: Mapping[str, StackScope],
    narrowed: Narrowed,
    *,
    limit: int | None,
    now_millis: int,
) -> list[Listed]:
    """Return live stacks in the scopes, which are by the login of their organization; without a limit all of them."""
    after = narrowed.after
    ahead = [scopes[login] for login in sorted(scopes) if after is None or login >= after[0]]
    if limit is None:
        return _read(connection, reasons(ahead), narrowed, None, now_millis)
    found = _read(connection, reasons_apart(ahead[:NEAR]), narrowed, limit, now_millis)
    if len(found) < limit:
        found += _read(connection, reasons(ahead[NEAR:]), narrowed, limit - len(found), now_millis)
    return found


def _read(
    connection: Connection,
    conditions: Sequence[ColumnElement[bool]],
    narrowed: Narrowed,
    limit: int | None,
    now_millis: int,
) -> list[Listed]:
    """Return the first stacks of those that meet any of the conditions, each of which is asked by itself."""
    if not conditions:
        return []
    parts = [_chosen(condition, narrowed).limit(limit).subquery() for condition in conditions]
    joined = union(*(select(part) for part in parts)).subquery("joined")
    listed = select(joined).order_by(joined.c.login, joined.c.project, joined.c.name).limit(limit).subquery("listed")
    return [_to_listed(row) for row in connection.execute(_with_versions(listed, now_millis))]


def _to_listed(row: Row[Any]) -> Listed:
    path = StackPath(row.login, row.project, row.name)
    if not row.version:  # Nothing has happened since the stack was created.
        return Listed(row.id, path, None, None)
    return Listed(row.id, path, row.resource_count, IN_PROGRESS if row.is_busy else row.last_update // 1000)


def _chosen(condition: ColumnElement[bool], narrowed: Narrowed) -> Select[Any]:
    query = (
        select(stacks.c.id, organizations.c.login, stacks.c.project, stacks.c.name)
        .join(organizations, organizations.c.id == stacks.c.org_id)
        .where(stacks.c.live == 1, condition)
        .order_by(*_ORDER)
    )
    if narrowed.project is not None:
        query = query.where(stacks.c.project == narrowed.project)
    if narrowed.tag is not None:
        query = query.where(_has_tag(*narrowed.tag))
    if narrowed.after is not None:
        query = query.where(tuple_(*_ORDER) > tuple_(*narrowed.after))
    return query


def _with_versions(listed: FromClause, now_millis: int) -> Select[Any]:
    """Return the query of a page that was found, with its versions: second, else those of all stacks would be looked up."""
    latest = select(func.max(_newest.c.version)).where(_newest.c.stack_id == listed.c.id).scalar_subquery()
    # As Version.is_busy says it.
    is_busy = or_(
        and_(updates.c.status == Status.RUNNING, updates.c.lease_expires_at > now_millis),
        and_(updates.c.status == Status.FINISHING, updates.c.ended_at > now_millis - FINISHING_MILLIS),
    )
    return (
        select(
            listed.c.id,
            listed.c.login,
            listed.c.project,
            listed.c.name,
            updates.c.version,
            updates.c.resource_count,
            is_busy.label("is_busy"),
            func.coalesce(updates.c.ended_at, updates.c.started_at, updates.c.created_at).label("last_update"),
        )
        .select_from(listed)
        .join(updates, and_(updates.c.stack_id == listed.c.id, updates.c.version == latest))
        .order_by(listed.c.login, listed.c.project, listed.c.name)
    )


def _has_tag(name: str, value: str | None) -> ColumnElement[bool]:
    found = exists().where(stack_tags.c.stack_id == stacks.c.id, stack_tags.c.name == name)
    return found.where(stack_tags.c.value == value) if value is not None else found
