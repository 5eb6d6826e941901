"""What mails say, and what of it is kept."""

import logging
from dataclasses import replace

import pytest
from sqlalchemy import select

from common.backend import Backend
from common.core.errors import Forbidden, NotFound
from common.db.tables.schema import METADATA
from common.mailing import service as mailing
from common.mailing.model import Purpose
from common.people.orgs.invites import service as invites
from common.people.orgs.model import NewInvite, RequestedRole
from common.ports.mail import Mailer
from common.ports.mail.log import LogDriver
from common.rights.caller import Caller
from common.sign_in.accounts.service import accounts, email_addresses, password_reset
from common.sign_in.mails import service as mails
from tests.clocks import FrozenClock
from tests.factories.sign_in import OTHER, PASSWORD, delivered, link_in, opened, sign_up, token_in, verified


def texts(server: Backend) -> str:
    """Return everything that any table holds, as text."""
    with server.db.connect() as connection:
        return "\n".join(repr(tuple(row)) for table in METADATA.sorted_tables for row in connection.execute(select(table)))


class TestWrite:
    def test_invites_with_a_proof(self, backend: Backend, admin: Caller) -> None:
        """An invitation tells who invites to what, by logins alone, with a link to its page."""
        server, box = opened(backend, PULUMI_API_DOMAIN="api.example.com")
        made, _ = invites.create_invites(server, admin, "acme", [NewInvite("bob@example.com", RequestedRole("member"))])
        [told] = delivered(server, box)

        assert ("bob@example.com", "Invitation to the organization acme") == (told.to, told.subject)
        assert "admin invites you to the organization acme." in told.body
        assert f"\nhttps://api.example.com/invites/acme/{made[0].id}?proof=" in told.body
        assert "Administrator" not in told.body

    def test_leaves_a_cancelled_invitation(self, backend: Backend, admin: Caller) -> None:
        """The mail of an invitation that was cancelled before it went out is dropped."""
        server, box = opened(backend)
        made, _ = invites.create_invites(server, admin, "acme", [NewInvite("bob@example.com", RequestedRole("member"))])
        invites.cancel_invite(server, admin, "acme", made[0].id)

        assert [] == delivered(server, box)
        assert [] == mailing.page_mails(server, admin, None)[0]

    def test_sends_an_invitation_again(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """An invitation that is sent again is mailed again, but not every minute; an invitation link is never mailed."""
        server, box = opened(backend)
        [made], _ = invites.create_invites(server, admin, "acme", [NewInvite("bob@example.com", RequestedRole("member"))])
        link = invites.create_link(server, admin, "acme", NewInvite("", RequestedRole("member")))
        first = delivered(server, box)
        invites.resend_invite(server, admin, "acme", made.id)
        invites.resend_invite(server, admin, "acme", link.id)
        soon = delivered(server, box)
        clock.pass_seconds(301)
        invites.resend_invite(server, admin, "acme", made.id)

        assert [1, 0, 1] == [len(first), len(soon), len(delivered(server, box))]


class TestSecrets:
    def test_are_kept_nowhere(self, backend: Backend, admin: Caller) -> None:
        """No password, link, proof, token or session that was ever handed out can be read in any table."""
        server, box = opened(backend)
        invites.create_invites(server, admin, "acme", [NewInvite("bob@example.com", RequestedRole("member"))])
        caller = sign_up(server)
        email_addresses.add_account(server, admin, "admin@example.com", OTHER)
        password_reset.request_reset(server, "alice@example.com")
        session = accounts.sign_in(server, "alice", PASSWORD)
        handed_out = [PASSWORD, OTHER, accounts.sign_in_for_token(server, "alice", PASSWORD), session]
        handed_out += [token_in(mail) for mail in delivered(server, box)]
        email_addresses.request_change(server, caller, PASSWORD, "new@example.com")
        handed_out += [token_in(mail) for mail in delivered(server, box)]
        kept = texts(server)

        assert 9 == len(handed_out)
        assert "alice@example.com" in kept
        assert [] == [secret for secret in handed_out if secret in kept]

    def test_are_not_shown(self, backend: Backend) -> None:
        """Neither an account, a mail nor a new account shows its secrets when it is printed."""
        server, box = opened(backend)
        caller = sign_up(server)
        [told] = delivered(server, box)
        shown = repr((accounts.find_account(server, caller), told))

        assert token_in(told) not in shown
        assert "argon2" not in shown


class TestMakeLink:
    def test_gives_an_administrator_a_link(self, backend: Backend, admin: Caller) -> None:
        """Where no mail server is set up, an administrator passes on a fresh link, which works as a mailed one."""
        server, _ = opened(backend)
        server = replace(server, mailer=Mailer(LogDriver(), is_real=False))
        caller = sign_up(server)
        while mailing.send_one(server, mails.write):
            pass
        [mail], _ = mailing.page_mails(server, admin, None)
        link = mails.make_link(server, admin, mail.id)

        assert (Purpose.VERIFICATION, None, mailing.IN_THE_LOG) == (mail.purpose, mail.sent_at, mail.problem)
        assert "alice@example.com" == email_addresses.verify(server, caller, link.partition("=")[2])
        with pytest.raises(NotFound):
            mails.make_link(server, admin, mail.id)

    def test_is_for_what_was_not_sent(self, backend: Backend, admin: Caller) -> None:
        """A mail that a server took has no second link, and what is no mail has none."""
        server, box = opened(backend)
        sign_up(server)
        delivered(server, box)
        [mail], _ = mailing.page_mails(server, admin, None)

        for mail_id in (mail.id, "0" * 36, ""):
            with pytest.raises(NotFound):
                mails.make_link(server, admin, mail_id)

    def test_is_for_administrators(self, backend: Backend, admin: Caller) -> None:
        """Other users cannot make links or see mails."""
        server, _ = opened(backend)
        caller = sign_up(server)
        [mail], _ = mailing.page_mails(server, admin, None)

        with pytest.raises(Forbidden):
            mails.make_link(server, caller, mail.id)
        with pytest.raises(Forbidden):
            mailing.page_mails(server, caller, None)

    def test_tells_nothing_of_strangers(self, backend: Backend, admin: Caller) -> None:
        """For a reset that no account is behind there is no link."""
        server, _ = opened(backend)
        password_reset.request_reset(server, "nobody@example.com")
        [mail], _ = mailing.page_mails(server, admin, None)

        with pytest.raises(NotFound):
            mails.make_link(server, admin, mail.id)


class TestLog:
    def test_has_the_link_without_a_mail_server(self, backend: Backend, caplog: pytest.LogCaptureFixture) -> None:
        """Without a mail server the text is written to the log, at the level of what an operator must see."""
        server, _ = opened(backend)
        server = replace(server, mailer=Mailer(LogDriver(), is_real=False))
        caller = sign_up(server)
        with caplog.at_level(logging.WARNING, "stackhold.mail"):
            mailing.send_one(server, mails.write)
        [line] = [one.getMessage() for one in caplog.records if one.name == "stackhold.mail"]
        token = line.partition("/verify?token=")[2].split()[0]

        assert "alice@example.com" == email_addresses.verify(server, caller, token)


def test_a_link_leads_to_a_page(backend: Backend) -> None:
    """Links lead to the pages' own address."""
    server, box = opened(backend, PULUMI_CONSOLE_DOMAIN="app.example.com", PULUMI_API_DOMAIN="api.example.com")
    verified(server, box)
    password_reset.request_reset(server, "alice@example.com")
    [told] = delivered(server, box)

    assert f"https://app.example.com{link_in(told)}" in told.body
