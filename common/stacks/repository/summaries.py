"""Stacks of one organization as the console lists them: filtered, sorted, a page at a time."""

from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, func, or_, select

from common.db.tables.people import users
from common.db.tables.stacks import stack_tags, stacks, updates
from common.rights.membership import StackScope
from common.stacks.model import Kind, Status, Version
from common.stacks.repository.stacks import VERSION_COLUMNS, to_version
from common.stacks.repository.visibility import in_scopes

_ESCAPE = "\\"
_newest = updates.alias("newest")
_owners = users.alias("owners")
_runs = updates.alias("runs")
# Other rows, such as renames and imports, compare nothing with the cloud.
_RUNS = (Kind.UPDATE, Kind.PREVIEW, Kind.REFRESH, Kind.DESTROY)


@dataclass(frozen=True, slots=True)
class StackFilter:
    """What a list is narrowed to; empty texts narrow nothing. `text` is looked for in names, tags and owners, `name` in names."""

    text: str = ""
    project: str = ""
    tag: str = ""
    tag_value: str = ""
    owner: str = ""
    status: Status | None = None
    by_update: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class StackSummary:
    """A stack in a list, with its newest version (version 0 is its creation); `changed_at` is in unix milliseconds."""

    id: str
    project: str
    name: str
    tags: dict[str, str]
    owner: str
    latest: Version
    changed_at: int


@dataclass(frozen=True, slots=True)
class DriftedStack:
    """A stack and the refresh that found changes; `version` is None for a preview, `found_at` in unix milliseconds."""

    project: str
    name: str
    run_id: str
    version: int | None
    found_at: int
    changes: bytes


def page(connection: Connection, scope: StackScope, narrowed: StackFilter, *, limit: int, offset: int) -> list[StackSummary]:
    """Return live stacks of a scope in order of project and name, or the one that changed last first."""
    changed_at = func.coalesce(updates.c.ended_at, updates.c.started_at, updates.c.created_at)
    columns = (stacks.c.id, stacks.c.project, stacks.c.name, stacks.c.tags, _owners.c.login.label("owner"))
    query = _narrowed(select(*columns, *VERSION_COLUMNS, changed_at.label("changed_at")), scope, narrowed)
    by_name = (stacks.c.project, stacks.c.name)
    query = query.order_by(changed_at.desc(), *by_name) if narrowed.by_update else query.order_by(*by_name)
    return [_to_summary(row) for row in connection.execute(query.limit(limit).offset(offset))]


def count(connection: Connection, scope: StackScope, narrowed: StackFilter) -> int:
    """Return how many stacks the pages have together."""
    return connection.scalar(_narrowed(select(func.count()), scope, narrowed)) or 0


def list_drifted(connection: Connection, scope: StackScope, limit: int) -> list[DriftedStack]:
    """Return live stacks of a scope whose newest run was a refresh, or its preview, that found changes, newest first."""
    newest = (
        select(_runs.c.id)
        .where(_runs.c.stack_id == stacks.c.id, _runs.c.kind.in_(_RUNS))
        .order_by(_runs.c.created_at.desc(), _runs.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    query: Select[Any] = (
        select(
            stacks.c.project,
            stacks.c.name,
            updates.c.id,
            updates.c.version,
            updates.c.dry_run,
            updates.c.created_at,
            updates.c.resource_changes,
        )
        .select_from(stacks)
        .join(updates, and_(updates.c.stack_id == stacks.c.id, updates.c.id == newest))
        .where(stacks.c.live == 1, in_scopes([scope]), updates.c.kind == Kind.REFRESH, updates.c.status == Status.SUCCEEDED)
        .where(updates.c.resource_changes.is_not(None))
        .order_by(updates.c.created_at.desc(), updates.c.id)
        .limit(limit)
    )
    return [_to_drifted(row) for row in connection.execute(query)]


def find_projects(connection: Connection, scope: StackScope, limit: int) -> list[tuple[str, int]]:
    """Return the projects of a scope with the number of their stacks, by name."""
    query = select(stacks.c.project, func.count()).where(stacks.c.live == 1, in_scopes([scope]))
    rows = connection.execute(query.group_by(stacks.c.project).order_by(stacks.c.project).limit(limit))
    return [(project, number) for project, number in rows]


def _narrowed(query: Select[Any], scope: StackScope, narrowed: StackFilter) -> Select[Any]:
    latest = select(func.max(_newest.c.version)).where(_newest.c.stack_id == stacks.c.id).scalar_subquery()
    query = (
        query.select_from(stacks)
        .join(updates, and_(updates.c.stack_id == stacks.c.id, updates.c.version == latest))
        .outerjoin(users, users.c.id == updates.c.requested_by)
        .outerjoin(_owners, _owners.c.id == stacks.c.created_by)
        .where(stacks.c.live == 1, in_scopes([scope]))
    )
    return query.where(*_conditions(narrowed))


def _conditions(narrowed: StackFilter) -> list[ColumnElement[bool]]:
    conditions = [_mentions(word) for word in narrowed.text.lower().split()]
    if narrowed.name:
        conditions.append(func.lower(stacks.c.name).like(_containing(narrowed.name.lower()), escape=_ESCAPE))
    if narrowed.project:
        conditions.append(stacks.c.project == narrowed.project)
    if narrowed.tag:
        tagged = exists().where(stack_tags.c.stack_id == stacks.c.id, stack_tags.c.name == narrowed.tag)
        conditions.append(tagged.where(stack_tags.c.value == narrowed.tag_value) if narrowed.tag_value else tagged)
    if narrowed.owner:
        conditions.append(_owners.c.login == narrowed.owner)
    if narrowed.status is not None:
        conditions += [updates.c.status == narrowed.status, updates.c.kind != Kind.CREATE]
    return conditions


def _mentions(word: str) -> ColumnElement[bool]:
    pattern = _containing(word)
    texts = (stacks.c.project + "/" + stacks.c.name, _owners.c.login)
    tagged = exists().where(
        stack_tags.c.stack_id == stacks.c.id,
        func.lower(stack_tags.c.name + "=" + stack_tags.c.value).like(pattern, escape=_ESCAPE),
    )
    return or_(tagged, *(func.lower(text).like(pattern, escape=_ESCAPE) for text in texts))


def _containing(text: str) -> str:
    """Return the pattern that finds a text anywhere."""
    escaped = text.replace(_ESCAPE, _ESCAPE * 2).replace("%", _ESCAPE + "%").replace("_", _ESCAPE + "_")
    return f"%{escaped}%"


def _to_summary(row: Row[Any]) -> StackSummary:
    tags = msgspec.json.decode(row.tags, type=dict[str, str])
    return StackSummary(row.id, row.project, row.name, tags, row.owner or "", to_version(row), row.changed_at)


def _to_drifted(row: Row[Any]) -> DriftedStack:
    version = None if row.dry_run else row.version
    return DriftedStack(row.project, row.name, row.id, version, row.created_at, row.resource_changes.encode())
