"""Steps of a rotation: what it would write is tried before another system changes, and written back after it has."""

from dataclasses import replace

from sqlalchemy import Connection

from common.backend import Backend
from common.core.errors import BackendError, BadRequest, Conflict
from common.core.ids import new_id
from common.environments import steps
from common.environments.cipher import EnvironmentCipher
from common.environments.language import evaluate, secrets, write_back
from common.environments.language.definition import Definition
from common.environments.language.environment import EscValue
from common.environments.language.evaluate import Evaluation
from common.environments.language.rotation import Patch, Rotation, RotationStatus
from common.environments.language.summary import summarize
from common.environments.language.syntax import path as paths
from common.environments.language.write_back import CannotWrite
from common.environments.model import FAILED, SUCCEEDED, Environment, RotatedSecret, RotationRow

# The largest state, as it is written when it is encrypted.
_TRIAL_BYTES = 96 * 1024
# Upstream's word for a rotation that was not begun, because an input of it is not known.
_NOT_EVALUATED = "an input of the rotation could not be evaluated"


def select(definition: Definition | None, wanted: list[str]) -> list[paths.Path]:
    """Return the paths of the rotators to run; BadRequest for a path that is not one, and for a definition without any."""
    calls = [paths.parse(path) for path in summarize(definition).rotation_paths] if definition is not None else []
    if not calls:
        raise BadRequest("the environment has no secrets that can be rotated")
    selected = []
    for text in wanted:
        try:
            path = paths.parse(text)
        except ValueError:
            path = ()
        if path not in calls:
            raise BadRequest(f"{text[:200]!a} is not the path of a secret that can be rotated")
        selected.append(path)
    return selected


def require_writable(definition: Definition, text: bytes, selected: list[paths.Path]) -> None:
    """Raise BadRequest unless a new state can be written for each rotator, before any other system changes."""
    summary = summarize(definition)
    trial = EscValue({"current": EscValue("x" * _TRIAL_BYTES)})
    for path, call in zip(summary.rotation_paths, summary.rotation_calls, strict=True):
        if selected and paths.parse(path) not in selected:
            continue
        try:
            write_back.apply_patches(text, [Patch(call, trial)])
        except CannotWrite as error:
            raise BadRequest(f"the state of {path} cannot be written back: {error}") from None


def write(tx: Connection, backend: Backend, environment: Environment, evaluation: Evaluation, user_id: str) -> int | None:
    """Save a revision with the new states, and return its number; None if nothing was rotated. Conflict after another write."""
    patches = [rotation.patch for rotation in evaluation.rotations if rotation.patch is not None]
    if not patches:
        return None
    name, text = environment.path.in_org, steps.require_revision(environment).definition
    known, _ = evaluate.load(name, text)
    calls = summarize(known).rotation_calls if known is not None else []
    patches = [patch for patch in patches if patch.path in calls]
    if not patches:
        raise Conflict("the secrets that were rotated are not in the definition any more")
    try:
        changed = write_back.apply_patches(text, patches)
    except CannotWrite as error:
        raise Conflict(f"the new state of a secret cannot be written back: {error}") from None
    rewritten = secrets.encrypt(name, changed, EnvironmentCipher(backend, environment))
    definition, _ = evaluate.load(name, rewritten.text)
    if rewritten.diagnostics or definition is None:
        raise Conflict("the definition with the new state of a secret has errors")
    return steps.add_revision(tx, backend, environment, rewritten.text, steps.references_of(definition), user_id)


def ended(row: RotationRow, evaluation: Evaluation, revision: int | None, now_millis: int) -> RotationRow:
    """Return the record of a run that has ended."""
    outcomes = tuple(_outcome(rotation) for rotation in evaluation.rotations)
    all_succeeded = bool(outcomes) and all(outcome.status == RotationStatus.SUCCEEDED.value for outcome in outcomes)
    failures = [f"{outcome.path}: {outcome.error}" for outcome in outcomes if outcome.error]
    if evaluation.failure is not None and not failures:
        failures = ["an internal error"]
    return replace(
        row,
        status=SUCCEEDED if all_succeeded and evaluation.failure is None else FAILED,
        completed_at=now_millis,
        revision_after=revision,
        error="; ".join(failures),
        secrets=outcomes,
    )


def failed(row: RotationRow, evaluation: Evaluation | None, error: Exception, now_millis: int) -> RotationRow:
    """Return the record of a run that an error ended, with the outcomes of the secrets as far as they are known."""
    record = ended(row, evaluation, None, now_millis) if evaluation is not None else replace(row, completed_at=now_millis)
    text = error.detail if isinstance(error, BackendError) else "an internal error"
    return replace(record, status=FAILED, error=record.error or text)


def _outcome(rotation: Rotation) -> RotatedSecret:
    path = rotation.path.removeprefix("values").removeprefix(".")
    error = rotation.diagnostics[0].summary if rotation.diagnostics else ""
    if rotation.status is RotationStatus.NOT_EVALUATED:
        error = _NOT_EVALUATED
    return RotatedSecret(new_id(), path, rotation.status.value, error)
