"""Use cases that check definitions, open them, and read what was opened."""

from dataclasses import dataclass

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.errors import NotFound
from common.environments import evaluation, opened, sessions, steps, world
from common.environments.cipher import EnvironmentCipher, NoCipher
from common.environments.gates import OpenGates
from common.environments.language.interfaces import ANONYMOUS
from common.environments.language.opened import find_value
from common.environments.language.syntax import path as paths
from common.environments.model import LATEST, EnvironmentPath
from common.environments.sessions import DURATION_DEFAULT_SECONDS, Session, text_of
from common.environments.world import StoredEnvironments
from common.rights.caller import Caller, Membership, missing_org
from common.rights.permissions import Permission

_READ, _OPEN = Permission.ENVIRONMENT_READ, Permission.ENVIRONMENT_OPEN
_DURATION = text_of(DURATION_DEFAULT_SECONDS)


@dataclass(frozen=True, slots=True)
class Document:
    """A definition that is not stored, and the environments that are read in place of those it names (`overrides`, as sent)."""

    text: bytes
    overrides: str | None = None


def check_yaml(backend: Backend, caller: Caller, org: str, document: Document, *, shows_secrets: bool = False) -> bytes:
    """Return what a definition that is not stored evaluates to, as far as it is known; InvalidDefinition if it has errors."""
    membership = _require_yaml(caller, org)
    overrides = world.read_overrides(document.overrides)
    gates = OpenGates(backend, caller, membership.org_id) if shows_secrets else None
    permission = _OPEN if shows_secrets else _READ
    loader = StoredEnvironments(backend, caller, membership, permission=permission, overrides=overrides, gates=gates)
    scene = world.make(backend, caller, membership, loader, _DURATION)
    text = evaluation.unwrapped(document.text)
    checked = evaluation.check(ANONYMOUS, text, scene, NoCipher(), shows_secrets=shows_secrets)
    if gates is not None:
        description = f"Decrypted a definition in organization {membership.login}{loader.describe()}"
        opened.record_decryption(backend, caller, membership.org_id, gates, description)
    return checked.reply()


def open_yaml(backend: Backend, caller: Caller, org: str, document: Document, duration: str | None = None) -> str:
    """Open a definition that is not stored and return the id of the session; InvalidDefinition if it has errors."""
    membership = _require_yaml(caller, org)
    seconds = sessions.seconds_of(duration)
    overrides = world.read_overrides(document.overrides)
    gates = OpenGates(backend, caller, membership.org_id)
    loader = StoredEnvironments(backend, caller, membership, permission=_OPEN, overrides=overrides, gates=gates)
    scene = world.make(backend, caller, membership, loader, text_of(seconds))
    result = evaluation.open_environment(ANONYMOUS, evaluation.unwrapped(document.text), scene, NoCipher())
    session = Session(membership.org_id, None)
    seconds = loader.capped_seconds(seconds)
    description = f"Opened a definition in organization {membership.login}{loader.describe()}"
    return opened.store(backend, caller, session, result, seconds, gates, description)


def read_open_yaml(backend: Backend, caller: Caller, org: str, session_id: str, path: str | None) -> bytes:
    """Return the result of such a session, or the value at a path; NotFound for a session of another kind or user."""
    membership = _require_yaml(caller, org)
    result = sessions.read(backend, caller, Session(membership.org_id, None), session_id)
    return _read(backend, caller, membership.org_id, result, path, f"a definition in organization {membership.login}")


def check(
    backend: Backend, caller: Caller, path: EnvironmentPath, version: str = LATEST, *, shows_secrets: bool = False
) -> bytes:
    """Return what a stored definition evaluates to, as far as it is known before it is opened."""
    needed = (_READ if version == LATEST else Permission.ENVIRONMENT_VERSION_READ, *([_OPEN] if shows_secrets else []))
    environment = steps.get(backend, caller, path, *needed, version=version)
    revision = steps.require_revision(environment, version)
    membership = caller.require_member(path.org, missing=missing_org(path.org))
    gates = OpenGates(backend, caller, environment.org_id) if shows_secrets else None
    if gates is not None:
        gates.require(environment)
    loader = StoredEnvironments(backend, caller, membership, permission=_OPEN if shows_secrets else _READ, gates=gates)
    scene = world.make(backend, caller, membership, loader, _DURATION)
    cipher = EnvironmentCipher(backend, environment)
    checked = evaluation.check(path.in_org, revision.definition, scene, cipher, shows_secrets=shows_secrets)
    if gates is not None:
        description = f"Decrypted revision {revision.number} of environment {path}{loader.describe()}"
        opened.record_decryption(backend, caller, environment.org_id, gates, description)
    return checked.reply()


def open_environment(
    backend: Backend, caller: Caller, path: EnvironmentPath, version: str = LATEST, duration: str | None = None
) -> str:
    """Open a stored definition and return the id of the session.

    BadRequest if opening needs an approval, InvalidDefinition if the definition has errors.
    """
    permission = _OPEN if version == LATEST else Permission.ENVIRONMENT_VERSION_OPEN
    environment = steps.get(backend, caller, path, permission, version=version)
    revision = steps.require_revision(environment, version)
    return opened.open_definition(backend, caller, environment, revision.definition, duration, f"revision {revision.number}")


def read_open(backend: Backend, caller: Caller, path: EnvironmentPath, session_id: str, property_path: str | None) -> bytes:
    """Return the result of an environment's session, or the value at a path; NotFound for any other session."""
    environment = steps.get(backend, caller, path, _OPEN)
    result = sessions.read(backend, caller, Session(environment.org_id, environment.id), session_id)
    return _read(backend, caller, environment.org_id, result, property_path, f"environment {path}")


def _require_yaml(caller: Caller, org: str) -> Membership:
    return caller.require(Permission.ENVIRONMENT_YAML_OPEN, org, missing=missing_org(org))


def _read(  # noqa: PLR0917 - what a reading consists of
    backend: Backend, caller: Caller, org_id: str, result: bytes, path: str | None, subject: str
) -> bytes:
    value: bytes | None = result
    if path:
        try:
            value = find_value(result, paths.parse(path))
        except ValueError:
            value = None
        if value is None:
            raise NotFound(f"the opened environment has no property {path[:100]!a}")
    description = f"Read {'a value' if path else 'the values'} of {subject}, which was opened"
    audit.record_alone(backend, caller, org_id, Event.ENVIRONMENT_OPEN_READ, description=description)
    assert value is not None  # noqa: S101 - decided above
    return value
