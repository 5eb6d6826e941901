import html
import re
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import insert, update

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, Conflict, Forbidden, NotFound
from common.db.tables.people import users
from common.db.tables.sign_in import email_accounts
from common.people.users import steps as accounts
from common.rights.caller import Caller
from common.rights.permissions import Role
from common.sign_in.external import linking, service
from common.sign_in.model import Account
from tests.clocks import FrozenClock
from tests.factories.people import caller_of, make_user
from tests.peers.github import GitHub
from tests.peers.gitlab import GitLab
from tests.peers.openid import OpenID
from tests.sign_in.browser import Browser, installed, linked, people

LINKS = "/settings/identities"
ALICE = Account("github.com", "1", "alice", "Alice", "alice@example.com", is_verified=True, is_own=False)
OWN = replace(ALICE, provider="oidc:1", is_own=True)


def enter(backend: Backend, account: Account) -> str:
    """Comes with an account and returns the user's id."""
    with backend.db.begin() as tx:
        return linking.find_or_create_user(tx, backend.settings, account, backend.clock.now())


class TestEnter:
    @pytest.mark.parametrize("account", [ALICE, OWN])
    def test_links_the_only_user_of_a_verified_address(self, backend: Backend, admin: Caller, account: Account) -> None:
        """A person with a verified address is the user who has it."""
        bob = caller_of(backend, make_user(backend, "bob"))
        user_id = enter(backend, replace(account, email="bob@example.com"))

        assert bob.user_id == user_id
        assert [("bob", account.provider, "1")] == linked(backend)

    def test_decides_nothing_between_several(self, backend: Backend, admin: Caller) -> None:
        """An address that two users have leads to neither, and to no third one."""
        make_user(backend, "bob")
        with backend.db.begin() as tx:
            accounts.create(tx, login="bobby", name="", email="bob@example.com", site_admin=False, now=backend.clock.now())
        with pytest.raises(Conflict, match="several users"):
            enter(backend, replace(OWN, email="bob@example.com"))

        assert {"bob", "bobby"} == set(people(backend))
        assert [] == linked(backend)

    @pytest.mark.parametrize("account", [ALICE, replace(ALICE, email=""), replace(ALICE, is_verified=False)])
    def test_refuses_strangers_of_a_public_provider(self, backend: Backend, admin: Caller, account: Account) -> None:
        """Everyone can have an account there."""
        with pytest.raises(Forbidden, match=r"invited|verified"):
            enter(backend, account)

        assert ({}, []) == (people(backend), linked(backend))

    def test_gives_an_address_to_who_has_none(self, backend: Backend, admin: Caller) -> None:
        """A user without an address gets the one that a provider verifies, unless another user has it."""
        user_id = enter(backend, replace(OWN, is_verified=False))
        enter(backend, replace(OWN, email="admin@example.com", is_verified=False))
        before = people(backend)["alice"]
        enter(backend, OWN)

        assert ("", "alice@example.com") == (before, people(backend)["alice"])
        assert user_id == enter(backend, OWN)

    def test_gives_no_address_of_somebody_else(self, backend: Backend, admin: Caller) -> None:
        """An address that became another user's meanwhile stays theirs."""
        enter(backend, replace(OWN, is_verified=False))
        make_user(backend, "bob")
        enter(backend, replace(OWN, email="bob@example.com"))

        assert {"alice": "", "bob": "bob@example.com"} == people(backend)

    def test_keeps_what_the_provider_says_fresh(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """The list of linked accounts shows names and addresses as they are at the provider now."""
        user_id = enter(backend, OWN)
        clock.pass_seconds(60)
        enter(backend, replace(OWN, login="al", email="al@example.org"))
        [found] = service.list_identities(backend, replace(admin, user_id=user_id))

        assert ("al", "al@example.org", unix_millis(clock.now())) == (found.login, found.email, found.used_at)

    def test_never_leads_to_a_machine(self, backend: Backend, admin: Caller) -> None:
        """A person cannot sign in as a machine, whatever address it has."""
        make_user(backend, "bot")
        with backend.db.begin() as tx:
            tx.execute(update(users).values(is_machine=True).where(users.c.login == "bot"))
        with pytest.raises(Forbidden):
            enter(backend, replace(ALICE, email="bot@example.com"))


class TestUnlink:
    def test_takes_one_of_several(self, backend: Backend, admin: Caller) -> None:
        """While another way in is left, an identity can be taken away."""
        site = installed(backend, **GITHUB, **GITLAB)
        alice = linked_to(site, admin, "github.com", "gitlab.com")
        service.unlink(site, alice, "github.com", "1")

        assert [("alice", "gitlab.com", "1")] == linked(site)

    @pytest.mark.parametrize("others", [(), ("gitlab.com",), ("oidc:gone",)], ids=str)
    def test_leaves_the_last_way_in(self, backend: Backend, admin: Caller, others: tuple[str, ...]) -> None:
        """A user cannot lock themselves out; an account at a provider that is not set up any more is no way to sign in."""
        site = installed(backend, **GITHUB)
        alice = linked_to(site, admin, "github.com", *others)
        with pytest.raises(BadRequest, match="only way"):
            service.unlink(site, alice, "github.com", "1")

        assert ("alice", "github.com", "1") in linked(site)

    @pytest.mark.parametrize(
        ("is_verified", "disabled", "is_good"), [(True, "false", True), (False, "false", False), (True, "true", False)]
    )
    def test_counts_a_password(
        self,
        backend: Backend,
        admin: Caller,
        is_verified: bool,
        disabled: str,
        is_good: bool,
    ) -> None:
        """A password is a way in if its address is verified and people may sign in by one."""
        site = installed(backend, PULUMI_DISABLE_EMAIL_LOGIN=disabled, **GITHUB)
        alice = linked_to(site, admin, "github.com")
        give_password(site, alice, is_verified=is_verified)
        if is_good:
            service.unlink(site, alice, "github.com", "1")
        else:
            with pytest.raises(BadRequest, match="only way"):
                service.unlink(site, alice, "github.com", "1")

        assert ([] if is_good else [("alice", "github.com", "1")]) == linked(site)

    def test_of_two_at_once_leaves_one(self, backend: Backend, admin: Caller) -> None:
        """Two browsers that each take one of the last two away take one of them."""
        site = installed(backend, **GITHUB, **GITLAB)
        alice = linked_to(site, admin, "github.com", "gitlab.com")
        refused = []

        def unlink(provider: str) -> None:
            try:
                service.unlink(site, alice, provider, "1")
            except BadRequest:
                refused.append(provider)

        threads = [threading.Thread(target=unlink, args=(provider,)) for provider in ("github.com", "gitlab.com")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert (1, 1) == (len(refused), len(linked(site)))

    def test_takes_what_is_no_way_in(self, backend: Backend, admin: Caller) -> None:
        """An account at a provider that is not set up any more can always be taken away."""
        alice = linked_to(backend, admin, "github.com")
        service.unlink(backend, alice, "github.com", "1")

        assert [] == linked(backend)

    def test_is_for_ones_own(self, backend: Backend, admin: Caller) -> None:
        """A user cannot unlink the account of another user, and neither can a job that acts for its owner."""
        alice = linked_to(backend, admin, "github.com")
        with pytest.raises(NotFound):
            service.unlink(backend, admin, "github.com", "1")
        with pytest.raises(Forbidden):
            service.unlink(backend, replace(alice, issuer_id="i"), "github.com", "1")

        assert 1 == len(linked(backend))


class TestPages:
    @pytest.fixture
    def peers(self, clock: FrozenClock) -> Iterator[tuple[OpenID, GitHub, GitLab]]:
        """Three providers that all know the same person."""
        with OpenID(clock.now) as openid, GitHub() as github, GitLab() as gitlab:
            yield openid, github, gitlab

    @pytest.fixture
    def browser(self, backend: Backend, admin: Caller, peers: tuple[OpenID, GitHub, GitLab]) -> Browser:
        """A browser that is signed in through OpenID Connect."""
        settings: dict[str, str] = {}
        for peer in peers:
            settings |= peer.settings()
        browser = Browser(installed(backend, **settings))
        browser.sign_in("oidc")
        return browser

    def test_link_another(self, browser: Browser, peers: tuple[OpenID, GitHub, GitLab]) -> None:
        """A user who is signed in links an account with any address, and both lead to them."""
        peers[1].emails = []
        response = browser.come_back(browser.consent(begin_link(browser, "github")))
        page = browser.client.get(response.headers["Location"]).text
        other = Browser(browser.backend)
        other.sign_in("github")

        assert "The account was linked." in page
        assert ("alice", 2) == (other.login, len(linked(browser.backend)))

    def test_refuse_somebody_elses(self, browser: Browser, peers: tuple[OpenID, GitHub, GitLab]) -> None:
        """An account that leads to one user is not linked to another."""
        peers[1].emails = []
        Browser(browser.backend).sign_in("github")
        response = browser.come_back(browser.consent(begin_link(browser, "github")))

        assert 409 == response.status_code
        assert {"alice", "alice-2"} == {login for login, _, _ in linked(browser.backend)}

    def test_link_to_who_began(self, browser: Browser, peers: tuple[OpenID, GitHub, GitLab]) -> None:
        """A user who signed out, or in as another user, before they came back links nothing."""
        peers[1].emails = []
        back = browser.consent(begin_link(browser, "github"))
        del browser.client.cookies["stackhold"]

        assert 401 == browser.come_back(back).status_code
        assert 1 == len(linked(browser.backend))

    def test_need_the_forms_key(self, browser: Browser) -> None:
        """Another site's form links and unlinks nothing."""
        for action in ("link", "unlink"):
            assert 403 == browser.client.post(f"{LINKS}/{action}", data={"provider": "github", "subject": "1"}).status_code

    def test_need_somebody(self, browser: Browser) -> None:
        """Without a session there is only the way to sign in."""
        stranger = Browser(browser.backend)

        assert f"/signin?return_to={LINKS.replace('/', '%2F')}" == stranger.client.get(LINKS).headers["Location"]

    def test_unlink(self, browser: Browser) -> None:
        """An account is taken away with a button, the last one is not."""
        browser.come_back(browser.consent(begin_link(browser, "gitlab")))
        statuses = [unlink_first(browser) for _ in range(2)]

        assert [303, 400] == statuses
        assert 1 == len(linked(browser.backend))

    def test_show_no_markup_of_a_provider(self, browser: Browser, peers: tuple[OpenID, GitHub, GitLab]) -> None:
        """Names of accounts are text."""
        peers[1].user["login"] = "<script>alert(1)</script>"
        browser.come_back(browser.consent(begin_link(browser, "github")))

        assert "<script>" not in browser.client.get(LINKS).text


GITHUB = {"GITHUB_OAUTH_ID": "i", "GITHUB_OAUTH_SECRET": "s"}
GITLAB = {"GITLAB_OAUTH_ID": "i", "GITLAB_OAUTH_SECRET": "s"}


def linked_to(backend: Backend, admin: Caller, *providers: str) -> Caller:
    """Make alice with an identity at each provider."""
    alice = caller_of(backend, make_user(backend, "alice", org="acme", role=Role.MEMBER))
    with backend.db.begin() as tx:
        for provider in providers:
            linking.link(tx, alice.user_id, replace(ALICE, provider=provider), backend.clock.now())
    return alice


def give_password(backend: Backend, person: Caller, *, is_verified: bool) -> None:
    """Give a user an address and a password."""
    values = {"user_id": person.user_id, "email": "alice@example.com", "is_verified": is_verified, "password_hash": "x"}
    with backend.db.begin() as tx:
        tx.execute(insert(email_accounts).values(changed_at=1, created_at=1, **values))


def form_key(browser: Browser) -> str:
    """The key of the forms on the page."""
    [key, *_] = re.findall(r'name="form_key" value="([0-9a-f]+)"', browser.client.get(LINKS).text)
    return str(key)


def begin_link(browser: Browser, key: str) -> str:
    """Presses the button that links an account, and returns where it leads."""
    page = browser.client.post(f"{LINKS}/link", data={"form_key": form_key(browser), "provider": key})
    assert 200 == page.status_code, page.text
    [address] = re.findall(r'<a href="([^"]+)">Continue', page.text)
    return html.unescape(address)


def unlink_first(browser: Browser) -> int:
    """Take the first account of the list away and return the status."""
    page = browser.client.get(LINKS).text
    fields = {name: re.findall(rf'name="{name}" value="([^"]+)"', page)[0] for name in ("form_key", "provider", "subject")}
    return browser.client.post(f"{LINKS}/unlink", data=fields).status_code
