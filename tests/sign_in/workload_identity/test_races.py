"""Machine identity when two things happen at once, or a process dies in the middle."""

import time

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from common.backend import Backend
from common.db.tables.access import access_tokens
from common.db.tables.people import users
from common.db.tables.sign_in import oidc_machines, refresh_tokens
from tests.clocks import FrozenClock
from tests.interleaving import fail, interleaved
from tests.server.serving import at_once
from tests.sign_in.workload_identity.token_exchange import ISSUERS, Trust, allow, deny, refused

# The transaction that gives tokens is the first that begins; what it relies on has been read before.
GIVING = "BEGIN"


def given_tokens(backend: Backend) -> int:
    """Return how many tokens that were given for identity tokens are good."""
    with backend.db.connect() as connection:
        good = access_tokens.c.issuer_id.is_not(None), access_tokens.c.token_hash.is_not(None)
        return connection.scalar(select(func.count()).select_from(access_tokens).where(*good)) or 0


class TestExchange:
    def test_while_the_policy_changes(self, trusted: Trust, backend: Backend) -> None:
        """A policy that was replaced since it was read is asked again, so nothing is given that it denies."""
        with interleaved(backend, GIVING, lambda: trusted.set_policy(deny())):
            found = trusted.exchange()

        assert "denies" in refused(found)[1]
        assert 0 == given_tokens(backend)

    def test_while_the_policy_changes_to_another_that_allows(self, trusted: Trust, backend: Backend) -> None:
        """Where the new policy allows it as well, the exchange succeeds."""
        with interleaved(backend, GIVING, lambda: trusted.set_policy(allow(rules={"sub": "c*"}))):
            assert 200 == trusted.exchange().status_code

    def test_while_the_issuer_is_deleted(self, trusted: Trust, client: TestClient, backend: Backend) -> None:
        """An issuer that is not trusted any more gives nothing."""
        with interleaved(backend, GIVING, lambda: client.delete(f"{ISSUERS}/{trusted.id}")):
            found = trusted.exchange()

        assert "not trusted any more" in refused(found)[1]
        assert 0 == given_tokens(backend)

    def test_two_first_ones(self, trusted: Trust, backend: Backend) -> None:
        """Two jobs that come first make one machine."""
        with interleaved(backend, GIVING, trusted.exchange):
            assert 200 == trusted.exchange().status_code

        with backend.db.connect() as connection:
            logins = connection.scalars(select(users.c.login).join(oidc_machines, oidc_machines.c.user_id == users.c.id)).all()
        assert ["acme/oidc/pipelines"] == logins
        assert 2 == given_tokens(backend)

    def test_of_twenty_jobs_that_start_together(self, trusted: Trust, backend: Backend) -> None:
        """All of them get a token, and the first ones make one machine."""
        found = at_once(20, lambda _: trusted.exchange().status_code)

        assert [200] * 20 == found
        with backend.db.connect() as connection:
            assert 1 == connection.scalar(select(func.count()).select_from(oidc_machines))

    def test_that_dies(self, trusted: Trust, backend: Backend) -> None:
        """A process that dies before the end leaves nothing behind: no token without its refresh token, nor the reverse."""
        with interleaved(backend, "INSERT INTO refresh_tokens", fail):
            assert 500 == trusted.exchange().status_code

        assert 0 == given_tokens(backend)
        assert 200 == trusted.exchange().status_code


class TestRefresh:
    def test_of_two_at_once(self, trusted: Trust, backend: Backend) -> None:
        """Two processes that renew with the same token in the same moment both go on."""
        token = trusted.given()["refresh_token"]
        with interleaved(backend, GIVING, lambda: trusted.refresh(token)):
            found = trusted.refresh(token)

        assert 200 == found.status_code
        assert 200 == trusted.user(found.json()["access_token"]).status_code

    def test_of_a_family_that_ends(self, trusted: Trust, client: TestClient, backend: Backend) -> None:
        """A refresh token that is gone by the time of its use is refused."""
        token = trusted.given()["refresh_token"]
        with interleaved(backend, GIVING, lambda: trusted.set_policy(allow(rules={"sub": "x"}))):
            assert "invalid_grant" == refused(trusted.refresh(token))[0]

        with backend.db.connect() as connection:
            assert 0 == connection.scalar(select(func.count()).select_from(refresh_tokens))


class TestKeys:
    def test_are_fetched_by_one_process(self, trusted: Trust, backend: Backend) -> None:
        """A process that finds another one fetching waits for the stored keys, and makes no call."""
        trusted.peer.rotate()
        with interleaved(backend, "UPDATE oidc_issuers SET keys_asked_at", trusted.exchange):
            assert 200 == trusted.exchange().status_code

        assert 2 == trusted.peer.fetches

    def test_of_a_process_that_died(
        self, trusted: Trust, backend: Backend, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """When the process that set out to fetch has died, the next one does after a minute."""
        monkeypatch.setattr(time, "sleep", lambda _seconds: None)
        trusted.peer.rotate()
        with interleaved(backend, "UPDATE oidc_issuers SET fetched_keys", fail):
            assert 500 == trusted.exchange().status_code
        assert "does not publish" in refused(trusted.exchange())[1]
        clock.pass_seconds(60)

        assert 200 == trusted.exchange().status_code
