"""Counting tries in the database, and the rows that are over."""

from hashlib import sha256

import pytest
from sqlalchemy import func, select

from common.backend import Backend
from common.core.errors import TooManyRequests, Unauthorized
from common.db.tables.sign_in import one_time_links, throttles
from common.rights.caller import Caller
from common.sign_in import cleanup, rate_limits
from common.sign_in.accounts.service import accounts
from common.sign_in.rate_limits import Limit
from tests.clocks import FrozenClock
from tests.factories.sign_in import at_once, delivered, opened, sign_up
from tests.interleaving import interleaved

LIMIT = Limit("test", 3, 60)


def tried(backend: Backend, times: int = 1, subject: str = "x") -> None:
    """Try several times."""
    for _ in range(times):
        rate_limits.count(backend, (LIMIT, subject))


class TestTake:
    def test_counts_by_subject_and_window(self, backend: Backend, clock: FrozenClock) -> None:
        """Each subject has its tries, and all of them again when the window is over."""
        tried(backend, 3)
        tried(backend, 3, "y")
        clock.pass_seconds(20)
        with pytest.raises(TooManyRequests) as refused:
            tried(backend)
        clock.pass_seconds(40)

        assert (40, "Too Many Requests: too many tries; wait a minute and try again") == (
            refused.value.retry_after_seconds,
            refused.value.message,
        )
        tried(backend, 3)
        with pytest.raises(TooManyRequests):
            tried(backend)

    def test_gives_back(self, backend: Backend) -> None:
        """A try that is given back does not count, and no more than was taken is given back."""
        taken = rate_limits.count(backend, (LIMIT, "x"))
        rate_limits.refund(backend, taken)
        rate_limits.refund(backend, taken)
        tried(backend, 3)

        with pytest.raises(TooManyRequests):
            tried(backend)

    def test_counts_a_name_before_the_address_that_many_share(self, backend: Backend, admin: Caller) -> None:
        """A client that goes on with a used-up name takes nothing from the others behind the same proxy."""
        assert admin.login == "admin"
        for _ in range(rate_limits.SIGN_IN_OF_NAME.tries):
            with pytest.raises(Unauthorized):
                accounts.sign_in(backend, "alice", "wrong", client="203.0.113.9")
        for _ in range(rate_limits.SIGN_IN_OF_CLIENT.tries):
            with pytest.raises(TooManyRequests):
                accounts.sign_in(backend, "alice", "wrong", client="203.0.113.9")

        with pytest.raises(Unauthorized):
            accounts.sign_in(backend, "bob", "wrong", client="203.0.113.9")

    def test_leaves_out_who_is_not_known(self, backend: Backend) -> None:
        """An empty subject is not counted."""
        assert [] == rate_limits.count(backend, (LIMIT, ""))
        tried(backend, 9, "")

    def test_two_that_begin_at_once(self, backend: Backend) -> None:
        """When another process begins the window between two statements, both tries count."""
        with interleaved(backend, "INSERT INTO throttles", lambda: tried(backend)):
            tried(backend)
        tried(backend)

        with pytest.raises(TooManyRequests):
            tried(backend)

    def test_many_at_once(self, backend: Backend) -> None:
        """Of many at once as many pass as the limit says."""
        results = at_once(*[lambda: tried(backend)] * 8)

        assert (3, 5) == (results.count(None), sum(isinstance(one, TooManyRequests) for one in results))

    def test_names_nobody(self, backend: Backend) -> None:
        """The table holds neither addresses nor anything that they could be guessed from without the server's key."""
        tried(backend, subject="alice@example.com")
        with backend.db.connect() as connection:
            [kept] = connection.scalars(select(throttles.c.id))

        assert 64 == len(kept)
        assert kept not in {sha256(text.encode()).hexdigest() for text in ("alice@example.com", "test:alice@example.com")}


class TestClientSubject:
    @pytest.mark.parametrize(
        ("address", "subject"),
        [
            ("203.0.113.9", "203.0.113.9"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("2001:db8::1", "2001:db8::/64"),
            ("2001:db8:0:0:ffff::", "2001:db8::/64"),
            ("2001:db8:0:1::", "2001:db8:0:1::/64"),
            ("testclient", ""),
            ("", ""),
        ],
    )
    def test_is_a_customers(self, address: str, subject: str) -> None:
        """An IPv4 address counts by itself, an IPv6 one as its network; a text that is not an address is unknown."""
        assert subject == rate_limits.client_subject(address)


class TestForgetExpired:
    def test_drops_what_is_over(self, backend: Backend, clock: FrozenClock) -> None:
        """Links and windows go when they are of no use any more, and not before."""
        server, box = opened(backend)
        sign_up(server)
        delivered(server, box)
        clock.pass_seconds(3601)
        windows = cleanup.delete_expired(server)
        clock.pass_seconds(3 * 86_400)

        assert (1, 1) == (windows, cleanup.delete_expired(server))
        with server.db.connect() as connection:
            counts = [connection.scalar(select(func.count()).select_from(one)) for one in (throttles, one_time_links)]
        assert [0, 0] == counts
