"""Past updates of a stack."""

from common.rights.permissions import Permission
from tests.authorization.needs import Row, stack
from tests.authorization.requests import OLD, S, row

P = Permission

ROWS: tuple[Row, ...] = (
    row("GET", f"{S}/activity", stack(P.STACK_READ)),
    row("GET", f"{S}/updates", stack(P.STACK_READ)),
    row("GET", f"{S}/updates/latest", stack(P.STACK_READ)),
    row("GET", f"{S}/updates/latest/previews", stack(P.STACK_READ)),
    row("GET", f"{S}/updates/latest/timeline", stack(P.STACK_READ)),
    row("GET", f"{S}/updates/{{version}}", stack(P.STACK_READ)),
    row("GET", f"{S}/updates/{{version}}/previews", stack(P.STACK_READ)),
    row("GET", f"{S}/updates/{{version}}/summary", stack(P.STACK_READ)),
    row("GET", f"{S}/updates/{{version}}/timeline", stack(P.STACK_READ)),
    row("GET", f"{S}/previews/{{update_id}}", stack(P.STACK_READ), at=OLD),
    row("GET", f"{S}/previews/{{update_id}}/summary", stack(P.STACK_READ), at=OLD),
)
