"""People, teams, roles, tokens, issuers and webhooks of an organization, and the parts of the addresses of its pages."""

from __future__ import annotations

from typing import Any

from httpx2 import Client

from tests.browser.console_data import console_client
from tests.browser.environment_data import fill_environments
from tests.browser.policy_data import fill_policies
from tests.peers.workload_issuer import published
from tests.wire import create_stack

TAGGED = {
    "__type": "PermissionDescriptorCondition",
    "condition": {
        "__type": "PermissionExpressionEqual",
        "left": {"__type": "PermissionExpressionTag", "context": {"__type": "PermissionExpressionStack"}, "key": "env"},
        "right": {"__type": "PermissionLiteralExpressionString", "value": "test"},
    },
    "subNode": {"__type": "PermissionDescriptorAllow", "permissions": ["stack:read", "stack:write", "stack:delete"]},
}


def make_people(url: str, client: Client, *names: str) -> list[str]:
    """Make members as a directory does, and return their logins."""
    directory = call(client, "POST", "/api/orgs/acme/scim/token")
    headers = {"Authorization": f"Bearer {directory['tokenValue']}", "Content-Type": "application/scim+json"}
    for name in names:
        user = {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": f"{name.lower()}@example.com",
            "displayName": f"{name} Example",
            "active": True,
        }
        assert 201 == Client(base_url=url).post("/scim/v2/acme/Users", json=user, headers=headers).status_code
    members = call(client, "GET", "/api/orgs/acme/members")["members"]
    return [member["user"]["githubLogin"] for member in members if member["user"]["githubLogin"] != "admin"]


def call(client: Client, method: str, path: str, body: object = None) -> dict[str, Any]:
    """Call the API, and return the reply."""
    reply = client.request(method, path, json=body)
    assert reply.status_code < 300, reply.text
    return dict(reply.json()) if reply.content else {}


def fill_organization(url: str, token: str) -> dict[str, str]:
    """Fill organization acme, and return the parts of the addresses of its pages."""
    org = "/api/orgs/acme"
    with console_client(url, token) as client:
        logins = make_people(url, client, "Alice", "Olga", "Paul")
        create_stack(client, "prod", project="orders", tags={"env": "prod"})
        for name, text in (("payments", "Who takes money"), ("platform", "Who keeps things running")):
            call(client, "POST", f"{org}/teams/pulumi", {"name": name, "displayName": name.title(), "description": text})
        for login in logins[:2]:
            call(client, "PATCH", f"{org}/teams/payments", {"memberAction": "add", "member": login})
        grant = {"projectName": "orders", "stackName": "prod", "permission": 102}
        call(client, "PATCH", f"{org}/teams/payments", {"addStackPermission": grant})
        call(client, "POST", f"{org}/teams/payments/tokens", {"name": "payments-ci", "description": "Deploys", "expires": 0})
        call(
            client, "POST", f"{org}/tokens", {"name": "nightly", "description": "Checks for drift", "expires": 0, "admin": False}
        )
        role = {"name": "Tester", "description": "Runs what is on test", "uxPurpose": "role", "resourceType": "global"}
        role_id = call(client, "POST", f"{org}/roles", {**role, "details": TAGGED})["id"]
        call(client, "POST", f"{org}/invites/batch", {"invites": [{"email": "rita@example.com", "role": "member"}]})
        invite = call(client, "POST", f"{org}/invites/link", {"role": "member"})["acceptInviteUrl"]
        hook = {
            "active": True,
            "displayName": "Announcements",
            "name": "announce",
            "payloadUrl": f"{url}/announce",
            "format": "raw",
            "groups": ["stacks"],
        }
        call(client, "POST", f"{org}/hooks", {**hook, "organizationName": "acme"})
        stack_hook = {**hook, "organizationName": "acme", "projectName": "orders", "stackName": "prod"}
        call(client, "POST", "/api/stacks/acme/orders/prod/hooks", stack_hook)
        keys = {"keys": [published(1)]}
        issuer = call(
            client, "POST", f"{org}/oidc/issuers", {"name": "GitLab", "url": "https://gitlab.example.com", "jwks": keys}
        )
        rule = {
            "decision": "allow",
            "tokenType": "team",
            "teamName": "payments",
            "rules": {"aud": "urn:pulumi:org:acme", "sub": "project_path:acme/orders:ref_type:branch:ref:main"},
        }
        policy = call(client, "GET", f"{org}/auth/policies/oidcissuers/{issuer['id']}")["id"]
        call(client, "PATCH", f"{org}/auth/policies/{policy}", {"policies": [rule]})
        proposed = fill_environments(client)
        own = {"organizationName": "acme", "projectName": "payments", "envName": "prod", "groups": ["environments"]}
        call(client, "POST", "/api/esc/environments/acme/payments/prod/hooks", {**hook, **own})
        issue = fill_policies(client, "/api/stacks/acme/orders/prod")
    return {
        **proposed,
        "policy_issue": issue,
        "login": logins[0],
        "role": str(role_id),
        "issuer": str(issuer["id"]),
        "invite": invite.rpartition("/")[2],
    }
