"""Issuers over HTTP: registered, shown, changed, deleted."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from tests.clocks import FrozenClock
from tests.factories.people import ADMIN_TOKEN, caller_of, make_org
from tests.factories.tokens import signed
from tests.peers.workload_issuer import WorkloadIssuer, key, published
from tests.sign_in.workload_identity.token_exchange import ISSUERS, POLICIES, Trust, allow, refused, trust
from tests.wire import error_of

NOBODY = "00000000-0000-7000-8000-000000000000"
PUBLIC = {"keys": [published(1)]}
STATIC = {"name": "cluster", "url": "https://kubernetes.default.svc", "jwks": PUBLIC}
SDK = {"Accept": "application/json"}
OTHERS = {"Accept": "application/vnd.pulumi+9"}


class TestRegister:
    def test_asks_the_issuer(self, client: TestClient, peer: WorkloadIssuer) -> None:
        """Registering asks for the configuration and the keys; the default limit of tokens is 25 hours."""
        made = client.post(ISSUERS, json={"name": " pipelines ", "url": peer.url, "maxExpiration": 0, "thumbprints": []})
        found = made.json()

        assert 200 == made.status_code, made.text
        assert ("pipelines", peer.url, peer.url, 90_000) == tuple(
            found[name] for name in ("name", "url", "issuer", "maxExpiration")
        )
        assert {"lastUsed", "jwks", "thumbprints"} & set(found) == set()
        assert found == client.get(f"{ISSUERS}/{found['id']}").json()
        assert {"oidcIssuers": [found]} == client.get(ISSUERS).json()
        assert 1 == peer.fetches

    def test_makes_a_policy(self, client: TestClient, peer: WorkloadIssuer) -> None:
        """The policy is there without being made, and has no statements."""
        found = trust(client, peer)
        policy = client.get(f"{POLICIES}/oidcissuers/{found.id}").json()

        assert (1, []) == (policy["version"], policy["policies"])
        assert policy["created"].startswith("2026-01-02T03:04:05")

    def test_again(self, client: TestClient, peer: WorkloadIssuer) -> None:
        """An address or a name that the organization has already is 400."""
        trust(client, peer)

        assert (400, 400) == error_of(client.post(ISSUERS, json={"name": "more", "url": peer.url}))[:2]
        assert (400, 400) == error_of(client.post(ISSUERS, json=STATIC | {"name": "pipelines"}))[:2]
        assert (400, 400) == error_of(client.post(ISSUERS, json={"name": "more", "url": peer.url + "/"}))[:2]
        assert 1 == len(client.get(ISSUERS).json()["oidcIssuers"])

    def test_with_keys(self, client: TestClient) -> None:
        """With registered keys no server is called, and the issuer is its address."""
        made = client.post(ISSUERS, json=STATIC, headers=OTHERS).json()

        assert (STATIC["url"], PUBLIC["keys"][0]["n"]) == (made["issuer"], made["jwks"]["keys"][0]["n"])
        assert (400, 400) == error_of(client.post(f"{ISSUERS}/{made['id']}/regenerate-thumbprints"))[:2]

    def test_shows_no_keys_to_the_sdk(self, client: TestClient) -> None:
        """The vendor's SDK cannot read a standard JWKS, so who accepts plain JSON is shown none."""
        made = client.post(ISSUERS, json=STATIC, headers=SDK).json()

        assert "jwks" not in made
        assert "jwks" not in client.get(ISSUERS, headers=SDK).json()["oidcIssuers"][0]
        assert "jwks" in client.get(ISSUERS, headers=OTHERS).json()["oidcIssuers"][0]

    @pytest.mark.parametrize(
        "change",
        [
            {"name": ""},
            {"name": None},
            {"name": "  "},
            {"name": "x" * 101},
            {"name": "a\nb"},
            {"url": ""},
            {"url": None},
            {"url": "example.com"},
            {"url": "ftp://example.com"},
            {"url": "https://"},
            {"url": "https://a@example.com"},
            {"url": "https://example.com?x=1"},
            {"url": "https://example.com#x"},
            {"url": "https://exa mple.com"},
            {"url": "https://example.com:x"},
            {"url": "https://[::1"},
            {"url": "https://example.com/" + "x" * 500},
            {"maxExpiration": -1},
            {"maxExpiration": 31_536_001},
            {"maxExpiration": "long"},
            {"maxExpiration": 10**30},
            {"thumbprints": ["x"]},
            {"thumbprints": ["aa" * 20] * 21},
            {"thumbprints": [7]},
            {"jwks": {}},
            {"jwks": []},
            {"jwks": {"keys": {}}},
            {"jwks": {"keys": []}},
            {"jwks": {"keys": [7]}},
            {"jwks": {"keys": [{"kty": "oct", "k": "eA"}]}},
            {"jwks": {"keys": [{"kty": "RSA", "n": "eA", "e": "AQAB"}]}},
            {"jwks": {"keys": [{"kty": "EC", "crv": "P-256"}]}},
            {"jwks": {"keys": [key(1).as_dict(private=True)]}},
            {"jwks": {"keys": PUBLIC["keys"] * 101}},
        ],
        ids=range(34),
    )
    def test_refuses_what_cannot_be(self, client: TestClient, change: dict[str, Any]) -> None:
        """What is missing, malformed, too long or secret is 400, and nothing is registered."""
        assert (400, 400) == error_of(client.post(ISSUERS, json=STATIC | change))[:2]
        assert [] == client.get(ISSUERS).json()["oidcIssuers"]

    def test_takes_thumbprints_in_any_spelling(self, client: TestClient, peer: WorkloadIssuer) -> None:
        """Thumbprints are told with colons and capitals by some tools; they are shown in one way."""
        printed = ":".join(["AB"] * 32)
        made = client.post(ISSUERS, json={"name": "x", "url": peer.url, "thumbprints": [printed, "ab" * 32, "CD" * 20]}).json()

        assert ["ab" * 32, "cd" * 20] == made["thumbprints"]


class TestUpdate:
    def test_changes_what_is_sent(self, trusted: Trust, client: TestClient, clock: FrozenClock) -> None:
        """A name is needed; what else is not sent, null, empty or zero stays."""
        path = f"{ISSUERS}/{trusted.id}"
        before = client.get(path).json()
        clock.pass_seconds(60)
        changed = client.patch(path, json={"name": "builds", "maxExpiration": 600, "thumbprints": ["ab" * 32]}).json()
        kept = client.patch(path, json={"name": "builds", "maxExpiration": None, "thumbprints": None, "jwks": None}).json()

        assert (
            before | {"name": "builds", "maxExpiration": 600, "thumbprints": ["ab" * 32], "modified": "2026-01-02T03:05:05Z"}
            == changed
        )
        assert changed == kept
        assert 600 == trusted.given()["expires_in"]

    @pytest.mark.parametrize(
        "body", [{}, {"name": None}, {"name": ""}, {"name": "x", "maxExpiration": -1}, {"name": "x", "thumbprints": ["x"]}]
    )
    def test_refuses_what_cannot_be(self, trusted: Trust, client: TestClient, body: dict[str, Any]) -> None:
        """What cannot be is 400, and nothing changes."""
        before = client.get(ISSUERS).json()

        assert (400, 400) == error_of(client.patch(f"{ISSUERS}/{trusted.id}", json=body))[:2]
        assert before == client.get(ISSUERS).json()

    def test_to_a_taken_name(self, trusted: Trust, client: TestClient) -> None:
        """Two issuers of an organization have two names."""
        other = client.post(ISSUERS, json=STATIC).json()

        assert (400, 400) == error_of(client.patch(f"{ISSUERS}/{other['id']}", json={"name": "pipelines"}))[:2]

    def test_to_keys(self, trusted: Trust, client: TestClient, peer: WorkloadIssuer) -> None:
        """Keys that are given take the place of those that are fetched."""
        changed = client.patch(f"{ISSUERS}/{trusted.id}", json={"name": "x", "jwks": {"keys": [published(7)]}})

        assert 200 == changed.status_code
        assert 400 == trusted.exchange().status_code
        assert 200 == trusted.exchange(peer.mint(by=7, header={"kid": "k7"})).status_code
        assert 1 == peer.fetches


class TestDelete:
    def test_ends_everything_at_once(self, trusted: Trust, client: TestClient) -> None:
        """With an issuer go its policy, what was given for its tokens, and what that could be renewed with."""
        given = trusted.given()

        assert 204 == client.delete(f"{ISSUERS}/{trusted.id}").status_code
        assert 401 == trusted.user(given["access_token"]).status_code
        assert "invalid_grant" == refused(trusted.refresh(given["refresh_token"]))[0] == refused(trusted.exchange())[0]
        assert (404, 404) == error_of(client.delete(f"{ISSUERS}/{trusted.id}"))[:2]
        assert (404, 404) == error_of(client.patch(f"{POLICIES}/{trusted.policy_id}", json={"policies": [allow()]}))[:2]

    def test_and_again(self, trusted: Trust, client: TestClient, peer: WorkloadIssuer) -> None:
        """Registered anew, the issuer is another one: its machine is not the one that made stacks before."""
        first = trusted.user(trusted.given()["access_token"]).json()["id"]
        client.delete(f"{ISSUERS}/{trusted.id}")
        again = trust(client, peer, allow())

        assert first != again.user(again.given()["access_token"]).json()["id"]


class TestUnknown:
    @pytest.mark.parametrize("issuer_id", [NOBODY, "x", "%00", "'"])
    def test_is_not_found(self, client: TestClient, issuer_id: str) -> None:
        """An issuer or a policy that is not there is 404 for every call."""
        replies = [
            client.get(f"{ISSUERS}/{issuer_id}"),
            client.patch(f"{ISSUERS}/{issuer_id}", json={"name": "x"}),
            client.delete(f"{ISSUERS}/{issuer_id}"),
            client.post(f"{ISSUERS}/{issuer_id}/regenerate-thumbprints"),
            client.get(f"{POLICIES}/oidcissuers/{issuer_id}"),
            client.patch(f"{POLICIES}/{issuer_id}", json={"policies": [allow()]}),
        ]

        assert [404] * 6 == [error_of(reply)[0] for reply in replies]

    def test_of_another_organization(self, trusted: Trust, client: TestClient, backend: Backend) -> None:
        """The issuer of one organization does not exist in another, even for an admin of both."""
        make_org(backend, "globex", caller_of(backend, ADMIN_TOKEN))
        replies = [
            client.get(f"/api/orgs/globex/oidc/issuers/{trusted.id}"),
            client.delete(f"/api/orgs/globex/oidc/issuers/{trusted.id}"),
            client.patch(f"/api/orgs/globex/auth/policies/{trusted.policy_id}", json={"policies": [allow()]}),
        ]

        assert [404] * 3 == [error_of(reply)[0] for reply in replies]
        assert [] == client.get("/api/orgs/globex/oidc/issuers").json()["oidcIssuers"]
        assert json.dumps(trusted.id) in client.get(ISSUERS).text
        assert 200 == client.get(ISSUERS, headers=signed(ADMIN_TOKEN)).status_code
