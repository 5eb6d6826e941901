"""Pages of stacks over all organizations of a caller, in order of organization, project and name.

A caller can see all stacks of some organizations, and in others those that a rule, a grant or their ownership shows them. As one
condition over a hundred organizations, the database would try it on every stack. So the first few organizations are read, each
in the order of its index, which fills most pages. Only if it does not, the others are read, with one query for each reason to
see a stack, by the index for that reason. A page takes two statements at most.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Row,
    Select,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    tuple_,
    union,
)

from common.db.tables.people import organizations
from common.db.tables.stacks import stack_tags, stacks, updates
from common.rights.membership import StackScope
from common.stacks.model import FINISHING_MILLIS, IN_PROGRESS, ListedStack, StackPath, Status
from common.stacks.repository.visibility import reasons, reasons_apart

# This many organizations are read in order before the others. More of them fill more pages, but cost time on every page.
ORGANIZATIONS_READ_FIRST = 6
_ORDER = (organizations.c.login, stacks.c.project, stacks.c.name)
_newest = updates.alias("newest")


@dataclass(frozen=True, slots=True)
class Filter:
    """The stacks of a page: in a project, with a tag (a name, and a value unless None), after a position; None for all."""

    project: str | None = None
    tag: tuple[str, str | None] | None = None
    after: tuple[str, ...] | None = None


def page(
    connection: Connection,
    scopes: Mapping[str, StackScope],
    filters: Filter,
    *,
    limit: int | None,
    now_millis: int,
) -> list[ListedStack]:
    """Return live stacks in the scopes, which are given by the login of their organization; without a limit all of them."""
    after = filters.after
    remaining = [scopes[login] for login in sorted(scopes) if after is None or login >= after[0]]
    if limit is not None and len(remaining) == 1 and remaining[0].is_everything:
        return _read_organization(connection, remaining[0].org_id, filters, limit, now_millis)
    if limit is None:
        return _read(connection, reasons(remaining), filters, None, now_millis)
    stacks_page = _read(connection, reasons_apart(remaining[:ORGANIZATIONS_READ_FIRST]), filters, limit, now_millis)
    if len(stacks_page) < limit:
        stacks_page += _read(
            connection, reasons(remaining[ORGANIZATIONS_READ_FIRST:]), filters, limit - len(stacks_page), now_millis
        )
    return stacks_page


def _read_organization(connection: Connection, org_id: str, filters: Filter, limit: int, now_millis: int) -> list[ListedStack]:
    """Return the first stacks of an organization of which the caller can see all.

    Most pages are of this kind. To build their query each time would take more processor time than to run it.
    """
    tag, after = filters.tag, filters.after
    query = _of_organization(
        has_project=filters.project is not None,
        has_tag=tag is not None,
        has_value=tag is not None and tag[1] is not None,
        has_position=after is not None,
    )
    values: dict[str, object] = {"org_id": org_id, "page_limit": limit, **_moments(now_millis)}
    if filters.project is not None:
        values["in_project"] = filters.project
    if tag is not None:
        values["tag_name"], values["tag_value"] = tag
    if after is not None:
        values["after_org"], values["after_project"], values["after_name"] = after
    return [_to_listed(row) for row in connection.execute(query, values)]


@cache
def _of_organization(*, has_project: bool, has_tag: bool, has_value: bool, has_position: bool) -> Select[Any]:
    query = _in_order(stacks.c.org_id == bindparam("org_id"))
    if has_project:
        query = query.where(stacks.c.project == bindparam("in_project"))
    if has_tag:
        query = query.where(_has_tag(bindparam("tag_name"), bindparam("tag_value") if has_value else None))
    if has_position:
        query = query.where(tuple_(*_ORDER) > tuple_(bindparam("after_org"), bindparam("after_project"), bindparam("after_name")))
    return _with_versions(query.limit(bindparam("page_limit", type_=Integer)).subquery("listed"))


def _read(
    connection: Connection,
    conditions: Sequence[ColumnElement[bool]],
    filters: Filter,
    limit: int | None,
    now_millis: int,
) -> list[ListedStack]:
    """Return the first stacks that meet at least one of the conditions, with a query of its own for each condition."""
    if not conditions:
        return []
    if len(conditions) == 1:
        listed = _matching(conditions[0], filters).limit(limit).subquery("listed")
    else:
        parts = [_matching(condition, filters).limit(limit).subquery() for condition in conditions]
        joined = union(*(select(part) for part in parts)).subquery("joined")
        listed = select(joined).order_by(joined.c.login, joined.c.project, joined.c.name).limit(limit).subquery("listed")
    return [_to_listed(row) for row in connection.execute(_with_versions(listed), _moments(now_millis))]


def _moments(now_millis: int) -> dict[str, int]:
    """Return what decides which updates are in progress."""
    return {"now_millis": now_millis, "finishing_since": now_millis - FINISHING_MILLIS}


def _to_listed(row: Row[Any]) -> ListedStack:
    path = StackPath(row.login, row.project, row.name)
    if not row.version:  # Nothing has happened since the stack was created.
        return ListedStack(row.id, path, None, None)
    return ListedStack(row.id, path, row.resource_count, IN_PROGRESS if row.is_busy else row.last_update // 1000)


def _matching(condition: ColumnElement[bool], filters: Filter) -> Select[Any]:
    query = _in_order(condition)
    if filters.project is not None:
        query = query.where(stacks.c.project == filters.project)
    if filters.tag is not None:
        query = query.where(_has_tag(*filters.tag))
    if filters.after is not None:
        query = query.where(tuple_(*_ORDER) > tuple_(*filters.after))
    return query


def _in_order(condition: ColumnElement[bool]) -> Select[Any]:
    return (
        select(stacks.c.id, organizations.c.login, stacks.c.project, stacks.c.name)
        .join(organizations, organizations.c.id == stacks.c.org_id)
        .where(stacks.c.live == 1, condition)
        .order_by(*_ORDER)
    )


def _with_versions(listed: FromClause) -> Select[Any]:
    """Return the query of a page with its versions. They are joined last, or the database would read those of all stacks."""
    latest = select(func.max(_newest.c.version)).where(_newest.c.stack_id == listed.c.id).scalar_subquery()
    # The same rule as Version.is_busy.
    is_busy = or_(
        and_(updates.c.status == Status.RUNNING, updates.c.lease_expires_at > bindparam("now_millis")),
        and_(updates.c.status == Status.FINISHING, updates.c.ended_at > bindparam("finishing_since")),
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


def _has_tag(name: str | ColumnElement[str], value: str | ColumnElement[str] | None) -> ColumnElement[bool]:
    tag = exists().where(stack_tags.c.stack_id == stacks.c.id, stack_tags.c.name == name)
    return tag.where(stack_tags.c.value == value) if value is not None else tag
