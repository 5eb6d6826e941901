"""Environments of one organization as the console lists them: filtered, a page at a time."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, exists, func, or_, select

from common.db.tables.environments import environment_tags, environments
from common.environments.model import EnvironmentFilter, ListedEnvironment
from common.environments.repository.listing import SEEING, select_listed, to_listed
from common.environments.repository.visibility import Scope, in_scope

_ESCAPE = "\\"


def page(
    connection: Connection, scope: Scope, narrowed: EnvironmentFilter, *, limit: int, offset: int
) -> list[ListedEnvironment]:
    """Return live environments of a scope in order of project and name."""
    query = select(environments).where(*_conditions(scope, narrowed))
    # The page first: joined before it is cut, all rows of the organization would be.
    cut = query.order_by(environments.c.project, environments.c.name).limit(limit).offset(offset).subquery("cut")
    return to_listed(connection, connection.execute(select_listed(cut).order_by(cut.c.project, cut.c.name)).all())


def count_by_project(connection: Connection, scope: Scope, narrowed: EnvironmentFilter) -> list[tuple[str, int]]:
    """Return the projects with the number of their environments that match, by name; the filter's project is left out."""
    query: Select[Any] = select(environments.c.project, func.count()).where(*_conditions(scope, narrowed, of_project=False))
    rows = connection.execute(query.group_by(environments.c.project).order_by(environments.c.project))
    return [(project, number) for project, number in rows]


def _conditions(scope: Scope, narrowed: EnvironmentFilter, *, of_project: bool = True) -> list[ColumnElement[bool]]:
    conditions = [environments.c.live == 1, in_scope(scope, SEEING)]
    conditions += [_mentions(word) for word in narrowed.text.lower().split()]
    if of_project and narrowed.project:
        conditions.append(environments.c.project == narrowed.project)
    if narrowed.tag:
        tagged = select(environment_tags.c.environment_id).where(environment_tags.c.name == narrowed.tag)
        tagged = tagged.where(environment_tags.c.value == narrowed.tag_value) if narrowed.tag_value else tagged
        conditions.append(environments.c.id.in_(tagged))
    return conditions


def _mentions(word: str) -> ColumnElement[bool]:
    pattern = "%" + "".join(f"{_ESCAPE}{letter}" if letter in f"%_{_ESCAPE}" else letter for letter in word) + "%"
    named = func.lower(environments.c.project + "/" + environments.c.name).like(pattern, escape=_ESCAPE)
    tagged = exists().where(
        environment_tags.c.environment_id == environments.c.id,
        func.lower(environment_tags.c.name + "=" + environment_tags.c.value).like(pattern, escape=_ESCAPE),
    )
    return or_(named, tagged)
