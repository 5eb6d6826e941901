"""Which environments a caller can see, as a WHERE: role rules, levels of teams and ownership as SQL for lists."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Subquery, and_, exists, or_, select, union

from common.access.repository.conditions import to_condition  # arch: predicates of roles are one condition for all lists
from common.db.tables.environments import environment_tags, environments
from common.db.tables.people import team_entities
from common.rights.predicate import ALWAYS, NEVER, Predicate

_KIND = "environment"


@dataclass(frozen=True, slots=True)
class Scope:
    """The environments of an organization that a caller sees: those of the predicate, their own, and those of their teams."""

    org_id: str
    predicate: Predicate
    user_id: str
    team_ids: tuple[str, ...]


def in_scope(scope: Scope, levels: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that a row of `environments` is in a scope; `levels` are those with which teams see one."""
    if scope.predicate == ALWAYS:
        return environments.c.org_id == scope.org_id
    if scope.predicate == NEVER:
        return and_(environments.c.org_id == scope.org_id, environments.c.id.in_(select(_own_ids(scope, levels).c.id)))
    has_level = exists().where(
        team_entities.c.team_id.in_(list(scope.team_ids)),
        team_entities.c.kind == _KIND,
        team_entities.c.project == environments.c.project,
        team_entities.c.name == environments.c.name,
        team_entities.c.permission.in_(list(levels)),
    )
    is_visible = or_(
        to_condition(scope.predicate, environments.c.id, _has_tag), environments.c.owner_id == scope.user_id, has_level
    )
    return and_(environments.c.org_id == scope.org_id, is_visible)


def is_one_of(environment_id: ColumnElement[str], scope: Scope, levels: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that an id in another table is that of a live environment in a scope."""
    return environment_id.in_(select(environments.c.id).where(environments.c.live == 1, in_scope(scope, levels)))


def _own_ids(scope: Scope, levels: Sequence[str]) -> Subquery:
    """Return the ids of what no rule shows: few, which indexes find, so that not every environment is looked at."""
    owned = select(environments.c.id).where(environments.c.owner_id == scope.user_id, environments.c.org_id == scope.org_id)
    of_teams = (
        select(environments.c.id)
        .select_from(team_entities)
        .join(
            environments,
            and_(
                environments.c.org_id == scope.org_id,
                environments.c.project == team_entities.c.project,
                environments.c.name == team_entities.c.name,
            ),
        )
        .where(
            team_entities.c.team_id.in_(list(scope.team_ids)),
            team_entities.c.kind == _KIND,
            team_entities.c.permission.in_(list(levels)),
        )
    )
    return union(owned, of_teams).subquery("own")


def _has_tag(key: str, values: Collection[str] | None) -> ColumnElement[bool]:
    tag = exists().where(environment_tags.c.environment_id == environments.c.id, environment_tags.c.name == key)
    return tag.where(environment_tags.c.value.in_(sorted(values))) if values is not None else tag
