"""The token endpoint: what is exchanged, what is refused and how."""

import json
import logging
from typing import Any

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.rights.permissions import Permission
from tests.clocks import FrozenClock
from tests.factories.orgs import suspend
from tests.factories.people import ADMIN_TOKEN, caller_of, make_org, make_user
from tests.factories.roles import make_role
from tests.factories.teams import make_team
from tests.factories.tokens import limit_days, listed, signed
from tests.peers.workload_issuer import Pipeline, WorkloadIssuer
from tests.sign_in.workload_identity.token_exchange import TOKEN, TYPE, Trust, allow, deny, refused, trust

REFUSED = "invalid_grant"


class TestOrganizationToken:
    def test_is_a_member(self, trusted: Trust, client: TestClient) -> None:
        """An identity token that the policy lets in becomes a member's token of the organization, for two hours."""
        given = trusted.given()
        who = trusted.user(given["access_token"]).json()

        assert {"issued_token_type": f"{TYPE}organization", "token_type": "token", "expires_in": 7_200, "scope": ""} == {
            name: given[name] for name in ("issued_token_type", "token_type", "expires_in", "scope")
        }
        assert ("acme", ["acme"]) == (who["githubLogin"], [one["githubLogin"] for one in who["organizations"]])
        assert 403 == client.get("/api/orgs/acme/tokens", headers=signed(given["access_token"])).status_code
        assert 200 == client.get("/api/user/stacks", headers=signed(given["access_token"])).status_code

    def test_is_no_admin_unless_asked(self, client: TestClient, peer: WorkloadIssuer) -> None:
        """A policy that allows admins gives an admin's token for the scope `admin`, and else a plain one."""
        found = trust(client, peer, allow(authorizedPermissions=["admin"]))
        plain, admin = found.given()["access_token"], found.given(scope="admin")

        assert 403 == client.get("/api/orgs/acme/tokens", headers=signed(plain)).status_code
        assert 200 == client.get("/api/orgs/acme/tokens", headers=signed(admin["access_token"])).status_code
        assert "admin" == admin["scope"]

    def test_of_an_admin_needs_the_policy(self, trusted: Trust) -> None:
        """Where the policy allows plain tokens alone, asking for an admin's is an invalid scope."""
        assert "invalid_scope" == refused(trusted.exchange(scope="admin"))[0]

    def test_with_a_role(self, client: TestClient, backend: Backend, peer: WorkloadIssuer) -> None:
        """A statement with a role gives a token that has just that one."""
        role = make_role(backend, Permission.AUDIT_LOGS_READ, Permission.ORG_TOKEN_READ)
        found = trust(client, peer, allow(authorizedPermissions=[], roleID=role))
        token = found.given()["access_token"]

        assert 200 == client.get("/api/orgs/acme/tokens", headers=signed(token)).status_code
        assert 403 == client.post("/api/stacks/acme/shop", json={"stackName": "dev"}, headers=signed(token)).status_code

    def test_with_a_role_that_is_gone(self, client: TestClient, backend: Backend, peer: WorkloadIssuer) -> None:
        """A role that was deleted since gives nothing, and takes the tokens that had it along."""
        role = make_role(backend, Permission.AUDIT_LOGS_READ)
        found = trust(client, peer, allow(authorizedPermissions=[], roleID=role))
        given = found.given()
        assert client.delete(f"/api/orgs/acme/roles/{role}", params={"force": "true"}).is_success

        assert REFUSED == refused(found.exchange())[0]
        assert 401 == found.user(given["access_token"]).status_code

    def test_is_in_no_list(self, trusted: Trust, client: TestClient) -> None:
        """Tokens that were given for identity tokens are not listed, and cannot make personal ones."""
        token = trusted.given()["access_token"]

        assert [] == listed(client, "/api/orgs/acme/tokens", filter="all")
        assert 403 == client.post("/api/user/tokens", json={"description": ""}, headers=signed(token)).status_code

    def test_acts_as_one_machine(self, trusted: Trust, client: TestClient) -> None:
        """All jobs of an issuer act as the same machine, named after the issuer; tokens have names of their own."""
        first, second = (trusted.user(trusted.given()["access_token"]).json() for _ in range(2))
        token = trusted.given()["access_token"]
        made = client.post("/api/stacks/acme/shop", json={"stackName": "dev"}, headers=signed(token))
        owner = client.get("/api/stacks/acme/shop/dev/metadata").json().get("ownedBy", {}).get("githubLogin")

        assert first["id"] == second["id"]
        assert first["tokenInfo"]["name"] != second["tokenInfo"]["name"]
        assert first["tokenInfo"]["name"].startswith("oidc/pipelines/")
        assert (200, "acme/oidc/pipelines") == (made.status_code, owner)

    def test_with_a_narrow_role_does_not_own_what_others_made(
        self, client: TestClient, backend: Backend, peer: WorkloadIssuer
    ) -> None:
        """The creator of a stack may delete it; a token with a role is another machine than a plain token."""
        role = make_role(backend, Permission.STACK_READ, Permission.STACK_LIST)
        narrow = allow(authorizedPermissions=[], roleID=role, rules={"sub": "reader"})
        found = trust(client, peer, allow(), narrow)
        wide = found.given()["access_token"]
        assert client.post("/api/stacks/acme/shop", json={"stackName": "dev"}, headers=signed(wide)).is_success
        reader = found.given(token=peer.mint(sub="reader"))["access_token"]

        assert 200 == client.get("/api/stacks/acme/shop/dev", headers=signed(reader)).status_code
        assert 403 == client.delete("/api/stacks/acme/shop/dev", headers=signed(reader)).status_code
        assert 204 == client.delete("/api/stacks/acme/shop/dev", headers=signed(wide)).status_code


class TestTeamToken:
    def test_holds_what_the_team_holds(self, client: TestClient, backend: Backend, peer: WorkloadIssuer) -> None:
        """A team's token sees the team's stacks and makes none."""
        make_team(backend, "ops")
        found = trust(client, peer, allow("team", teamName="ops"))
        token = found.given(scope="team:ops")["access_token"]
        info = found.user(token).json()["tokenInfo"]

        assert ("acme", "ops") == (info["organization"], info["team"])
        assert 403 == client.post("/api/stacks/acme/shop", json={"stackName": "dev"}, headers=signed(token)).status_code

    def test_by_a_pattern(self, client: TestClient, backend: Backend, peer: WorkloadIssuer) -> None:
        """The name of a team in a policy may be a pattern; the team must exist."""
        make_team(backend, "ops-eu")
        found = trust(client, peer, allow("team", teamName="ops-*"))

        assert f"{TYPE}team" == found.given(scope="team:ops-eu")["issued_token_type"]
        assert (REFUSED, "organization acme has no team 'ops-us'") == refused(found.exchange(scope="team:ops-us"))
        assert REFUSED == refused(found.exchange(scope="team:dev"))[0]

    def test_ends_with_the_team(self, client: TestClient, backend: Backend, peer: WorkloadIssuer) -> None:
        """When a team is deleted its tokens end at once, and nothing is given or renewed any more."""
        make_team(backend, "ops")
        found = trust(client, peer, allow("team", teamName="ops"))
        given = found.given(scope="team:ops")
        assert client.delete("/api/orgs/acme/teams/ops").is_success

        assert 401 == found.user(given["access_token"]).status_code
        assert REFUSED == refused(found.exchange(scope="team:ops"))[0]
        assert REFUSED == refused(found.refresh(given["refresh_token"]))[0]


class TestPersonalToken:
    @pytest.fixture
    def alice(self, client: TestClient, backend: Backend, peer: WorkloadIssuer) -> Trust:
        """A policy that lets the subject act as alice, who belongs to acme and to another organization."""
        make_user(backend, "alice", org="acme")
        return trust(client, peer, allow("personal", userLogin="alice"))

    def test_acts_as_them_in_this_organization_alone(self, alice: Trust, client: TestClient) -> None:
        """A personal token is its user's own in the organization that trusts the issuer, and nowhere else."""
        token = alice.given(scope="user:alice")["access_token"]
        who = alice.user(token).json()

        assert ("alice", ["acme"]) == (who["githubLogin"], [one["githubLogin"] for one in who["organizations"]])
        assert 404 == client.post("/api/stacks/alice/shop", json={"stackName": "dev"}, headers=signed(token)).status_code
        assert 200 == client.post("/api/stacks/acme/shop", json={"stackName": "dev"}, headers=signed(token)).status_code
        assert 403 == client.post("/api/user/tokens", json={"description": ""}, headers=signed(token)).status_code

    def test_of_somebody_else(self, alice: Trust, backend: Backend) -> None:
        """The policy names the user; the scope of another user is refused, member or not."""
        make_user(backend, "bob", org="acme")

        assert REFUSED == refused(alice.exchange(scope="user:bob"))[0] == refused(alice.exchange(scope="user:nobody"))[0]

    def test_ends_with_the_membership(self, alice: Trust, client: TestClient) -> None:
        """A removed member gets no tokens any more, and the issued ones stop working."""
        given = alice.given(scope="user:alice")
        assert client.delete("/api/orgs/acme/members/alice").is_success

        assert REFUSED == refused(alice.exchange(scope="user:alice"))[0]
        assert REFUSED == refused(alice.refresh(given["refresh_token"]))[0]
        assert [] == alice.user(given["access_token"]).json()["organizations"]
        assert 404 == client.get("/api/orgs/acme", headers=signed(given["access_token"])).status_code

    def test_not_while_suspended(self, alice: Trust, backend: Backend) -> None:
        """A member who is suspended gets nothing, by an exchange or by a renewal."""
        given = alice.given(scope="user:alice")
        suspend(backend, "alice")

        assert [] == alice.user(given["access_token"]).json()["organizations"]
        assert REFUSED == refused(alice.exchange(scope="user:alice"))[0]
        assert REFUSED == refused(alice.refresh(given["refresh_token"]))[0]


class TestRunnerToken:
    def test_is_not_given_yet(self, client: TestClient, peer: WorkloadIssuer) -> None:
        """A policy may name runners, but there are no pools, which the answer says."""
        found = trust(client, peer, allow("runner", runnerID="pool-1"))

        assert "invalid_scope" == refused(found.exchange(scope="runner:pool-1"))[0]


class TestLife:
    @pytest.mark.parametrize(("asked", "given"), [("10", 10), ("7200", 7_200), ("999999", 90_000), ("", 7_200), ("0", 7_200)])
    def test_is_what_was_asked_for_within_the_issuer_s_limit(self, trusted: Trust, asked: str, given: int) -> None:
        """A token lives as long as is asked for, two hours if nothing is, and never longer than the issuer's limit."""
        assert given == trusted.given(expiration=asked)["expires_in"]

    def test_is_within_the_organization_s_limit(self, client: TestClient, backend: Backend, peer: WorkloadIssuer) -> None:
        """An organization that takes tokens of a day at the most is not given one that it would refuse."""
        found = trust(client, peer, allow(), maxExpiration=200_000)
        limit_days(backend, 1)
        given = found.given(expiration="200000")

        assert 86_400 == given["expires_in"]
        assert 200 == client.get("/api/orgs/acme", headers=signed(given["access_token"])).status_code

    def test_ends(self, trusted: Trust, clock: FrozenClock) -> None:
        """When its time is over a token opens nothing."""
        token = trusted.given(expiration="10")["access_token"]
        clock.pass_seconds(11)

        assert 401 == trusted.user(token).status_code

    @pytest.mark.parametrize("expiration", ["-1", "1h", "1.5", "9" * 30])
    def test_must_be_a_number(self, trusted: Trust, expiration: str) -> None:
        """What is no number of seconds is refused."""
        assert "invalid_request" == refused(trusted.exchange(expiration=expiration))[0]


class TestIdentityToken:
    @pytest.mark.parametrize(
        ("claims", "is_good"),
        [
            ({"exp": -60}, False),
            ({"exp": -59}, True),
            ({"exp": None}, False),
            ({"exp": "soon"}, False),
            ({"iat": 61}, False),
            ({"iat": 60}, True),
            ({"iat": None}, True),
            ({"nbf": 61}, False),
            ({"nbf": 60}, True),
            ({"aud": None}, False),
            ({"aud": 7}, False),
            ({"aud": "urn:pulumi:org:other"}, False),
            ({"sub": 7}, False),
        ],
    )
    def test_is_for_us_and_good_now(self, trusted: Trust, clock: FrozenClock, claims: dict[str, Any], is_good: bool) -> None:
        """Times may be off by a minute, and no more; a token without end, audience or text for a subject is not good."""
        now = int(clock.now().timestamp())
        moved: dict[str, Any] = {
            name: now + value if name in ("exp", "iat", "nbf") and isinstance(value, int) else value
            for name, value in claims.items()
        }
        token = trusted.peer.mint(**moved)

        assert (200 if is_good else 400) == trusted.exchange(token).status_code

    def test_of_another_key(self, trusted: Trust) -> None:
        """A signature by a key that only pretends to be the published one is refused."""
        forged = trusted.peer.mint(by=99)

        assert (REFUSED, "the identity token is not valid: its signature is not valid") == refused(trusted.exchange(forged))

    def test_with_changed_claims(self, trusted: Trust) -> None:
        """Claims that were changed after the signature make it void."""
        header, _, signature = trusted.peer.mint(sub="other").split(".")
        claims = trusted.peer.mint().split(".")[1]

        assert REFUSED == refused(trusted.exchange(f"{header}.{claims}.{signature}"))[0]

    def test_without_a_signature(self, trusted: Trust) -> None:
        """`none` is no way to sign, however it is spelled."""
        assert "is needed" in refused(trusted.exchange(trusted.peer.unsigned()))[1]

    def test_signed_with_the_public_key_as_a_secret(self, trusted: Trust) -> None:
        """A shared secret cannot sign: the public key is known to everyone."""
        assert "is needed" in refused(trusted.exchange(trusted.peer.confused()))[1]

    @pytest.mark.parametrize(
        "token", ["x", "a.b", "a.b.c", "....", "e30.e30.", "a" * 20_000, "é.é.é", "e30.W10.e30", "bnVsbA.bnVsbA.bnVsbA"]
    )
    def test_that_is_none(self, trusted: Trust, token: str) -> None:
        """What is no token is refused, and not repeated."""
        error, text = refused(trusted.exchange(token))

        assert REFUSED == error
        assert token not in text or len(token) < 4

    def test_that_is_nested_deeply(self, trusted: Trust) -> None:
        """Claims that are nested very deep are refused."""
        nested: Any = "x"
        for _ in range(500):
            nested = [nested]

        assert REFUSED == refused(trusted.exchange(trusted.peer.mint(deep=nested)))[0]

    def test_with_odd_claims(self, trusted: Trust) -> None:
        """Numbers beyond all measure and texts in any script are claims like others."""
        token = trusted.peer.mint(big=10**400, odd={"ключ": ["a", 1, None, {"x": True}]}, none_=False)

        assert 200 == trusted.exchange(token).status_code

    def test_twice(self, trusted: Trust) -> None:
        """While it is good, an identity token may be exchanged again: clients repeat what got no answer."""
        token = trusted.peer.mint()
        first, second = (trusted.given(token=token) for _ in range(2))

        assert first["access_token"] != second["access_token"]
        assert 200 == trusted.user(first["access_token"]).status_code == trusted.user(second["access_token"]).status_code


class TestTrust:
    def test_is_not_told(self, trusted: Trust, client: TestClient, peer: WorkloadIssuer, backend: Backend) -> None:
        """An organization that does not exist, one without issuers and an issuer that is not trusted look alike."""
        make_org(backend, "globex", caller_of(backend, ADMIN_TOKEN))
        missing = refused(trusted.exchange(org="nowhere"))
        other = refused(trusted.exchange(org="globex"))
        stranger = refused(trusted.exchange(peer.mint(iss="https://example.com")))

        assert REFUSED == missing[0] == other[0] == stranger[0]
        assert missing[1].replace("nowhere", "globex") == other[1]
        assert other[1].replace("globex", "acme") == stranger[1]

    def test_of_another_organization_is_not_ours(
        self, client: TestClient, backend: Backend, peer: WorkloadIssuer, trusted: Trust
    ) -> None:
        """Two organizations trust the same issuer with policies of their own; a token for one opens nothing of the other."""
        make_org(backend, "globex", caller_of(backend, ADMIN_TOKEN))
        made = client.post("/api/orgs/globex/oidc/issuers", json={"name": "pipelines", "url": peer.url}).json()
        policy = client.get(f"/api/orgs/globex/auth/policies/oidcissuers/{made['id']}").json()
        statement = allow(rules={"aud": "urn:pulumi:org:*", "sub": "ci"})
        assert client.patch(f"/api/orgs/globex/auth/policies/{policy['id']}", json={"policies": [statement]}).is_success
        token = trusted.given()["access_token"]

        assert REFUSED == refused(trusted.exchange(org="globex"))[0]
        assert 200 == trusted.exchange(peer.mint(aud="urn:pulumi:org:globex"), org="globex").status_code
        assert 404 == client.get("/api/orgs/globex", headers=signed(token)).status_code

    def test_begins_with_nothing(self, client: TestClient, peer: WorkloadIssuer) -> None:
        """Before its policy is written, a new issuer allows nothing."""
        assert "no statement of the policy allows it" in refused(trust(client, peer).exchange())[1]

    def test_denies_before_it_allows(self, client: TestClient, peer: WorkloadIssuer) -> None:
        """One statement that denies beats all that allow, wherever it stands."""
        first = trust(client, peer, deny(), allow())
        assert "denies" in refused(first.exchange())[1]
        first.set_policy(allow(), deny(rules={"sub": "c*"}))

        assert "denies" in refused(first.exchange())[1]


class TestRequest:
    def test_may_be_json(self, trusted: Trust, client: TestClient) -> None:
        """The vendor's SDK sends JSON, with numbers and nulls."""
        form: dict[str, Any] = Pipeline(trusted.peer).form(trusted.peer.mint())
        found = client.post(TOKEN, content=json.dumps(form | {"expiration": 60, "scope": None}), headers={"Authorization": ""})

        assert (200, 60) == (found.status_code, found.json()["expires_in"])

    @pytest.mark.parametrize(
        ("fields", "error"),
        [
            ({"grant_type": ""}, "invalid_request"),
            ({"grant_type": "password"}, "unsupported_grant_type"),
            ({"grant_type": "refresh_token"}, "invalid_request"),
            ({"subject_token": ""}, "invalid_request"),
            ({"subject_token_type": "urn:ietf:params:oauth:token-type:jwt"}, "invalid_request"),
            ({"subject_token_type": ""}, "invalid_request"),
            ({"audience": "acme"}, "invalid_request"),
            ({"audience": "urn:pulumi:org:"}, "invalid_request"),
            ({"requested_token_type": "urn:pulumi:token-type:access_token:root"}, "invalid_request"),
            ({"requested_token_type": "organization"}, "invalid_request"),
            ({"requested_token_type": ""}, "invalid_request"),
            ({"scope": "everything"}, "invalid_scope"),
            ({"scope": "team:ops"}, "invalid_scope"),
            ({"requested_token_type": f"{TYPE}team"}, "invalid_scope"),
            ({"requested_token_type": f"{TYPE}team", "scope": "team:"}, "invalid_scope"),
            ({"requested_token_type": f"{TYPE}personal", "scope": "admin"}, "invalid_scope"),
        ],
    )
    def test_must_fit_together(self, trusted: Trust, client: TestClient, fields: dict[str, str], error: str) -> None:
        """What is missing, unknown or contradicts itself is refused as RFC 6749 has it."""
        form = Pipeline(trusted.peer).form(trusted.peer.mint(), **fields)

        assert error == refused(client.post(TOKEN, data=form))[0]

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"grant_type=a&grant_type=b",
            b"\xff\xfe",
            b"&".join(b"a%d=1" % number for number in range(60)),
            b"{",
            b"{}",
            b'{"grant_type":{}}',
            b"[]",
            b'{"grant_type":"\xff"}',
            b"a=" + b"x" * 60_000,
            b'{"a":' + b"[" * 60_000,
            b"a=%ff",
        ],
        ids=range(12),
    )
    def test_must_be_a_form_or_json(self, client: TestClient, body: bytes) -> None:
        """Everything else is an invalid request."""
        assert "invalid_request" == refused(client.post(TOKEN, content=body))[0]

    def test_leaves_no_secret_behind(self, trusted: Trust, caplog: pytest.LogCaptureFixture) -> None:
        """Neither refusals nor the log repeat a token; the reply that gives one is not to be stored on its way."""
        caplog.set_level(logging.DEBUG)
        token = trusted.peer.mint(sub="stranger")
        answer, given = trusted.exchange(token), trusted.exchange()
        secrets = [token, token.split(".")[2], given.json()["access_token"], given.json()["refresh_token"]]

        assert "no-store" == given.headers["Cache-Control"]
        assert [] == [secret for secret in secrets if secret in answer.text + caplog.text]
