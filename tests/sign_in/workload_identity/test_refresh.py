"""The refresh grant."""

from dataclasses import replace

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from common.backend import Backend
from common.db.tables.access import access_tokens
from common.db.tables.sign_in import refresh_tokens
from common.sign_in.workload_identity.cleanup import delete_expired
from common.sign_in.workload_identity.repository import issuers
from common.sign_in.workload_identity.revocation import revoke_disallowed
from tests.clocks import FrozenClock
from tests.peers.workload_issuer import WorkloadIssuer
from tests.sign_in.workload_identity.token_exchange import ISSUERS, Trust, allow, deny, refused, trust

HOUR = 3_600


class TestRefresh:
    def test_gives_a_new_pair(self, trusted: Trust, clock: FrozenClock) -> None:
        """When a token has expired, the refresh token gives another like it, and another refresh token."""
        given = trusted.given(expiration="10")
        clock.pass_seconds(11)
        renewed = trusted.refresh(given["refresh_token"]).json()

        assert 401 == trusted.user(given["access_token"]).status_code
        assert 200 == trusted.user(renewed["access_token"]).status_code
        assert given["refresh_token"] != renewed["refresh_token"]
        assert (10, given["scope"], given["issued_token_type"]) == (
            renewed["expires_in"],
            renewed["scope"],
            renewed["issued_token_type"],
        )
        assert 200 == trusted.refresh(renewed["refresh_token"]).status_code

    def test_twice_at_once(self, trusted: Trust, clock: FrozenClock) -> None:
        """Two processes that share a refresh token may both renew within a minute, and both go on from there."""
        token = trusted.given()["refresh_token"]
        first = trusted.refresh(token).json()
        clock.pass_seconds(59)
        second = trusted.refresh(token).json()

        assert first["refresh_token"] != second["refresh_token"]
        assert [200, 200] == [trusted.user(one["access_token"]).status_code for one in (first, second)]
        assert [200, 200] == [trusted.refresh(one["refresh_token"]).status_code for one in (first, second)]

    def test_with_a_stolen_one(self, trusted: Trust, clock: FrozenClock) -> None:
        """A refresh token that is used again later ends everything that came of its exchange, and nothing else."""
        given, other = trusted.given(), trusted.given()
        renewed = trusted.refresh(given["refresh_token"]).json()
        clock.pass_seconds(60)
        error, text = refused(trusted.refresh(given["refresh_token"]))

        assert ("invalid_grant", True) == (error, "was used before" in text)
        assert [401, 401] == [trusted.user(one["access_token"]).status_code for one in (given, renewed)]
        assert "invalid_grant" == refused(trusted.refresh(renewed["refresh_token"]))[0]
        assert 200 == trusted.user(other["access_token"]).status_code == trusted.refresh(other["refresh_token"]).status_code

    @pytest.mark.parametrize("token", ["x", "pulr-" + "0" * 40, "x" * 5_000, "é"])
    def test_with_an_unknown_one(self, trusted: Trust, token: str) -> None:
        """What is no refresh token of ours is refused, and not repeated."""
        error, text = refused(trusted.refresh(token))

        assert ("invalid_grant", False) == (error, token in text and len(token) > 1)

    def test_is_no_access_token(self, trusted: Trust) -> None:
        """A refresh token opens nothing by itself, and an access token renews nothing."""
        given = trusted.given()

        assert 401 == trusted.user(given["refresh_token"]).status_code
        assert "invalid_grant" == refused(trusted.refresh(given["access_token"]))[0]

    def test_ends_with_the_issuer_s_limit(self, client: TestClient, peer: WorkloadIssuer, clock: FrozenClock) -> None:
        """However often it is renewed, what was given ends when the issuer's limit is over, counted from the exchange."""
        found = trust(client, peer, allow(), maxExpiration=HOUR)
        given = found.given(expiration="3000")
        clock.pass_seconds(2_400)
        renewed = found.refresh(given["refresh_token"]).json()
        clock.pass_seconds(1_200)

        assert 1_200 == renewed["expires_in"]
        assert 401 == found.user(renewed["access_token"]).status_code
        assert "invalid_grant" == refused(found.refresh(renewed["refresh_token"]))[0]

    def test_is_within_a_limit_that_was_lowered(self, trusted: Trust, client: TestClient, clock: FrozenClock) -> None:
        """A limit that an admin lowers counts for what was given before."""
        given = trusted.given()
        client.patch(f"{ISSUERS}/{trusted.id}", json={"name": "pipelines", "maxExpiration": 60})
        clock.pass_seconds(60)

        assert "tokens of this exchange cannot be refreshed any more" in refused(trusted.refresh(given["refresh_token"]))[1]

    def test_keeps_no_secret(self, trusted: Trust, backend: Backend) -> None:
        """Tokens are kept as hashes alone, and of an identity token no more than its claims."""
        identity = trusted.peer.mint()
        given = trusted.given(token=identity)
        with backend.db.connect() as connection:
            rows = [*connection.execute(select(refresh_tokens)), *connection.execute(select(access_tokens))]
        secrets = [given["access_token"], given["refresh_token"], identity, identity.split(".")[2]]

        assert [] == [secret for secret in secrets for row in rows if any(secret in str(value) for value in row)]


class TestPolicyChange:
    def test_ends_what_would_not_be_given(self, client: TestClient, peer: WorkloadIssuer) -> None:
        """A new policy is asked about every token that is out: what it does not give ends at once, the rest goes on."""
        found = trust(client, peer, allow(rules={"sub": "ci*"}, authorizedPermissions=["standard", "admin"]))
        plain, admin = found.given(), found.given(scope="admin")
        other = found.given(token=peer.mint(sub="ci-2"))
        assert found.set_policy(allow(rules={"sub": "ci*"}), deny(rules={"sub": "ci-2"})).is_success

        assert [200, 401, 401] == [found.user(one["access_token"]).status_code for one in (plain, admin, other)]
        assert [200, 400, 400] == [found.refresh(one["refresh_token"]).status_code for one in (plain, admin, other)]

    def test_of_what_a_token_is(self, client: TestClient, peer: WorkloadIssuer) -> None:
        """A token that would be given with another role now ends too."""
        member = "00000000-0000-7000-8000-000000000002"
        found = trust(client, peer, allow())
        given = found.given()
        found.set_policy(allow(authorizedPermissions=[], roleID=member))

        assert 401 == found.user(given["access_token"]).status_code
        assert 200 == found.exchange().status_code

    def test_of_very_many(self, client: TestClient, peer: WorkloadIssuer, backend: Backend, clock: FrozenClock) -> None:
        """Tokens are looked at page by page; beyond the last page all end, rather than none."""
        trusted = trust(client, peer, allow(rules={"sub": "ci"}), allow(rules={"sub": "cd"}))
        issued = [trusted.given(token=peer.mint(sub=sub))["access_token"] for sub in ("ci", "cd") * 3]
        with backend.db.begin() as tx:
            issuer = issuers.find_by_id(tx, trusted.id)
            assert issuer is not None
            narrower = replace(issuer, statements=issuer.statements[:1])
            revoke_disallowed(tx, narrower, clock.now(), page_size=2)
        assert [200, 401] * 3 == [trusted.user(token).status_code for token in issued]
        with backend.db.begin() as tx:
            revoke_disallowed(tx, issuer, clock.now(), page_size=1, page_limit=2)

        assert [401] * 6 == [trusted.user(token).status_code for token in issued]
        with backend.db.connect() as connection:
            assert 0 == connection.scalar(select(func.count()).select_from(refresh_tokens))


class TestForgetExpired:
    def test_deletes_what_has_expired(self, trusted: Trust, backend: Backend, clock: FrozenClock, client: TestClient) -> None:
        """Refresh tokens go when their time is over, used or not; others stay."""
        given = trusted.given()
        trusted.refresh(given["refresh_token"])
        clock.pass_seconds(24 * HOUR)
        late = trusted.given()
        clock.pass_seconds(HOUR)

        assert (2, 0) == (delete_expired(backend), delete_expired(backend))
        assert 200 == trusted.refresh(late["refresh_token"]).status_code
