"""Rows of the tags of environments."""

from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy import delete as delete_from

from common.db.tables.environments import environment_tags
from common.db.tables.people import users
from common.environments.model import Editor, Tag


def page(connection: Connection, environment_id: str, after: str, limit: int) -> list[Tag]:
    """Return tags by name, after a name."""
    query = (
        _select()
        .where(environment_tags.c.environment_id == environment_id, environment_tags.c.name > after)
        .order_by(environment_tags.c.name)
        .limit(limit)
    )
    return [_to_tag(row) for row in connection.execute(query)]


def find(connection: Connection, environment_id: str, name: str) -> Tag | None:
    """Return a tag, or None."""
    query = _select().where(environment_tags.c.environment_id == environment_id, environment_tags.c.name == name)
    row = connection.execute(query).one_or_none()
    return _to_tag(row) if row is not None else None


def count(tx: Connection, environment_id: str) -> int:
    """Return how many tags an environment has."""
    return tx.scalar(select(func.count()).where(environment_tags.c.environment_id == environment_id)) or 0


def add(tx: Connection, environment_id: str, tag: Tag, user_id: str) -> None:
    """Insert a tag; IntegrityError for a name that there is."""
    tx.execute(
        insert(environment_tags).values(
            environment_id=environment_id,
            name=tag.name,
            id=tag.id,
            value=tag.value,
            edited_by=user_id,
            created_at=tag.created_at,
            modified_at=tag.modified_at,
        )
    )


def replace(tx: Connection, environment_id: str, old: Tag, new: Tag, user_id: str) -> bool:
    """Change the name and value of a tag; False if it changed since it was read. IntegrityError for a name that there is."""
    as_read = (
        environment_tags.c.environment_id == environment_id,
        environment_tags.c.name == old.name,
        environment_tags.c.value == old.value,
    )
    values = {"name": new.name, "value": new.value, "edited_by": user_id, "modified_at": new.modified_at}
    return tx.execute(update(environment_tags).where(*as_read).values(values)).rowcount == 1


def delete(tx: Connection, environment_id: str, name: str) -> bool:
    """Delete a tag; False for a tag that does not exist."""
    is_it = (environment_tags.c.environment_id == environment_id, environment_tags.c.name == name)
    return tx.execute(delete_from(environment_tags).where(*is_it)).rowcount == 1


def _select() -> Any:  # noqa: ANN401 - a statement
    return select(environment_tags, users.c.login, users.c.name.label("user_name")).outerjoin(
        users, users.c.id == environment_tags.c.edited_by
    )


def _to_tag(row: Row[Any]) -> Tag:
    editor = Editor(row.login or "", row.user_name or "")
    return Tag(row.id, row.name, row.value, row.created_at, row.modified_at, editor)
