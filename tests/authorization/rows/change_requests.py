"""Change gates, change requests, drafts of environments and requests to open them."""

from common.rights.permissions import Permission
from tests.authorization.needs import MEMBER, PERSON, Row, environment, org
from tests.authorization.requests import row

P = Permission
E = "/api/esc/environments/{org}/{project}/{environment}"
DRAFT, OPENING = f"{E}/drafts/{{change_request_id}}", f"{E}/open/request/{{change_request_id}}"
REQUESTS, GATES = "/api/change-requests/{org}", "/api/change-gates/{org}"
R, G = f"{REQUESTS}/{{change_request_id}}", f"{GATES}/{{gate_id}}"
READ, OPEN, WRITE = (environment(permission) for permission in (P.ENVIRONMENT_READ, P.ENVIRONMENT_OPEN, P.ENVIRONMENT_WRITE))
GATED, TERMS = {"environment": "dev-gated"}, {"grantExpirationSeconds": 60, "accessDurationSeconds": 60}
APPROVER = {"eligibilityType": "has_permission_on_target", "permission": "environment:write"}
GATE = {
    "name": "fresh",
    "enabled": False,
    "rule": {
        "ruleType": "approval_required",
        "numApprovalsRequired": 1,
        "allowSelfApproval": False,
        "requireReapprovalOnChange": True,
        "eligibleApprovers": [APPROVER],
    },
    "target": {"entityType": "environment", "actionTypes": ["update"]},
}

ROWS: tuple[Row, ...] = (
    row("GET", REQUESTS, MEMBER),
    row("GET", R, READ),
    row("GET", f"{R}/events", READ),
    row("PATCH", R, READ, WRITE, body={"description": "x"}),
    row("POST", f"{R}/submit", READ, WRITE, body={}, at={"change_request_id": "<unsubmitted draft>"}),
    row("POST", f"{R}/approve", READ, PERSON, WRITE, body={"revisionNumber": 0}),
    row("DELETE", f"{R}/approve", READ, body={}, ok=400, case="without an approval"),
    row("POST", f"{R}/apply", READ, WRITE),
    row("POST", f"{R}/close", READ, WRITE, body={}),
    row("POST", f"{R}/comments", READ, body={"comment": "x"}),
    row("POST", f"{E}/drafts", WRITE, body={"values": {}}),
    row("GET", DRAFT, READ),
    row("PATCH", DRAFT, WRITE, body={"values": {}}),
    row("POST", f"{DRAFT}/open", OPEN),
    row("GET", f"{DRAFT}/status", READ),
    row("POST", f"{DRAFT}/rebase", WRITE),
    row("POST", f"{E}/open/request", OPEN, body=TERMS, at=GATED),
    row("GET", OPENING, READ, at={**GATED, "change_request_id": "<open request>"}),
    row("PUT", OPENING, OPEN, WRITE, body=TERMS, at={**GATED, "change_request_id": "<open request>"}),
    row("GET", GATES, MEMBER),
    row("POST", GATES, org(P.CHANGE_GATE_CREATE), body=GATE),
    row("GET", G, READ),
    row("PUT", G, org(P.CHANGE_GATE_UPDATE), body=GATE),
    row("DELETE", G, org(P.CHANGE_GATE_DELETE)),
)
