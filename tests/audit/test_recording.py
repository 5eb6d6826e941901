"""What is recorded: every change of who may do what, in the words of who made it."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from common.audit import integrity
from common.backend import Backend
from common.rights.caller import Caller
from tests.factories.people import make_org, make_user
from tests.stacks.engine.builders import make_resource, make_state
from tests.wire import begin, create_stack, create_update, import_state, start_update

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
        ("stack-created", "Created stack acme/shop/dev"),
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


def test_stacks(client: TestClient, backend: Backend, admin: Caller) -> None:
    """The life of a stack, with what is read of it; the log has who reads secrets of which stack and how many, never a value."""
    path = "/api/stacks/acme/shop/dev"
    create_stack(client)
    import_state(client, path, make_state(make_resource("a")))
    sealed = [client.post(f"{path}/encrypt", json={"plaintext": text}).json()["ciphertext"] for text in ("czNjcjN0", "eA==")]
    for call, body in (
        ("decrypt", {"ciphertext": sealed[0]}),
        ("batch-decrypt", {"ciphertexts": sealed}),
        ("rename", {"newName": "prod"}),
    ):
        assert client.post(f"{path}/{call}", json=body).is_success
    path = "/api/stacks/acme/shop/prod"
    for read in ("export", "export/1", "outputs"):
        assert client.get(f"{path}/{read}").is_success
    assert client.delete(f"{path}?force=true").is_success

    assert [
        ("stack-created", "Created stack acme/shop/dev"),
        ("stack-imported", "Imported a state into stack acme/shop/dev"),
        ("secret-decrypted", "Decrypted a value of stack acme/shop/dev"),
        ("secrets-batch-decrypted", "Decrypted 2 values of stack acme/shop/dev"),
        ("stack-renamed", "Renamed stack acme/shop/dev to acme/shop/prod"),
        ("stack-exported", "Exported the state of stack acme/shop/prod"),
        ("stack-exported", "Exported version 1 of stack acme/shop/prod"),
        ("stack-outputs-read", "Read the outputs of stack acme/shop/prod"),
        ("stack-deleted", "Deleted stack acme/shop/prod"),
    ] == in_order(backend, admin)
    assert "s3cr3t" not in client.get(f"{ORG}/auditlogs/v2").text
    assert {"stack-deleted"} == {event["event"] for event in events(client) if event["reqStackAdmin"]}


def test_updates(client: TestClient, backend: Backend, admin: Caller) -> None:
    """The start and end of an update, and who canceled one; previews are not recorded."""
    path = "/api/stacks/acme/shop/dev"
    create_stack(client)
    begin(client, path, dry_run=True).complete()
    begin(client, path).complete()
    update_id = create_update(client, path)
    assert start_update(client, path, update_id).is_success
    assert client.post(f"{path}/update/{update_id}/cancel").is_success

    assert [
        ("stack-created", "Created stack acme/shop/dev"),
        ("stack-update-started", "Started update 1 of stack acme/shop/dev"),
        ("stack-update-completed", "Update 1 of stack acme/shop/dev ended: succeeded"),
        ("stack-update-started", "Started update 2 of stack acme/shop/dev"),
        ("stack-update-canceled", "Canceled update 2 of stack acme/shop/dev"),
        ("stack-update-completed", "Update 2 of stack acme/shop/dev ended: cancelled"),
    ] == in_order(backend, admin)
    assert {"admin"} == {event["user"]["githubLogin"] for event in events(client)}


def test_a_transfer(client: TestClient, backend: Backend, admin: Caller) -> None:
    """Both organizations have a transfer in their log."""
    make_org(backend, "example", admin)
    create_stack(client)

    assert client.post("/api/stacks/acme/shop/dev/transfer", json={"toOrg": "example"}).is_success

    event = ("stack-transferred-to-organization", "Transferred stack acme/shop/dev to example/shop/dev")
    for org in ("acme", "example"):
        assert event in [(one["event"], one["description"]) for one in events(client, org)]


def test_grants_and_owners(client: TestClient, backend: Backend) -> None:
    """A team's level on a stack, and another owner."""
    make_user(backend, "bob", org="acme")
    create_stack(client)
    client.post(f"{ORG}/teams/pulumi", json={"name": "ops", "displayName": "", "description": ""})
    grant = {"permissions": 102}
    assert client.patch("/api/console/stacks/acme/shop/dev/teams/ops", json=grant).is_success
    assert client.post("/api/stacks/acme/shop/dev/ownership", json={"githubLogin": "bob"}).is_success

    assert {
        ("stack-collaborator-permissions-changed", "Set team ops's level on stack acme/shop/dev to write"),
        ("stack-collaborator-permissions-changed", "Made bob the owner of stack acme/shop/dev"),
    } <= set(recorded(client))


def events(client: TestClient, org: str = "acme") -> list[dict[str, Any]]:
    """Return the newest events of a log as they travel."""
    found: list[dict[str, Any]] = client.get(f"/api/orgs/{org}/auditlogs/v2").json()["auditLogEvents"]
    return found


def in_order(backend: Backend, caller: Caller) -> list[tuple[str, str]]:
    """Return events and texts in the order of the chain, since the clock of the tests stands still."""
    org_id = next(membership.org_id for membership in caller.memberships if membership.login == "acme")
    lines = [json.loads(line) for line in integrity.export_log(backend, org_id)]
    return [(line["event"], line["description"]) for line in lines[:-1]]
