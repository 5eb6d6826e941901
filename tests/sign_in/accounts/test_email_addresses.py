"""Confirming an address, changing it, and adding one to an account that has none."""

import pytest

from common.backend import Backend
from common.core.errors import BadRequest, Conflict, Forbidden, NotFound, TooManyRequests
from common.rights.caller import Caller
from common.sign_in.accounts.service import accounts, email_addresses
from tests.clocks import FrozenClock
from tests.factories.people import caller_of, make_user
from tests.factories.sign_in import OTHER, PASSWORD, Mailbox, again, at_once, delivered, opened, sign_up, token_in, verified


def asked(server: Backend, box: Mailbox, caller: Caller, email: str = "new@example.com") -> str:
    """Asks for another address, and returns the link's token."""
    email_addresses.request_change(server, caller, PASSWORD, email)
    [told] = delivered(server, box)
    assert email == told.to
    return token_in(told)


class TestVerify:
    def test_makes_the_address_the_users(self, backend: Backend) -> None:
        """A person who is signed in and follows the link has the address from then on."""
        server, box = opened(backend)
        caller = sign_up(server)
        token = token_in(delivered(server, box)[0])

        assert (False, "alice@example.com") == (
            email_addresses.has_verified(caller),
            email_addresses.find_unconfirmed(server, caller),
        )
        assert "alice@example.com" == email_addresses.verify(server, caller, token)
        after = again(server, "alice")
        assert (True, "alice@example.com", None) == (
            email_addresses.has_verified(after),
            after.email,
            email_addresses.find_unconfirmed(server, after),
        )

    def test_takes_a_link_once(self, backend: Backend) -> None:
        """A link that was used is no link any more, and of two uses at once one counts."""
        server, box = opened(backend)
        caller = sign_up(server)
        token = token_in(delivered(server, box)[0])
        results = at_once(*[lambda: email_addresses.verify(server, caller, token)] * 2)

        assert ["alice@example.com"] == [one for one in results if isinstance(one, str)]
        assert [NotFound] == [type(one) for one in results if isinstance(one, Exception)]
        with pytest.raises(NotFound):
            email_addresses.verify(server, caller, token)

    def test_refuses_an_old_link(self, backend: Backend, clock: FrozenClock) -> None:
        """A link is good for three days."""
        server, box = opened(backend, STACKHOLD_SESSION_HOURS="720")
        caller = sign_up(server)
        token = token_in(delivered(server, box)[0])
        clock.pass_seconds(3 * 86_400)

        with pytest.raises(NotFound):
            email_addresses.verify(server, caller, token)

    @pytest.mark.parametrize("token", ["", "x", "\ud800", "a" * 9000])
    def test_refuses_what_is_no_link(self, backend: Backend, token: str) -> None:
        """Anything else is no link."""
        server, _ = opened(backend)

        with pytest.raises(NotFound):
            email_addresses.verify(server, sign_up(server), token)

    def test_is_for_the_accounts_owner(self, backend: Backend) -> None:
        """A person cannot confirm an account that another one created with their address; its owner can still use the link."""
        server, box = opened(backend)
        mallory = sign_up(server, "mallory", email="alice@example.com")
        token = token_in(delivered(server, box)[0])
        alice = sign_up(server, email="other@example.com")

        with pytest.raises(Forbidden):
            email_addresses.verify(server, alice, token)
        assert "alice@example.com" == email_addresses.verify(server, mallory, token)

    def test_refuses_a_users_address(self, backend: Backend) -> None:
        """An address that is known to be another user's stays theirs, however they came by it."""
        server, box = opened(backend)
        make_user(server, "bob")
        caller = sign_up(server, email="bob@example.com")
        token = token_in(delivered(server, box)[0])

        with pytest.raises(Conflict) as refused:
            email_addresses.verify(server, caller, token)
        assert "belongs to another account" in refused.value.message
        assert "" == again(server, "alice").email

    def test_goes_to_one_of_two(self, backend: Backend) -> None:
        """Two accounts that confirm one address at once: one has it, the other does not."""
        server, box = opened(backend)
        alice = sign_up(server, email="shared@example.com")
        first = token_in(delivered(server, box)[0])
        bob = verified(server, box, "bob")
        second = asked(server, box, bob, "shared@example.com")
        results = at_once(
            lambda: email_addresses.verify(server, alice, first),
            lambda: email_addresses.verify(server, bob, second),
        )

        assert ["shared@example.com"] == [one for one in results if isinstance(one, str)]
        assert [Conflict] == [type(one) for one in results if isinstance(one, Exception)]
        emails = [again(server, name).email for name in ("alice", "bob")]
        assert 1 == emails.count("shared@example.com")


class TestRequestChange:
    def test_keeps_the_address_until_it_is_confirmed(self, backend: Backend) -> None:
        """The old address counts until the link is followed; then the new one does, and the old one is told."""
        server, box = opened(backend)
        caller = verified(server, box)
        token = asked(server, box, caller)

        assert ("alice@example.com", "new@example.com") == (
            again(server, "alice").email,
            email_addresses.find_unconfirmed(server, caller),
        )
        email_addresses.verify(server, caller, token)
        assert "new@example.com" == again(server, "new@example.com").email
        told = delivered(server, box)
        assert [("alice@example.com", "Your e-mail address was changed")] == [(one.to, one.subject) for one in told]
        assert "new@example.com" not in told[0].body

    def test_wants_the_password(self, backend: Backend) -> None:
        """A session alone does not change the address."""
        server, box = opened(backend)
        caller = verified(server, box)

        with pytest.raises(Forbidden):
            email_addresses.request_change(server, caller, "wrong password", "new@example.com")
        assert [] == delivered(server, box)

    @pytest.mark.parametrize("bad", ["", "nobody", "alice@example.com", "Alice@Example.com"])
    def test_refuses_what_cannot_be(self, backend: Backend, bad: str) -> None:
        """What is no address, and the present one, are refused."""
        server, box = opened(backend)
        caller = verified(server, box)

        with pytest.raises(BadRequest):
            email_addresses.request_change(server, caller, PASSWORD, bad)

    def test_does_not_tell_who_has_an_account(self, backend: Backend) -> None:
        """A request for an address of another user gets the usual answer; only the link says so, to the reader of its mail."""
        server, box = opened(backend)
        verified(server, box, "bob")
        caller = verified(server, box)
        token = asked(server, box, caller, "bob@example.com")

        with pytest.raises(Conflict):
            email_addresses.verify(server, caller, token)
        assert "alice@example.com" == again(server, "alice").email

    def test_replaces_the_one_before(self, backend: Backend) -> None:
        """The link of an address that was asked for before is no link any more."""
        server, box = opened(backend)
        caller = verified(server, box)
        first = asked(server, box, caller, "first@example.com")
        second = asked(server, box, caller, "second@example.com")

        with pytest.raises(NotFound):
            email_addresses.verify(server, caller, first)
        assert "second@example.com" == email_addresses.verify(server, caller, second)

    def test_can_be_cancelled(self, backend: Backend) -> None:
        """A change that was cancelled cannot be confirmed, and a second cancel has nothing to cancel."""
        server, box = opened(backend)
        caller = verified(server, box)
        token = asked(server, box, caller)
        email_addresses.cancel_change(server, caller)

        with pytest.raises(NotFound):
            email_addresses.verify(server, caller, token)
        with pytest.raises(BadRequest):
            email_addresses.cancel_change(server, caller)

    def test_mail_that_is_overtaken_is_not_sent(self, backend: Backend) -> None:
        """A mail that waits while the change is cancelled is dropped."""
        server, box = opened(backend)
        caller = verified(server, box)
        email_addresses.request_change(server, caller, PASSWORD, "new@example.com")
        email_addresses.cancel_change(server, caller)

        assert [] == delivered(server, box)

    def test_mends_a_mistyped_address(self, backend: Backend) -> None:
        """Who mistyped the address at the sign-up asks for another, and the stranger's is not written to again."""
        server, box = opened(backend)
        caller = sign_up(server, email="alcie@example.com")
        delivered(server, box)
        email_addresses.verify(server, caller, asked(server, box, caller, "alice@example.com"))

        assert "alice@example.com" == again(server, "alice").email
        assert [] == delivered(server, box)


class TestSendAgain:
    def test_sends_a_fresh_link(self, backend: Backend) -> None:
        """Another mail has another link, and either is good."""
        server, box = opened(backend)
        caller = sign_up(server)
        first = token_in(delivered(server, box)[0])
        email_addresses.resend(server, caller)
        second = token_in(delivered(server, box)[0])

        assert first != second
        assert "alice@example.com" == email_addresses.verify(server, caller, first)
        with pytest.raises(NotFound):
            email_addresses.verify(server, caller, second)
        with pytest.raises(BadRequest):
            email_addresses.resend(server, caller)

    def test_is_limited(self, backend: Backend) -> None:
        """The number of mails to one mailbox is limited."""
        server, _ = opened(backend)
        caller = sign_up(server)
        for _ in range(5):
            email_addresses.resend(server, caller)

        with pytest.raises(TooManyRequests):
            email_addresses.resend(server, caller)


class TestAddAccount:
    def test_gives_a_password(self, backend: Backend, admin: Caller) -> None:
        """A person who signed in another way can use a password from then on, and confirms the address."""
        server, box = opened(backend)
        email_addresses.add_account(server, admin, "Admin@example.com", PASSWORD)
        caller = again(server, "admin@example.com")

        assert ("admin", "", True) == (caller.login, caller.email, caller.site_admin)
        email_addresses.verify(server, caller, token_in(delivered(server, box)[0]))
        assert "admin@example.com" == again(server, "admin").email

    def test_knows_an_address_that_is_known(self, backend: Backend) -> None:
        """An address that is known to be the user's need not be confirmed again."""
        server, box = opened(backend)
        caller = caller_of(server, make_user(server, "bob"))
        email_addresses.add_account(server, caller, "bob@example.com", PASSWORD)

        assert ([], None) == (delivered(server, box), email_addresses.find_unconfirmed(server, caller))
        assert "bob@example.com" == again(server, "bob").email

    def test_is_done_once(self, backend: Backend, admin: Caller) -> None:
        """Who has a password changes that, and does not add another."""
        server, _ = opened(backend)
        email_addresses.add_account(server, admin, "admin@example.com", PASSWORD)

        with pytest.raises(Conflict):
            email_addresses.add_account(server, admin, "other@example.com", OTHER)
        assert "admin" == again(server, "admin").login

    @pytest.mark.parametrize(
        ("email", "password"), [("nobody", PASSWORD), ("a@example.com", "short"), ("a@example.com", "admin")]
    )
    def test_refuses_what_cannot_be(self, backend: Backend, admin: Caller, email: str, password: str) -> None:
        """A bad address and a bad password are refused."""
        server, _ = opened(backend)

        with pytest.raises(BadRequest):
            email_addresses.add_account(server, admin, email, password)
        assert accounts.find_account(server, admin) is None
