"""Use cases for the tags of an environment."""

from dataclasses import replace

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, Conflict, NotFound
from common.core.ids import new_id
from common.db.faults import unless_taken
from common.db.retry import retry
from common.environments import events, steps
from common.environments.events import EventName
from common.environments.model import TAGS_LIMIT, Editor, EnvironmentPath, Tag, require_tag
from common.environments.repository import environments, tags
from common.rights.caller import Caller
from common.rights.permissions import Permission

PAGE_DEFAULT = 100
PAGE_LIMIT = 500


def page_tags(backend: Backend, caller: Caller, path: EnvironmentPath, after: str, limit: int) -> tuple[list[Tag], str | None]:
    """Return a page of tags by name, and the name after which the next page begins, or None."""
    environment = steps.get(backend, caller, path, Permission.ENVIRONMENT_TAG_READ)
    size = min(max(limit, 1), PAGE_LIMIT)
    with backend.db.connect() as connection:
        rows = tags.page(connection, environment.id, after, size + 1)
    page = rows[:size]
    return page, page[-1].name if len(rows) > size else None


def get_tag(backend: Backend, caller: Caller, path: EnvironmentPath, name: str) -> Tag:
    """Return a tag; NotFound if the environment has none of that name."""
    environment = steps.get(backend, caller, path, Permission.ENVIRONMENT_TAG_READ)
    with backend.db.connect() as connection:
        tag = tags.find(connection, environment.id, name)
    if tag is None:
        raise _missing(path, name)
    return tag


def create_tag(backend: Backend, caller: Caller, path: EnvironmentPath, name: str, value: str) -> Tag:
    """Add a tag and return it; Conflict if the environment has one of that name."""
    environment = steps.get(backend, caller, path, Permission.ENVIRONMENT_TAG_CREATE)
    require_tag(name, value)
    now_millis = unix_millis(backend.clock.now())
    tag = Tag(new_id(), name, value, now_millis, now_millis, Editor(caller.login, caller.name))

    def record() -> None:
        with backend.db.begin() as tx:
            environments.lock(tx, environment)
            if tags.count(tx, environment.id) >= TAGS_LIMIT:
                raise BadRequest(f"an environment may have at most {TAGS_LIMIT} tags")
            with unless_taken(f"environment {path.in_org} already has a tag {name}"):
                tags.add(tx, environment.id, tag, caller.user_id)
            description = f"Added tag {name} to environment {path}"
            audit.record(tx, backend, caller, environment.org_id, Event.ENVIRONMENT_TAG_CREATED, description=description)
            events.queue(tx, backend, caller, environment, EventName.TAG_CREATED, tag=name)

    retry(record)
    return tag


def update_tag(  # noqa: PLR0917 - what the call says
    backend: Backend, caller: Caller, path: EnvironmentPath, name: str, current_value: str | None, new_name: str, new_value: str
) -> Tag:
    """Change the name and the value of a tag, an empty text keeps it, and return the tag.

    NotFound if the environment has none of that name, Conflict if its value is not `current_value` or the new name is taken.
    """
    environment = steps.get(backend, caller, path, Permission.ENVIRONMENT_TAG_UPDATE)

    def record() -> Tag:
        with backend.db.begin() as tx:
            environments.lock(tx, environment)
            tag = tags.find(tx, environment.id, name)
            if tag is None:
                raise _missing(path, name)
            editor, now_millis = Editor(caller.login, caller.name), unix_millis(backend.clock.now())
            changed = replace(tag, name=new_name or name, value=new_value or tag.value, modified_at=now_millis, editor=editor)
            require_tag(changed.name, changed.value)
            if current_value is not None and current_value != tag.value:
                raise Conflict(f"the value of tag {name} of environment {path.in_org} has changed")
            with unless_taken(f"environment {path.in_org} already has a tag {changed.name}"):
                if not tags.replace(tx, environment.id, tag, changed, caller.user_id):
                    raise Conflict(f"tag {name} of environment {path.in_org} has changed")
            description = f"Changed tag {name} of environment {path}"
            audit.record(tx, backend, caller, environment.org_id, Event.ENVIRONMENT_TAG_UPDATED, description=description)
            events.queue(tx, backend, caller, environment, EventName.TAG_UPDATED, tag=changed.name)
            return changed

    return retry(record)


def delete_tag(backend: Backend, caller: Caller, path: EnvironmentPath, name: str) -> None:
    """Delete a tag; NotFound if the environment has none of that name."""
    environment = steps.get(backend, caller, path, Permission.ENVIRONMENT_TAG_DELETE)

    def record() -> None:
        with backend.db.begin() as tx:
            if not tags.delete(tx, environment.id, name):
                raise _missing(path, name)
            description = f"Deleted tag {name} of environment {path}"
            audit.record(tx, backend, caller, environment.org_id, Event.ENVIRONMENT_TAG_DELETED, description=description)
            events.queue(tx, backend, caller, environment, EventName.TAG_DELETED, tag=name)

    retry(record)


def _missing(path: EnvironmentPath, name: str) -> NotFound:
    return NotFound(f"tag {name[:100]!a} of environment {path.in_org} not found")
