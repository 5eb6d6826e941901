"""Use cases for environments and their definitions."""

from dataclasses import dataclass

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.errors import BadRequest, Conflict
from common.db.faults import is_contention
from common.db.retry import retry
from common.environments import evaluation, events, gates, opened, removal, steps
from common.environments.cipher import EnvironmentCipher
from common.environments.evaluation import InvalidDefinition
from common.environments.events import EventName
from common.environments.language import secrets
from common.environments.language.envelope import InvalidEnvelope
from common.environments.language.interfaces import WorldError
from common.environments.language.syntax.diagnostic import Diagnostic
from common.environments.model import LATEST, EnvironmentPath, require_names
from common.environments.preparation import prepare
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission


@dataclass(frozen=True, slots=True)
class StoredDefinition:
    """The text of a revision, and what identifies it."""

    text: bytes
    number: int
    etag: str


@dataclass(frozen=True, slots=True)
class SavedRevision:
    """A revision that was saved, and the warnings about its definition."""

    number: int
    etag: str
    warnings: list[Diagnostic]


def create(backend: Backend, caller: Caller, org: str, project: str, name: str) -> None:
    """Create an environment with an empty definition; Conflict if there is one of that name."""
    membership = caller.require(Permission.ENVIRONMENT_CREATE, org, missing=missing_org(org))
    require_names(project, name)
    path = EnvironmentPath(membership.login, project, name)
    environment = steps.new_environment(backend, path, membership, caller.user_id)

    def record() -> None:
        with backend.db.begin() as tx:
            steps.add(tx, backend, environment, b"", (), caller.user_id)
            description = f"Created environment {path}"
            audit.record(tx, backend, caller, environment.org_id, Event.ENVIRONMENT_CREATED, description=description)
            events.queue(tx, backend, caller, environment, EventName.CREATED)

    retry(record)


def get(backend: Backend, caller: Caller, path: EnvironmentPath, version: str = LATEST) -> StoredDefinition:
    """Return a definition as it is stored, byte for byte, with its secrets encrypted."""
    permission = Permission.ENVIRONMENT_READ if version == LATEST else Permission.ENVIRONMENT_VERSION_READ
    environment = steps.get(backend, caller, path, permission, version=version)
    revision = steps.require_revision(environment, version)
    description = f"Read revision {revision.number} of environment {path}"
    audit.record_alone(backend, caller, environment.org_id, Event.ENVIRONMENT_READ, description=description)
    return StoredDefinition(revision.definition, revision.number, environment.etag(revision.number))


def find_head(backend: Backend, caller: Caller, path: EnvironmentPath) -> StoredDefinition:
    """Return what identifies the newest revision of an environment, without its text."""
    environment = steps.get(backend, caller, path, Permission.ENVIRONMENT_READ)
    return StoredDefinition(b"", environment.latest, environment.etag(environment.latest))


def decrypt(backend: Backend, caller: Caller, path: EnvironmentPath, version: str = LATEST) -> StoredDefinition:
    """Return a definition with its secrets in clear."""
    permission = Permission.ENVIRONMENT_OPEN if version == LATEST else Permission.ENVIRONMENT_VERSION_OPEN
    environment = steps.get(backend, caller, path, permission, version=version)
    revision = steps.require_revision(environment, version)
    open_gates = gates.OpenGates(backend, caller, environment.org_id)
    open_gates.require(environment)
    try:
        rewritten = secrets.decrypt(path.in_org, revision.definition, EnvironmentCipher(backend, environment))
    except (WorldError, InvalidEnvelope) as error:
        raise BadRequest(f"a secret of environment {path.in_org} cannot be decrypted: {error}") from None
    if rewritten.diagnostics:
        raise InvalidDefinition(rewritten.diagnostics)
    description = f"Decrypted revision {revision.number} of environment {path}"
    opened.record_decryption(backend, caller, environment.org_id, open_gates, description)
    return StoredDefinition(rewritten.text, revision.number, environment.etag(revision.number))


def update(
    backend: Backend, caller: Caller, path: EnvironmentPath, text: bytes, precondition: str | None = None
) -> SavedRevision:
    """Check a definition, encrypt its secrets and save it as the next revision.

    The precondition is the entity tag of the revision that the caller changed. InvalidDefinition if the definition has errors,
    or imports what the caller may not open, and BadRequest if changes need an approval. Conflict if the precondition does not
    hold; without one the last writer wins.
    """
    text = evaluation.unwrapped(text)

    def save() -> SavedRevision:
        environment = steps.get(backend, caller, path, Permission.ENVIRONMENT_WRITE)
        steps.require_unchanged(environment, precondition)
        checked, stored = prepare(backend, caller, environment, text)
        with backend.db.begin() as tx:
            gates.require_no_update_gate(tx, environment.org_id, environment.path)
            references = steps.references_of(checked.definition)
            number = steps.add_revision(tx, backend, environment, stored, references, caller.user_id)
            description = f"Saved revision {number} of environment {path}"
            audit.record(tx, backend, caller, environment.org_id, Event.ENVIRONMENT_UPDATED, description=description)
            events.queue(tx, backend, caller, environment, EventName.REVISION_CREATED, revision=number)
        return SavedRevision(number, environment.etag(number), checked.warnings)

    return retry(save, when=lambda error: _may_repeat(error, precondition))


def delete(backend: Backend, caller: Caller, path: EnvironmentPath) -> None:
    """Delete an environment, so that its name is free; it can be restored for a while. Conflict if it is protected."""
    environment = steps.get(backend, caller, path, Permission.ENVIRONMENT_DELETE)

    def record() -> None:
        with backend.db.begin() as tx:
            removal.delete(tx, backend, caller, environment)

    retry(record)


def _may_repeat(error: Exception, precondition: str | None) -> bool:
    """Tell whether a write that lost to another one is made again: without a precondition the last writer wins."""
    is_lost = isinstance(error, Conflict) and error.message == steps.CHANGED
    return is_contention(error) or (is_lost and precondition in (None, "", "*"))


def require_permission(backend: Backend, caller: Caller, path: EnvironmentPath, permission: Permission) -> None:
    """Raise NotFound for an environment that does not exist or is hidden, Forbidden if the caller lacks the permission on it."""
    steps.get(backend, caller, path, permission)
