"""Statements about the data keys of projects."""

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from common.db.faults import is_duplicate
from common.db.tables.stacks import project_keys


@dataclass(frozen=True, slots=True)
class ProjectKey:
    """The data key of a project, wrapped. It is bound to its id."""

    id: str
    wrapped_key: bytes


def find(connection: Connection, org_id: str, project: str) -> ProjectKey | None:
    """Return the key of a project, or None if no value was encrypted for it yet."""
    is_it = (project_keys.c.org_id == org_id, project_keys.c.project == project)
    row = connection.execute(select(project_keys.c.id, project_keys.c.wrapped_key).where(*is_it)).one_or_none()
    return ProjectKey(row.id, row.wrapped_key) if row is not None else None


def add(connection: Connection, org_id: str, project: str, key: ProjectKey, now_millis: int) -> bool:
    """Insert the key of a project in a statement of its own. False if the project has one already."""
    row = {"id": key.id, "org_id": org_id, "project": project, "wrapped_key": key.wrapped_key, "created_at": now_millis}
    try:
        connection.execute(insert(project_keys).values(row))
    except Exception as error:
        if is_duplicate(error):
            return False
        raise
    return True
