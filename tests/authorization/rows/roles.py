"""Roles, permission sets, and who holds them."""

from common.rights.permissions import STACK_READ, Permission
from tests.authorization.needs import ADMIN, MEMBER, Row, org, stack
from tests.authorization.requests import LIBRARIAN, O, T, row

P = Permission
R = f"{O}/roles/{{role_id}}"
OF_DEV = {"context": {"__type": "PermissionExpressionStack"}, "id": "<stack dev>"}
NOTHING = {"__type": "PermissionDescriptorAllow", "permissions": []}
SOMETHING = {"__type": "PermissionDescriptorAllow", "permissions": [P.AUDIT_LOGS_READ]}

ROWS: tuple[Row, ...] = (
    row("GET", f"{O}/roles", org(P.ROLE_READ)),
    row("GET", f"{O}/roles", MEMBER, query={"assignedToMe": "true"}, case="the caller's own"),
    row("POST", f"{O}/roles", org(P.ROLE_CREATE), body={"name": "fresh", "uxPurpose": "role", "details": NOTHING}),
    row(
        "POST",
        f"{O}/roles",
        org(P.ROLE_CREATE),
        org(P.AUDIT_LOGS_READ),
        body={"name": "fresh", "uxPurpose": "role", "details": SOMETHING},
        case="that holds something",
    ),
    row("GET", f"{O}/roles/scopes", MEMBER),
    row("GET", R, org(P.ROLE_READ)),
    row("PATCH", R, org(P.ROLE_UPDATE), body={"description": "changed", "details": NOTHING}),
    row("DELETE", R, org(P.ROLE_DELETE)),
    row("PATCH", f"{R}/default", org(P.ROLE_UPDATE), org(P.ORGANIZATION_UPDATE)),
    row("GET", f"{R}/teams", org(P.ROLE_READ)),
    row("GET", f"{R}/tokens", org(P.ROLE_READ)),
    row("GET", f"{R}/users", org(P.ROLE_READ)),
    row("GET", f"{T}/roles", org(P.TEAM_READ)),
    row("POST", f"{T}/roles/{{role_id}}", org(P.ROLE_UPDATE)),
    row(
        "POST",
        f"{T}/roles/{{role_id}}",
        org(P.ROLE_UPDATE),
        org(P.AUDIT_LOGS_READ),
        at={"role_id": LIBRARIAN},
        case="a role that holds something",
    ),
    row("POST", f"{T}/roles/{{role_id}}", org(P.ROLE_UPDATE), ADMIN, at={"role_id": "<role admin>"}, case="the admin role"),
    row("DELETE", f"{T}/roles/{{role_id}}", org(P.ROLE_UPDATE), at={"role_id": "<role held>"}),
    row("POST", f"{T}/enable-team-roles", org(P.ROLE_UPDATE)),
    row("POST", f"{O}/assignments/list", stack(P.STACK_ACCESS_READ), body=OF_DEV),
    row(
        "POST",
        f"{O}/assignments/update",
        stack(P.STACK_ACCESS_UPDATE),
        *map(stack, sorted(STACK_READ)),
        body={**OF_DEV, "userId": "uma", "permissionSetId": "<set stack-read>"},
    ),
)
