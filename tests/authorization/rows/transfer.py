"""Stacks that change hands: who gives one administers it, since who receives it does."""

from common.rights.permissions import STACK_ADMIN, Permission
from tests.authorization.needs import Row, every_stack, org, stack, target
from tests.authorization.requests import O, S, row

P = Permission

ROWS: tuple[Row, ...] = (
    row(
        "POST",
        f"{S}/transfer",
        stack(P.STACK_TRANSFER),
        *map(stack, sorted(STACK_ADMIN)),
        target(P.STACK_CREATE),
        body={"toOrg": "annex"},
    ),
    row("POST", f"{S}/ownership", stack(P.STACK_ACCESS_UPDATE), *map(stack, sorted(STACK_ADMIN)), body={"githubLogin": "uma"}),
    row(
        "POST",
        f"{O}/bulk-transfer/stacks",
        org(P.ORGANIZATION_TRANSFER_STACKS),
        target(P.STACK_CREATE),
        *map(every_stack, sorted(STACK_ADMIN)),
        body={"toOrg": "annex"},
        moment="idle",
    ),
    row("GET", f"{O}/restore-stack", org(P.STACK_LIST_DELETED)),
    row("POST", f"{O}/restore-stack/{{program_id}}", org(P.STACK_RESTORE_DELETED), body={"stackName": "back"}),
)
