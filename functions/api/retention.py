"""The retention policy of an organization: our own addition to the API."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.stacks.retention import service
from common.stacks.retention.model import RetentionPolicy
from common.wire import retention as wire
from functions.http.bodies import BodyDep
from functions.http.deps import BackendDep, CallerDep, reply

router = APIRouter()
_RETENTION = "/api/orgs/{org}/retention"


@router.get(_RETENTION)
def get_retention_policy(backend: BackendDep, caller: CallerDep, org: str) -> Response:
    return _reply(service.get_policy(backend, caller, org))


@router.put(_RETENTION)
def put_retention_policy(backend: BackendDep, caller: CallerDep, org: str, body: BodyDep) -> Response:
    request = body.decode(wire.RetentionPolicy)
    return _reply(service.update_policy(backend, caller, org, RetentionPolicy.parse(request.keep, request.count)))


@router.get(f"{_RETENTION}/preview")
def preview_retention_policy(
    backend: BackendDep, caller: CallerDep, org: str, keep: Annotated[str, Query()], count: Annotated[int, Query()] = 0
) -> Response:
    preview = service.preview(backend, caller, org, RetentionPolicy.parse(keep, count))
    policy = preview.policy
    return reply(
        wire.RetentionPreview(
            policy.keep, policy.count, preview.versions, preview.stacks, preview.size_bytes, preview.is_estimate
        )
    )


def _reply(policy: RetentionPolicy) -> Response:
    return reply(wire.RetentionPolicy(policy.keep.value, policy.count))
