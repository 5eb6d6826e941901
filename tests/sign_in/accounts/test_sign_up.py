"""Making accounts: who may, what they get, and what is not told."""

import pytest
from sqlalchemy import select

from common.backend import Backend
from common.config.settings import Settings
from common.core.errors import BadRequest, Conflict, Forbidden, NotFound, TooManyRequests, Unauthorized
from common.db.tables.people import users
from common.people.orgs.invites import proofs as invite_proofs
from common.people.orgs.invites import service as invites
from common.people.orgs.model import Invite, NewInvite, RequestedRole
from common.rights.caller import Caller
from common.sign_in.accounts.service import accounts, email_addresses
from common.sign_in.accounts.service import sign_up as sign_ups
from tests.clocks import FrozenClock
from tests.factories.orgs import people_of
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
    new_account,
    opened,
    sign_up,
    token_in,
    verified,
)

BY_INVITATION = {"PULUMI_DISABLE_EMAIL_SIGNUP": "", "PULUMI_API_DOMAIN": "api.example.com"}


def invited(server: Backend, admin: Caller, box: Mailbox, email: str = "alice@example.com") -> tuple[Invite, str]:
    """Invites a person to acme, and returns the invitation and the token from its mail."""
    made, _ = invites.create_invites(server, admin, "acme", [NewInvite(email, RequestedRole("member"))])
    proof = token_in(delivered(server, box)[-1])
    return made[0], f"{made[0].id}.{proof}"


class TestWhoMay:
    @pytest.mark.parametrize(
        ("settings", "is_open", "is_disabled"),
        [
            ({}, True, False),
            ({"PULUMI_API_DOMAIN": "api.example.com"}, False, False),
            ({"STACKHOLD_HOST": "0.0.0.0"}, False, False),
            ({"PULUMI_DATABASE_ENDPOINT": "db.example.com:3306"}, False, False),
            ({"PULUMI_API_DOMAIN": "api.example.com", "PULUMI_DISABLE_EMAIL_SIGNUP": "false"}, True, False),
            ({"PULUMI_API_DOMAIN": "api.example.com", "PULUMI_HIDE_EMAIL_SIGNUP": "false"}, True, False),
            ({"PULUMI_DISABLE_EMAIL_SIGNUP": "true"}, False, True),
            ({"PULUMI_HIDE_EMAIL_SIGNUP": "true", "PULUMI_DISABLE_EMAIL_SIGNUP": "false"}, False, True),
            ({"PULUMI_DISABLE_EMAIL_LOGIN": "true", "PULUMI_DISABLE_EMAIL_SIGNUP": "false"}, False, True),
        ],
    )
    def test_follows_the_settings(
        self,
        tmp_path_factory: pytest.TempPathFactory,
        settings: dict[str, str],
        is_open: bool,
        is_disabled: bool,
    ) -> None:
        """Sign-up is open on a laptop or by a setting, closed if it is switched off, and else needs an invitation."""
        chosen = Settings({"STACKHOLD_DATA": str(tmp_path_factory.mktemp("data")), **settings})

        assert (is_open, is_disabled) == (sign_ups.is_open(chosen), sign_ups.is_disabled(chosen))

    def test_needs_an_invitation_elsewhere(self, backend: Backend, admin: Caller) -> None:
        """On a server that others reach, sign-up needs an invitation unless the operator opens it."""
        server, box = opened(backend, **BY_INVITATION)
        _, token = invited(server, admin, box)

        for bad in ("", "0" * 32, "rubbish", token.replace(".", "x"), "." + token):
            with pytest.raises(Forbidden):
                sign_ups.sign_up(server, new_account(token=bad))
        with pytest.raises(Forbidden):
            sign_ups.sign_up(server, new_account("mallory", token=token))
        assert "alice" == sign_up(server, token=token).login

    def test_an_invitation_ends(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """An invitation that has expired, was cancelled or was used does not allow a sign-up."""
        server, box = opened(backend, **BY_INVITATION)
        _, expired = invited(server, admin, box)
        clock.pass_seconds(8 * 86_400)
        with pytest.raises(Forbidden):
            sign_up(server, token=expired)
        invite, token = invited(server, admin, box)
        invites.cancel_invite(server, admin, "acme", invite.id)
        with pytest.raises(Forbidden):
            sign_up(server, token=token)
        _, token = invited(server, admin, box)
        sign_up(server, token=token)

        with pytest.raises(Forbidden):
            sign_up(server, "alice2", email="alice@example.com", token=token)


class TestInvited:
    def test_joins_with_the_mail(self, backend: Backend, admin: Caller) -> None:
        """Who comes with the token from an invitation's mail has a confirmed address and is a member at once."""
        server, box = opened(backend, **BY_INVITATION)
        _, token = invited(server, admin, box)
        caller = sign_up(server, token=token)

        assert "alice@example.com" == caller.email
        assert ("member", None) == people_of(server)["alice"]
        assert [] == delivered(server, box)

    def test_waits_without_the_mail(self, backend: Backend, admin: Caller) -> None:
        """Who knows an invitation's id alone may make an account, and joins only once the address is confirmed."""
        server, box = opened(backend, **BY_INVITATION)
        invite, _ = invited(server, admin, box)
        caller = sign_up(server, token=invite.id)

        assert ("", False) == (caller.email, "alice" in people_of(server))
        with pytest.raises(NotFound):
            invites.accept_invite(server, caller, "acme", invite.id)
        email_addresses.verify(server, caller, token_in(delivered(server, box)[-1]))
        invites.accept_invite(server, again(server, "alice"), "acme", invite.id)
        assert "alice" in people_of(server)

    def test_a_sender_cannot_prove_the_address(self, backend: Backend, admin: Caller) -> None:
        """The sender of an invitation learns nothing that lets them sign up as the invited person."""
        server, box = opened(backend, **BY_INVITATION)
        made, _ = invites.create_invites(server, admin, "acme", [NewInvite("alice@example.com", RequestedRole("member"))])
        known = invites.accept_url(server, made[0])
        mallory = sign_up(server, "mallory", email="alice@example.com", token=made[0].id)

        assert invite_proofs.invite_proof(server, made[0]) not in known
        assert "" == mallory.email
        assert "alice@example.com" == sign_up(server, token=f"{made[0].id}.{token_in(delivered(server, box)[0])}").email

    def test_joins_with_a_link_for_anybody(self, backend: Backend, admin: Caller) -> None:
        """A link that names no address makes its holder a member; the address has still to be confirmed."""
        server, _ = opened(backend, **BY_INVITATION)
        invite = invites.create_link(server, admin, "acme", NewInvite("", RequestedRole("member")))
        caller = sign_up(server, token=invite.id)

        assert ("", True) == (caller.email, "alice" in people_of(server))

    def test_only_one_comes(self, backend: Backend, admin: Caller) -> None:
        """Two people who use one link at once: one comes, the other is told, and has made nothing."""
        server, _ = opened(backend, **BY_INVITATION)
        invite = invites.create_link(server, admin, "acme", NewInvite("", RequestedRole("member")))

        def come(login: str) -> str:
            return sign_up(server, login, token=invite.id).login

        results = at_once(lambda: come("alice"), lambda: come("bob"))
        [came] = [one for one in results if isinstance(one, str)]
        [refused] = [one for one in results if isinstance(one, Exception)]
        assert isinstance(refused, NotFound | Forbidden)
        with server.db.connect() as connection:
            assert {"admin", came} == set(connection.scalars(select(users.c.login)))

    def test_a_proven_address_of_a_user_is_told(self, backend: Backend, admin: Caller) -> None:
        """Who reads the mail of an address that has an account is told to sign in to that."""
        server, box = opened(backend, **BY_INVITATION)
        _, token = invited(server, admin, box, "bob@example.com")
        make_user(server, "bob")

        with pytest.raises(Conflict):
            sign_up(server, "bob2", email="bob@example.com", token=token)
        assert "bob2" not in people_of(server)


class TestSignUp:
    def test_makes_a_person(self, backend: Backend) -> None:
        """A newcomer has a personal organization, no confirmed address and no power over the installation."""
        server, box = opened(backend)
        caller = sign_up(server)
        told = delivered(server, box)

        assert ("alice", "Alice", "", False) == (caller.login, caller.name, caller.email, caller.site_admin)
        assert ["alice"] == [one.login for one in caller.memberships if one.is_personal]
        assert [("alice@example.com", "Confirm your e-mail address")] == [(one.to, one.subject) for one in told]
        assert link_in(told[0]).startswith("/verify?token=")

    def test_gives_clients_a_token(self, backend: Backend) -> None:
        """The token of a sign-up is good at once and named for it."""
        server, _ = opened(backend)
        caller = caller_of_token(server, sign_ups.sign_up_for_token(server, new_account()))

        assert ("alice", "e-mail sign-up") == (caller.login, caller.token_name)

    def test_does_not_tell_who_has_an_account(self, backend: Backend) -> None:
        """A sign-up with the address of another user gets the usual answer, and cannot be confirmed."""
        server, box = opened(backend)
        alice = verified(server, box)
        mallory = sign_up(server, "mallory", email="ALICE@example.com", password=OTHER)
        stranger = sign_up(server, "eve", email="nobody@example.com", password=OTHER)

        assert ("", "") == (mallory.email, stranger.email)
        assert caller_of(server, accounts.sign_in(server, "alice@example.com", OTHER)).login == "mallory"
        told = delivered(server, box)
        assert [one.subject for one in told] == ["Confirm your e-mail address"] * 2
        with pytest.raises(Conflict):
            email_addresses.verify(server, mallory, token_in(told[0]))
        assert "alice@example.com" == again(server, "alice").email
        assert alice.user_id == again(server, "alice").user_id

    def test_refuses_a_second_claim(self, backend: Backend) -> None:
        """An unconfirmed address cannot be claimed again, whether it belongs to a user or not."""
        server, box = opened(backend)
        verified(server, box)
        told = []
        for address in ("alice@example.com", "nobody@example.com"):
            sign_up(server, f"first-{address[:3]}", email=address)
            with pytest.raises(Conflict) as refused:
                sign_up(server, f"second-{address[:3]}", email=address)
            told.append(refused.value.message)

        assert told[0] == told[1]

    @pytest.mark.parametrize("login", ["admin", "acme"])
    def test_refuses_a_login_that_is_taken(self, backend: Backend, admin: Caller, login: str) -> None:
        """A login that a user or an organization has is refused, and nothing is made."""
        server, box = opened(backend)

        assert admin.login == "admin"
        with pytest.raises(Conflict):
            sign_up(server, login, email="new@example.com")
        assert [] == delivered(server, box)
        assert "newcomer" == sign_up(server, "newcomer", email="new@example.com").login

    @pytest.mark.parametrize(
        "bad",
        [
            {"login": "no spaces"},
            {"login": "ab"},
            {"login": ""},
            {"login": "../admin"},
            {"email": "nobody"},
            {"email": "a@b@c"},
            {"email": "a\n@example.com"},
            {"email": ""},
            {"email": "ä@example.com"},
            {"email": f"{'x' * 65}@example.com"},
            {"password": "short"},
            {"password": "x" * 1025},
            {"password": "alice@example.com"},
            {"name": "x" * 256},
            {"name": "a\x00b"},
        ],
    )
    def test_refuses_what_cannot_be(self, backend: Backend, bad: dict[str, str]) -> None:
        """A bad login, address, name or password is refused, and nothing is made."""
        server, box = opened(backend)

        with pytest.raises(BadRequest):
            sign_up(server, **{"login": "alice", **bad})
        assert [] == delivered(server, box)

    def test_is_limited(self, backend: Backend) -> None:
        """From one place come twenty accounts an hour at the most."""
        server, _ = opened(backend)
        for number in range(20):
            with pytest.raises(BadRequest):
                sign_ups.sign_up(server, new_account("x", email=f"x{number}@example.com"), client="203.0.113.9")

        with pytest.raises(TooManyRequests):
            sign_ups.sign_up(server, new_account(), client="203.0.113.9")

    def test_two_at_once(self, backend: Backend) -> None:
        """Of two sign-ups with one login at once one succeeds, and the other has left nothing."""
        server, _ = opened(backend)

        def come(email: str) -> str:
            return sign_up(server, email=email).login

        results = at_once(lambda: come("a@example.com"), lambda: come("b@example.com"))
        assert ["alice"] == [one for one in results if isinstance(one, str)]
        assert [Conflict] == [type(one) for one in results if isinstance(one, Exception)]
        refused = [name for name in ("a@example.com", "b@example.com") if not _is_known(server, name)]
        assert len(refused) == 1


def _is_known(server: Backend, name: str) -> bool:
    try:
        accounts.sign_in(server, name, PASSWORD)
    except Unauthorized:
        return False
    return True
