"""Rotates secrets of environments, and lists the rotations."""

from fastapi import APIRouter, Response
from msgspec import UNSET

from common.environments.model import RotationRow
from common.environments.service import rotation
from common.wire import environments as wire
from functions.api.environments.shapes import EnvironmentPathDep, time
from functions.http.bodies import BodyDep
from functions.http.deps import BackendDep, CallerDep, reply

router = APIRouter()
_E = "/api/esc/environments/{org}/{project}/{environment}"


@router.post(f"{_E}/rotate")
def rotate_environment(backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep, body: BodyDep) -> Response:
    request = body.decode(wire.RotateEnvironmentRequest)
    rotated = rotation.rotate(backend, caller, path, request.wanted)
    return reply(wire.RotateEnvironmentResponse(rotated.session_id, _event(rotated.record), list(rotated.diagnostics) or UNSET))


@router.get(f"{_E}/rotate/history")
def list_environment_secret_rotation_history(backend: BackendDep, caller: CallerDep, path: EnvironmentPathDep) -> Response:
    events = [_event(row) for row in rotation.list_history(backend, caller, path)]
    return reply(wire.ListEnvironmentSecretRotationHistoryResponse(events))


def _event(row: RotationRow) -> wire.SecretRotationEvent:
    return wire.SecretRotationEvent(
        id=row.id,
        environment_id=row.environment_id,
        created=time(row.created_at),
        user_id=row.user_id,
        pre_rotation_revision=row.revision_before,
        status=row.status,
        rotations=[wire.SecretRotation(secret.id, secret.path, secret.status, secret.error or UNSET) for secret in row.secrets],
        completed=time(row.completed_at) if row.completed_at is not None else UNSET,
        post_rotation_revision=row.revision_after if row.revision_after is not None else UNSET,
        scheduled_action_id=row.schedule_id or UNSET,
        error_message=row.error or UNSET,
    )
