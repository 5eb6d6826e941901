"""The pages of accounts: made, confirmed, reset and changed in a browser; invitations accepted; mail looked at."""

import re

import pytest

from common.backend import Backend
from common.people.orgs.invites import service as invites
from common.people.orgs.model import Invite, NewInvite, RequestedRole
from common.ports.mail import NotSent
from common.rights.caller import Caller
from common.sign_in.accounts.service import email_addresses, password_reset
from tests.clocks import FrozenClock
from tests.factories.orgs import people_of
from tests.factories.people import make_user
from tests.factories.sign_in import OTHER, PASSWORD, again, delivered, link_in, opened, sign_up, verified
from tests.pages.visiting import Visit, location, shown, values

ACCOUNT = "/settings/account"
CLOSED = {"PULUMI_DISABLE_EMAIL_SIGNUP": "", "PULUMI_API_DOMAIN": "api.example.com"}


class Place:
    """A server that lets people sign up, its mailbox, and a browser."""

    def __init__(self, backend: Backend, **settings: str) -> None:
        self.server, self.box = opened(backend, **settings)
        self.visit = Visit(self.server, "https://api.example.com" if "PULUMI_API_DOMAIN" in settings else "http://testserver")

    def enter(self, name: str, password: str = PASSWORD) -> Visit:
        """Return another browser, in which a user has signed in."""
        other = Visit(self.server, str(self.visit.client.base_url))
        assert 303 == other.send("/signin", on="/signin", name=name, password=password, return_to="").status_code
        return other

    def mailed(self) -> str:
        """Return the link in the one mail that is due."""
        [told] = delivered(self.server, self.box)
        return link_in(told)


@pytest.fixture
def place(backend: Backend, admin: Caller) -> Place:
    """A server with an administrator."""
    assert admin.site_admin
    return Place(backend)


def sign_up_form(login: str = "alice", **values: str) -> dict[str, str]:
    """Return what a user types into the form."""
    return {"login": login, "name": login.title(), "email": f"{login}@example.com", "password": PASSWORD, **values}


def hidden(text: str, name: str) -> str:
    """Return the value of a hidden field."""
    return str(re.search(rf'name="{name}" value="([^"]*)"', text)[1])  # type: ignore[index]


class TestSignUp:
    def test_ends_signed_in(self, place: Place) -> None:
        """A newcomer fills the form in, is signed in, and reads that a mail is on its way."""
        sent = place.visit.send("/signup", sign_up_form(), on="/signup")

        assert ACCOUNT == location(sent)
        assert "alice@example.com (not confirmed)" in shown(place.visit.get(ACCOUNT))
        assert "Follow the link in the mail to alice@example.com." in shown(place.visit.get(ACCOUNT))

    def test_comes_back_with_what_is_wrong(self, place: Place) -> None:
        """A form that cannot be taken comes back with what was typed, but the password, and what is wrong with it."""
        sent = place.visit.send("/signup", sign_up_form(password="short"), on="/signup")

        assert (400, True) == (sent.status_code, "A password has 8 to 1,024 characters" in shown(sent))
        assert ["alice", "Alice", "alice@example.com"] == [
            next(values(sent, rf'name="{name}"[^>]*value="([^"]*)"')) for name in ("login", "name", "email")
        ]
        assert "short" not in sent.text.replace("shortest", "")
        assert 409 == place.visit.send("/signup", sign_up_form("admin"), on="/signup").status_code

    def test_goes_where_it_was_to(self, place: Place) -> None:
        """After the sign-up the browser goes where it wanted to, on this server alone."""
        there, elsewhere = "/signup?return_to=%2Fcli-login%3Fa%3D1", "/signup?return_to=%2F%2Fevil.example.com"

        assert "/cli-login?a=1" == location(place.visit.send(there, sign_up_form(), on=there))
        assert ACCOUNT == location(Visit(place.server).send(elsewhere, sign_up_form("bob"), on=elsewhere))

    def test_is_not_offered_where_it_is_closed(self, backend: Backend, admin: Caller) -> None:
        """Where accounts are made by invitation there is no form, and one that is sent all the same is refused."""
        place = Place(backend, **CLOSED)

        assert admin.site_admin
        assert "creates accounts by invitation" in shown(place.visit.get("/signup"))
        assert 403 == place.visit.send("/signup", sign_up_form(), on="/signin").status_code

    def test_wants_a_form_of_ours(self, place: Place) -> None:
        """A form without the key of this browser is refused, and makes nothing."""
        assert 403 == place.visit.send("/signup", sign_up_form()).status_code
        assert (
            401
            == Visit(place.server)
            .send(
                "/signin",
                on="/signin",
                name="alice",
                password=PASSWORD,
                return_to="",
            )
            .status_code
        )

    def test_says_when_to_come_back(self, place: Place) -> None:
        """After too many tries the page says when to try again, and so does the header."""
        for _ in range(5):
            assert 400 == place.visit.send("/signup", sign_up_form("x"), on="/signup").status_code
        sent = place.visit.send("/signup", sign_up_form("x"), on="/signup")

        assert (429, "3600") == (sent.status_code, sent.headers["retry-after"])
        assert "Too many tries; wait 60 minutes" in shown(sent)


class TestVerify:
    def test_confirms_when_the_button_is_pressed(self, place: Place) -> None:
        """Opening the link changes nothing, however often; the button confirms the address, once."""
        place.visit.send("/signup", sign_up_form(), on="/signup")
        link = place.mailed()
        pages = [place.visit.get(link) for _ in range(3)]
        before = again(place.server, "alice").email
        sent = place.visit.send(link, on=link)

        assert ([200] * 3, "") == ([one.status_code for one in pages], before)
        assert f"{ACCOUNT}?done=confirmed" == location(sent)
        assert "Your email is confirmed." in shown(place.visit.get(location(sent)))
        assert "alice@example.com" == again(place.server, "alice").email
        assert 404 == place.visit.send(link, on=ACCOUNT).status_code

    def test_asks_who_it_is_first(self, place: Place) -> None:
        """In another browser the link leads through the sign-in page and back."""
        sign_up(place.server)
        link = place.mailed()
        stranger = Visit(place.server)
        first = location(stranger.get(link))
        sent = stranger.send(
            "/signin", on=first, name="alice", password=PASSWORD, return_to=hidden(stranger.get(first).text, "return_to")
        )

        assert first.startswith("/signin?return_to=%2Fverify")
        assert link == location(sent)
        assert 303 == stranger.send(link, on=link).status_code

    def test_refuses_somebody_else(self, place: Place) -> None:
        """Anyone who is signed in to another account is told so."""
        sign_up(place.server)
        link = place.mailed()
        sign_up(place.server, "bob")
        sent = place.enter("bob").send(link, on="/settings")

        assert (403, True) == (sent.status_code, "is for another account" in shown(sent))


class TestReset:
    def test_sets_a_password(self, place: Place) -> None:
        """PeerRequest for, mailed, followed, set: the browser is signed in, and others are out."""
        verified(place.server, place.box)
        elsewhere = place.enter("alice")
        asked = place.visit.send("/reset", on="/reset", email="alice@example.com")
        link = place.mailed()
        refused = place.visit.send(link, on=link, password="short")
        sent = place.visit.send(link, on=link, password=OTHER)

        assert (200, 400) == (asked.status_code, refused.status_code)
        assert f"{ACCOUNT}?done=password" == location(sent)
        assert place.visit.is_signed_in()
        assert not elsewhere.is_signed_in()
        assert "alice" == again(place.server, "alice", OTHER).login

    def test_says_the_same_of_everybody(self, place: Place) -> None:
        """The page does not tell whether there is an account."""
        verified(place.server, place.box)
        told = []
        for email in ("alice@example.com", "nobody@example.com"):
            sent = place.visit.send("/reset", on="/reset", email=email)
            told.append((sent.status_code, re.sub(r'value="[0-9a-f]{64}"', "", sent.text)))

        assert told[0] == told[1]

    def test_says_so_of_a_bad_link(self, place: Place, clock: FrozenClock) -> None:
        """A link that is over leads to a page that says so, and to another one."""
        verified(place.server, place.box)
        password_reset.request_reset(place.server, "alice@example.com")
        link = place.mailed()
        clock.pass_seconds(3601)
        sent = place.visit.send(link, on=link, password=OTHER)

        assert (404, True) == (sent.status_code, "has expired" in shown(sent))
        assert 'href="/reset"' in sent.text

    def test_is_not_offered_without_passwords(self, backend: Backend, admin: Caller) -> None:
        """Where passwords are switched off there is no form."""
        place = Place(backend, PULUMI_DISABLE_EMAIL_LOGIN="true")

        assert admin.site_admin
        assert "Sign-in with an email address and a password is turned off on this server." in shown(place.visit.get("/reset"))
        assert 403 == place.visit.send("/reset", on="/signin", email="a@example.com").status_code


class TestAccount:
    def test_changes_the_password(self, place: Place) -> None:
        """The browser that changed it stays signed in, all others are signed out, and the old password is refused."""
        sign_up(place.server)
        here, elsewhere = place.enter("alice"), place.enter("alice")
        refused = here.send(f"{ACCOUNT}/password", on=ACCOUNT, old="wrong password", password=OTHER)
        sent = here.send(f"{ACCOUNT}/password", on=ACCOUNT, old=PASSWORD, password=OTHER)

        assert (403, True) == (refused.status_code, "The current password is wrong" in shown(refused))
        assert f"{ACCOUNT}?done=password" == location(sent)
        assert (True, False) == (here.is_signed_in(), elsewhere.is_signed_in())
        assert "alice" == again(place.server, "alice", OTHER).login

    def test_changes_the_address(self, place: Place) -> None:
        """The new address waits until its link is followed, and can be left."""
        verified(place.server, place.box)
        here = place.enter("alice")
        asked = here.send(f"{ACCOUNT}/address", on=ACCOUNT, email="new@example.com", present=PASSWORD)
        waiting = shown(here.get(ACCOUNT))
        link = place.mailed()
        cancelled = here.send(f"{ACCOUNT}/address/cancel", on=ACCOUNT)
        refused = here.send(link, on=link)
        here.send(f"{ACCOUNT}/address", on=ACCOUNT, email="new@example.com", present=PASSWORD)
        link = place.mailed()
        here.send(f"{ACCOUNT}/address/again", on=ACCOUNT)
        here.send(link, on=link)

        assert f"{ACCOUNT}?done=asked" == location(asked)
        assert "New email new@example.com" in waiting
        assert (f"{ACCOUNT}?done=cancelled", 404) == (location(cancelled), refused.status_code)
        assert "new@example.com" == again(place.server, "alice").email

    def test_changes_the_name(self, place: Place) -> None:
        """A name is changed, and one that cannot be comes back with what is wrong."""
        sign_up(place.server)
        here = place.enter("alice")

        assert "/settings?done=name" == location(here.send(f"{ACCOUNT}/name", on=ACCOUNT, name="Alice <b>L</b>"))
        assert "Alice &lt;b&gt;L&lt;/b&gt;" in here.get("/settings").text
        assert 400 == here.send(f"{ACCOUNT}/name", on=ACCOUNT, name=" ").status_code

    def test_gives_the_first_administrator_a_password(self, place: Place) -> None:
        """Who came with the bootstrap token adds an address and a password, and signs in with them."""
        place.visit.sign_in()
        refused = place.visit.send(f"{ACCOUNT}/add", on=ACCOUNT, email="admin@example.com", password="admin")
        sent = place.visit.send(f"{ACCOUNT}/add", on=ACCOUNT, email="admin@example.com", password=PASSWORD)

        assert (400, f"{ACCOUNT}?done=added") == (refused.status_code, location(sent))
        assert place.enter("admin@example.com").is_signed_in()

    @pytest.mark.parametrize("path", ["", "/name", "/password", "/address", "/address/again", "/address/cancel", "/add"])
    def test_is_for_people_who_are_signed_in(self, place: Place, path: str) -> None:
        """Everyone else is led to the sign-in page, whatever they send."""
        sent = place.visit.send(f"{ACCOUNT}{path}", on="/signin") if path else place.visit.get(ACCOUNT)

        assert location(sent).startswith("/signin?return_to=")


class TestInvitation:
    def invited(self, place: Place, admin: Caller, email: str = "alice@example.com") -> tuple[Invite, str]:
        """Invites a user to acme; returns the invitation and the link in its mail."""
        [made], _ = invites.create_invites(place.server, admin, "acme", [NewInvite(email, RequestedRole("member"))])
        return made, place.mailed()

    def test_leads_a_newcomer_in(self, backend: Backend, admin: Caller) -> None:
        """From the mail through the form into the organization, with a confirmed address, on a server closed to others."""
        place = Place(backend, **CLOSED)
        _, link = self.invited(place, admin)
        shown_first = place.visit.get(link)
        form_at = next(values(shown_first, r'href="(/signup[^"]*)"'))
        form = place.visit.get(form_at)
        refused = place.visit.send(form_at, sign_up_form(password="short"), on=form_at)
        sent = place.visit.send(form_at, sign_up_form(), on=form_at)

        assert "You are invited to the organization acme" in shown(shown_first)
        assert 400 == refused.status_code
        assert 'value="alice@example.com"' in form.text
        assert "/invites/acme/welcome" == location(sent)
        assert "alice" in people_of(place.server)
        assert "alice@example.com" == again(place.server, "alice").email

    def test_leads_a_user_in(self, place: Place, admin: Caller) -> None:
        """Who has an account signs in, comes back and accepts."""
        verified(place.server, place.box)
        made, link = self.invited(place, admin)
        here = place.enter("alice")
        shown_first = here.get(link)
        sent = here.send(f"/invites/acme/{made.id}", on=link)

        assert "admin invites you, alice , to the organization acme ." in shown(shown_first)
        assert "/invites/acme/welcome" == location(sent)
        assert "alice" in people_of(place.server)
        assert 404 == here.get(link).status_code

    def test_is_for_its_address(self, place: Place, admin: Caller) -> None:
        """Another user who is signed in is told that it is not for them, and cannot accept it."""
        make_user(place.server, "bob")
        verified(place.server, place.box)
        made, link = self.invited(place, admin, "carol@example.com")
        here = place.enter("alice")

        assert "for another email than alice@example.com" in shown(here.get(link))
        assert 404 == here.send(f"/invites/acme/{made.id}", on=ACCOUNT).status_code
        assert "alice" not in people_of(place.server)

    @pytest.mark.parametrize("path", ["/invites/acme/" + "0" * 32, "/invites/acme/x", "/invites/other/{id}"])
    def test_tells_nothing_of_others(self, place: Place, admin: Caller, path: str) -> None:
        """An invitation that does not exist, or is under another organization's name, is not found."""
        made, _ = self.invited(place, admin)

        assert 404 == place.visit.get(path.format(id=made.id)).status_code


class TestMails:
    def test_offers_links_that_were_not_sent(self, place: Place) -> None:
        """The administrator sees mails, makes a link for one that waits, and it works; one that was sent has none."""
        caller = sign_up(place.server)
        place.visit.sign_in()
        page = place.visit.get("/admin/mails")
        made = place.visit.send("/admin/mails/link", on="/admin/mails", id=hidden(page.text, "id"))
        link = next(values(made, r'id="new-link"[^>]*value="([^"]*)"'))
        delivered(place.server, place.box)
        after = place.visit.get("/admin/mails")

        assert "alice@example.com Verification" in shown(page)
        assert "alice@example.com" == email_addresses.verify(place.server, caller, link.partition("=")[2])
        assert "Create link" not in after.text
        assert 200 == place.visit.get("/admin").status_code

    def test_can_be_sent_after_all(self, place: Place) -> None:
        """The administrator sends a mail again that was given up."""
        sign_up(place.server)
        place.box.refusal = NotSent("no such mailbox", is_final=True)
        delivered(place.server, place.box)
        place.box.refusal = None
        place.visit.sign_in()
        page = place.visit.get("/admin/mails")
        reply = place.visit.send("/admin/mails/retry", on="/admin/mails", id=hidden(page.text, "id"))

        assert "/admin/mails" == location(reply)
        assert 1 == len(delivered(place.server, place.box))
        assert "Retry mail" not in place.visit.get("/admin/mails").text

    def test_are_for_administrators(self, place: Place) -> None:
        """No one else sees them."""
        sign_up(place.server)
        here = place.enter("alice")

        assert 403 == here.get("/admin/mails").status_code
        assert 403 == here.send("/admin/mails/link", on=ACCOUNT, id="x").status_code
        assert 403 == here.send("/admin/mails/retry", on=ACCOUNT, id="x").status_code
        assert location(place.visit.get("/admin/mails")).startswith("/signin?return_to=")

    def test_are_paged(self, place: Place) -> None:
        """A long list comes in pages, and a page number that does not exist is refused."""
        for number in range(51):
            password_reset.request_reset(place.server, f"a{number}@example.com")
        place.visit.sign_in()
        first = place.visit.get("/admin/mails")
        older = next(values(first, r'href="(/admin/mails\?after=[^"]*)"'))

        assert (50, 1) == (first.text.count("@example.com</th>"), place.visit.get(older).text.count("@example.com</th>"))
        assert 400 == place.visit.get("/admin/mails", after="x").status_code
