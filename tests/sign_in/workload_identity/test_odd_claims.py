"""Identity tokens with claims that are easy to misread."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from common.backend import Backend
from common.ports.outbound import Outbound
from tests.clocks import FrozenClock
from tests.factories.tokens import listed, signed
from tests.peers.workload_issuer import WorkloadIssuer
from tests.sign_in.workload_identity.token_exchange import Trust, refused, trust

ALLOW: dict[str, Any] = {
    "decision": "allow",
    "tokenType": "organization",
    "authorizedPermissions": ["standard"],
    "rules": {
        "aud": "urn:pulumi:org:acme",
        '"kubernetes.io".pod.name': "runner-?*",
        "sub": "system:serviceaccount:ci:*",
    },
}
DENY: dict[str, Any] = {
    "decision": "deny",
    "tokenType": "organization",
    "authorizedPermissions": [],
    "rules": {"sub": "*:ci:bad"},
}
POD = {"kubernetes.io": {"pod": {"name": "runner-7"}}}
CLAIMS: dict[str, Any] = {"aud": "urn:pulumi:org:acme", "sub": "system:serviceaccount:ci:x", **POD}


@pytest.fixture
def backend(backend: Backend) -> Iterator[Backend]:
    """The backend, with loopback on its allow-list."""
    opened = replace(backend, outbound=Outbound("127.0.0.1"))
    yield opened
    opened.outbound.close()


@pytest.fixture
def cluster(client: TestClient, clock: FrozenClock) -> Iterator[Trust]:
    """The provider of the report, registered with its policy."""
    with WorkloadIssuer(lambda: clock.now().timestamp()) as running:
        yield trust(client, running, ALLOW, DENY)


def exchange(cluster: Trust, claims: dict[str, Any], **fields: str) -> Response:
    """Exchanges a token with these claims; None takes one away."""
    return cluster.exchange(cluster.peer.mint(**(CLAIMS | claims)), **fields)


class TestClaimsWithDots:
    @pytest.mark.parametrize("claims", [{}, {"aud": ["x", "urn:pulumi:org:acme"]}])
    def test_what_is_let_in(self, cluster: Trust, claims: dict[str, Any]) -> None:
        """The right claims pass, and so does a list with the right audience."""
        assert 200 == exchange(cluster, claims).status_code

    @pytest.mark.parametrize(
        "claims",
        [
            {"kubernetes.io": {"pod": {"name": "runner-"}}},
            {"kubernetes.io": {"pod": {"name": "runner"}}},
            {"kubernetes.io": {"pod": {"name": "xrunner-7"}}},
            {"kubernetes.io": None, "kubernetes": {"io": {"pod": {"name": "runner-7"}}}},
            {"kubernetes.io": None, "kubernetes.io.pod.name": "runner-7"},
            {"kubernetes.io": None, '"kubernetes.io"': {"pod": {"name": "runner-7"}}},
            {"aud": "urn:pulumi:org:acme-evil"},
            {"aud": None},
            {"aud": []},
            {"sub": 7},
            {"sub": None},
            {"sub": "system:serviceaccount:other:x"},
            {"sub": "system:serviceaccount:ci:bad"},
        ],
    )
    def test_what_is_not(self, cluster: Trust, claims: dict[str, Any]) -> None:
        """Another spelling of a claim, a similarly named organization, a number for a text, a denied subject: none passes."""
        assert "invalid_grant" == refused(exchange(cluster, claims))[0]

    def test_no_administrator_by_accident(self, cluster: Trust, client: TestClient) -> None:
        """`standard` gives no admin to anyone who asks, in the form of RFC 6749, and without the scope no token is issued."""
        token = exchange(cluster, {}).json()["access_token"]

        assert "invalid_scope" == refused(exchange(cluster, {}, scope="admin"))[0]
        assert 403 == client.get("/api/orgs/acme/tokens", headers=signed(token)).status_code
        assert 403 == client.get("/api/orgs/acme/oidc/issuers", headers=signed(token)).status_code
        assert 403 == client.get("/api/orgs/acme/auditlogs", params={"startTime": 1}, headers=signed(token)).status_code

    @pytest.mark.parametrize(("expiration", "lives"), [("10", 10), ("7200", 7_200), ("999999", 90_000)])
    def test_the_life_of_the_token(self, cluster: Trust, expiration: str, lives: int) -> None:
        """A token lives as long as is asked for, and never longer than the issuer's limit."""
        assert lives == exchange(cluster, {}, expiration=expiration).json()["expires_in"]

    @pytest.mark.parametrize(
        ("pattern", "text", "passes"),
        [
            ("a.c", "abc", True),
            ("a.c", "ac", False),
            ("a?c", "ac", True),
            ("a?c", "abc", True),
            ("a?c", "abbc", False),
            ("a*c", "abbbc", True),
            ("a+c", "a+c", True),
            ("a+c", "aac", False),
            ("a(c", "a(c", True),
            ("[ac]", "[ac]", True),
            ("[ac]", "a", False),
            ("a\\c", "a\\c", True),
            ("a\\.c", "a.c", False),
            ("a\\.c", "a\\xc", True),
        ],
    )
    def test_the_language_of_patterns(self, cluster: Trust, pattern: str, text: str, passes: bool) -> None:
        """`.` is one character, `?` one or none, `*` any run; everything else stands for itself."""
        assert cluster.set_policy(ALLOW | {"rules": {"sub": pattern}}).is_success

        assert (200 if passes else 400) == exchange(cluster, {"sub": text}).status_code

    def test_a_loose_audience(self, cluster: Trust) -> None:
        """A pattern for the audience that would take a similarly named organization's does not."""
        assert cluster.set_policy(ALLOW | {"rules": {"aud": "urn:pulumi:org:acme*"}}).is_success

        assert 200 == exchange(cluster, {}).status_code
        assert "invalid_grant" == refused(exchange(cluster, {"aud": "urn:pulumi:org:acme-evil"}))[0]

    def test_tokens_are_in_no_list(self, cluster: Trust, client: TestClient) -> None:
        """What was given does not appear among the organization's tokens, of any kind."""
        exchange(cluster, {})

        assert [] == listed(client, "/api/orgs/acme/tokens", filter="all")

    def test_the_audit_log_has_each(self, cluster: Trust, client: TestClient) -> None:
        """One event for each exchange and one for each failure, with the user and the reason; no event contains a token."""
        given = exchange(cluster, {}).json()
        for claims in ({"sub": 7}, {"aud": "urn:pulumi:org:acme-evil"}, {"sub": "system:serviceaccount:ci:bad"}):
            exchange(cluster, claims)
        exchange(cluster, {}, scope="admin")
        cluster.exchange(cluster.peer.mint(**CLAIMS)[:-4] + "AAAA")
        found = client.get("/api/orgs/acme/auditlogs/v2").json()["auditLogEvents"]
        told = [event for event in found if "issuer" in event["event"] and "registered" not in event["event"]]

        assert ["oidc-issuer-validation-failed"] * 5 + ["organization-token-created-for-oidc-issuer"] == sorted(
            event["event"] for event in told
        )
        assert {True: 5, False: 1} == {mark: [event["authFailure"] for event in told].count(mark) for mark in (True, False)}
        assert any("a statement of the policy denies it" in event["description"] for event in told)
        assert any("its signature is not valid" in event["description"] for event in told)
        assert not any(given[name] in str(found) for name in ("access_token", "refresh_token"))
