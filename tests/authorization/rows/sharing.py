"""Who shares a stack."""

from common.rights.permissions import STACK_READ, Permission
from tests.authorization.needs import TEAM, Row, stack
from tests.authorization.requests import S, row

P = Permission

ROWS: tuple[Row, ...] = (
    row("GET", f"{S}/teams", stack(P.STACK_ACCESS_READ)),
    row("GET", f"{S}/collaborators", stack(P.STACK_ACCESS_READ)),
    row("DELETE", f"{S}/collaborators/{{user}}", stack(P.STACK_ACCESS_UPDATE)),
    row(
        "PATCH",
        "/api/console/stacks/{org}/{project}/{stack}/teams/{team}",
        stack(P.STACK_ACCESS_UPDATE),
        TEAM,
        *map(stack, sorted(STACK_READ)),
        body={"permissions": 101},
    ),
)
