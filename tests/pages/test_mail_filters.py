"""Filters of mail providers open every link before its reader does, with HEAD, with GET, and on to what they find there."""

import re
from collections.abc import Callable
from html import unescape

import pytest

from common.backend import Backend
from common.people.orgs.invites import service as invites
from common.people.orgs.model import NewInvite, RequestedRole
from common.rights.caller import Caller
from common.sign_in.accounts.service import email_addresses, password_reset
from tests.factories.sign_in import OTHER, delivered, link_in, opened, sign_up
from tests.pages.visiting import Visit, cookies_of, location, shown

_LOCAL = re.compile(r'(?:href|src)="(/[^"]*)"')


class Reader:
    """A server with a mailbox, and the person whose mails a filter looks at first."""

    def __init__(self, backend: Backend) -> None:
        self.server, self.box = opened(backend)

    def link(self) -> str:
        """Return the path that the newest mail leads to."""
        return link_in(delivered(self.server, self.box)[-1])

    def visit(self) -> Visit:
        """Return a browser that has never been here."""
        return Visit(self.server)


@pytest.fixture
def reader(backend: Backend, admin: Caller) -> Reader:
    """A server with an administrator."""
    assert admin.site_admin
    return Reader(backend)


def filtered(reader: Reader, link: str) -> None:
    """Do what a filter does: HEAD, GET twice, and every local address on the page; nothing signs it in."""
    for method in ("HEAD", "GET", "GET"):
        visit = reader.visit()
        found = visit.client.request(method, link)
        assert found.status_code in (200, 303)
        pages = [found] if found.status_code == 200 else [found, visit.get(location(found))]
        pages += [visit.get(unescape(address)) for page in pages for address in _LOCAL.findall(page.text)]
        for page in pages:
            assert page.status_code in (200, 303), page.url
            assert all(cookie.startswith("stackhold-visit=") for cookie in cookies_of(page))
        assert not visit.session
        assert not visit.is_signed_in()


def confirm(reader: Reader, link: str, visit: Visit) -> bool:
    """Press the button that confirms an address, and tell whether it did."""
    sent = visit.send(link, on=link)
    return sent.status_code == 303 and "done=confirmed" in location(sent)


def set_password(reader: Reader, link: str, visit: Visit) -> bool:
    """Set another password, and tell whether that signed the reader in."""
    return visit.send(link, on=link, password=OTHER).status_code == 303 and visit.is_signed_in()


def accept(reader: Reader, link: str, visit: Visit) -> bool:
    """Accept an invitation, and tell whether that was possible."""
    return visit.send(link.partition("?")[0], on="/settings").status_code == 303


Press = Callable[[Reader, str, Visit], bool]


@pytest.mark.parametrize(("kind", "press"), [("confirm", confirm), ("reset", set_password), ("invite", accept)])
def test_use_no_link_up(reader: Reader, admin: Caller, kind: str, press: Press) -> None:
    """The person succeeds after the filter was there, and afterwards the link is of no use to anyone."""
    alice = sign_up(reader.server, "alice")
    link = reader.link()
    visit = reader.visit()
    visit.send("/signin", on="/signin", name="alice", password="correct horse battery", return_to="")
    if kind == "reset":
        email_addresses.verify(reader.server, alice, link.partition("token=")[2])
        password_reset.request_reset(reader.server, "alice@example.com", client="192.0.2.9")
        link, visit = reader.link(), reader.visit()
    elif kind == "invite":
        email_addresses.verify(reader.server, alice, link.partition("token=")[2])
        invites.create_invites(reader.server, admin, "acme", [NewInvite("alice@example.com", RequestedRole("member"))])
        link = reader.link()

    filtered(reader, link)
    assert press(reader, link, visit)
    filtered_again = reader.visit().client.head(link)
    assert filtered_again.status_code in (200, 303, 404)
    assert not press(reader, link, visit)


def test_see_pages_to_sign_in_and_up_with_head(reader: Reader) -> None:
    """A link that answers 405 to HEAD looks broken; these answer as GET does, and the API asks for a token."""
    visit = reader.visit()

    assert [200, 200, 200, 401] == [visit.client.head(path).status_code for path in ("/signin", "/signup", "/reset", "/api/user")]
    assert "Sign in" in shown(visit.get("/signin"))
