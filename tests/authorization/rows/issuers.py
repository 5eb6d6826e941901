"""Issuers of identity tokens.

Who writes a policy may let in what they might make a token for; who gives an issuer other keys decides who gets in by its
policy, which lets plain tokens in here.
"""

from common.rights.permissions import Permission
from tests.authorization.needs import ADMIN, Row, org
from tests.authorization.requests import AS_MEMBER, O, row
from tests.peers.workload_issuer import published

P = Permission
I = f"{O}/oidc/issuers"  # noqa: E741 - as the others
JWKS = {"keys": [published(1)]}
DENY = {"decision": "deny", "tokenType": "organization", "authorizedPermissions": [], "rules": {}}
LET_IN = {"decision": "allow", "tokenType": "organization", "authorizedPermissions": ["standard"], "rules": {"sub": "ci"}}

ROWS: tuple[Row, ...] = (
    row("GET", I, org(P.OIDC_ISSUERS_READ)),
    row("POST", I, org(P.OIDC_ISSUERS_CREATE), body={"name": "fresh", "url": "https://ci.example.com", "jwks": JWKS}),
    row("GET", f"{I}/{{issuer_id}}", org(P.OIDC_ISSUERS_READ)),
    row("PATCH", f"{I}/{{issuer_id}}", org(P.OIDC_ISSUERS_UPDATE), body={"name": "renamed"}),
    row(
        "PATCH",
        f"{I}/{{issuer_id}}",
        org(P.OIDC_ISSUERS_UPDATE),
        org(P.ORG_TOKEN_CREATE),
        *AS_MEMBER,
        body={"name": "x", "jwks": JWKS},
        case="other keys",
    ),
    row("DELETE", f"{I}/{{issuer_id}}", org(P.OIDC_ISSUERS_DELETE)),
    row("POST", f"{I}/{{issuer_id}}/regenerate-thumbprints", org(P.OIDC_ISSUERS_REGENERATE_THUMBPRINTS), ok=400),
    row("GET", f"{O}/auth/policies/oidcissuers/{{issuer_id}}", org(P.AUTH_POLICIES_READ)),
    row("PATCH", f"{O}/auth/policies/{{policy_id}}", org(P.AUTH_POLICIES_UPDATE), body={"policies": [DENY]}),
    row(
        "PATCH",
        f"{O}/auth/policies/{{policy_id}}",
        org(P.AUTH_POLICIES_UPDATE),
        org(P.ORG_TOKEN_CREATE),
        *AS_MEMBER,
        body={"policies": [LET_IN]},
        case="that lets somebody in",
    ),
    row(
        "PATCH",
        f"{O}/auth/policies/{{policy_id}}",
        org(P.AUTH_POLICIES_UPDATE),
        ADMIN,
        body={"policies": [{**LET_IN, "authorizedPermissions": ["admin"]}]},
        case="that lets admins in",
    ),
    row(
        "PATCH",
        f"{O}/auth/policies/{{policy_id}}",
        org(P.AUTH_POLICIES_UPDATE),
        ADMIN,
        body={"policies": [{**LET_IN, "tokenType": "personal", "userLogin": "uma", "authorizedPermissions": []}]},
        case="that lets somebody in as another",
    ),
)
