"""The calls that the infrastructure provider for the vendor's service makes for issuers, with its bodies and its nulls.

Creating registers, reads the policy for its id, and replaces it if the program has statements; when that is refused the
issuer is deleted again. Reading takes 404 for gone. Rules are texts, thumbprints may be null.
"""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.peers.workload_issuer import WorkloadIssuer
from tests.people.tokens.test_provider import HEADERS
from tests.sign_in.workload_identity.token_exchange import ISSUERS, POLICIES

RULES = {"aud": "urn:pulumi:org:acme", "sub": "repo:acme/app:*"}
STATEMENTS: list[dict[str, Any]] = [
    {"decision": "allow", "tokenType": "organization", "authorizedPermissions": ["admin"], "rules": RULES},
    {"decision": "deny", "tokenType": "team", "teamName": "dream-team", "authorizedPermissions": [], "rules": RULES},
    {"decision": "allow", "tokenType": "personal", "userLogin": "admin", "authorizedPermissions": [], "rules": RULES},
    {"decision": "allow", "tokenType": "runner", "runnerID": "1234-5678", "authorizedPermissions": [], "rules": RULES},
]
NULLS = dict.fromkeys(["teamName", "userLogin", "runnerID", "roleID"])


@pytest.fixture
def provider(client: TestClient) -> TestClient:
    """A client with the provider's headers."""
    client.headers.update(HEADERS)
    return client


@pytest.mark.parametrize("extra", [{}, {"thumbprints": None, "maxExpiration": None}, {"maxExpiration": 3_600}])
def test_life_of_an_issuer(provider: TestClient, peer: WorkloadIssuer, extra: dict[str, Any]) -> None:
    """Created, read, changed and deleted, every read shows what was asked for, every time the same."""
    created = provider.post(ISSUERS, json={"name": "github_issuer", "url": peer.url, **extra}).json()
    path = f"{ISSUERS}/{created['id']}"
    policy = provider.get(f"{POLICIES}/oidcissuers/{created['id']}").json()
    written = provider.patch(f"{POLICIES}/{policy['id']}", json={"policies": [NULLS | one for one in STATEMENTS]})
    read = [provider.get(path).json(), provider.get(path).json()]
    policies = [provider.get(f"{POLICIES}/oidcissuers/{created['id']}").json() for _ in range(2)]
    change = {"name": "github", "thumbprints": None, "maxExpiration": 7_200}
    changed = provider.patch(path, json=change).json()
    rewritten = provider.patch(f"{POLICIES}/{policy['id']}", json={"policies": STATEMENTS[:1]}).json()
    deleted = provider.delete(path)

    assert (200, STATEMENTS) == (written.status_code, written.json()["policies"])
    assert [created, created] == read
    assert policies[0] == policies[1] == written.json()
    assert extra.get("maxExpiration") or 90_000 == created["maxExpiration"]
    assert ("github", peer.url, 7_200) == (changed["name"], changed["url"], changed["maxExpiration"])
    assert (policy["id"], 3, STATEMENTS[:1]) == (rewritten["id"], rewritten["version"], rewritten["policies"])
    assert (204, b"") == (deleted.status_code, deleted.content)
    assert 404 == provider.get(path).status_code == provider.delete(path).status_code


def test_statements_that_are_refused(provider: TestClient, peer: WorkloadIssuer) -> None:
    """When its statements are refused the provider deletes what it has just made, and may create it again."""
    created = provider.post(ISSUERS, json={"name": "x", "url": peer.url}).json()
    policy = provider.get(f"{POLICIES}/oidcissuers/{created['id']}").json()
    bad = [STATEMENTS[0] | {"authorizedPermissions": []}]

    assert 400 == provider.patch(f"{POLICIES}/{policy['id']}", json={"policies": bad}).status_code
    assert 204 == provider.delete(f"{ISSUERS}/{created['id']}").status_code
    assert 200 == provider.post(ISSUERS, json={"name": "x", "url": peer.url}).status_code
