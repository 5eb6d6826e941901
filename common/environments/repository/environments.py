"""Rows of environments."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Connection, Row, and_, bindparam, func, insert, literal, null, select, union_all, update

from common.core.durations import find_seconds
from common.db.tables.environments import environment_revision_tags, environment_revisions, environment_tags, environments
from common.db.tables.people import organizations, team_entities, teams
from common.environments.model import LATEST, Environment, EnvironmentPath, Revision, TeamLevel, find_number
from common.rights.org_settings import EnvironmentLevel

_KIND = "environment"
_COLUMNS = (
    environments.c.id,
    environments.c.org_id,
    environments.c.project,
    environments.c.name,
    environments.c.latest,
    environments.c.wrapped_key,
    environments.c.deletion_protected,
    environments.c.owner_id,
    environments.c.managed_stack_id,
    environments.c.created_at,
    environments.c.modified_at,
)
_IS_NAMED = and_(
    environments.c.org_id == bindparam("org_id"),
    environments.c.project == bindparam("project"),
    environments.c.name == bindparam("name"),
    environments.c.live == 1,
)
_TAGGED = (
    select(environment_revision_tags.c.number)
    .where(environment_revision_tags.c.environment_id == environments.c.id, environment_revision_tags.c.name == bindparam("tag"))
    .scalar_subquery()
)


def _part(name: str, *texts: Any) -> Any:  # noqa: ANN401 - columns, and a statement
    """Return the query of what belongs to an environment, in the columns of the query of the environment itself."""
    empty = [null().label(column.name) for column in _COLUMNS]
    labels = ("org", "number", "definition", "retracted_at", "first", "second", "third")
    values = (null(), null(), null(), null(), *texts)
    named = [value.label(label) for label, value in zip(labels, values, strict=True)]
    return select(literal(name).label("part"), *empty, *named).where(_IS_NAMED)


def _statement(wanted: Any) -> Any:  # noqa: ANN401 - a column, and a statement of several parts
    """Return the query of an environment with its tags, the levels of teams, and the revision with the wanted number."""
    revision = and_(environment_revisions.c.environment_id == environments.c.id, environment_revisions.c.number == wanted)
    itself = (
        select(
            literal("environment").label("part"),
            *_COLUMNS,
            organizations.c.login.label("org"),
            environment_revisions.c.number,
            environment_revisions.c.definition,
            environment_revisions.c.retracted_at,
            null().label("first"),
            null().label("second"),
            null().label("third"),
        )
        .select_from(environments)
        .join(organizations, organizations.c.id == environments.c.org_id)
        .outerjoin(environment_revisions, revision)
        .where(_IS_NAMED)
    )
    tags = (
        _part("tag", environment_tags.c.name, environment_tags.c.value, null())
        .select_from(environments)
        .join(environment_tags, environment_tags.c.environment_id == environments.c.id)
    )
    of_teams = and_(
        team_entities.c.team_id.in_(bindparam("team_ids", expanding=True)),
        team_entities.c.kind == _KIND,
        team_entities.c.project == environments.c.project,
        team_entities.c.name == environments.c.name,
    )
    levels = (
        _part("level", team_entities.c.permission, team_entities.c.max_open_duration, team_entities.c.team_id)
        .select_from(environments)
        .join(team_entities, of_teams)
    )
    return union_all(itself, tags, levels)


# Built once: building a statement takes longer than running it on SQLite.
_LATEST = _statement(environments.c.latest)
_BY_NUMBER = _statement(bindparam("number"))
_BY_TAG = _statement(_TAGGED)


def find(  # noqa: PLR0917 - what the unique index has
    connection: Connection, org_id: str, project: str, name: str, team_ids: Sequence[str], version: str = LATEST
) -> Environment | None:
    """Return a live environment with the revision of a version, if that exists, in one statement; None without one."""
    parameters: dict[str, Any] = {"org_id": org_id, "project": project, "name": name, "team_ids": list(team_ids)}
    number = find_number(version)
    if version == LATEST:
        rows = connection.execute(_LATEST, parameters).all()
    elif number is not None:
        rows = connection.execute(_BY_NUMBER, {**parameters, "number": number}).all()
    else:
        rows = connection.execute(_BY_TAG, {**parameters, "tag": version}).all()
    return _to_environment(rows)


@dataclass(frozen=True, slots=True)
class TeamAccess:
    """A team's level on an environment; `max_open_duration` as it was sent, empty without a limit."""

    name: str
    display_name: str
    level: EnvironmentLevel
    max_open_duration: str


def list_team_access(connection: Connection, environment: Environment) -> list[TeamAccess]:
    """Return the teams with a level on an environment, by name."""
    query = (
        select(teams.c.name, teams.c.display_name, team_entities.c.permission, team_entities.c.max_open_duration)
        .select_from(team_entities)
        .join(teams, teams.c.id == team_entities.c.team_id)
        .where(
            teams.c.org_id == environment.org_id,
            team_entities.c.kind == _KIND,
            team_entities.c.project == environment.path.project,
            team_entities.c.name == environment.path.name,
        )
        .order_by(teams.c.name)
    )
    return [
        TeamAccess(row.name, row.display_name or "", cast("EnvironmentLevel", row.permission), row.max_open_duration or "")
        for row in connection.execute(query)
    ]


def count_of_org(connection: Connection, org_id: str) -> int:
    """Return how many environments an organization has, with those that can be restored."""
    return connection.scalar(select(func.count()).select_from(environments).where(environments.c.org_id == org_id)) or 0


def lock(tx: Connection, environment: Environment) -> int | None:
    """Lock a live environment until the transaction ends, and return its latest number; None if it was deleted."""
    query = select(environments.c.latest).where(environments.c.id == environment.id, environments.c.live == 1)
    latest: int | None = tx.scalar(query.with_for_update())
    return latest


def add(tx: Connection, environment: Environment, now_millis: int) -> None:
    """Insert an environment; IntegrityError for the name of another live one."""
    tx.execute(
        insert(environments).values(
            id=environment.id,
            org_id=environment.org_id,
            project=environment.path.project,
            name=environment.path.name,
            live=1,
            latest=environment.latest,
            wrapped_key=environment.wrapped_key,
            deletion_protected=environment.deletion_protected,
            owner_id=environment.owner_id,
            managed_stack_id=environment.managed_stack_id,
            created_at=now_millis,
            modified_at=now_millis,
        )
    )


def advance(tx: Connection, environment_id: str, number: int, now_millis: int) -> bool:
    """Make a number the latest one, if the one before is; False if another writer was first, or the environment is deleted."""
    as_read = (environments.c.id == environment_id, environments.c.latest == number - 1, environments.c.live == 1)
    statement = update(environments).where(*as_read).values(latest=number, modified_at=now_millis)
    return tx.execute(statement).rowcount == 1


def update_protection(tx: Connection, environment_id: str, *, is_protected: bool) -> None:
    """Set whether a live environment cannot be deleted."""
    is_live = (environments.c.id == environment_id, environments.c.live == 1)
    tx.execute(update(environments).where(*is_live).values(deletion_protected=is_protected))


def update_owner(tx: Connection, environment: Environment, owner_id: str) -> bool:
    """Change the owner of a live environment; False if it has another owner since it was read."""
    as_read = (environments.c.id == environment.id, environments.c.owner_id == environment.owner_id, environments.c.live == 1)
    return tx.execute(update(environments).where(*as_read).values(owner_id=owner_id)).rowcount == 1


def mark_deleted(tx: Connection, environment_id: str, now_millis: int) -> bool:
    """Delete a live environment that is not protected; False if it is, or is deleted already. Its name is free again."""
    is_free = (
        environments.c.id == environment_id,
        environments.c.live == 1,
        environments.c.deletion_protected.is_(False),
    )
    return tx.execute(update(environments).where(*is_free).values(live=None, deleted_at=now_millis)).rowcount == 1


def _to_environment(rows: Sequence[Row[Any]]) -> Environment | None:
    row = next((row for row in rows if row.part == "environment"), None)
    if row is None:
        return None
    revision = Revision(row.number, row.definition, row.retracted_at is not None) if row.number is not None else None
    return Environment(
        id=row.id,
        org_id=row.org_id,
        path=EnvironmentPath(row.org, row.project, row.name),
        latest=row.latest,
        wrapped_key=row.wrapped_key,
        deletion_protected=row.deletion_protected,
        owner_id=row.owner_id,
        managed_stack_id=row.managed_stack_id,
        created_at=row.created_at,
        modified_at=row.modified_at,
        tags={row.first: row.second for row in rows if row.part == "tag"},
        levels=tuple(
            TeamLevel(cast("EnvironmentLevel", row.first), find_seconds(row.second) if row.second else None, row.third)
            for row in rows
            if row.part == "level"
        ),
        revision=revision,
    )
