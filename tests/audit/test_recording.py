"""What is recorded: every change of who may do what, in the words of who made it."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from common.audit import integrity
from common.backend import Backend
from common.core.errors import Unauthorized
from common.rights.caller import Caller
from common.sign_in.accounts.service import accounts
from common.sign_in.sessions.service import sign_in_with_token
from functions import jobs
from tests.clocks import FrozenClock
from tests.factories.people import make_org, make_token, make_user
from tests.factories.sign_in import opened, sign_up
from tests.sign_in.scim.directory_client import Directory
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


def test_tags_and_configuration_of_a_stack(client: TestClient) -> None:
    """Which tags changed, not their values; a change that changes nothing is not recorded."""
    create_stack(client)
    stack = "/api/stacks/acme/shop/dev"
    for _ in range(2):
        client.patch(f"{stack}/tags", json={"env": "dev", "team": "ops"})
    client.post(f"{stack}/tags", json={"name": "cost", "value": "42"})
    client.patch(f"{stack}/tags/cost", json={"name": "cost", "value": "43"})
    client.delete(f"{stack}/tags/cost")
    client.delete(f"{stack}/config")

    assert {
        ("stack-created", "Created stack acme/shop/dev"),
        ("stack-tags-updated", "Changed tags of stack acme/shop/dev: set env, team"),
        ("stack-tags-updated", "Changed tags of stack acme/shop/dev: set cost"),
        ("stack-tags-updated", "Changed tags of stack acme/shop/dev: deleted cost"),
        ("stack-config-deleted", "Deleted the configuration reference of stack acme/shop/dev"),
    } == set(recorded(client))
    assert 6 == len(recorded(client))


def test_personal_tokens(client: TestClient) -> None:
    """A user's own tokens are recorded in the log of each of their organizations."""
    token = client.post("/api/user/tokens", json={"description": "laptop", "expires": 0}).json()
    client.delete(f"/api/user/tokens/{token['id']}")

    assert {
        ("personal-token-created", "Made a personal access token 'laptop'"),
        ("personal-token-deleted", f"Revoked the personal access token {token['id']}"),
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
        ("oidc-issuer-deleted", "No longer trusts issuer 'builds'"),
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
    """The start and end of an update with the addresses of their requests, and who canceled one; previews are not recorded."""
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
    # The server ends a canceled update by itself, for the user who began it.
    assert ["", "testclient", "testclient", "testclient", "testclient", "testclient"] == [
        event["sourceIP"]
        for event in sorted(events(client), key=lambda event: event["description"].endswith("cancelled"), reverse=True)
    ]


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


class TestSignIns:
    def test_records_a_sign_in_in_each_organization(self, backend: Backend, client: TestClient, admin: Caller) -> None:
        """A session that starts is in the log of each organization of the person, with their address."""
        make_org(backend, "example", admin)
        with backend.db.begin() as tx:
            token = make_token(tx, backend, admin.user_id).text
        sign_in_with_token(backend, token, client="192.0.2.7")

        for org in ("acme", "example"):
            (event,) = client.get(f"/api/orgs/{org}/auditlogs/v2?eventFilter=user-login").json()["auditLogEvents"]
            assert ("Signed in (token)", "192.0.2.7") == (event["description"], event["sourceIP"])
            assert ("admin", "urn:stackhold:user:admin") == (event["user"]["githubLogin"], event["actorUrn"])

    def test_records_a_wrong_password(self, backend: Backend, client: TestClient, admin: Caller) -> None:
        """The log of the account's organization has it, and a name without an account leaves no trace."""
        opened_backend, _ = opened(backend)
        sign_up(opened_backend)
        client.post(f"{ORG}/members/alice", json={"role": "member"})
        for name in ("alice", "stranger"):
            with pytest.raises(Unauthorized):
                accounts.sign_in(opened_backend, name, "not the password", client="192.0.2.7")
        jobs.deliver_messages(opened_backend)

        (event,) = client.get(f"{ORG}/auditlogs/v2?eventFilter=user-login-failed").json()["auditLogEvents"]
        assert (True, "192.0.2.7", "alice") == (event["authFailure"], event["sourceIP"], event["user"]["githubLogin"])


class TestRefusals:
    @pytest.fixture
    def member(self, backend: Backend, client: TestClient) -> dict[str, str]:
        """The headers of a plain member."""
        return {"Authorization": f"token {make_user(backend, 'bob', org='acme')}"}

    def test_records_a_lacking_permission(self, client: TestClient, member: dict[str, str]) -> None:
        """Who lacked which permission, as an authentication failure; the reply is the same as without the log."""
        reply = client.get(f"{ORG}/auditlogs/v2", headers=member)

        assert (403, "audit_logs:read") == (reply.status_code, reply.json()["message"].rpartition(" ")[2])
        assert [("auth-failure-organization-role", "Lacks the permission audit_logs:read")] == recorded(client)
        (event,) = client.get(f"{ORG}/auditlogs/v2").json()["auditLogEvents"]
        assert (True, "bob") == (event["authFailure"], event["user"]["githubLogin"])

    def test_records_a_refusal_on_a_stack(self, client: TestClient, member: dict[str, str]) -> None:
        """A caller who sees a stack and may not delete it is recorded with the stack's kind of event."""
        create_stack(client)
        client.patch(ORG, json={"setDefaultStackPermission": 101})

        assert 403 == client.delete("/api/stacks/acme/shop/dev", headers=member).status_code
        assert ("auth-failure-stack-permission", "Lacks the permission stack:delete") == recorded(client)[-1]

    def test_records_few_refusals_of_a_caller(self, client: TestClient, member: dict[str, str], clock: FrozenClock) -> None:
        """A caller cannot fill a log: 20 within 15 minutes are recorded, and the last one says so."""
        for _ in range(25):
            client.get(f"{ORG}/auditlogs/v2", headers=member)

        texts = [text for _, text in recorded(client)]
        assert (20, 1) == (len(texts), sum("not recorded for 15 minutes" in text for text in texts))
        clock.pass_seconds(901)
        client.get(f"{ORG}/auditlogs/v2", headers=member)
        assert 21 == len(recorded(client))

    def test_records_refused_tokens_of_a_directory(self, client: TestClient) -> None:
        """A stranger's token at the directory's address is recorded, 20 of an address within 15 minutes."""
        for _ in range(22):
            assert 401 == client.get("/scim/v2/acme/Users", headers={"Authorization": f"Bearer puls-{'0' * 40}"}).status_code

        assert 20 == [event for event, _ in recorded(client)].count("auth-failure-scim-access-token")


class TestProvisioning:
    def test_of_a_directory(self, backend: Backend, client: TestClient, admin: Caller) -> None:
        """Users and groups that a directory creates, suspends, renames and deletes, and its token."""
        directory = Directory.connect(backend, client, admin)
        user = directory.add("carol@example.com")
        group = directory.make("Groups", displayName="Ops", members=[{"value": user["id"]}])
        directory.patch(f"/Groups/{group['id']}", {"op": "remove", "path": "members"})
        directory.deactivate(user)
        directory.call("DELETE", f"/Groups/{group['id']}")
        directory.call("DELETE", f"/Users/{user['id']}")
        client.delete(f"{ORG}/scim/token")

        assert [
            ("organization-settings-changed", "Created the token of the directory (SCIM)"),
            ("member-added", "The directory added carol@example.com"),
            ("team-created", "Made team Ops for a group of the directory"),
            ("team-updated", "Team Ops: set its members to 0"),
            ("member-removed", "The directory suspended carol@example.com"),
            ("team-deleted", "Deleted team Ops"),
            ("member-removed", "The directory removed carol@example.com"),
            ("organization-settings-changed", "Deleted the token of the directory (SCIM)"),
        ] == in_order(backend, admin)
