"""What upstream's console asks for beside the other groups (platform.md 14, 16)."""

from typing import Any

from fastapi import APIRouter, Response

from common.backend import Backend
from common.core.errors import BadRequest
from common.rights.caller import Caller
from common.stacks.model import Status
from common.stacks.overview import service as overview
from common.stacks.overview.facts import summary_of
from common.stacks.overview.service import StackFilter, StackSummary
from common.stacks.service import sharing
from common.stacks.state import service as state
from common.stacks.updates.service import history
from common.wire.console import (
    ConsoleUpdateSummary,
    GridFilter,
    GridRequest,
    GridRows,
    ListMemberStackPermissionsResponse,
    StackOverviewResponse,
    TeamPermission,
)
from common.wire.roles import Person
from common.wire.stacks import StackReference, StackResources
from common.wire.teams import Team
from functions.http.bodies import BodyDep
from functions.http.deps import BackendDep, CallerDep, StackPathDep, reply
from functions.http.shapes import resource_info, result_of

router = APIRouter()
_STACK = "/api/console/stacks/{org}/{project}/{stack}"
_ORG = "/api/console/orgs/{org}"
ROWS_LIMIT, ROWS_DEFAULT = 1000, 100
START_LIMIT = 10_000_000
_STATUSES = {status.value: status for status in (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.RUNNING)}
# Columns of the grid that can be filtered by, with the one comparison that each understands.
_COMPARISONS = {"stackName": "contains", "projectName": "equals", "owner": "equals", "result": "equals", "tag": "equals"}


@router.get(f"{_STACK}/overview")
def get_stack_overview(backend: BackendDep, caller: CallerDep, path: StackPathDep) -> Response:
    found = state.get_overview(backend, caller, path)
    references = [StackReference(to.org, to.project, to.name, version) for to, version in found.references]
    resources = [resource_info(resource.text) for resource in found.resources]
    return reply(StackOverviewResponse(found.stack.tags, references, StackResources(resources, "", found.stack.latest.version)))


@router.get(f"{_STACK}/updates/latest/summary")
def get_latest_update_summary(backend: BackendDep, caller: CallerDep, path: StackPathDep) -> Response:
    _stack, entry = history.get_version(backend, caller, path, None)
    return reply(ConsoleUpdateSummary(summary_of(entry)))


@router.get(f"{_STACK}/updates/{{update_id}}/summary")
def get_update_summary(backend: BackendDep, caller: CallerDep, path: StackPathDep, update_id: str) -> Response:
    return reply(ConsoleUpdateSummary(summary_of(history.get_update(backend, caller, path, update_id))))


@router.get(f"{_ORG}/members/{{user}}/stacks/{{project}}/{{stack}}")
def list_member_stack_permissions(backend: BackendDep, caller: CallerDep, path: StackPathDep, user: str) -> Response:
    member, default = sharing.get_member_access(backend, caller, path, user)
    person = member.person
    teams = [
        TeamPermission(Team(team.kind, team.name, team.display_name, team.description, team.role), level.value)
        for team, level in member.teams
    ]
    return reply(
        ListMemberStackPermissionsResponse(
            user_info=Person(person.name, person.login, person.avatar_url, person.email),
            organization_role=member.role,
            organization_default=default.value,
            team_permissions=teams,
            explicit_permission=member.level.value,
        )
    )


@router.post(f"{_ORG}/stacks/search")
def search_stacks(backend: BackendDep, caller: CallerDep, org: str, body: BodyDep) -> Response:
    request = body.decode(GridRequest)
    start, limit = _window(request)
    if request.row_group_cols and not request.group_keys:
        return reply(_projects(backend, caller, org, request, start, limit))
    rows, total = overview.search_stacks(backend, caller, org, _narrowed(request), offset=start, limit=limit)
    return reply(GridRows([_row(org, stack) for stack in rows], total))


def _window(request: GridRequest) -> tuple[int, int]:
    start = request.start_row or 0
    size = (request.end_row - start) if request.end_row else ROWS_DEFAULT
    if not 0 <= start <= START_LIMIT or size < 1:
        raise BadRequest(f"`endRow` must be greater than `startRow`, which is a number from 0 to {START_LIMIT:,}")
    return start, min(size, ROWS_LIMIT)


def _projects(backend: Backend, caller: Caller, org: str, request: GridRequest, start: int, limit: int) -> GridRows:
    """Return a row for each project: what a grid shows whose rows are grouped."""
    _require_project_groups(request)
    if request.filter_model is not None and request.filter_model.conditions:
        raise BadRequest("rows that are grouped cannot be filtered: send `groupKeys` with a project, or no `rowGroupCols`")
    projects = overview.list_projects(backend, caller, org)
    rows = [{"orgName": org, "projectName": project, "stackCount": count} for project, count in projects[start : start + limit]]
    return GridRows(rows, len(projects))


def _require_project_groups(request: GridRequest) -> None:
    if [column.id for column in request.row_group_cols or []] != ["projectName"]:
        raise BadRequest("stacks can only be grouped by `projectName`")


def _narrowed(request: GridRequest) -> StackFilter:
    texts = {}
    if request.group_keys:
        _require_project_groups(request)
        texts["projectName"] = request.group_keys[0]
    conditions = (request.filter_model.conditions if request.filter_model is not None else None) or []
    if request.filter_model is not None and request.filter_model.type.upper() == "OR" and len(conditions) > 1:
        raise BadRequest("conditions are joined by AND; OR is not supported")
    for condition in conditions:
        _require_condition(condition, texts)
        texts[condition.col_id] = condition.filter
    result = texts.get("result", "")
    if result and result not in _STATUSES:
        raise BadRequest(f"`result` must be one of {', '.join(_STATUSES)}")
    tag, _, value = texts.get("tag", "").partition("=")
    return StackFilter(
        name=texts.get("stackName", ""),
        project=texts.get("projectName", ""),
        owner=texts.get("owner", ""),
        tag=tag,
        tag_value=value,
        status=_STATUSES.get(result),
        by_update=_is_by_update(request),
    )


def _require_condition(condition: GridFilter, texts: dict[str, str]) -> None:
    comparison = _COMPARISONS.get(condition.col_id)
    if comparison is None or condition.conditions:
        raise BadRequest(f"cannot filter by {condition.col_id[:40]!a}: the columns are {', '.join(_COMPARISONS)}")
    if condition.type != comparison:
        raise BadRequest(f"`{condition.col_id}` can be compared by `{comparison}` alone")
    if condition.col_id in texts:
        raise BadRequest(f"`{condition.col_id}` can have one condition")


def _is_by_update(request: GridRequest) -> bool:
    """Tell whether the stacks that changed last come first; otherwise they come by project and name."""
    order = [(item.col_id, item.sort) for item in request.sort_model or []]
    if order == [("lastUpdate", "desc")]:
        return True
    if order not in ([], [("projectName", "asc")], [("stackName", "asc")], [("projectName", "asc"), ("stackName", "asc")]):
        raise BadRequest("stacks can be sorted by `projectName` and `stackName` ascending, or by `lastUpdate` descending")
    return False


def _row(org: str, stack: StackSummary) -> dict[str, Any]:
    latest = stack.latest
    return {
        "id": stack.id,
        "orgName": org,
        "projectName": stack.project,
        "stackName": stack.name,
        "owner": stack.owner,
        "tags": stack.tags,
        "version": latest.version,
        "kind": latest.kind,
        "result": result_of(latest.status) if latest.version else "",
        "resourceCount": latest.resource_count,
        "lastUpdate": stack.changed_at // 1000 if latest.version else 0,
    }
