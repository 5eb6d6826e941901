"""Comparing, restoring and repairing versions of a stack's state: our own additions to the API."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Response

from common.core.errors import BadRequest
from common.stacks.comparison import service as comparison
from common.stacks.comparison.service import ComparedVersion, Comparison
from common.stacks.model import StackPath, VersionReference
from common.stacks.state import service as state
from common.wire import comparison as wire
from common.wire.stacks import ImportStackResponse
from functions.http.deps import BackendDep, CallerDep, StackPathDep, reply

router = APIRouter()
_STACK = "/api/stacks/{org}/{project}/{stack}"
_PARTS = 3


@router.get(f"{_STACK}/compare")
def compare_versions(
    backend: BackendDep,
    caller: CallerDep,
    path: StackPathDep,
    before: Annotated[str | None, Query(alias="from")] = None,
    after: Annotated[str, Query(alias="to")] = "latest",
    other: Annotated[str | None, Query(alias="fromStack")] = None,
) -> Response:
    result = comparison.compare(
        backend,
        caller,
        path,
        VersionReference.parse(after),
        before=VersionReference.parse(before) if before is not None else None,
        other=_stack(other) if other is not None else None,
    )
    return reply(_comparison(result))


@router.get(f"{_STACK}/versions/{{reference}}")
def find_stack_version(backend: BackendDep, caller: CallerDep, path: StackPathDep, reference: str) -> Response:
    return reply(_version(comparison.find_version(backend, caller, path, VersionReference.parse(reference))))


@router.post(f"{_STACK}/versions/{{version}}/restore")
def restore_stack_version(backend: BackendDep, caller: CallerDep, path: StackPathDep, version: int) -> Response:
    return reply(ImportStackResponse(state.restore_version(backend, caller, path, version)))


@router.get(f"{_STACK}/repair")
def plan_state_repair(
    backend: BackendDep, caller: CallerDep, path: StackPathDep, version: Annotated[str, Query()] = "latest"
) -> Response:
    _found, number, plan = state.plan_repair(backend, caller, path, VersionReference.parse(version))
    steps = [wire.RepairStep(step.kind, step.urn, step.text) for step in plan.steps]
    return reply(wire.StateRepair(number, plan.error or "", steps, plan.remaining or "", plan.text is not None))


@router.post(f"{_STACK}/repair")
def repair_state(backend: BackendDep, caller: CallerDep, path: StackPathDep) -> Response:
    return reply(ImportStackResponse(state.repair_state(backend, caller, path)))


def _stack(text: str) -> StackPath:
    parts = text.split("/")
    if len(parts) != _PARTS or not all(parts):
        raise BadRequest(f"{text[:300]!a} is not a stack: write organization/project/stack")
    return StackPath(*parts)


def _version(version: ComparedVersion) -> wire.ComparedVersion:
    return wire.ComparedVersion(str(version.stack.path), version.number, version.at // 1000)


def _comparison(result: Comparison) -> wire.StateComparison:
    states = result.states
    return wire.StateComparison(
        _version(result.before),
        _version(result.after),
        {str(change): count for change, count in states.counts().items()},
        states.unchanged,
        msgspec.convert(states.resources, list[wire.ResourceDifference], from_attributes=True),
        msgspec.convert(result.config, list[wire.PropertyDifference], from_attributes=True),
    )
