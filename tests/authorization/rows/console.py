"""What upstream's console asks for beside the other groups."""

from common.rights.permissions import Permission
from tests.authorization.needs import MEMBER, Row, stack
from tests.authorization.requests import OLD, row

P = Permission
S = "/api/console/stacks/{org}/{project}/{stack}"
O = "/api/console/orgs/{org}"  # noqa: E741 - as upstream's documents abbreviate it

ROWS: tuple[Row, ...] = (
    row("GET", f"{S}/overview", stack(P.STACK_READ)),
    row("GET", f"{S}/updates/latest/summary", stack(P.STACK_READ)),
    row("GET", f"{S}/updates/{{update_id}}/summary", stack(P.STACK_READ), at=OLD),
    row("GET", f"{O}/members/{{user}}/stacks/{{project}}/{{stack}}", stack(P.STACK_ACCESS_READ)),
    row("POST", f"{O}/stacks/search", MEMBER, body={"startRow": 0, "endRow": 10}),
)
