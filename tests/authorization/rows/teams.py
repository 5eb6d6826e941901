"""Teams."""

from common.rights.permissions import STACK_READ, Permission
from tests.authorization.needs import Row, org, stack
from tests.authorization.requests import O, T, row

P = Permission
STACK = {"projectName": "shop", "stackName": "dev"}

ROWS: tuple[Row, ...] = (
    row("GET", f"{O}/teams", org(P.TEAM_LIST)),
    row("POST", f"{O}/teams/pulumi", org(P.TEAM_CREATE), body={"name": "fresh", "displayName": "", "description": ""}),
    row("GET", T, org(P.TEAM_READ, or_team_admin=True)),
    row("PATCH", T, org(P.TEAM_UPDATE, or_team_admin=True), body={"newDescription": "changed"}),
    row("PATCH", T, org(P.TEAM_UPDATE, or_team_admin=True), body={"memberAction": "add", "member": "uma"}, case="a member"),
    row(
        "PATCH",
        T,
        org(P.TEAM_UPDATE, or_team_admin=True),
        stack(P.STACK_ACCESS_UPDATE),
        *map(stack, sorted(STACK_READ)),
        body={"addStackPermission": {**STACK, "permission": 101}},
        case="a stack given",
    ),
    row(
        "PATCH",
        T,
        org(P.TEAM_UPDATE),
        stack(P.STACK_ACCESS_UPDATE),
        body={"removeStack": STACK},
        at={"team": "given"},
        case="a stack taken from a team that the caller does not administer",
    ),
    row(
        "PATCH",
        T,
        org(P.TEAM_UPDATE, or_team_admin=True),
        org(P.ENVIRONMENT_ACCESS_UPDATE),
        body={"addEnvironmentPermission": {"projectName": "shop", "envName": "prod", "permission": "read"}},
        case="an environment given",
    ),
    row("DELETE", T, org(P.TEAM_DELETE, or_team_admin=True)),
)
