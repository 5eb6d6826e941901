"""Pages of one's own: who one is, and one's tokens."""

import pytest
from sqlalchemy import select, update

from common.backend import Backend
from common.db.tables.access import access_tokens
from common.db.tables.people import users
from common.db.tables.sign_in import email_accounts
from common.people.orgs.invites import service as invites
from common.people.orgs.model import NewInvite, RequestedRole
from common.people.tokens.model import DESCRIPTION_LIMIT
from common.rights.caller import Caller
from tests.clocks import FrozenClock
from tests.counting import Counter
from tests.factories.people import ADMIN_TOKEN, caller_of, make_token, make_user
from tests.factories.tokens import DAY_SECONDS, limit_days, signed
from tests.pages.payloads import PAYLOADS
from tests.pages.test_hostile import dangers
from tests.pages.visiting import Visit, location, shown, values

TOKENS = "/settings/tokens"
SESSIONS = "/settings/sessions"
INVITATIONS = "/settings/invitations"
MADE = r'id="new-token"[^>]* value="(pul-[0-9a-f]{40})"'


def made(visit: Visit, description: str = "backup", days: str = "90") -> str:
    """The text of a token that is made on the page."""
    (text,) = values(visit.send(TOKENS, on=TOKENS, description=description, days=days), MADE)
    return text


class TestOverview:
    def test_says_who_one_is(self, member: Visit) -> None:
        """The page names the person and every organization with their role, their own first."""
        page = member.get("/settings")

        assert "Username admin" in shown(page)
        assert ["admin", "acme"] == [*values(page, r'<th scope="row"><a [^>]*>([a-z]+)')]
        assert "Administrator of this server" in shown(page)

    def test_costs_one_statement(self, member: Visit, counter: Counter) -> None:
        """The session's look-up brings everything that the page shows."""
        member.get("/settings")
        counter.reset()
        member.get("/settings")

        assert 1 == counter.statements

    @pytest.mark.parametrize("path", ["/settings", TOKENS, TOKENS + "?after=x", SESSIONS, INVITATIONS])
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


@pytest.mark.parametrize(
    "path", ["/settings", TOKENS, SESSIONS, INVITATIONS, "/settings/account", "/settings/identities", "/acme"]
)
def test_texts_are_text(backend: Backend, member: Visit, path: str) -> None:
    """A name and the descriptions of tokens, also of one that expires soon, are never markup."""
    payload = "\n".join(PAYLOADS)
    for days in (7, 90):
        for start in range(0, len(payload), DESCRIPTION_LIMIT):
            member.send(TOKENS, on=TOKENS, description=payload[start : start + DESCRIPTION_LIMIT], days=str(days))
    with backend.db.begin() as tx:
        tx.execute(update(users).values(name=payload[:255]).where(users.c.login == "admin"))
    page = member.open(path)

    assert 200 == page.status_code
    assert [] == dangers(page.text)


class TestSessions:
    def test_lists_the_browsers_of_the_reader(self, backend: Backend, member: Visit, counter: Counter) -> None:
        """Each session says how it began; the present one is marked and has no button."""
        make_user(backend, "alice")
        second = Visit(backend)
        second.sign_in()
        counter.reset()
        page = member.get(SESSIONS)

        assert 2 == counter.statements
        assert 2 == shown(page).count("Access token 2 Jan 2026") + shown(page).count("Access token This browser")
        assert 1 == len([*values(page, r'name="id" value="([^"]*)"')])

    def test_revokes_one(self, backend: Backend, member: Visit) -> None:
        """The other browser is signed out at once; this one stays."""
        second = Visit(backend)
        second.sign_in()
        (session_id,) = values(member.get(SESSIONS), r'name="id" value="([^"]*)"')
        response = member.send(f"{SESSIONS}/revoke", on=SESSIONS, id=session_id)

        assert "The session was revoked." in shown(member.get(location(response)))
        assert not second.is_signed_in()
        assert 404 == member.send(f"{SESSIONS}/revoke", on=SESSIONS, id=session_id).status_code

    def test_revokes_all_others(self, backend: Backend, member: Visit) -> None:
        """Other browsers of the reader are signed out, no one else's."""
        second, alice = Visit(backend), Visit(backend)
        second.sign_in()
        alice.sign_in(make_user(backend, "alice"))
        member.send(f"{SESSIONS}/revoke-others", on=SESSIONS)

        assert (True, False, True) == (member.is_signed_in(), second.is_signed_in(), alice.is_signed_in())

    def test_revokes_none_of_others(self, backend: Backend, member: Visit) -> None:
        """Neither another person's session nor one's own access token is a session of the reader."""
        alice = Visit(backend)
        alice.sign_in(make_user(backend, "alice"))
        with backend.db.connect() as connection:
            query = select(access_tokens.c.id).where(access_tokens.c.token_hash.is_not(None))
            token_ids = list(connection.scalars(query))
        key = member.form_key(SESSIONS)
        own = caller_of(backend, ADMIN_TOKEN).token_id
        answers = [
            member.send(f"{SESSIONS}/revoke", {"form_key": key, "id": text}).status_code for text in (own, "", "x", "../x")
        ]
        others = [text for text in token_ids if text != own]

        assert [404] * 4 == answers
        assert alice.is_signed_in()
        for text in others:
            member.send(f"{SESSIONS}/revoke", {"form_key": key, "id": text})
        assert alice.is_signed_in()


class TestInvitations:
    def test_lists_those_to_the_readers_email(self, backend: Backend, admin: Caller, visit: Visit, counter: Counter) -> None:
        """An invitation to the confirmed email is there with a button, which leads to a welcome."""
        visit.sign_in(make_user(backend, "alice"))
        none = shown(visit.get(INVITATIONS))
        invites.create_invites(backend, admin, "acme", [NewInvite("alice@example.com", RequestedRole("member"))])
        counter.reset()
        page = visit.get(INVITATIONS)
        statements = counter.statements
        (path,) = values(page, r'action="(/invites/acme/[0-9a-f]+)"')
        welcome = shown(visit.open(location(visit.send(path, on=INVITATIONS))))

        assert 2 == statements
        assert "No invitations to alice@example.com" in none
        assert "acme Member admin" in shown(page)
        assert "Welcome to acme" in welcome
        assert "What to do next" in welcome
        assert "pulumi login http" in welcome

    def test_without_an_email_says_what_to_do(self, member: Visit) -> None:
        """Invitations need a confirmed email."""
        assert "you have none" in shown(member.get(INVITATIONS))

    def test_welcome_is_for_members(self, backend: Backend, visit: Visit) -> None:
        """A stranger is not welcomed, and cannot tell whether the organization exists."""
        visit.sign_in(make_user(backend, "bob"))

        assert [404, 404] == [visit.open(f"/invites/{org}/welcome").status_code for org in ("acme", "nothing")]


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
        assert "backup 2 Jan 2026, 03:04 UTC 2 Jan 2026, 03:04 UTC Expired" in shown(ended)

    def test_costs_few_statements(self, member: Visit, counter: Counter) -> None:
        """The page costs the session's look-up and the list's, and two more where a single token is left."""
        costs = []
        for _ in range(2):
            counter.reset()
            member.get(TOKENS)
            costs.append(counter.statements)
            made(member)

        assert [4, 2] == costs

    def test_warns_before_the_last_one_is_revoked(self, backend: Backend, member: Visit) -> None:
        """A token that is the only way to sign in has a warning beside it; another token or a confirmed password takes it away."""
        warning = "This is your only way to sign in."
        alone = shown(member.get(TOKENS))
        text = made(member, days="7")
        with_another = shown(member.get(TOKENS))
        token_id = caller_of(backend, text).token_id
        member.send(f"{TOKENS}/revoke", on=TOKENS, id=token_id)
        account = "/settings/account"
        sent = member.send(f"{account}/add", on=account, email="admin@example.com", password="correct horse battery")
        unconfirmed = shown(member.get(TOKENS))
        with backend.db.connect() as connection:
            connection.execute(update(email_accounts).values(is_verified=True))

        assert f"{account}?done=added" == location(sent)
        assert warning in unconfirmed
        assert warning in alone
        assert "stackhold sign-in-link admin" in alone
        assert warning not in with_another
        assert warning not in shown(member.get(TOKENS))

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
        assert "that expire within 45 days" in shown(page)
        assert 403 == refused.status_code
        assert "acme accepts only access tokens that expire within 45 days" in shown(refused)
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
