"""What is recorded: every change of who may do what, in the words of who made it."""

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from tests.factories.people import make_user
from tests.wire import create_stack

# That both databases do the same, the tests of the service show.
pytestmark = pytest.mark.dialects("sqlite")
ORG = "/api/orgs/acme"
ROLE = {"name": "readers", "uxPurpose": "role", "details": {"__type": "PermissionDescriptorAllow", "permissions": ["stack:read"]}}
KEYS = {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIuaPcHURo", "kid": "k1", "use": "sig"}]}
STATEMENT = {
    "decision": "allow",
    "tokenType": "organization",
    "authorizedPermissions": ["standard"],
    "rules": {"sub": "ci:*"},
}


def recorded(client: TestClient) -> list[tuple[str, str]]:
    """Return events and texts, oldest first."""
    found = client.get(f"{ORG}/auditlogs/v2").json()["auditLogEvents"]
    return [(event["event"], event["description"]) for event in reversed(found)]


def test_people(client: TestClient, backend: Backend) -> None:
    """Members, their roles, invitations and settings."""
    for login in ("alice", "bob"):
        make_user(backend, login)
    client.post(f"{ORG}/members/alice", json={"role": "member"})
    client.patch(f"{ORG}/members/alice", json={"role": "billing-manager"})
    client.delete(f"{ORG}/members/alice")
    link = client.post(f"{ORG}/invites/link", json={"role": "member"}).json()
    client.delete(f"{ORG}/invites/{link['id']}")
    client.post(f"{ORG}/invites/batch", json={"invites": [{"email": "carol@example.com", "role": "member"}]})
    client.patch(ORG, json={"setDefaultStackPermission": 101})
    refused = client.delete(f"{ORG}/members/admin")

    assert 400 == refused.status_code
    assert {
        ("member-added", "Made alice a member, as member"),
        ("member-role-changed", "Made alice billing-manager"),
        ("member-removed", "Removed alice"),
        ("organization-invite-sent", "Invited anyone with a link"),
        ("organization-invite-canceled", "Canceled the invitation of anyone with a link"),
        ("organization-invite-sent", "Invited carol@example.com"),
        ("organization-settings-changed", "Changed default stack permission"),
    } == set(recorded(client))


def test_an_accepted_invitation(client: TestClient, backend: Backend) -> None:
    """The user who accepts an invitation is the actor of the entry."""
    token = make_user(backend, "bob")
    link = client.post(f"{ORG}/invites/link", json={"role": "member"}).json()
    joined = client.patch(f"{ORG}/invites/{link['id']}", json={"accept": True}, headers={"Authorization": f"token {token}"})
    found = client.get(f"{ORG}/auditlogs/v2", params={"userFilter": "bob"}).json()["auditLogEvents"]

    assert joined.status_code < 300, joined.text
    assert [("organization-invite-accepted", "bob")] == [(event["event"], event["user"]["githubLogin"]) for event in found]


def test_teams_and_roles(client: TestClient) -> None:
    """Teams with what they are given, and custom roles."""
    create_stack(client)
    client.post(f"{ORG}/teams/pulumi", json={"name": "ops", "displayName": "", "description": ""})
    client.patch(f"{ORG}/teams/ops", json={"addStackPermission": {"projectName": "shop", "stackName": "dev", "permission": 102}})
    client.patch(f"{ORG}/teams/ops", json={"newDescription": "x"})
    client.delete(f"{ORG}/teams/ops")
    role = client.post(f"{ORG}/roles", json=ROLE).json()["id"]
    client.patch(f"{ORG}/roles/{role}", json={"name": "watchers"})
    client.delete(f"{ORG}/roles/{role}")

    assert {
        ("team-created", "Made team ops"),
        ("team-updated", "Team ops: write on stack shop/dev"),
        ("team-updated", "Team ops: another description"),
        ("team-deleted", "Deleted team ops"),
        ("custom-role-created", "Made role 'readers'"),
        ("custom-role-updated", "Changed name of role 'readers'"),
        ("custom-role-deleted", "Deleted role 'watchers'"),
    } == set(recorded(client))


def test_issuers(client: TestClient) -> None:
    """Which issuers are trusted, and what their policies say."""
    asked = {"name": "ci", "url": "https://ci.example.com", "jwks": KEYS, "maxExpiration": 3600}
    issuer = f"{ORG}/oidc/issuers/{client.post(f'{ORG}/oidc/issuers', json=asked).json()['id']}"
    policy = client.get(f"{ORG}/auth/policies/oidcissuers/{issuer.rpartition('/')[2]}").json()["id"]
    client.patch(f"{ORG}/auth/policies/{policy}", json={"policies": [STATEMENT]})
    client.patch(issuer, json={"name": "builds", "maxExpiration": 0})
    client.delete(issuer)

    assert {
        ("oidc-issuer-registered", "Trusts issuer 'ci' at https://ci.example.com"),
        ("authorization-policy-updated", "Replaced the policy of issuer 'ci'; statements: 1"),
        ("oidc-issuer-updated", "Changed issuer 'ci': name"),
        ("oidc-issuer-deleted", "Trusts issuer 'builds' no longer"),
    } == set(recorded(client))
