"""Invitations on pages: people are invited by address and by link; invitations are sent again and revoked."""

import pytest

from common.backend import Backend
from common.people.orgs.invites import service as invites
from common.rights import built_in
from common.rights.caller import Caller
from common.rights.permissions import Permission
from tests.clocks import FrozenClock
from tests.counting import Counter
from tests.factories.people import make_user
from tests.factories.roles import hold, make_role
from tests.pages.org_pages import SETTINGS
from tests.pages.visiting import Visit, location, shown, values

pytestmark = pytest.mark.dialects("sqlite")
INVITATIONS = f"{SETTINGS}/invitations"
ROLE = built_in.MEMBER.id
EIGHT_DAYS_SECONDS = 8 * 86_400


def send(visit: Visit, emails: str, role: str = ROLE) -> int:
    """Invite people, and return the status."""
    return visit.submit(INVITATIONS, on=INVITATIONS, emails=emails, role=role).status_code


def addresses(backend: Backend, admin: Caller) -> list[str]:
    """The addresses that are invited."""
    return sorted(invite.email for invite in invites.list_invites(backend, admin, "acme"))


class TestInvite:
    def test_several_at_once(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """Addresses are separated by anything that separates; each has a row."""
        sent = member.submit(
            INVITATIONS, on=INVITATIONS, emails="paul@example.com, rita@example.com;\nquinn@example.com", role=ROLE
        )
        text = shown(member.open(INVITATIONS))

        assert f"{INVITATIONS}?done=invited" == location(sent)
        assert ["paul@example.com", "quinn@example.com", "rita@example.com"] == addresses(backend, admin)
        assert "paul@example.com Member admin" in text
        assert "3 invitations" in text

    def test_says_who_was_left_out(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """Members and bad addresses are named; the others are invited."""
        make_user(backend, "bob", org="acme")
        page = member.submit(INVITATIONS, on=INVITATIONS, emails="bob@example.com x rita@example.com", role=ROLE)

        assert 200 == page.status_code
        assert "bob@example.com, x" in shown(page)
        assert ["rita@example.com"] == addresses(backend, admin)

    def test_needs_an_address_and_a_role(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """Without an address, or with a role that is unknown, no one is invited."""
        assert [400, 400] == [send(member, " "), send(member, "rita@example.com", "none")]
        assert [] == addresses(backend, admin)

    def test_by_link(self, backend: Backend, visit: Visit, member: Visit) -> None:
        """The link is shown, and makes the first person who accepts it a member."""
        page = member.submit(f"{INVITATIONS}/link", on=INVITATIONS, role=ROLE)
        link = next(values(page, r'id="new-link"[^>]* value="([^"]*)"'))
        eve = Visit(backend)
        eve.sign_in(make_user(backend, "eve"))

        assert 200 == page.status_code
        assert 200 == eve.open(link.replace("http://localhost:8080", "")).status_code
        assert visit.is_signed_in()


class TestInvitation:
    @pytest.fixture
    def row(self, backend: Backend, admin: Caller, member: Visit) -> str:
        """The address of an invitation."""
        assert 303 == send(member, "paul@example.com")
        return f"{INVITATIONS}/{invites.list_invites(backend, admin, 'acme')[0].id}"

    def test_is_renewed(self, member: Visit, row: str, clock: FrozenClock) -> None:
        """An expired invitation is found by its state, and is open again after it was sent again."""
        clock.pass_seconds(EIGHT_DAYS_SECONDS)
        member.sign_in()
        expired = shown(member.open(INVITATIONS, state="expired"))
        sent = member.submit(f"{row}/resend", on=INVITATIONS)

        assert "paul@example.com" in expired
        assert f"{INVITATIONS}?done=resent" == location(sent)
        assert "No invitations match" in shown(member.open(INVITATIONS, state="expired"))
        assert "paul@example.com" in shown(member.open(INVITATIONS, state="open", q="PAUL"))

    def test_is_revoked(self, backend: Backend, admin: Caller, member: Visit, row: str) -> None:
        """A revoked invitation is gone, and cannot be revoked again."""
        revoked = member.submit(f"{row}/revoke", on=INVITATIONS)
        again = member.submit(f"{row}/revoke", on=INVITATIONS)

        assert f"{INVITATIONS}?done=revoked" == location(revoked)
        assert [] == addresses(backend, admin)
        assert 404 == again.status_code

    def test_link_is_shown_to_its_sender_and_admins(self, backend: Backend, member: Visit) -> None:
        """Another member who may see invitations does not see links, whose text lets anyone in."""
        member.submit(f"{INVITATIONS}/link", on=INVITATIONS, role=ROLE)
        bob = Visit(backend)
        bob.sign_in(make_user(backend, "bob", org="acme"))
        hold(backend, "bob", make_role(backend, Permission.INVITES_READ, name="greeter"))

        assert "Anyone with the link" in shown(member.open(INVITATIONS))
        assert "Anyone with the link" not in shown(bob.open(INVITATIONS))
        assert "No invitations yet" in shown(bob.open(INVITATIONS))
        assert "Invite people by their address" not in bob.open(INVITATIONS).text.partition("<h2")[2]

    def test_page_costs_few_statements(self, member: Visit, row: str, counter: Counter) -> None:
        """The visitor, the rows, their number and the roles."""
        assert row
        member.open(INVITATIONS)
        counter.reset()
        member.open(INVITATIONS)

        assert (6, 0, 0, 0) >= counter.cost
