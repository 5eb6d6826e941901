"""Signing in by address or login and password, and changing the password."""

import pytest
from argon2 import PasswordHasher

from common.access import authentication as access
from common.backend import Backend
from common.core.errors import BadRequest, Forbidden, NotFound, TooManyRequests, Unauthorized
from common.sign_in.accounts import passwords
from common.sign_in.accounts.repository import accounts as account_rows
from common.sign_in.accounts.service import accounts
from tests.clocks import FrozenClock
from tests.counting import counted
from tests.factories.people import caller_of as caller_of_token
from tests.factories.people import make_admin, make_user
from tests.factories.sign_in import OTHER, PASSWORD, again, at_once, caller_of, opened, sign_up, verified
from tests.interleaving import interleaved


class TestSignIn:
    @pytest.mark.parametrize("name", ["alice", "alice@example.com", " Alice@Example.COM "])
    def test_takes_the_login_or_the_address(self, backend: Backend, name: str) -> None:
        """A person signs in with their login or their address, confirmed or not, in any case."""
        server, _ = opened(backend)
        sign_up(server)

        assert "alice" == caller_of(server, accounts.sign_in(server, name, PASSWORD)).login

    def test_gives_clients_a_token(self, backend: Backend, clock: FrozenClock) -> None:
        """A client gets a personal token that is good at once and ends after 30 days."""
        server, _ = opened(backend)
        sign_up(server)
        token = accounts.sign_in_for_token(server, "alice", PASSWORD)
        caller = caller_of_token(server, token)
        clock.pass_seconds(30 * 86_400)

        assert ("alice", True, "e-mail sign-in") == (caller.login, caller.is_themselves, caller.token_name)
        with pytest.raises(Unauthorized):
            caller_of_token(server, token)

    @pytest.mark.parametrize(
        "name", ["alice", "alice@example.com", "nobody", "nobody@example.com", "", "@", "\ud800", "x" * 9000]
    )
    @pytest.mark.parametrize("password", ["wrong password", "", "\ud800", "x" * 9000])
    def test_says_the_same_of_everybody(self, backend: Backend, name: str, password: str) -> None:
        """A wrong password and an account that does not exist are refused with the same words."""
        server, _ = opened(backend)
        sign_up(server)

        with pytest.raises(Unauthorized) as refused:
            accounts.sign_in(server, name, password)
        assert "Unauthorized: the name or the password is wrong" == refused.value.message

    def test_tries_as_many_hashes_for_a_stranger(self, backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
        """A look-up computes two hashes for every address and one for every login, with or without an account."""
        server, box = opened(backend)
        verified(server, box)
        sign_up(server, "mallory", email="alice@example.com", password=OTHER)
        tried: list[str] = []
        verify = PasswordHasher.verify

        def counting(hasher: PasswordHasher, stored: str, text: bytes) -> bool:
            tried.append(stored)
            return verify(hasher, stored, text)

        monkeypatch.setattr(PasswordHasher, "verify", counting)
        counts = []
        for name in ("alice@example.com", "nobody@example.com", "mallory@example.com", "alice", "nobody"):
            tried.clear()
            with pytest.raises(Unauthorized):
                accounts.sign_in(server, name, "wrong password")
            counts.append(len(tried))

        assert [2, 2, 2, 1, 1] == counts

    def test_asks_as_many_statements_for_a_stranger(self, backend: Backend) -> None:
        """A refusal costs the database the same, whether there is an account or not."""
        server, _ = opened(backend)
        sign_up(server)
        costs = []
        for name in ("alice@example.com", "nobody@example.com"):
            with counted(server) as counter, pytest.raises(Unauthorized):
                accounts.sign_in(server, name, "wrong password")
            costs.append(counter.statements)

        assert costs[0] == costs[1]

    def test_knows_both_accounts_of_an_address(self, backend: Backend) -> None:
        """Who claims an address that belongs to another signs in with it and their own password."""
        server, box = opened(backend)
        verified(server, box)
        sign_up(server, "mallory", email="alice@example.com", password=OTHER)

        names = [caller_of(server, accounts.sign_in(server, "alice@example.com", word)).login for word in (PASSWORD, OTHER)]
        assert ["alice", "mallory"] == names

    def test_is_refused_where_it_is_switched_off(self, backend: Backend) -> None:
        """Sign-in with a password is refused if it is switched off, by either name of the setting."""
        for name in ("PULUMI_DISABLE_EMAIL_LOGIN", "PULUMI_HIDE_EMAIL_LOGIN"):
            server, _ = opened(backend, **{name: "true"})
            with pytest.raises(Forbidden):
                accounts.sign_in(server, "alice", PASSWORD)

    def test_replaces_an_outdated_hash(self, backend: Backend) -> None:
        """A hash made with other parameters is replaced by the next sign-in, and the password stays good."""
        server, _ = opened(backend)
        caller = sign_up(server)
        old = PasswordHasher(1, 8192, 1).hash(PASSWORD)
        with server.db.connect() as connection:
            account_rows.update_password(connection, caller.user_id, old, 0)

        again(server, "alice")
        account = accounts.find_account(server, caller)
        assert account is not None
        assert not passwords.is_outdated(account.password_hash)
        assert "alice" == again(server, "alice").login

    def test_loses_against_a_change_of_the_password(self, backend: Backend) -> None:
        """Who signs in while the password is changed gets no session: it would outlive the change."""
        server, _ = opened(backend)
        caller = sign_up(server)
        with (
            interleaved(server, "BEGIN", lambda: accounts.change_password(server, caller, PASSWORD, OTHER)),
            pytest.raises(Unauthorized),
        ):
            accounts.sign_in(server, "alice", PASSWORD)
        assert "alice" == again(server, "alice", OTHER).login


class TestLimits:
    def test_wait_after_ten_wrong_passwords(self, backend: Backend, clock: FrozenClock) -> None:
        """After ten failures a name is refused for a quarter of an hour, with the right password too; then it is good again."""
        server, _ = opened(backend)
        sign_up(server)
        for _ in range(10):
            with pytest.raises(Unauthorized):
                accounts.sign_in(server, "alice", "wrong password")
        clock.pass_seconds(60)

        with pytest.raises(TooManyRequests) as refused:
            accounts.sign_in(server, "alice", PASSWORD)
        assert 840 == refused.value.retry_after_seconds
        clock.pass_seconds(840)
        assert "alice" == again(server, "alice").login

    def test_are_the_same_for_a_stranger(self, backend: Backend) -> None:
        """A name without an account is refused after as many tries, with the same words."""
        server, _ = opened(backend)
        sign_up(server)
        told = []
        for name in ("alice@example.com", "nobody@example.com"):
            for _ in range(10):
                with pytest.raises(Unauthorized):
                    accounts.sign_in(server, name, "wrong password")
            with pytest.raises(TooManyRequests) as refused:
                accounts.sign_in(server, name, "wrong password")
            told.append((refused.value.message, refused.value.retry_after_seconds))

        assert told[0] == told[1]

    def test_do_not_count_successes(self, backend: Backend) -> None:
        """A person may sign in as often as they like: only failures count."""
        server, _ = opened(backend)
        sign_up(server)

        assert {"alice"} == {again(server, "alice").login for _ in range(12)}

    def test_count_what_comes_from_one_place(self, backend: Backend) -> None:
        """A hundred failures from one network address, or one IPv6 network, are enough, whatever the names."""
        server, _ = opened(backend)
        for number in range(100):
            with pytest.raises(Unauthorized):
                accounts.sign_in(server, f"user-{number}", "x" * 2000, client=f"2001:db8::{number:x}")

        with pytest.raises(TooManyRequests):
            accounts.sign_in(server, "other", "wrong password", client="2001:db8::ffff")
        with pytest.raises(Unauthorized):
            accounts.sign_in(server, "other", "wrong password", client="2001:db8:1::1")

    def test_hold_when_all_come_at_once(self, backend: Backend) -> None:
        """Tries that come at the same moment count one by one."""
        server, _ = opened(backend)
        sign_up(server)

        def attempt() -> str:
            return accounts.sign_in(server, "alice", "x" * 2000)

        results = at_once(*[attempt] * 14)
        assert {Unauthorized: 10, TooManyRequests: 4} == {
            kind: sum(type(one) is kind for one in results) for kind in (Unauthorized, TooManyRequests)
        }


class TestChangePassword:
    def test_signs_all_browsers_out(self, backend: Backend) -> None:
        """Every session from before ends, the one that is returned is good, and tokens stay."""
        server, _ = opened(backend)
        token = accounts.sign_in_for_token
        sign_up(server)
        kept = token(server, "alice", PASSWORD)
        before = [accounts.sign_in(server, "alice", PASSWORD) for _ in range(2)]

        fresh = accounts.change_password(server, caller_of(server, before[0]), PASSWORD, OTHER)
        for cookie in before:
            with pytest.raises(Unauthorized):
                caller_of(server, cookie)
        assert "alice" == caller_of(server, fresh).login
        assert "alice" == access.authenticate(server, f"token {kept}").login
        assert "alice" == again(server, "alice", OTHER).login
        with pytest.raises(Unauthorized):
            again(server, "alice", PASSWORD)

    def test_wants_the_present_one(self, backend: Backend) -> None:
        """A session alone does not change a password, and guesses at it are limited."""
        server, _ = opened(backend)
        caller = sign_up(server)
        for _ in range(10):
            with pytest.raises(Forbidden):
                accounts.change_password(server, caller, "wrong password", OTHER)

        with pytest.raises(TooManyRequests):
            accounts.change_password(server, caller, PASSWORD, OTHER)

    @pytest.mark.parametrize("bad", ["short", "x" * 1025, "alice@example.com", "ALICE@example.com "])
    def test_refuses_what_is_no_password(self, backend: Backend, bad: str) -> None:
        """A password that is too short, too long or one's own name is refused, and the old one stays."""
        server, _ = opened(backend)
        caller = sign_up(server)

        with pytest.raises(BadRequest):
            accounts.change_password(server, caller, PASSWORD, bad)
        assert "alice" == again(server, "alice").login

    def test_is_for_people_with_one(self, backend: Backend) -> None:
        """Who signs in some other way has none to change."""
        server, _ = opened(backend)
        caller = make_admin(server)

        with pytest.raises(NotFound):
            accounts.change_password(server, caller, PASSWORD, OTHER)


class TestChangeName:
    def test_stores_it(self, backend: Backend) -> None:
        """A name is stored without needless spaces."""
        server, _ = opened(backend)
        accounts.change_name(server, sign_up(server), "  Alice   Liddell ")

        assert "Alice Liddell" == again(server, "alice").name

    @pytest.mark.parametrize("bad", ["", "  ", "x" * 256, "a\x00b"])
    def test_refuses_what_is_none(self, backend: Backend, bad: str) -> None:
        """An empty name, a long one and one that cannot be printed are refused."""
        server, _ = opened(backend)
        make_admin(server)
        with pytest.raises(BadRequest):
            accounts.change_name(server, caller_of_token(server, make_user(server, "bob")), bad)
