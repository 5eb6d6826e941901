"""Rows of revisions, of their tags, and of what they refer to."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, insert, select, update
from sqlalchemy import delete as delete_from

from common.db.tables.approvals import change_requests
from common.db.tables.environments import environment_references, environment_revision_tags, environment_revisions
from common.db.tables.people import organizations, users
from common.db.tables.stacks import stacks
from common.environments.language import envelope
from common.environments.model import (
    LATEST,
    AppliedRequest,
    Editor,
    Environment,
    Reference,
    Retraction,
    RevisionEntry,
    RevisionTag,
)
from common.people.users.model import Person

_retractor = users.alias("retractor")
_owner = users.alias("owner")


def add(  # noqa: PLR0917 - what a revision consists of
    tx: Connection,
    environment_id: str,
    number: int,
    definition: bytes,
    user_id: str,
    now_millis: int,
    change_request_id: str | None = None,
) -> None:
    """Insert a revision, perhaps one that a change request is applied as; IntegrityError for a number that there is."""
    tx.execute(
        insert(environment_revisions).values(
            environment_id=environment_id,
            number=number,
            definition=definition,
            secret_count=envelope.count(definition),
            created_by=user_id,
            created_at=now_millis,
            change_request_id=change_request_id,
        )
    )


def find_with_secrets(connection: Connection, environment_id: str) -> list[int]:
    """Return the numbers of an environment's revisions that have secrets."""
    numbers = select(environment_revisions.c.number).where(
        environment_revisions.c.environment_id == environment_id, environment_revisions.c.secret_count > 0
    )
    return list(connection.scalars(numbers.order_by(environment_revisions.c.number)))


def find_definition(connection: Connection, environment_id: str, number: int) -> bytes | None:
    """Return the text of a revision, or None."""
    query = select(environment_revisions.c.definition).where(*_is_revision(environment_id, number))
    definition: bytes | None = connection.scalar(query)
    return definition


def replace_definition(connection: Connection, environment_id: str, number: int, old: bytes, new: bytes) -> None:
    """Replace the text of a revision by one with the same secrets, unless it has changed since it was read."""
    is_unchanged = environment_revisions.c.definition == old
    statement = update(environment_revisions).where(*_is_revision(environment_id, number), is_unchanged)
    connection.execute(statement.values(definition=new))


def _is_revision(environment_id: str, number: int) -> tuple[ColumnElement[bool], ...]:
    return environment_revisions.c.environment_id == environment_id, environment_revisions.c.number == number


def add_references(tx: Connection, environment_id: str, number: int, references: Iterable[Reference]) -> None:
    """Insert what a new revision refers to."""
    rows = [
        {
            "environment_id": environment_id,
            "number": number,
            "project": reference.project,
            "name": reference.name,
            "version": reference.version,
        }
        for reference in dict.fromkeys(references)
    ]
    if rows:
        tx.execute(insert(environment_references), rows)


def page(connection: Connection, environment: Environment, before: int, limit: int) -> list[RevisionEntry]:
    """Return revisions, newest first, those with a number below `before` unless that is 0, with their tags: two statements."""
    query = _select_entries(environment.id).order_by(environment_revisions.c.number.desc()).limit(limit)
    if before:
        query = query.where(environment_revisions.c.number < before)
    rows: list[Any] = list(connection.execute(query))
    tags = _tags_by_number(connection, environment, [row.number for row in rows])
    return [_to_entry(row, tuple(tags.get(row.number, ()))) for row in rows]


def get_entry(connection: Connection, environment: Environment, number: int) -> RevisionEntry:
    """Return a revision of an environment with its tags, in one statement."""
    of_revision = and_(
        environment_revision_tags.c.environment_id == environment_revisions.c.environment_id,
        environment_revision_tags.c.number == environment_revisions.c.number,
    )
    query = (
        _select_entries(environment.id)
        .add_columns(environment_revision_tags.c.name.label("tag"))
        .outerjoin(environment_revision_tags, of_revision)
        .where(environment_revisions.c.number == number)
        .order_by(environment_revision_tags.c.name)
    )
    rows = connection.execute(query).all()
    latest = (LATEST,) if number == environment.latest else ()
    return _to_entry(rows[0], (*latest, *(row.tag for row in rows if row.tag is not None)))


def get_newest(connection: Connection, environment: Environment) -> tuple[RevisionEntry, Person, str]:
    """Return the newest revision without its tags, the environment's owner, and the stack that it is managed by or ""."""
    query = (
        _select_entries(environment.id)
        .add_columns(
            _owner.c.login.label("owner_login"),
            _owner.c.name.label("owner_name"),
            _owner.c.email.label("owner_email"),
            _owner.c.avatar_url.label("owner_avatar_url"),
            organizations.c.login.label("stack_org"),
            stacks.c.project.label("stack_project"),
            stacks.c.name.label("stack_name"),
        )
        .outerjoin(_owner, _owner.c.id == environment.owner_id)
        .outerjoin(stacks, stacks.c.id == environment.managed_stack_id)
        .outerjoin(organizations, organizations.c.id == stacks.c.org_id)
        .where(environment_revisions.c.number == environment.latest)
    )
    row = connection.execute(query).one()
    details = (row.owner_login, row.owner_name, row.owner_email, row.owner_avatar_url)
    owner = Person(environment.owner_id, *(text or "" for text in details))
    stack = f"{row.stack_org}/{row.stack_project}/{row.stack_name}" if row.stack_name is not None else ""
    return _to_entry(row, ()), owner, stack


def is_usable(connection: Connection, environment_id: str, number: int) -> bool:
    """Tell whether there is a revision with a number that was not retracted."""
    query = select(environment_revisions.c.number).where(
        environment_revisions.c.environment_id == environment_id,
        environment_revisions.c.number == number,
        environment_revisions.c.retracted_at.is_(None),
    )
    return connection.scalar(query) is not None


def find_usable_before(connection: Connection, environment_id: str, number: int) -> int | None:
    """Return the newest revision before a number that was not retracted, or None."""
    query = (
        select(environment_revisions.c.number)
        .where(
            environment_revisions.c.environment_id == environment_id,
            environment_revisions.c.number < number,
            environment_revisions.c.retracted_at.is_(None),
        )
        .order_by(environment_revisions.c.number.desc())
        .limit(1)
    )
    before: int | None = connection.scalar(query)
    return before


def retract(  # noqa: PLR0917 - what is stored
    tx: Connection, environment_id: str, number: int, replacement: int, reason: str, user_id: str, now_millis: int
) -> bool:
    """Retract a revision and move its tags to the replacement; False for one that does not exist or was retracted."""
    is_it = (
        environment_revisions.c.environment_id == environment_id,
        environment_revisions.c.number == number,
        environment_revisions.c.retracted_at.is_(None),
    )
    values = {"retracted_at": now_millis, "retracted_by": user_id, "retract_reason": reason, "replacement": replacement}
    if tx.execute(update(environment_revisions).where(*is_it).values(values)).rowcount != 1:
        return False
    is_tag = (environment_revision_tags.c.environment_id == environment_id, environment_revision_tags.c.number == number)
    tx.execute(update(environment_revision_tags).where(*is_tag).values(number=replacement, modified_at=now_millis))
    return True


def list_references(connection: Connection, environment_id: str, number: int) -> list[Reference]:
    """Return what a revision refers to."""
    query = select(environment_references).where(
        environment_references.c.environment_id == environment_id, environment_references.c.number == number
    )
    return [Reference(row.project, row.name, row.version) for row in connection.execute(query)]


def list_all(connection: Connection, environment_id: str) -> Sequence[Row[Any]]:
    """Return the rows of every revision, oldest first."""
    query = (
        select(environment_revisions)
        .where(environment_revisions.c.environment_id == environment_id)
        .order_by(environment_revisions.c.number)
    )
    return connection.execute(query).all()


def page_tags(
    connection: Connection, environment_id: str, after: str, limit: int, *, number: int | None = None
) -> list[RevisionTag]:
    """Return stored revision tags by name, after a name; of one revision if a number is given."""
    query = (
        _select_tags()
        .where(environment_revision_tags.c.environment_id == environment_id, environment_revision_tags.c.name > after)
        .order_by(environment_revision_tags.c.name)
        .limit(limit)
    )
    if number is not None:
        query = query.where(environment_revision_tags.c.number == number)
    return [_to_tag(row) for row in connection.execute(query)]


def find_tag(connection: Connection, environment_id: str, name: str) -> RevisionTag | None:
    """Return a stored revision tag, or None."""
    query = _select_tags().where(
        environment_revision_tags.c.environment_id == environment_id, environment_revision_tags.c.name == name
    )
    row = connection.execute(query).one_or_none()
    return _to_tag(row) if row is not None else None


def find_latest_tag(connection: Connection, environment: Environment) -> RevisionTag:
    """Return the tag `latest`, which has no row: it names the newest revision, and has its time and author."""
    query = (
        select(environment_revisions.c.created_at, users.c.login, users.c.name)
        .outerjoin(users, users.c.id == environment_revisions.c.created_by)
        .where(environment_revisions.c.environment_id == environment.id, environment_revisions.c.number == environment.latest)
    )
    row = connection.execute(query).one()
    return RevisionTag(
        LATEST, environment.latest, environment.created_at, row.created_at, Editor(row.login or "", row.name or "")
    )


def add_tag(tx: Connection, environment_id: str, name: str, number: int, user_id: str, now_millis: int) -> None:  # noqa: PLR0917
    """Insert a revision tag; IntegrityError for a name that there is."""
    tx.execute(
        insert(environment_revision_tags).values(
            environment_id=environment_id,
            name=name,
            number=number,
            edited_by=user_id,
            created_at=now_millis,
            modified_at=now_millis,
        )
    )


def update_tag(tx: Connection, environment_id: str, name: str, number: int, user_id: str, now_millis: int) -> bool:  # noqa: PLR0917
    """Move a revision tag to another revision; False for a tag that does not exist."""
    is_it = (environment_revision_tags.c.environment_id == environment_id, environment_revision_tags.c.name == name)
    values = {"number": number, "edited_by": user_id, "modified_at": now_millis}
    return tx.execute(update(environment_revision_tags).where(*is_it).values(values)).rowcount == 1


def delete_tag(tx: Connection, environment_id: str, name: str) -> bool:
    """Delete a revision tag; False for a tag that does not exist."""
    is_it = (environment_revision_tags.c.environment_id == environment_id, environment_revision_tags.c.name == name)
    return tx.execute(delete_from(environment_revision_tags).where(*is_it)).rowcount == 1


def _select_entries(environment_id: str) -> Any:  # noqa: ANN401 - a statement
    return (
        select(
            environment_revisions.c.number,
            environment_revisions.c.created_at,
            environment_revisions.c.retracted_at,
            environment_revisions.c.retract_reason,
            environment_revisions.c.replacement,
            environment_revisions.c.change_request_id,
            change_requests.c.description,
            users.c.login,
            users.c.name,
            _retractor.c.login.label("by_login"),
            _retractor.c.name.label("by_name"),
        )
        .outerjoin(users, users.c.id == environment_revisions.c.created_by)
        .outerjoin(_retractor, _retractor.c.id == environment_revisions.c.retracted_by)
        .outerjoin(change_requests, change_requests.c.id == environment_revisions.c.change_request_id)
        .where(environment_revisions.c.environment_id == environment_id)
    )


def _tags_by_number(connection: Connection, environment: Environment, numbers: Sequence[int]) -> dict[int, list[str]]:
    query = (
        select(environment_revision_tags.c.number, environment_revision_tags.c.name)
        .where(
            environment_revision_tags.c.environment_id == environment.id, environment_revision_tags.c.number.in_(list(numbers))
        )
        .order_by(environment_revision_tags.c.name)
    )
    tags: dict[int, list[str]] = defaultdict(list)
    tags[environment.latest].append(LATEST)
    for row in connection.execute(query):
        tags[row.number].append(row.name)
    return tags


def _select_tags() -> Any:  # noqa: ANN401 - a statement
    return select(environment_revision_tags, users.c.login, users.c.name.label("user_name")).outerjoin(
        users, users.c.id == environment_revision_tags.c.edited_by
    )


def _to_tag(row: Row[Any]) -> RevisionTag:
    return RevisionTag(row.name, row.number, row.created_at, row.modified_at, Editor(row.login or "", row.user_name or ""))


def _to_entry(row: Row[Any], tags: tuple[str, ...]) -> RevisionEntry:
    retraction = None
    if row.retracted_at is not None:
        by = Editor(row.by_login or "", row.by_name or "")
        retraction = Retraction(row.retracted_at, by, row.replacement or 0, row.retract_reason or "")
    applied = AppliedRequest(row.change_request_id, row.description or "") if row.change_request_id is not None else None
    return RevisionEntry(row.number, row.created_at, Editor(row.login or "", row.name or ""), tags, retraction, applied)
