"""Pages of environments, live and deleted, and of what refers to them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, FromClause, Row, Select, and_, func, or_, select, tuple_, update
from sqlalchemy import delete as delete_from

from common.db.tables.approvals import environment_open_grants
from common.db.tables.environments import (
    environment_references,
    environment_revision_tags,
    environment_revisions,
    environment_rotations,
    environment_schedule_runs,
    environment_schedules,
    environment_tags,
    environments,
)
from common.db.tables.people import organizations, users
from common.environments.model import EnvironmentPath, ListedEnvironment, Reference, Referrer
from common.environments.repository.visibility import Scope, in_scope
from common.people.users.model import Person

# What is deleted with an environment.
_TABLES = (
    environment_revisions,
    environment_revision_tags,
    environment_tags,
    environment_references,
    environment_rotations,
    environment_schedules,
    environment_schedule_runs,
    environment_open_grants,
)
# So many revisions of an environment are named as those that a change of an import affects.
_LISTED_REVISIONS = 100
# A level with which a member of a team sees an environment in lists.
SEEING = ("read", "open", "write", "admin")


def page(
    connection: Connection, scopes: Mapping[str, Scope], after: tuple[str, ...] | None, limit: int
) -> list[ListedEnvironment]:
    """Return live environments in scopes, which are given by the login of their organization, after a position.

    They are ordered by organization, project and name. Each organization is read in the order of its index, until the page is
    full, so that the database sorts nothing.
    """
    rows: list[Row[Any]] = []
    for login in sorted(scopes):
        if len(rows) >= limit:
            break
        query = select(environments).where(environments.c.live == 1, in_scope(scopes[login], SEEING))
        if after is not None and login < after[0]:
            continue
        if after is not None and login == after[0]:
            _, project, name = after
            same = and_(environments.c.project == project, environments.c.name > name)
            query = query.where(environments.c.project >= project, or_(environments.c.project > project, same))
        # The page first: joined before it is cut, all rows of the organization would be.
        cut = query.order_by(environments.c.project, environments.c.name).limit(limit - len(rows)).subquery("cut")
        rows += connection.execute(select_listed(cut).order_by(cut.c.project, cut.c.name))
    return to_listed(connection, rows)


def page_deleted(connection: Connection, org_id: str, after: tuple[int, str] | None, limit: int) -> list[ListedEnvironment]:
    """Return environments that can be restored, the last deleted ones first, after a position."""
    query = select_listed().where(environments.c.org_id == org_id, environments.c.live.is_(None), environments.c.deleted_at > 0)
    if after is not None:
        moment, environment_id = after
        same = and_(environments.c.deleted_at == moment, environments.c.id > environment_id)
        query = query.where(or_(environments.c.deleted_at < moment, same))
    query = query.order_by(environments.c.deleted_at.desc(), environments.c.id).limit(limit)
    return to_listed(connection, connection.execute(query).all())


def list_tags(connection: Connection, scope: Scope, limit: int) -> list[tuple[str, str]]:
    """Return (name, value) of the tags of the environments in a scope, each pair once."""
    query = (
        select(environment_tags.c.name, environment_tags.c.value)
        .distinct()
        .select_from(environments)
        .join(environment_tags, environment_tags.c.environment_id == environments.c.id)
        .where(environments.c.live == 1, in_scope(scope, SEEING))
        .order_by(environment_tags.c.name, environment_tags.c.value)
        .limit(limit)
    )
    return [(row.name, row.value) for row in connection.execute(query)]


def find_deleted(connection: Connection, org_id: str, project: str, name: str, deleted_at: int | None) -> str | None:
    """Return the id of the environment of a name that was deleted last, or at a time in whole seconds, or None."""
    query = (
        select(environments.c.id)
        .where(
            environments.c.org_id == org_id,
            environments.c.project == project,
            environments.c.name == name,
            environments.c.live.is_(None),
            environments.c.deleted_at > 0,
        )
        .order_by(environments.c.deleted_at.desc())
        .limit(1)
    )
    if deleted_at is not None:
        query = query.where(environments.c.deleted_at >= deleted_at, environments.c.deleted_at < deleted_at + 1000)
    found: str | None = connection.scalar(query)
    return found


def find_deleted_of_stack(connection: Connection, stack_id: str, since_millis: int) -> str | None:
    """Return the id of the environment that belongs to a stack and was deleted last, at a time or later; or None."""
    query = (
        select(environments.c.id)
        .where(environments.c.managed_stack_id == stack_id, environments.c.live.is_(None))
        .where(environments.c.deleted_at >= max(since_millis, 1))
        .order_by(environments.c.deleted_at.desc())
        .limit(1)
    )
    found: str | None = connection.scalar(query)
    return found


def has_later_deleted(connection: Connection, environment_id: str) -> bool:
    """Tell whether another environment of the same name was deleted later, with more than the empty revision it began with."""
    later, same = environments.alias("later"), environments.c
    query = select(later.c.id).where(
        same.id == environment_id,
        later.c.org_id == same.org_id,
        later.c.project == same.project,
        later.c.name == same.name,
        later.c.live.is_(None),
        later.c.deleted_at > same.deleted_at,
        later.c.latest > 1,
    )
    return connection.execute(query.limit(1)).first() is not None


def restore(tx: Connection, environment_id: str) -> bool:
    """Make a deleted environment live; False if it is, or is being purged. IntegrityError if its name is taken."""
    is_deleted = (environments.c.id == environment_id, environments.c.live.is_(None), environments.c.deleted_at > 0)
    return tx.execute(update(environments).where(*is_deleted).values(live=1, deleted_at=None)).rowcount == 1


def find_expired(connection: Connection, before_millis: int) -> str | None:
    """Return the id of an environment that was deleted before a time, or None."""
    query = select(environments.c.id).where(environments.c.live.is_(None), environments.c.deleted_at < before_millis).limit(1)
    found: str | None = connection.scalar(query)
    return found


def purge(tx: Connection, environment_id: str, before_millis: int) -> bool:
    """Delete all rows of an environment that was deleted before a time; False if it was restored."""
    is_expired = (
        environments.c.id == environment_id,
        environments.c.live.is_(None),
        environments.c.deleted_at < before_millis,
    )
    if tx.execute(delete_from(environments).where(*is_expired)).rowcount != 1:
        return False
    for table in _TABLES:
        tx.execute(delete_from(table).where(table.c.environment_id == environment_id))
    return True


@dataclass(frozen=True, slots=True)
class Importer:
    """An environment, and those of its revisions that refer to another one."""

    id: str
    project: str
    name: str
    revisions: list[int]


def list_importers(  # noqa: PLR0917 - what a reference consists of
    connection: Connection, org_id: str, project: str, name: str, version: str, limit: int
) -> list[Importer]:
    """Return live environments with usable revisions that refer to another one by a version, at most so many: two statements.

    Of each, the newest revisions that do are returned.
    """
    refers = and_(
        environment_references.c.project == project,
        environment_references.c.name == name,
        environment_references.c.version == version,
    )
    is_revision = and_(
        environment_revisions.c.environment_id == environment_references.c.environment_id,
        environment_revisions.c.number == environment_references.c.number,
        environment_revisions.c.retracted_at.is_(None),
    )
    columns = (environments.c.id, environments.c.project, environments.c.name)
    query = (
        select(*columns)
        .select_from(environment_references)
        .join(environments, environments.c.id == environment_references.c.environment_id)
        .join(environment_revisions, is_revision)
        .where(refers, environments.c.org_id == org_id, environments.c.live == 1)
        .distinct()
        .order_by(environments.c.project, environments.c.name)
        .limit(limit)
    )
    importers = {row.id: Importer(row.id, row.project, row.name, []) for row in connection.execute(query)}
    if not importers:
        return []
    environment_id, number = environment_references.c.environment_id, environment_references.c.number
    place = func.row_number().over(partition_by=environment_id, order_by=number.desc()).label("place")
    ranked = (
        select(environment_id, number, place)
        .join(environment_revisions, is_revision)
        .where(refers, environment_id.in_(list(importers)))
        .subquery()
    )
    newest = select(ranked.c.environment_id, ranked.c.number).where(ranked.c.place <= _LISTED_REVISIONS)
    for row in connection.execute(newest.order_by(ranked.c.number)):
        importers[row.environment_id].revisions.append(row.number)
    return list(importers.values())


def page_referrers(
    connection: Connection, scope: Scope, target: Reference, after: tuple[str, str, int, str], limit: int, *, newest_only: bool
) -> list[Referrer]:
    """Return the environments in a scope that refer to another one, after a position; by their newest revisions, or by all."""
    order = (
        environments.c.project,
        environments.c.name,
        environment_references.c.number,
        environment_references.c.version,
    )
    query = (
        select(*order)
        .select_from(environment_references)
        .join(environments, environments.c.id == environment_references.c.environment_id)
        .where(
            environment_references.c.project == target.project,
            environment_references.c.name == target.name,
            environments.c.live == 1,
            in_scope(scope, SEEING),
            tuple_(*order) > tuple_(*after),
        )
        .order_by(*order)
        .limit(limit)
    )
    if newest_only:
        query = query.where(environment_references.c.number == environments.c.latest)
    return [Referrer(*row) for row in connection.execute(query)]


def count_referrers(connection: Connection, org_id: str, targets: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Return how many environments refer to each of some, by project and name, with their newest revisions."""
    query = (
        select(environment_references.c.project, environment_references.c.name, environments.c.id)
        .distinct()
        .select_from(environment_references)
        .join(
            environments,
            and_(
                environments.c.id == environment_references.c.environment_id,
                environments.c.latest == environment_references.c.number,
            ),
        )
        .where(
            environments.c.org_id == org_id,
            environments.c.live == 1,
            tuple_(environment_references.c.project, environment_references.c.name).in_(list(targets)),
        )
    )
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for row in connection.execute(query):
        counts[row.project, row.name] += 1
    return counts


def select_listed(source: FromClause = environments) -> Select[Any]:
    """Return the query of environments, or of rows of theirs that were selected before, with their owners."""
    return (
        select(
            source.c.id,
            organizations.c.login,
            source.c.project,
            source.c.name,
            source.c.created_at,
            source.c.modified_at,
            source.c.deleted_at,
            source.c.deletion_protected,
            source.c.owner_id,
            users.c.login.label("owner_login"),
            users.c.name.label("owner_name"),
            users.c.email,
            users.c.avatar_url,
        )
        .select_from(source)
        .join(organizations, organizations.c.id == source.c.org_id)
        .outerjoin(users, users.c.id == source.c.owner_id)
    )


def to_listed(connection: Connection, rows: Sequence[Row[Any]]) -> list[ListedEnvironment]:
    """Return rows of such a query with the tags of their environments, which are one more statement."""
    tags: dict[str, dict[str, str]] = defaultdict(dict)
    if rows:
        tags_query = select(environment_tags.c.environment_id, environment_tags.c.name, environment_tags.c.value).where(
            environment_tags.c.environment_id.in_([row.id for row in rows])
        )
        for row in connection.execute(tags_query):
            tags[row.environment_id][row.name] = row.value
    return [_to_listed(row, tags.get(row.id, {})) for row in rows]


def _to_listed(row: Row[Any], tags: dict[str, str]) -> ListedEnvironment:
    return ListedEnvironment(
        id=row.id,
        path=EnvironmentPath(row.login, row.project, row.name),
        created_at=row.created_at,
        modified_at=row.modified_at,
        deleted_at=row.deleted_at,
        deletion_protected=row.deletion_protected,
        owner=Person(row.owner_id, row.owner_login or "", row.owner_name or "", row.email or "", row.avatar_url or ""),
        tags=tags,
    )
