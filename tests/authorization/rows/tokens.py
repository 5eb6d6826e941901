"""Tokens of organizations and teams."""

from common.rights.permissions import Permission
from tests.authorization.needs import ADMIN, Row, org
from tests.authorization.requests import AS_MEMBER, LIBRARIAN, TOKEN, O, T, row

P = Permission

ROWS: tuple[Row, ...] = (
    row("GET", f"{O}/tokens", org(P.ORG_TOKEN_READ)),
    row("POST", f"{O}/tokens", org(P.ORG_TOKEN_CREATE), *AS_MEMBER, body=TOKEN),
    row("POST", f"{O}/tokens", org(P.ORG_TOKEN_CREATE), ADMIN, body={**TOKEN, "admin": True}, case="of an admin"),
    row(
        "POST",
        f"{O}/tokens",
        org(P.ORG_TOKEN_CREATE),
        ADMIN,
        body={**TOKEN, "roleID": "<role admin>"},
        case="of an admin, by id",
    ),
    row(
        "POST",
        f"{O}/tokens",
        org(P.ORG_TOKEN_CREATE),
        org(P.AUDIT_LOGS_READ),
        body={**TOKEN, "roleID": LIBRARIAN},
        case="with a custom role",
    ),
    row("DELETE", f"{O}/tokens/{{token_id}}", org(P.ORG_TOKEN_DELETE)),
    row("GET", f"{T}/tokens", org(P.TEAM_LIST_TOKENS, or_team_admin=True)),
    row("POST", f"{T}/tokens", org(P.TEAM_CREATE_TOKEN, or_team_admin=True), body=TOKEN),
    row("DELETE", f"{T}/tokens/{{token_id}}", org(P.TEAM_DELETE_TOKEN, or_team_admin=True), at={"token_id": "<token ops-ci>"}),
)
