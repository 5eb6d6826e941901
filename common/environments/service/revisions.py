"""Use cases for the revisions of an environment and their tags."""

from dataclasses import dataclass

from sqlalchemy import Connection

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, Conflict, NotFound
from common.db.faults import unless_taken
from common.db.retry import retry
from common.environments import events, steps
from common.environments.events import EventName
from common.environments.model import (
    LATEST,
    REVISION_TAGS_LIMIT,
    Environment,
    EnvironmentPath,
    Revision,
    RevisionEntry,
    RevisionTag,
    require_revision_tag,
)
from common.environments.repository import environments, revisions
from common.environments.service.overview import Viewed, viewed_by
from common.rights.caller import Caller
from common.rights.permissions import Permission

PAGE_DEFAULT = 100
PAGE_LIMIT = 500
_REASON_LIMIT = 1024
_LARGEST_NUMBER = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class ShownRevision:
    """A revision: its definition as it is stored, with its secrets encrypted, and what is known about it.

    `viewed` has the newest one.
    """

    viewed: Viewed
    definition: bytes
    entry: RevisionEntry


def page_revisions(backend: Backend, caller: Caller, path: EnvironmentPath, before: int, limit: int) -> list[RevisionEntry]:
    """Return revisions, newest first, those with a number below `before` unless that is 0."""
    environment = steps.get(backend, caller, path, Permission.ENVIRONMENT_VERSION_READ)
    with backend.db.connect() as connection:
        return revisions.page(connection, environment, min(before, _LARGEST_NUMBER), _size(limit))


def get_revision(backend: Backend, caller: Caller, path: EnvironmentPath, version: str) -> ShownRevision:
    """Return a revision by its number or a tag; the audit log records that its definition was read."""
    with backend.db.connect() as connection:
        newest = steps.load(connection, caller, path, Permission.ENVIRONMENT_VERSION_READ)
        revision = steps.require_revision(steps.load(connection, caller, path, version=version), version)
        entry = revisions.get_entry(connection, newest, revision.number)
    description = f"Read revision {revision.number} of environment {path}"
    audit.record_alone(backend, caller, newest.org_id, Event.ENVIRONMENT_READ, description=description)
    return ShownRevision(viewed_by(caller, newest), revision.definition, entry)


def compare(backend: Backend, caller: Caller, path: EnvironmentPath, before: str, after: str) -> tuple[Revision, Revision]:
    """Return two revisions, each by its number or a tag; the audit log records that both were read, in one record."""
    with backend.db.connect() as connection:
        loaded = [
            steps.load(connection, caller, path, Permission.ENVIRONMENT_VERSION_READ, version=name) for name in (before, after)
        ]
    old, new = (steps.require_revision(one, name) for one, name in zip(loaded, (before, after), strict=True))
    described = f"revisions {old.number} and {new.number}" if old.number != new.number else f"revision {old.number}"
    description = f"Read {described} of environment {path}"
    audit.record_alone(backend, caller, loaded[0].org_id, Event.ENVIRONMENT_READ, description=description)
    return old, new


def retract(  # noqa: PLR0917 - what the call says
    backend: Backend, caller: Caller, path: EnvironmentPath, version: str, replacement: int | None, reason: str
) -> None:
    """Make a revision unusable; its tags move to the replacement, by default the newest usable revision before it.

    BadRequest for the latest revision, and for a replacement that cannot be used.
    """
    environment = steps.get(backend, caller, path, Permission.ENVIRONMENT_VERSION_RETRACT, version=version)
    revision = steps.require_revision(environment, version)
    if len(reason) > _REASON_LIMIT:
        raise BadRequest(f"a reason may have at most {_REASON_LIMIT:,} characters")

    def record() -> None:
        with backend.db.begin() as tx:
            latest = environments.lock(tx, environment)
            if revision.number == latest:
                raise BadRequest("the latest revision cannot be retracted; save another one first")
            number = replacement or revisions.find_usable_before(tx, environment.id, revision.number) or latest or 0
            if number == revision.number or not _is_usable(tx, environment, number):
                raise BadRequest(f"revision {number} of environment {path.in_org} cannot replace the retracted one")
            now_millis = unix_millis(backend.clock.now())
            if not revisions.retract(tx, environment.id, revision.number, number, reason, caller.user_id, now_millis):
                raise Conflict(f"revision {revision.number} of environment {path.in_org} was retracted already")
            description = f"Retracted revision {revision.number} of environment {path}"
            audit.record(tx, backend, caller, environment.org_id, Event.ENVIRONMENT_RETRACTED, description=description)
            events.queue(tx, backend, caller, environment, EventName.REVISION_RETRACTED, revision=revision.number)

    retry(record)


def page_tags(  # noqa: PLR0917 - what a listing is narrowed to
    backend: Backend, caller: Caller, path: EnvironmentPath, after: str, limit: int, version: str | None = None
) -> tuple[list[RevisionTag], str]:
    """Return a page of revision tags by name, `latest` among them, and the name after which the next page begins, or ""."""
    permission = Permission.ENVIRONMENT_VERSION_READ
    environment = steps.get(backend, caller, path, permission, version=version or LATEST)
    number = steps.require_revision(environment, version).number if version is not None else None
    size = _size(limit)
    with backend.db.connect() as connection:
        rows = revisions.page_tags(connection, environment.id, after, size + 1, number=number)
        if after < LATEST and number in (None, environment.latest):
            rows = sorted([*rows, revisions.find_latest_tag(connection, environment)], key=lambda tag: tag.name)
    page = rows[:size]
    return page, page[-1].name if len(rows) > size else ""


def get_tag(backend: Backend, caller: Caller, path: EnvironmentPath, name: str) -> RevisionTag:
    """Return a revision tag; NotFound if no tag has that name."""
    environment = steps.get(backend, caller, path, Permission.ENVIRONMENT_VERSION_READ)
    with backend.db.connect() as connection:
        if name == LATEST:
            return revisions.find_latest_tag(connection, environment)
        tag = revisions.find_tag(connection, environment.id, name)
    if tag is None:
        raise _missing_tag(path, name)
    return tag


def create_tag(backend: Backend, caller: Caller, path: EnvironmentPath, name: str, number: int | None) -> None:
    """Tag a revision, the latest one unless a number is given; Conflict if there is a tag of that name."""
    environment = steps.get(backend, caller, path, Permission.ENVIRONMENT_VERSION_CREATE)
    require_revision_tag(name)

    def record() -> None:
        with backend.db.begin() as tx:
            latest = environments.lock(tx, environment)
            target = number or latest or 0
            if not _is_usable(tx, environment, target):
                raise _missing_revision(path, target)
            if len(revisions.page_tags(tx, environment.id, "", REVISION_TAGS_LIMIT)) >= REVISION_TAGS_LIMIT:
                raise BadRequest(f"an environment may have at most {REVISION_TAGS_LIMIT:,} revision tags; delete some first")
            with unless_taken(f"environment {path.in_org} already has a revision tag {name}"):
                revisions.add_tag(tx, environment.id, name, target, caller.user_id, unix_millis(backend.clock.now()))
            description = f"Tagged revision {target} of environment {path} as {name}"
            audit.record(tx, backend, caller, environment.org_id, Event.ENVIRONMENT_REVISION_TAG_CREATED, description=description)
            events.queue(tx, backend, caller, environment, EventName.REVISION_TAG_CREATED, tag=name, revision=target)

    retry(record)


def update_tag(backend: Backend, caller: Caller, path: EnvironmentPath, name: str, number: int | None) -> None:
    """Move a revision tag, to the latest revision unless a number is given; NotFound if no tag has that name."""
    environment = steps.get(backend, caller, path, Permission.ENVIRONMENT_VERSION_UPDATE)
    require_revision_tag(name)

    def record() -> None:
        with backend.db.begin() as tx:
            latest = environments.lock(tx, environment)
            target = number or latest or 0
            if not _is_usable(tx, environment, target):
                raise _missing_revision(path, target)
            if not revisions.update_tag(tx, environment.id, name, target, caller.user_id, unix_millis(backend.clock.now())):
                raise _missing_tag(path, name)
            description = f"Moved revision tag {name} of environment {path} to revision {target}"
            audit.record(tx, backend, caller, environment.org_id, Event.ENVIRONMENT_REVISION_TAG_UPDATED, description=description)
            events.queue(tx, backend, caller, environment, EventName.REVISION_TAG_UPDATED, tag=name, revision=target)

    retry(record)


def delete_tag(backend: Backend, caller: Caller, path: EnvironmentPath, name: str) -> None:
    """Delete a revision tag; NotFound if no tag has that name."""
    environment = steps.get(backend, caller, path, Permission.ENVIRONMENT_VERSION_DELETE)
    require_revision_tag(name)

    def record() -> None:
        with backend.db.begin() as tx:
            tag = revisions.find_tag(tx, environment.id, name)
            if tag is None or not revisions.delete_tag(tx, environment.id, name):
                raise _missing_tag(path, name)
            description = f"Deleted revision tag {name} of environment {path}"
            audit.record(tx, backend, caller, environment.org_id, Event.ENVIRONMENT_REVISION_TAG_DELETED, description=description)
            events.queue(tx, backend, caller, environment, EventName.REVISION_TAG_DELETED, tag=name, revision=tag.number)

    retry(record)


def _is_usable(tx: Connection, environment: Environment, number: int) -> bool:
    # The database refuses numbers that are too large for it.
    return 0 < number <= _LARGEST_NUMBER and revisions.is_usable(tx, environment.id, number)


def _size(limit: int) -> int:
    return min(max(limit, 1), PAGE_LIMIT)


def _missing_tag(path: EnvironmentPath, name: str) -> NotFound:
    return NotFound(f"revision tag {name[:100]!a} of environment {path.in_org} not found")


def _missing_revision(path: EnvironmentPath, number: int) -> NotFound:
    return NotFound(f"revision {number} of environment {path.in_org} not found")
