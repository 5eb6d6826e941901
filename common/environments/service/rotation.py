"""Use cases that rotate secrets, and list what was rotated."""

import logging
from dataclasses import dataclass
from datetime import timedelta

import msgspec
from sqlalchemy import Connection

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import Conflict
from common.core.ids import new_id
from common.db.faults import is_contention, unless_taken
from common.db.retry import retry
from common.environments import events, rotations, sessions, steps, world
from common.environments.cipher import EnvironmentCipher
from common.environments.evaluation import EMPTY, LIMITS, InvalidDefinition
from common.environments.events import EventName
from common.environments.gates import OpenGates
from common.environments.language import evaluate
from common.environments.language.environment import to_wire
from common.environments.language.evaluate import Evaluation
from common.environments.language.syntax.diagnostic import Diagnostic, has_errors
from common.environments.model import SUCCEEDED, Environment, EnvironmentPath, RotationRow
from common.environments.repository import rotations as repository
from common.environments.sessions import DURATION_DEFAULT_SECONDS, Session, text_of
from common.environments.world import StoredEnvironments
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission

_LOG = logging.getLogger("stackhold.environments")
HISTORY_LIMIT = 100
# All calls of a rotation end long before; a run that takes longer has lost its process.
_LONGEST = timedelta(minutes=10)
_STOPPED = "the rotation did not finish; the secrets in the latest revision still work"


@dataclass(frozen=True, slots=True)
class Rotated:
    """A rotation that has ended: its record, the session of the opened result, and the problems."""

    record: RotationRow
    session_id: str
    diagnostics: list[Diagnostic]


def rotate(
    backend: Backend, caller: Caller, path: EnvironmentPath, wanted: list[str], *, schedule_id: str | None = None
) -> Rotated:
    """Rotate the secrets at paths, all of them without any, save their new states, and open the environment with them.

    A rotation that a schedule begins has no session, since no client reads it.

    The revision is saved before anything is returned, also when only some secrets could be rotated. BadRequest for a path that is
    not a rotator; InvalidDefinition if nothing could be evaluated; Conflict while another rotation is in progress.
    """
    environment = steps.get(backend, caller, path, Permission.ENVIRONMENT_ROTATE, Permission.ENVIRONMENT_OPEN)
    text = steps.require_revision(environment).definition
    gates = OpenGates(backend, caller, environment.org_id)
    require_gates = gates.require if schedule_id is None else gates.require_for_schedule
    require_gates(environment)
    definition, problems = evaluate.load(path.in_org, text)
    if has_errors(problems):
        raise InvalidDefinition(problems)
    selected = rotations.select(definition, wanted)
    assert definition is not None  # noqa: S101 - it has rotators
    rotations.require_writable(definition, text, selected)
    row = _begin(backend, caller, environment, schedule_id)
    membership = caller.require_member(path.org, missing=missing_org(path.org))
    loader = StoredEnvironments(backend, caller, membership, permission=Permission.ENVIRONMENT_OPEN, gates=gates)
    evaluation: Evaluation | None = None
    try:
        scene = world.make(backend, caller, membership, loader, text_of(DURATION_DEFAULT_SECONDS))
        evaluation = evaluate.rotate(definition, scene, EnvironmentCipher(backend, environment), selected, limits=LIMITS)
        _require_any(evaluation)
        record, session_id = _end(backend, caller, path, row, evaluation, loader)
    except Exception as error:
        _store(backend, caller, environment, rotations.failed(row, evaluation, error, unix_millis(backend.clock.now())))
        raise
    return Rotated(record, session_id, evaluation.diagnostics)


def list_history(backend: Backend, caller: Caller, path: EnvironmentPath) -> list[RotationRow]:
    """Return the newest rotations of an environment."""
    environment = steps.get(backend, caller, path, Permission.ENVIRONMENT_ROTATE_HISTORY)
    with backend.db.connect() as connection:
        return repository.list_newest(connection, environment.id, HISTORY_LIMIT)


def _require_any(evaluation: Evaluation) -> None:
    """Raise InvalidDefinition if there are errors and nothing was rotated; an unexpected error is raised as it is."""
    is_any_rotated = any(rotation.patch is not None for rotation in evaluation.rotations)
    if evaluation.failure is not None:
        if not is_any_rotated:
            raise evaluation.failure
        _LOG.error("an internal error ended a rotation; what was rotated before it is saved", exc_info=evaluation.failure)
    if has_errors(evaluation.diagnostics) and not is_any_rotated:
        raise InvalidDefinition(evaluation.diagnostics)


def _begin(backend: Backend, caller: Caller, environment: Environment, schedule_id: str | None) -> RotationRow:
    now = backend.clock.now()
    row = RotationRow(new_id(), environment.id, caller.user_id, unix_millis(now), environment.latest, schedule_id=schedule_id)

    def begin() -> None:
        with backend.db.begin() as tx:
            repository.end_stale(tx, environment.id, unix_millis(now - _LONGEST), _STOPPED)
            with unless_taken(f"a rotation of environment {environment.path.in_org} is in progress; try again when it has ended"):
                repository.add(tx, row)

    retry(begin)
    return row


def _end(  # noqa: PLR0917 - what is saved, and what it was made with
    backend: Backend,
    caller: Caller,
    path: EnvironmentPath,
    row: RotationRow,
    evaluation: Evaluation,
    loader: StoredEnvironments,
) -> tuple[RotationRow, str]:
    """Save the new states, the record and the session in one transaction. After another write, write to what it saved."""
    key = sessions.service_key(backend)
    result = to_wire(msgspec.structs.replace(evaluation.environment or EMPTY, exprs=None))

    def end() -> tuple[RotationRow, str]:
        environment = steps.get(backend, caller, path, Permission.ENVIRONMENT_ROTATE)
        with backend.db.begin() as tx:
            revision = rotations.write(tx, backend, environment, evaluation, caller.user_id)
            record = rotations.ended(row, evaluation, revision, unix_millis(backend.clock.now()))
            repository.end(tx, record)
            session_id = ""
            if row.schedule_id is None:
                session = Session(environment.org_id, environment.id)
                seconds = loader.capped_seconds(_session_seconds(caller, environment))
                session_id = sessions.add(tx, backend, caller, session, key, result, seconds)
            loader.begin_access(tx)
            _queue_events(tx, backend, caller, environment, record)
            count = sum(rotation.patch is not None for rotation in evaluation.rotations)
            description = f"Rotated {count} secrets of environment {path}"
            audit.record(tx, backend, caller, environment.org_id, Event.ENVIRONMENT_ROTATED, description=description)
        return record, session_id

    return retry(end, when=_may_repeat)


def _session_seconds(caller: Caller, environment: Environment) -> int:
    """Return how long the result can be read, as far as the teams of the caller allow."""
    membership = caller.require_member(environment.path.org, missing=missing_org(environment.path.org))
    limit = steps.open_limit_seconds(caller, membership, environment)
    return min(DURATION_DEFAULT_SECONDS, limit) if limit is not None else DURATION_DEFAULT_SECONDS


def _store(backend: Backend, caller: Caller, environment: Environment, record: RotationRow) -> None:
    def store() -> None:
        with backend.db.begin() as tx:
            repository.end(tx, record)
            # A schedule tells of its failed runs itself, since some do not get here.
            if record.schedule_id is None:
                _queue_events(tx, backend, caller, environment, record)

    retry(store)


def _queue_events(tx: Connection, backend: Backend, caller: Caller, environment: Environment, record: RotationRow) -> None:
    revision = record.revision_after
    if revision is not None:
        events.queue(tx, backend, caller, environment, EventName.REVISION_CREATED, revision=revision)
    name = EventName.ROTATION_SUCCEEDED if record.status == SUCCEEDED else EventName.ROTATION_FAILED
    events.queue(tx, backend, caller, environment, name, revision=revision, error=record.error)


def _may_repeat(error: Exception) -> bool:
    """Tell whether the write is made again: the other system has changed, so what it has now must be saved."""
    return is_contention(error) or (isinstance(error, Conflict) and error.message == steps.CHANGED)
