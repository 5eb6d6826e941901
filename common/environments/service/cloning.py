"""The use case that copies an environment. The copy has a key of its own, so its secrets are encrypted again."""

from dataclasses import dataclass

from sqlalchemy import Connection

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.ids import new_id
from common.db.retry import retry
from common.environments import events, gates, steps
from common.environments.cipher import EnvironmentCipher
from common.environments.events import EventName
from common.environments.language.reencrypt import reencrypt
from common.environments.model import (
    LATEST,
    REVISION_TAGS_LIMIT,
    TAGS_LIMIT,
    Environment,
    EnvironmentPath,
    Revision,
    require_names,
)
from common.environments.model import Tag as EnvironmentTag
from common.environments.repository import environments, revisions, tags
from common.people.teams import environment_grants
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission


@dataclass(frozen=True, slots=True)
class CloneRequest:
    """The copy's names, the revision to copy (None: the latest), and what else is copied. An empty project keeps it."""

    project: str
    name: str
    version: int | None = None
    keeps_history: bool = False
    keeps_access: bool = False
    keeps_tags: bool = False
    keeps_revision_tags: bool = False


def clone(backend: Backend, caller: Caller, path: EnvironmentPath, request: CloneRequest) -> None:
    """Copy an environment within its organization; Conflict if there is one of that name.

    BadRequest if opening it needs an approval, since the copy belongs to the caller, or if a change of the copy would need one.
    """
    version = str(request.version) if request.version else LATEST
    # The copy belongs to the caller, who can open it.
    needed = [Permission.ENVIRONMENT_CLONE, Permission.ENVIRONMENT_OPEN]
    if request.version or request.keeps_history:
        needed.append(Permission.ENVIRONMENT_VERSION_OPEN)
    if request.keeps_access:
        needed.append(Permission.ENVIRONMENT_ACCESS_UPDATE)
    source = steps.get(backend, caller, path, *needed, version=version)
    revision = steps.require_revision(source, version)
    open_gates = gates.OpenGates(backend, caller, source.org_id)
    open_gates.require(source)
    membership = caller.require(Permission.ENVIRONMENT_CREATE, path.org, missing=missing_org(path.org))
    target = EnvironmentPath(path.org, request.project or path.project, request.name)
    require_names(target.project, target.name)
    copy = steps.new_environment(backend, target, membership, caller.user_id)

    def record() -> None:
        with backend.db.begin() as tx:
            gates.require_no_update_gate(tx, copy.org_id, target)
            open_gates.begin_access(tx)
            if request.keeps_history:
                _copy_history(tx, backend, source, copy)
            else:
                _copy_revision(tx, backend, source, revision, copy, caller)
            _copy_attributes(tx, backend, source, revision, copy, request)
            description = f"Copied environment {path} to {target}"
            audit.record(tx, backend, caller, copy.org_id, Event.ENVIRONMENT_CLONED, description=description)
            events.queue(tx, backend, caller, copy, EventName.CREATED)

    retry(record)


def _copy_revision(  # noqa: PLR0917 - what a copy consists of
    tx: Connection, backend: Backend, source: Environment, revision: Revision, copy: Environment, caller: Caller
) -> None:
    definition = reencrypt(revision.definition, EnvironmentCipher(backend, source), EnvironmentCipher(backend, copy))
    references = revisions.list_references(tx, source.id, revision.number)
    steps.add(tx, backend, copy, definition, references, caller.user_id)


def _copy_history(tx: Connection, backend: Backend, source: Environment, copy: Environment) -> None:
    """Copy every revision with its number, author, time and retraction."""
    old, new = EnvironmentCipher(backend, source), EnvironmentCipher(backend, copy)
    for row in revisions.list_all(tx, source.id):
        references = revisions.list_references(tx, source.id, row.number)
        text = reencrypt(row.definition, old, new)
        if row.number == 1:
            steps.add(tx, backend, copy, text, references, row.created_by)
        else:
            environments.advance(tx, copy.id, row.number, row.created_at)
            revisions.add(tx, copy.id, row.number, text, row.created_by, row.created_at)
            revisions.add_references(tx, copy.id, row.number, references)
        if row.retracted_at is not None:
            revisions.retract(tx, copy.id, row.number, row.replacement, row.retract_reason, row.retracted_by, row.retracted_at)


def _copy_attributes(  # noqa: PLR0917 - what a copy consists of
    tx: Connection, backend: Backend, source: Environment, revision: Revision, copy: Environment, request: CloneRequest
) -> None:
    now_millis = unix_millis(backend.clock.now())
    if request.keeps_access:
        environment_grants.copy(
            tx, copy.org_id, (source.path.project, source.path.name), (copy.path.project, copy.path.name), now_millis
        )
    if request.keeps_tags:
        for tag in tags.page(tx, source.id, "", TAGS_LIMIT):
            made = EnvironmentTag(new_id(), tag.name, tag.value, now_millis, now_millis, tag.editor)
            tags.add(tx, copy.id, made, copy.owner_id)
    if request.keeps_revision_tags:
        # Without the history there is one revision, and its tags are those of the revision that it was.
        only = None if request.keeps_history else revision.number
        for revision_tag in revisions.page_tags(tx, source.id, "", REVISION_TAGS_LIMIT, number=only):
            number = revision_tag.number if request.keeps_history else 1
            revisions.add_tag(tx, copy.id, revision_tag.name, number, copy.owner_id, now_millis)
