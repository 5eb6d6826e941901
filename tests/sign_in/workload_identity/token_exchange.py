"""Makes issuers and policies, and exchanges tokens, by the calls that clients make."""

from dataclasses import dataclass
from typing import Any

from httpx2 import Client, Response

from tests.factories.people import ADMIN_TOKEN
from tests.peers.workload_issuer import Pipeline, WorkloadIssuer

ISSUERS = "/api/orgs/acme/oidc/issuers"
POLICIES = "/api/orgs/acme/auth/policies"
TOKEN = "/api/oauth/token"
TYPE = "urn:pulumi:token-type:access_token:"
STANDARD: dict[str, Any] = {
    "decision": "allow",
    "tokenType": "organization",
    "authorizedPermissions": ["standard"],
    "rules": {"sub": "ci"},
}
SIGNED = {"Authorization": f"token {ADMIN_TOKEN}"}


def allow(token_type: str = "organization", **members: Any) -> dict[str, Any]:
    """Return a statement that allows tokens of the subject `ci`."""
    levels = ["standard"] if token_type == "organization" else []
    return {"decision": "allow", "tokenType": token_type, "authorizedPermissions": levels, "rules": {"sub": "ci"}, **members}


def deny(token_type: str = "organization", **members: Any) -> dict[str, Any]:
    """Return a statement that denies tokens of the subject `ci`."""
    return {**allow(token_type), "authorizedPermissions": [], "decision": "deny", **members}


@dataclass
class Trust:
    """An issuer that acme trusts, and a client of the server."""

    client: Client
    peer: WorkloadIssuer
    id: str
    policy_id: str

    def set_policy(self, *statements: dict[str, Any], token: str = ADMIN_TOKEN) -> Response:
        """Replace the policy."""
        headers = {"Authorization": f"token {token}"}
        return self.client.patch(f"{POLICIES}/{self.policy_id}", json={"policies": list(statements)}, headers=headers)

    def exchange(
        self, token: str | None = None, *, scope: str = "", kind: str = "", org: str = "acme", **fields: str
    ) -> Response:
        """Exchanges an identity token, a good one unless it is given, for what the scope asks."""
        kinds = {"team": "team", "user": "personal", "runner": "runner"}
        wanted = TYPE + (kind or kinds.get(scope.partition(":")[0], "organization"))
        form = Pipeline(self.peer, org).form(token or self.peer.mint(), scope=scope, requested_token_type=wanted, **fields)
        return self.client.post(TOKEN, data=form, headers={"Authorization": ""})

    def given(self, **asked: Any) -> dict[str, Any]:
        """Exchanges an identity token, which must succeed, and returns the reply's body."""
        found = self.exchange(**asked)
        assert 200 == found.status_code, found.text
        body: dict[str, Any] = found.json()
        return body

    def refresh(self, refresh_token: str) -> Response:
        """Renews what was given."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return self.client.post(TOKEN, data=form, headers={"Authorization": ""})

    def user(self, token: str) -> Response:
        """Asks who a token belongs to."""
        return self.client.get("/api/user", headers={"Authorization": f"token {token}"})


def trust(client: Client, peer: WorkloadIssuer, *statements: dict[str, Any], name: str = "pipelines", **members: Any) -> Trust:
    """Register an issuer with a policy of these statements."""
    made = client.post(ISSUERS, json={"name": name, "url": peer.url, **members}, headers=SIGNED)
    assert 200 == made.status_code, made.text
    issuer_id = made.json()["id"]
    policy = client.get(f"{POLICIES}/oidcissuers/{issuer_id}", headers=SIGNED).json()
    found = Trust(client, peer, issuer_id, policy["id"])
    if statements:
        assert 200 == found.set_policy(*statements).status_code
    return found


def refused(reply: Response) -> tuple[str, str]:
    """Return error and description of a refusal, which has the members of RFC 6749 and those of the wire."""
    body = reply.json()
    assert 400 == reply.status_code == body["code"], reply.text
    assert f"Bad Request: {body['error_description']}" == body["message"]
    return body["error"], body["error_description"]
