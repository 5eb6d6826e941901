"""Pages of one's own: who one is, and one's tokens."""

import pytest

from common.backend import Backend
from tests.clocks import FrozenClock
from tests.counting import Counter
from tests.factories.people import ADMIN_TOKEN, caller_of, make_token, make_user
from tests.factories.tokens import DAY_SECONDS, limit_days, signed
from tests.pages.visiting import Visit, location, shown, values

TOKENS = "/settings/tokens"
MADE = r'id="new-token"[^>]* value="(pul-[0-9a-f]{40})"'


def made(visit: Visit, description: str = "backup", days: str = "90") -> str:
    """The text of a token that is made on the page."""
    (text,) = values(visit.send(TOKENS, on=TOKENS, description=description, days=days), MADE)
    return text


class TestOverview:
    def test_says_who_one_is(self, member: Visit) -> None:
        """The page names the person and every organization with their role, their own first."""
        page = member.get("/settings")

        assert "User name admin" in shown(page)
        assert ["admin", "acme"] == [*values(page, r'<th scope="row">([a-z]+)')]
        assert "administrator of this installation" in shown(page)

    def test_costs_one_statement(self, member: Visit, counter: Counter) -> None:
        """The session's look-up brings everything that the page shows."""
        member.get("/settings")
        counter.reset()
        member.get("/settings")

        assert 1 == counter.statements

    @pytest.mark.parametrize("path", ["/settings", TOKENS, TOKENS + "?after=x"])
    def test_is_for_people_who_are_signed_in(self, visit: Visit, path: str) -> None:
        """Others are led to the sign-in page and back."""
        there = location(visit.get(path))

        assert there.startswith("/signin?return_to=%2Fsettings")
        assert path == location(visit.sign_in(return_to=path))

    def test_takes_no_access_token(self, visit: Visit) -> None:
        """A token in a header opens no page: pages act for people alone."""
        assert 303 == visit.client.get("/settings", headers=signed(ADMIN_TOKEN)).status_code

    def test_session_opens_no_api(self, member: Visit) -> None:
        """A session's cookie is good for pages alone, so a foreign page cannot use it for calls of the API."""
        assert 401 == member.get("/api/user").status_code
        assert 401 == member.client.post("/api/user/tokens", json={}).status_code


class TestTokens:
    def test_command_line_finds_them(self, visit: Visit) -> None:
        """The address that the command line prints leads to the page."""
        assert TOKENS == location(visit.get("/user/settings/tokens"))

    def test_lists_own_tokens_alone(self, backend: Backend, member: Visit) -> None:
        """The list has descriptions, use and end of one's own tokens; never another person's, and never a text."""
        make_user(backend, "alice")
        text = made(member)
        page = member.get(TOKENS)

        assert ["backup", "made at the start"] == [*values(page, r'<th scope="row">([^<]*)')]
        assert "2 Apr 2026, 03:04 UTC" in shown(page)
        assert text not in page.text

    def test_says_when_a_token_was_used_or_has_ended(self, backend: Backend, member: Visit, clock: FrozenClock) -> None:
        """The list tells what a token was last used and whether it has expired."""
        text = made(member, days="7")
        caller_of(backend, text)
        used = member.get(TOKENS)
        clock.pass_seconds(7 * DAY_SECONDS + 1)
        member.sign_in()
        ended = member.get(TOKENS)

        assert "backup 2 Jan 2026, 03:04 UTC 2 Jan 2026, 03:04 UTC 9 Jan 2026, 03:04 UTC" in shown(used)
        assert "backup 2 Jan 2026, 03:04 UTC 2 Jan 2026, 03:04 UTC expired" in shown(ended)

    def test_costs_two_statements(self, member: Visit, counter: Counter) -> None:
        """The page costs the session's look-up and the list's."""
        member.get(TOKENS)
        counter.reset()
        member.get(TOKENS)

        assert 2 == counter.statements

    def test_shows_all_in_pages(self, backend: Backend, member: Visit) -> None:
        """A long list is shown in pages, each token once."""
        admin = caller_of(backend, ADMIN_TOKEN)
        with backend.db.begin() as tx:
            for _ in range(60):
                make_token(tx, backend, admin.user_id)
        found: list[str] = []
        sizes: list[int] = []
        path = TOKENS
        while path and len(sizes) < 9:
            page = member.get(path)
            ids = [*values(page, r'name="id" value="([^"]*)"')]
            found += ids
            sizes.append(len(ids))
            path = next(values(page, r'href="(/settings/tokens\?after=[^"]*)"'), "")

        assert [25, 25, 11] == sizes
        assert 61 == len(set(found))

    @pytest.mark.parametrize("after", ["x", "../..", "é", "a" * 3000, "W10"])
    def test_refuses_foreign_places(self, member: Visit, after: str) -> None:
        """A place in the list that this server did not give is refused as a page."""
        assert 400 == member.get(TOKENS, after=after).status_code


class TestCreate:
    def test_shows_the_text_once(self, backend: Backend, member: Visit) -> None:
        """The reply has the text; the token is good, and no page ever has its text again."""
        text = made(member, "nightly")

        assert "admin" == caller_of(backend, text).login
        assert text not in member.get(TOKENS).text

    def test_is_no_link(self, member: Visit) -> None:
        """An address that is opened makes nothing."""
        member.get(TOKENS, description="x", days="90")

        assert 1 == len([*values(member.get(TOKENS), r'name="id" value="([^"]*)"')])

    @pytest.mark.parametrize("days", ["", "x", "-1", "1.5", "999999", "9999", "²", "1 2"])
    def test_refuses_a_lifetime_that_cannot_be(self, member: Visit, days: str) -> None:
        """A lifetime is a number of days, at most two years."""
        assert 400 == member.send(TOKENS, on=TOKENS, description="x", days=days).status_code

    def test_refuses_a_long_description(self, member: Visit) -> None:
        """What could not be stored is refused."""
        assert 400 == member.send(TOKENS, on=TOKENS, description="x" * 1025, days="7").status_code

    def test_escapes_what_it_shows(self, member: Visit) -> None:
        """A description is text, whatever it looks like."""
        made(member, '"><script>alert(1)</script>')
        page = member.get(TOKENS)

        assert "<script>" not in page.text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text

    def test_offers_what_every_organization_takes(self, backend: Backend, member: Visit) -> None:
        """With a limit of an organization the page offers shorter lives and the limit itself; a longer one is refused."""
        free = [*values(member.get(TOKENS), r'<option value="(\d+)"')]
        limit_days(backend, 45)
        page = member.get(TOKENS)
        refused = member.send(TOKENS, on=TOKENS, description="x", days="90")

        assert ["7", "30", "90", "365", "0"] == free
        assert ["7", "30", "45"] == [*values(page, r'<option value="(\d+)"')]
        assert "at most 45 days" in shown(page)
        assert 403 == refused.status_code
        assert "acme takes access tokens that expire within 45 days" in shown(refused)
        assert [""] * 2 == [found.barred for found in caller_of(backend, made(member, days="45")).memberships]


class TestRevoke:
    def test_ends_the_token(self, backend: Backend, member: Visit) -> None:
        """A revoked token is good nowhere and no longer listed."""
        text = made(member)
        token_id = next(values(member.get(TOKENS), r'name="id" value="([^"]*)"'))
        response = member.send(f"{TOKENS}/revoke", on=TOKENS, id=token_id)
        page = member.get(location(response))

        assert 401 == member.client.get("/api/user", headers=signed(text)).status_code
        assert "The token was revoked." in shown(page)
        assert "backup" not in shown(page)

    def test_refuses_tokens_of_others(self, backend: Backend, member: Visit) -> None:
        """Another person's token cannot be told from one that does not exist, and stays."""
        alice = make_user(backend, "alice")
        token_id = caller_of(backend, alice).token_id

        assert 404 == member.send(f"{TOKENS}/revoke", on=TOKENS, id=token_id).status_code
        assert "alice" == caller_of(backend, alice).login

    @pytest.mark.parametrize("token_id", ["", "x", "../x", ADMIN_TOKEN])
    def test_refuses_what_is_no_id(self, member: Visit, token_id: str) -> None:
        """What cannot be an id is refused, and not repeated: it may be a token's text."""
        response = member.send(f"{TOKENS}/revoke", on=TOKENS, id=token_id)

        assert 404 == response.status_code
        assert ADMIN_TOKEN not in response.text

    def test_twice_is_not_found(self, member: Visit) -> None:
        """A second click finds nothing to revoke."""
        made(member)
        token_id = next(values(member.get(TOKENS), r'name="id" value="([^"]*)"'))

        assert [303, 404] == [member.send(f"{TOKENS}/revoke", on=TOKENS, id=token_id).status_code for _ in range(2)]
