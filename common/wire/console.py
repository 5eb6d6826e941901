"""What upstream's console asks for beside the other groups: a stack at a glance, who may do what, the grid of stacks."""

from typing import Any

import msgspec

from common.wire.roles import Person
from common.wire.stacks import StackReference, StackResources
from common.wire.teams import StackPermission, Team


class StackOverviewResponse(msgspec.Struct, rename="camel"):
    """Upstream: StackOverviewResponse."""

    tags: dict[str, str]
    referenced_stacks: list[StackReference]
    resources: StackResources


class ConsoleUpdateSummary(msgspec.Struct):
    """Upstream: ConsoleUpdateSummary, a sentence about an update."""

    summary: str


class TeamPermission(msgspec.Struct):
    """Upstream: TeamPermission."""

    team: Team
    permission: StackPermission


class ListMemberStackPermissionsResponse(msgspec.Struct, rename="camel"):
    """Upstream: ListMemberStackPermissionsResponse; where a member's permissions on one stack come from."""

    user_info: Person
    organization_role: str
    organization_default: StackPermission
    team_permissions: list[TeamPermission]
    explicit_permission: StackPermission


class GridColumn(msgspec.Struct, rename="camel"):
    """Upstream: AngularGridColumn, of which only the id decides."""

    id: str = ""


class GridFilter(msgspec.Struct, rename="camel"):
    """Upstream: AngularGridFilterModel, a condition on one column; conditions inside conditions are not understood."""

    col_id: str = ""
    type: str = ""
    filter: str = ""
    conditions: "list[GridFilter] | None" = None


class GridFilters(msgspec.Struct):
    """Upstream: AngularGridAdvancedFilterModel; `type` is how several conditions are joined."""

    type: str = ""
    conditions: list[GridFilter] | None = None


class GridSort(msgspec.Struct, rename="camel"):
    """Upstream: AngularGridSortModelItem."""

    col_id: str = ""
    sort: str = "asc"


class GridRequest(msgspec.Struct, rename="camel"):
    """Upstream: AngularGridGetRowsRequest; null and absent members are the same."""

    start_row: int | None = None
    end_row: int | None = None
    row_group_cols: list[GridColumn] | None = None
    group_keys: list[str] | None = None
    filter_model: GridFilters | None = None
    sort_model: list[GridSort] | None = None


class GridRows(msgspec.Struct, rename="camel"):
    """Upstream: ListOrganizationProjectsResponsev3. The members of a row are our own: upstream does not describe them."""

    row_data: list[dict[str, Any]]
    row_count: int
