"""Scenes of what upstream's console asks for: a stack at a glance, its updates in a sentence, access, the grid of stacks."""

from typing import Any

from pulumi_cloud_sdk import models

from common.stacks.model import StackPath
from tests.contract.sdk_scene import PROJECT, Scene, refused, scene, unique
from tests.factories import people
from tests.factories.stacks import import_state, make_version
from tests.stacks.engine.builders import make_resource, make_state

LEVELS = models.StackPermission


def run_update(where: Scene, stack: str) -> str:
    """Run an update of a stack and return its id."""
    path = StackPath(where.org, PROJECT, stack)
    make_version(where.backend, people.caller_of(where.backend, where.admin.token), path, "a", "b")
    return str(where.admin.stacks.get_latest_stack_update(where.org, PROJECT, stack).update_id)


def rows_request(**members: Any) -> Any:
    """Return a request for rows of a grid, with what the SDK insists on."""
    required = {"row_group_cols": [], "value_cols": [], "group_keys": [], "sort_model": [], "start_row": 0, "end_row": 10}
    filters = models.AngularGridAdvancedFilterModel("join", members.pop("conditions", []))
    return models.AngularGridGetRowsRequest(filter_model=filters, **{**required, **members})


@scene
def get_stack_overview(where: Scene) -> None:
    """Tags, resources and references of a stack come in one reply."""
    stack = where.stack()
    where.admin.stacks.update_stack_tags(where.org, PROJECT, stack, {"team": "web"})
    run_update(where, stack)

    overview = where.admin.stacks.get_stack_overview(where.org, PROJECT, stack)

    assert "web" == overview.tags["team"]
    assert (1, ["a", "b"]) == (
        overview.resources.version,
        [item.resource.urn.rpartition("::")[2] for item in overview.resources.resources],
    )
    assert [] == overview.referenced_stacks


@scene
def update_summary_handler_latest(where: Scene) -> None:
    """The newest update is told in a sentence; a stack without one has none to tell."""
    stack = where.stack()
    with refused(404):
        where.admin.stacks.update_summary_handler_latest(where.org, PROJECT, stack)
    run_update(where, stack)

    assert "Update 1 succeeded" in where.admin.stacks.update_summary_handler_latest(where.org, PROJECT, stack).summary


@scene
def update_summary(where: Scene) -> None:
    """An update is told in a sentence by its id; an id that the stack does not know is missing."""
    stack = where.stack()
    update_id = run_update(where, stack)

    assert "Update 1 succeeded" in where.admin.stacks.update_summary(where.org, PROJECT, stack, update_id).summary
    with refused(404):
        where.admin.stacks.update_summary(where.org, PROJECT, where.stack(), update_id)


@scene
def list_member_stack_permissions(where: Scene) -> None:
    """A member's permissions on a stack come from the role, a team and a grant of their own."""
    other, stack = where.person(), where.stack()
    team = where.team(other)
    where.change_team(team, add_stack_permission=models.TeamStackPermission(PROJECT, stack, LEVELS.Write))

    access = where.admin.stacks.list_member_stack_permissions(where.org, other.login, PROJECT, stack)

    assert other.login == access.user_info.github_login
    assert models.OrganizationRole.Member == access.organization_role
    assert [(team, LEVELS.Write)] == [(item.team.name, item.permission) for item in access.team_permissions]
    with refused(404):
        where.admin.stacks.list_member_stack_permissions(where.org, where.person(role=None).login, PROJECT, stack)


@scene
def search_stacks(where: Scene) -> None:
    """Rows of the grid are filtered, and grouped by project."""
    stack, _other = where.stack(), where.stack()
    by_name = models.AngularGridFilterModel(stack, "stackName", "text", "contains", [])
    grouped = rows_request(row_group_cols=[models.AngularGridColumn("projectName", "Project")])

    found = where.admin.insights.search_stacks(where.org, rows_request(conditions=[by_name]))
    projects = where.admin.insights.search_stacks(where.org, grouped)

    assert (1, stack) == (found.row_count, found.row_data[0]["stackName"])
    assert [(PROJECT, 2)] == [(row["projectName"], row["stackCount"]) for row in projects.row_data]


@scene
def get_usage_summary_resource_hours(where: Scene) -> None:
    """How many resources there were is summed up by day."""
    run_update(where, where.stack())

    usage = where.admin.orgs.get_usage_summary_resource_hours(where.org, models.UsageSummaryTimeUnit.Daily, lookback_days=30)

    assert 2 == usage.summary[-1].resources


@scene
def get_usage_summary_environment_secrets(where: Scene) -> None:
    """How many secrets environments have is summed up by day."""
    name = unique("env")
    where.admin.environments.create_environment_esc_environments(where.org, models.CreateEnvironmentRequest(PROJECT, name))
    where.admin.environments.update_environment_esc_environments(where.org, PROJECT, name, "values: {a: {fn::secret: x}}")

    usage = where.admin.orgs.get_usage_summary_environment_secrets(where.org, models.UsageSummaryTimeUnit.Daily, lookback_days=30)

    assert 1 == usage.summary[-1].resources


@scene
def get_package_used_by_stacks(where: Scene) -> None:
    """The stacks that use a package come with its version, and the provider that is of it."""
    stack, kind = where.stack(), "pulumi:providers:aws"
    resource = make_resource(
        "default", urn=f"urn:pulumi:{stack}::{PROJECT}::{kind}::default", type=kind, inputs={"version": "6.1.0"}
    )
    path = StackPath(where.org, PROJECT, stack)
    import_state(where.backend, people.caller_of(where.backend, where.admin.token), path, make_state(resource))

    usage = where.admin.orgs.get_package_used_by_stacks(where.org, package_name="aws", limit=10)

    assert (1, "6.1.0", stack) == (usage.total_stacks, usage.stacks[0].version, usage.stacks[0].stack_name)
