"""Another password for who forgot it: by a link to the address, without telling who has an account."""

import pytest
from sqlalchemy import insert, select

from common.backend import Backend
from common.core.errors import BadRequest, Conflict, Forbidden, NotFound, TooManyRequests, Unauthorized
from common.db.tables.sign_in import identities
from common.sign_in.accounts.service import accounts, email_addresses, password_reset
from tests.clocks import FrozenClock
from tests.counting import counted
from tests.factories.people import caller_of as caller_of_token
from tests.factories.people import make_user
from tests.factories.sign_in import (
    OTHER,
    PASSWORD,
    Mailbox,
    again,
    at_once,
    caller_of,
    delivered,
    link_in,
    opened,
    sign_up,
    token_in,
    verified,
)


def asked(server: Backend, box: Mailbox, email: str = "alice@example.com") -> str:
    """Asks for another password, and returns the link's token."""
    password_reset.request_reset(server, email)
    return token_in(delivered(server, box)[-1])


class TestRequestReset:
    def test_mails_a_link(self, backend: Backend) -> None:
        """The link goes to the address of the account."""
        server, box = opened(backend)
        verified(server, box)
        password_reset.request_reset(server, " ALICE@example.com ")
        [told] = delivered(server, box)

        assert ("alice@example.com", "Set a new password") == (told.to, told.subject)
        assert link_in(told).startswith("/reset/password?token=")

    def test_does_the_same_for_a_stranger(self, backend: Backend) -> None:
        """Asking for an address without an account costs the same statements, says the same, and mails nothing."""
        server, box = opened(backend)
        verified(server, box)
        make_user(server, "bob")
        costs = []
        for email in ("alice@example.com", "nobody@example.com", "bob@example.com"):
            with counted(server) as counter:
                password_reset.request_reset(server, email)
            costs.append(counter.statements)

        assert costs[0] == costs[1] == costs[2]
        assert ["alice@example.com"] == [one.to for one in delivered(server, box)]

    def test_is_limited_alike(self, backend: Backend) -> None:
        """The fourth time within an hour is refused, with an account and without."""
        server, box = opened(backend)
        verified(server, box)
        told = []
        for email in ("alice@example.com", "nobody@example.com"):
            for _ in range(3):
                password_reset.request_reset(server, email)
            with pytest.raises(TooManyRequests) as refused:
                password_reset.request_reset(server, email)
            told.append(refused.value.message)

        assert told[0] == told[1]

    def test_refuses_what_is_no_address(self, backend: Backend) -> None:
        """A login is no address."""
        server, _ = opened(backend)

        with pytest.raises(BadRequest):
            password_reset.request_reset(server, "alice")

    def test_is_refused_where_passwords_are_switched_off(self, backend: Backend) -> None:
        """Without passwords there is no reset, and a waiting mail is not sent."""
        server, box = opened(backend)
        verified(server, box)
        password_reset.request_reset(server, "alice@example.com")
        closed, box = opened(backend, PULUMI_DISABLE_EMAIL_LOGIN="true")

        with pytest.raises(Forbidden):
            password_reset.request_reset(closed, "alice@example.com")
        assert [] == delivered(closed, box)


class TestReset:
    def test_sets_the_password(self, backend: Backend) -> None:
        """The new password counts, every browser is signed out but this one, and tokens of a confirmed account stay."""
        server, box = opened(backend)
        verified(server, box)
        before = accounts.sign_in(server, "alice", PASSWORD)
        kept = accounts.sign_in_for_token(server, "alice", PASSWORD)
        fresh = password_reset.reset(server, asked(server, box), OTHER)

        assert "alice" == caller_of(server, fresh).login
        assert "alice" == again(server, "alice", OTHER).login
        assert "alice" == caller_of_token(server, kept).login
        with pytest.raises(Unauthorized):
            caller_of(server, before)
        with pytest.raises(Unauthorized):
            again(server, "alice")

    def test_takes_a_link_once(self, backend: Backend) -> None:
        """A link sets one password; of two uses at once one counts."""
        server, box = opened(backend)
        verified(server, box)
        token = asked(server, box)
        results = at_once(
            lambda: password_reset.reset(server, token, OTHER),
            lambda: password_reset.reset(server, token, f"{OTHER} 2"),
        )

        assert [NotFound] == [type(one) for one in results if isinstance(one, Exception)]
        with pytest.raises(NotFound):
            password_reset.reset(server, token, PASSWORD)

    def test_refuses_an_old_link(self, backend: Backend, clock: FrozenClock) -> None:
        """A link is good for an hour."""
        server, box = opened(backend)
        verified(server, box)
        token = asked(server, box)
        clock.pass_seconds(3600)

        with pytest.raises(NotFound):
            password_reset.reset(server, token, OTHER)

    def test_refuses_a_foreign_link(self, backend: Backend) -> None:
        """A link that confirms an address sets no password, and the other way round."""
        server, box = opened(backend)
        caller = sign_up(server)
        verification = token_in(delivered(server, box)[0])
        token = asked(server, box)

        with pytest.raises(NotFound):
            password_reset.reset(server, verification, OTHER)
        with pytest.raises(NotFound):
            email_addresses.verify(server, caller, token)

    def test_a_bad_password_leaves_the_link(self, backend: Backend) -> None:
        """Who chose a password that may not be chooses another with the same link."""
        server, box = opened(backend)
        verified(server, box)
        token = asked(server, box)

        for bad in ("short", "alice@example.com"):
            with pytest.raises(BadRequest):
                password_reset.reset(server, token, bad)
        password_reset.reset(server, token, OTHER)
        assert "alice" == again(server, "alice", OTHER).login

    def test_a_later_change_makes_links_useless(self, backend: Backend) -> None:
        """A link from before a change of the password, or of the address, is no link any more."""
        server, box = opened(backend)
        verified(server, box)
        first = asked(server, box)
        password_reset.reset(server, asked(server, box), OTHER)

        with pytest.raises(NotFound):
            password_reset.reset(server, first, PASSWORD)

    def test_forgets_a_change_that_waits(self, backend: Backend) -> None:
        """A change of address that was requested with the old password cannot be confirmed after a reset."""
        server, box = opened(backend)
        caller = verified(server, box)
        email_addresses.request_change(server, caller, PASSWORD, "mallory@example.com")
        change = token_in(delivered(server, box)[0])
        password_reset.reset(server, asked(server, box), OTHER)

        with pytest.raises(NotFound):
            email_addresses.verify(server, again(server, "alice", OTHER), change)

    def test_takes_over_what_somebody_else_made(self, backend: Backend) -> None:
        """The reset of an account with an unconfirmed address revokes everything that its maker could enter with."""
        server, box = opened(backend)
        mallory = sign_up(server, "mallory", email="alice@example.com")
        token = accounts.sign_in_for_token(server, "mallory", PASSWORD)
        link = {"provider": "github.com", "subject": "1", "login": "m", "email": "", "created_at": 1, "used_at": 1}
        with server.db.connect() as connection:
            connection.execute(insert(identities).values(user_id=mallory.user_id, **link))
        delivered(server, box)
        fresh = caller_of(server, password_reset.reset(server, asked(server, box), OTHER))

        assert ("mallory", "alice@example.com") == (fresh.login, fresh.email)
        with pytest.raises(Unauthorized):
            caller_of_token(server, token)
        with server.db.connect() as connection:
            assert [] == list(connection.scalars(select(identities.c.subject)))

    def test_is_about_the_owner_first(self, backend: Backend) -> None:
        """Where an address is one account's and claimed by another, a reset is about its owner's."""
        server, box = opened(backend)
        verified(server, box)
        sign_up(server, "mallory", email="alice@example.com", password="another password")
        delivered(server, box)
        password_reset.reset(server, asked(server, box), OTHER)

        assert "alice" == again(server, "alice", OTHER).login
        assert "mallory" == again(server, "mallory", "another password").login

    def test_does_not_take_a_users_address(self, backend: Backend) -> None:
        """A claim to an address that is known to be another user's cannot be reset into theirs."""
        server, box = opened(backend)
        make_user(server, "bob")
        sign_up(server, "mallory", email="bob@example.com")
        delivered(server, box)

        with pytest.raises(Conflict):
            password_reset.reset(server, asked(server, box, "bob@example.com"), OTHER)
        assert "mallory" == again(server, "mallory").login
