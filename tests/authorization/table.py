"""Who may call what: the page that a security review reads beside common/rights/permissions.py.

A row is a method and an address, what the call needs in the order in which it is asked for, and a request that succeeds for
an administrator. tests/authorization/test_matrix.py makes every call as every kind of caller and holds the answers against
this table; a route that is missing here fails it. Some routes have more rows than one, where what they need depends on what
is asked for. What the needs mean, and which refusals they cause, is said in tests/authorization/needs.py and expected.py.
"""

from typing import Any

from common.rights.permissions import ROLES, STACK_ADMIN, STACK_READ, Permission, Role
from tests.authorization.needs import (
    ADMIN,
    AT,
    DIRECTORY,
    KINDS,
    LEASE,
    LISTED,
    MEMBER,
    OUTSIDER,
    OWN,
    PERSON,
    SIGNED_IN,
    TEAM,
    Check,
    Row,
    every_stack,
    org,
    stack,
    target,
)
from tests.peers.workload_issuer import published

P = Permission
S = "/api/stacks/{org}/{project}/{stack}"
U = f"{S}/{{kind}}"
O = "/api/orgs/{org}"  # noqa: E741 - as upstream's documents abbreviate it
T = f"{O}/teams/{{team}}"
M = f"{O}/members/{{login}}"
R = f"{O}/roles/{{role_id}}"
I = f"{O}/oidc/issuers"  # noqa: E741 - as the others
ESC = "/api/esc/environments/{org}/yaml"
SCIM = "/scim/v2/{org}"

NEW = {"update_id": "<new {kind}>"}
LIVE = {"stack": "{kind}-live", "update_id": "<live {kind}>"}
OLD = {"update_id": "<new preview>"}

STATE: Any = {"version": 3, "deployment": {"manifest": {}, "resources": []}}
# What an update's lease may store, by the last part of the address.
CHECKPOINTS: dict[str, Any] = {
    "checkpoint": {"isInvalid": False, **STATE},
    "checkpointverbatim": {"version": 3, "untypedDeployment": STATE, "sequenceNumber": 2},
    "checkpointdelta": {"version": 3, "checkpointHash": "<digest>", "sequenceNumber": 2, "deploymentDelta": []},
}
PROGRAM = {"name": "shop", "runtime": "yaml", "options": {"dryRun": False}, "config": {}, "metadata": {}}
DRY = PROGRAM | {"options": {"dryRun": True}}
START = {"journalVersion": 2}
BEGIN = {"updateKind": "update", "program": PROGRAM, "tags": None, "journalVersion": 2}
OF_DEV = {"context": {"__type": "PermissionExpressionStack"}, "id": "<stack dev>"}
EVENT = {"sequence": 1, "timestamp": 1, "stdoutEvent": {"message": "hi", "color": "never"}}
NAMED_USER, NAMED_GROUP = {"userName": "fresh@example.com"}, {"displayName": "Fresh"}
PATCHED = {"Operations": [{"op": "replace", "value": {"externalId": "x"}}]}
NOTHING = {"__type": "PermissionDescriptorAllow", "permissions": []}
SOMETHING = {"__type": "PermissionDescriptorAllow", "permissions": [P.AUDIT_LOGS_READ]}
STACK = {"projectName": "shop", "stackName": "dev"}
GUEST = {"email": "guest@example.com", "role": "member"}
NEWT = {"login": "newt"}
LIBRARIAN = "<role librarian>"
TOKEN = {"name": "fresh", "description": "", "expires": 0}
JWKS = {"keys": [published(1)]}
DENY = {"decision": "deny", "tokenType": "organization", "authorizedPermissions": [], "rules": {}}
# A plain token holds what members do. The rows are called where the organization gives its members no stack.
AS_MEMBER = tuple(map(org, sorted(ROLES[Role.MEMBER] | {P.STACK_CREATE, P.TEAM_CREATE})))
LET_IN = {"decision": "allow", "tokenType": "organization", "authorizedPermissions": ["standard"], "rules": {"sub": "ci"}}


def row(method: str, path: str, *needs: Check, **rest: Any) -> Row:
    """Returns a row with the parts of the address filled in."""
    return Row(method, path, needs, **{**rest, "at": {**AT, **rest.get("at", {})}})


ROWS: tuple[Row, ...] = tuple(
    kind
    for one in (
        # What clients ask before they sign in.
        row("GET", "/healthz"),
        row("HEAD", "/healthz"),
        row("GET", "/api/status"),
        row("HEAD", "/api/status"),
        row("GET", "/api/capabilities"),
        row("GET", "/api/cli/version"),
        row("GET", "/api/openapi/pulumi-spec.json"),
        row("POST", "/api/oauth/token", ok=400, case="without a grant"),
        # The caller.
        row("GET", "/api/user", SIGNED_IN),
        row("GET", "/api/user/verified-email", SIGNED_IN),
        row("GET", "/api/user/pending-emails", SIGNED_IN),
        row("DELETE", "/api/user/pending-emails", PERSON, ok=400, case="none waits"),
        # Who may is up to the settings: tests/sign_in/accounts/test_sign_up.py, test_accounts.py and tests/people/orgs/test_create.py.
        row("POST", "/api/console/email/signup", body={"email": 1}, ok=400, case="not an account"),
        row("POST", "/api/console/email/login", body={"email": 1}, ok=400, case="not a name"),
        row("POST", "/api/console/actions/new-organization", SIGNED_IN, body={}, ok=400, case="without a name"),
        row("GET", "/api/user/organizations/default", SIGNED_IN),
        row("POST", "/api/user/organizations/{org}/default", MEMBER),
        row("GET", "/api/user/stacks", SIGNED_IN),
        row("GET", "/api/user/stacks", MEMBER, query={"organization": "acme"}, case="of one organization"),
        row("GET", "/api/user/tokens", SIGNED_IN),
        row("POST", "/api/user/tokens", PERSON, body=TOKEN),
        row("DELETE", "/api/user/tokens/{token_id}", OWN, at={"token_id": "<token laptop>"}),
        # Stacks.
        row("HEAD", "/api/stacks/{org}/{project}", LISTED),
        row("POST", "/api/stacks/{org}/{project}", org(P.STACK_CREATE), body={"stackName": "new"}),
        row(
            "POST",
            "/api/stacks/{org}/{project}",
            org(P.STACK_CREATE),
            TEAM,
            body={"stackName": "new", "teams": ["ops"]},
            case="for a team",
        ),
        row("GET", S, stack(P.STACK_READ)),
        row("DELETE", S, stack(P.STACK_DELETE), query={"force": "true"}),
        row("GET", f"{S}/metadata", stack(P.STACK_READ)),
        row("PATCH", f"{S}/tags", stack(P.STACK_TAGS_UPDATE), body={"env": "y"}),
        row("POST", f"{S}/tags", stack(P.STACK_TAGS_UPDATE), body={"name": "more", "value": "y"}),
        row("PATCH", f"{S}/tags/{{name}}", stack(P.STACK_TAGS_UPDATE), body={"name": "env", "value": "y"}),
        row("DELETE", f"{S}/tags/{{name}}", stack(P.STACK_TAGS_UPDATE)),
        row("GET", f"{S}/config", stack(P.STACK_READ)),
        row("PUT", f"{S}/config", stack(P.STACK_WRITE), body={"environment": "p/e"}, ok=501),
        row("DELETE", f"{S}/config", stack(P.STACK_WRITE)),
        row("POST", f"{S}/rename", stack(P.STACK_RENAME), body={"newName": "other", "newProject": ""}),
        row("GET", f"{S}/policypacks", stack(P.STACK_READ)),
        row("GET", f"{S}/policygroups", stack(P.STACK_READ)),
        # State. Reading secrets is a permission of its own; an export has them encrypted.
        row("GET", f"{S}/export", stack(P.STACK_EXPORT)),
        row("GET", f"{S}/export/{{version}}", stack(P.STACK_EXPORT)),
        row("POST", f"{S}/import", stack(P.STACK_IMPORT), body=STATE),
        row("GET", f"{S}/outputs", stack(P.STACK_READ)),
        row("GET", f"{S}/resources/count", stack(P.STACK_READ)),
        row("GET", f"{S}/resources/latest", stack(P.STACK_READ)),
        row("GET", f"{S}/resources/latest/{{urn:path}}", stack(P.STACK_READ)),
        row("GET", f"{S}/resources/{{version}}", stack(P.STACK_READ)),
        row("GET", f"{S}/resources/{{version}}/{{urn:path}}", stack(P.STACK_READ)),
        row("GET", f"{S}/downstreamreferences", stack(P.STACK_READ)),
        row("GET", f"{S}/upstreamreferences", stack(P.STACK_READ)),
        row("POST", f"{S}/encrypt", stack(P.STACK_ENCRYPT), body={"plaintext": "eA=="}),
        row("POST", f"{S}/batch-encrypt", stack(P.STACK_ENCRYPT), body={"plaintexts": ["eA=="]}),
        row("POST", f"{S}/decrypt", stack(P.STACK_DECRYPT), body={"ciphertext": "<ciphertext>"}),
        row("POST", f"{S}/batch-decrypt", stack(P.STACK_DECRYPT), body={"ciphertexts": ["<ciphertext>"]}),
        row("POST", f"{S}/decrypt/log-decryption", stack(P.STACK_DECRYPT), body={"secretName": "x"}),
        row("POST", f"{S}/decrypt/log-batch-decryption", stack(P.STACK_DECRYPT), body={"commandName": "x"}),
        # History.
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
        # Updates and previews: people start and stop them, and a running one shows the lease that it was given at the start.
        # Whoever may read a stack may preview it.
        row("POST", f"{S}/begin-update", stack(P.STACK_WRITE), body=BEGIN),
        row("POST", f"{S}/begin-update", stack(P.STACK_READ), body=BEGIN | {"program": DRY}, case="a dry run"),
        row("POST", U, stack(P.STACK_WRITE), body=PROGRAM),
        row("POST", U, stack(P.STACK_READ), body=DRY, case="a dry run"),
        row("GET", f"{U}/{{update_id}}", stack(P.STACK_READ), at=NEW),
        *(
            row("POST", f"{S}/{kind}/{{update_id}}", stack(P.STACK_WRITE), at={"update_id": f"<new {kind}>"}, body=START)
            for kind in ("update", "refresh", "destroy")
        ),
        row("POST", f"{S}/preview/{{update_id}}", stack(P.STACK_READ), at=OLD, body=START),
        row("GET", f"{U}/{{update_id}}/events", stack(P.STACK_READ), at=LIVE),
        row("POST", f"{U}/{{update_id}}/cancel", stack(P.STACK_CANCEL_UPDATE), at=LIVE),
        row("POST", f"{U}/{{update_id}}/events", LEASE, at=LIVE, body=EVENT),
        row("POST", f"{U}/{{update_id}}/events/batch", LEASE, at=LIVE, body={"events": [EVENT]}),
        row("POST", f"{U}/{{update_id}}/renew_lease", LEASE, at=LIVE, body={"token": "", "duration": 300}),
        row("POST", f"{U}/{{update_id}}/complete", LEASE, at=LIVE, body={"status": "succeeded"}),
        row("PATCH", f"{U}/{{update_id}}/journalentries", LEASE, at=LIVE, body={"entries": []}),
        # A preview stores events alone.
        *(
            row(
                "PATCH",
                f"{S}/{kind}/{{update_id}}/{call}",
                LEASE,
                at={"stack": f"{kind}-plain", "update_id": f"<plain {kind}>"},
                body=body,
                ok=400 if kind == "preview" else None,
            )
            for kind in KINDS
            for call, body in CHECKPOINTS.items()
        ),
        # Who shares a stack.
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
        # Stacks that change hands: whoever gives one administers it, since whoever receives it does.
        row(
            "POST",
            f"{S}/transfer",
            stack(P.STACK_TRANSFER),
            *map(stack, sorted(STACK_ADMIN)),
            target(P.STACK_CREATE),
            body={"toOrg": "annex"},
        ),
        row(
            "POST", f"{S}/ownership", stack(P.STACK_ACCESS_UPDATE), *map(stack, sorted(STACK_ADMIN)), body={"githubLogin": "uma"}
        ),
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
        # The organization and its people. Nobody who is not an admin makes one, and nobody gives a role that holds more than
        # they do: `librarian` holds audit_logs:read.
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
        # The audit log.
        row("GET", f"{O}/auditlogs", org(P.AUDIT_LOGS_READ), query={"startTime": "1"}),
        row("GET", f"{O}/auditlogs/v2", org(P.AUDIT_LOGS_READ)),
        row("GET", f"{O}/auditlogs/event-types", org(P.AUDIT_LOGS_READ)),
        row("GET", f"{O}/auditlogs/reader-kind", org(P.AUDIT_LOGS_READ)),
        row("GET", f"{O}/auditlogs/export", org(P.AUDIT_LOGS_EXPORT), query={"startTime": "1"}),
        row("GET", f"{O}/auditlogs/v2/export", org(P.AUDIT_LOGS_EXPORT)),
        # Teams.
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
        # Roles, permission sets, and who holds them.
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
        # Tokens of organizations and teams.
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
        row(
            "DELETE", f"{T}/tokens/{{token_id}}", org(P.TEAM_DELETE_TOKEN, or_team_admin=True), at={"token_id": "<token ops-ci>"}
        ),
        # The organization's directory, which has a token of its own, and that token.
        row("GET", f"{O}/scim/token", org(P.SCIM_READ)),
        row("POST", f"{O}/scim/token", org(P.SCIM_UPDATE)),
        row("DELETE", f"{O}/scim/token", org(P.SCIM_DELETE)),
        *(
            row("GET", f"{SCIM}/{what}", DIRECTORY)
            for what in ("ServiceProviderConfig", "ResourceTypes", "Schemas", "Users", "Groups")
        ),
        row("GET", f"{SCIM}/ResourceTypes/{{name}}", DIRECTORY, at={"name": "User"}),
        row("GET", f"{SCIM}/Schemas/{{name}}", DIRECTORY, at={"name": "urn:ietf:params:scim:schemas:core:2.0:User"}),
        row("POST", f"{SCIM}/Users", DIRECTORY, body=NAMED_USER),
        row("GET", f"{SCIM}/Users/{{user_id}}", DIRECTORY),
        row("DELETE", f"{SCIM}/Users/{{user_id}}", DIRECTORY),
        row("PUT", f"{SCIM}/Users/{{user_id}}", DIRECTORY, body=NAMED_USER),
        row("PATCH", f"{SCIM}/Users/{{user_id}}", DIRECTORY, body=PATCHED),
        row("POST", f"{SCIM}/Groups", DIRECTORY, body={**NAMED_GROUP, "members": [{"value": "<scim user>"}]}),
        row("GET", f"{SCIM}/Groups/{{group_id}}", DIRECTORY),
        row("DELETE", f"{SCIM}/Groups/{{group_id}}", DIRECTORY),
        row("PUT", f"{SCIM}/Groups/{{group_id}}", DIRECTORY, body=NAMED_GROUP),
        row("PATCH", f"{SCIM}/Groups/{{group_id}}", DIRECTORY, body=PATCHED),
        # The organization's SAML provider. Whoever names it can sign in as any member, so that is for admins alone.
        row("GET", f"{O}/saml", org(P.SAML_READ)),
        row("PATCH", f"{O}/saml", org(P.SAML_UPDATE), body={"sessionHours": 8}),
        row("PATCH", f"{O}/saml", org(P.SAML_UPDATE), ADMIN, body={"newIdpSsoDescriptor": "no XML"}, case="another provider"),
        row("GET", f"{O}/saml/admins", org(P.SAML_READ)),
        row("POST", f"{O}/saml/admins/{{login}}", org(P.SAML_UPDATE), ok=400, case="somebody who may not be"),
        # Issuers of identity tokens. Whoever writes a policy may let in what they might make a token for; whoever gives an
        # issuer other keys decides who gets in by its policy, which lets plain tokens in here.
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
        # Templates, packages and environments: the stores are empty, so there is nothing to find by name.
        row("GET", "/api/registry/templates", SIGNED_IN),
        row("GET", "/api/registry/packages", SIGNED_IN),
        row("GET", "/api/registry/templates/{source}/{publisher}/{name}/versions/{version}", SIGNED_IN, ok=404),
        row("GET", "/api/registry/packages/{source}/{publisher}/{name}/versions/{version}", SIGNED_IN, ok=404),
        row("GET", f"{O}/templates", org(P.TEMPLATES_READ)),
        row("GET", f"{O}/template/download", org(P.TEMPLATES_READ), ok=404),
        row("POST", f"{ESC}/check", org(P.ENVIRONMENT_YAML_OPEN)),
        row("POST", f"{ESC}/open", org(P.ENVIRONMENT_YAML_OPEN)),
        row("GET", f"{ESC}/open/{{session_id}}", org(P.ENVIRONMENT_YAML_OPEN), OWN),
    )
    for kind in one.of_kinds()
)
