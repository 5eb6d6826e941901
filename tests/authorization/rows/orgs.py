"""The organization and its people.

Only an admin makes an admin, and no one gives a role that holds more than they do: `librarian` holds audit_logs:read.
"""

from common.rights.permissions import STACK_ADMIN, Permission
from tests.authorization.needs import ADMIN, MEMBER, OUTSIDER, PERSON, SIGNED_IN, Row, org
from tests.authorization.requests import LIBRARIAN, O, row

P = Permission
M = f"{O}/members/{{login}}"
GUEST = {"email": "guest@example.com", "role": "member"}
NEWT = {"login": "newt"}

ROWS: tuple[Row, ...] = (
    row("GET", O, MEMBER),
    row("PATCH", O, org(P.ORGANIZATION_UPDATE), body={"setDefaultStackPermission": 0}),
    row(
        "PATCH",
        O,
        org(P.ORGANIZATION_UPDATE),
        *map(org, sorted(STACK_ADMIN)),
        body={"setDefaultStackPermission": 103},
        case="more for members",
    ),
    row(
        "PATCH",
        O,
        org(P.ORGANIZATION_UPDATE),
        org(P.AUDIT_LOGS_READ),
        body={"setDefaultDeploymentRoleId": LIBRARIAN},
        case="a role for deployments",
    ),
    row("GET", f"{O}/metadata", MEMBER),
    row("GET", f"{O}/retention", MEMBER),
    row("PUT", f"{O}/retention", org(P.ORGANIZATION_UPDATE), body={"keep": "versions", "count": 10}),
    row("GET", f"{O}/retention/preview", org(P.ORGANIZATION_UPDATE), query={"keep": "days", "count": "30"}),
    row("GET", f"{O}/members", org(P.ORG_MEMBER_READ)),
    row("GET", f"{M}/teams", org(P.ORG_MEMBER_READ)),
    row("POST", M, org(P.ORG_MEMBER_ADD), at=NEWT, body={"role": "member"}),
    row("POST", M, org(P.ORG_MEMBER_ADD), ADMIN, at=NEWT, body={"role": "admin"}, case="an admin"),
    row("PATCH", M, org(P.ORG_MEMBER_UPDATE), body={"role": "billing-manager"}),
    row("PATCH", M, org(P.ORG_MEMBER_UPDATE), ADMIN, body={"role": "admin"}, case="an admin"),
    row("PATCH", M, org(P.ORG_MEMBER_UPDATE), ADMIN, body={"fgaRoleId": "<role admin>"}, case="an admin, by id"),
    row("PATCH", M, org(P.ORG_MEMBER_UPDATE), org(P.AUDIT_LOGS_READ), body={"fgaRoleId": LIBRARIAN}, case="a custom role"),
    row("DELETE", M, org(P.ORG_MEMBER_DELETE)),
    row("POST", f"{M}/set-admin", org(P.ORG_MEMBER_SET_ADMIN), ADMIN),
    row("GET", f"{O}/invites", org(P.INVITES_READ)),
    row("POST", f"{O}/invites/batch", org(P.INVITES_CREATE), body={"invites": [GUEST]}),
    row(
        "POST",
        f"{O}/invites/batch",
        org(P.INVITES_CREATE),
        ADMIN,
        body={"invites": [{**GUEST, "role": "admin"}]},
        case="an admin",
    ),
    row("POST", f"{O}/invites/unverified/batch", org(P.INVITES_CREATE), body={"invites": [GUEST]}),
    row(
        "POST",
        f"{O}/invites/unverified/batch",
        org(P.INVITES_CREATE),
        org(P.AUDIT_LOGS_READ),
        body={"invites": [{**GUEST, "roleId": LIBRARIAN}]},
        case="a custom role",
    ),
    row("POST", f"{O}/invites/link", org(P.INVITES_CREATE), body={"role": "member"}),
    row("POST", f"{O}/invites/link", org(P.INVITES_CREATE), ADMIN, body={"role": "admin"}, case="an admin"),
    row(
        "POST",
        f"{O}/invites/link",
        org(P.INVITES_CREATE),
        org(P.AUDIT_LOGS_READ),
        body={"role": "member", "roleId": LIBRARIAN},
        case="a custom role",
    ),
    row("DELETE", f"{O}/invites/{{invite_id}}", org(P.INVITES_CREATE)),
    row("POST", f"{O}/invites/{{invite_id}}/resend", org(P.INVITES_CREATE), body={}),
    row("GET", f"{O}/invites/{{invite_id}}", PERSON),
    row("PATCH", f"{O}/invites/{{invite_id}}", PERSON, OUTSIDER),
    row("GET", "/api/user/pending-invites", SIGNED_IN),
)
