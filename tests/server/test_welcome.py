"""What a start prints: on a terminal a link that signs the first user in, elsewhere the one line to paste."""

import io
from contextlib import redirect_stdout
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from common.backend import Backend
from common.installation.bootstrap import bootstrap
from functions.server.startup import SignIn
from functions.server.welcome import link_address, print_welcome
from tests.clocks import FrozenClock
from tests.factories.people import ADMIN_TOKEN, caller_of
from tests.factories.settings import with_settings
from tests.pages.visiting import Visit, location, shown

URL = "http://localhost:8080"
FIRST = SignIn(new_token=ADMIN_TOKEN)


class Terminal(io.StringIO):
    """A standard output that a person looks at."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def printed(backend: Backend, sign_in: SignIn, output: io.StringIO | None = None) -> str:
    """What a start prints, on a terminal unless another output is named."""
    output = output if output is not None else Terminal()
    with redirect_stdout(output):
        print_welcome(backend, sign_in, URL)
    return output.getvalue()


def link_in(text: str) -> str:
    """The path of the link in a welcome."""
    (line,) = (line.strip() for line in text.splitlines() if "/signin/link" in line)
    assert line.startswith(f"{URL}/")
    return line.removeprefix(URL)


@pytest.fixture
def visit(backend: Backend) -> Visit:
    """A browser that has never been here."""
    return Visit(backend)


@pytest.fixture
def started(backend: Backend) -> None:
    """An installation that no one has signed in to."""
    bootstrap(backend, token=ADMIN_TOKEN, org="acme")


@pytest.fixture
def link(backend: Backend, started: None) -> str:
    """The link of a first start."""
    assert started is None
    return link_in(printed(backend, FIRST))


@pytest.mark.usefixtures("started")
class TestWelcome:
    def test_on_a_terminal_is_a_block(self, backend: Backend) -> None:
        """The block stands between two rules and has the address, the link and the command to paste."""
        lines = printed(backend, FIRST).splitlines()

        assert lines[0] == lines[-1] == "-" * 72
        assert f"Stackhold runs at {URL}" == lines[1]
        assert f"  PULUMI_ACCESS_TOKEN={ADMIN_TOKEN} pulumi login {URL}" in lines

    def test_elsewhere_is_the_line_to_paste(self, backend: Backend) -> None:
        """What may be kept as a log gets no link."""
        assert f"PULUMI_ACCESS_TOKEN={ADMIN_TOKEN} pulumi login {URL}\n" == printed(backend, FIRST, io.StringIO())

    def test_again_while_no_one_has_signed_in(self, backend: Backend) -> None:
        """A later start prints another link, and where the token is, but never the token."""
        kept = SignIn(kept_in=Path("admin-token"))
        text = printed(backend, kept)

        assert "The administrator's access token is in admin-token." in text
        assert "pul-" not in text
        assert link_in(text) != link_in(printed(backend, kept))

    def test_has_no_link_once_a_token_was_used(self, backend: Backend) -> None:
        """From then on there is another way in, so a start says only where the token is."""
        caller_of(backend, ADMIN_TOKEN)

        assert "The administrator's access token is in x.\n" == printed(backend, SignIn(kept_in=Path("x")))
        assert "" == printed(backend, SignIn())

    def test_has_no_link_once_someone_has_signed_in(self, backend: Backend, link: str) -> None:
        """A session is a sign-in, also one by a link."""
        Visit(backend).open(link)

        assert "/signin/link" not in printed(backend, SignIn(kept_in=Path("x")))

    def test_leads_to_the_public_name(self, backend: Backend) -> None:
        """Cookies are made for the name that people use."""
        named = with_settings(backend, PULUMI_CONSOLE_DOMAIN="app.example.com").settings
        below = with_settings(backend, STACKHOLD_BASE_PATH="/pulumi").settings

        assert "https://app.example.com/signin/link?token=x" == link_address(named, URL, "x")
        assert f"{URL}/pulumi/signin/link?token=x" == link_address(below, URL, "x")


class TestLink:
    def test_signs_the_administrator_in(self, backend: Backend, link: str) -> None:
        """One click leads to the start page with a session."""
        visit = Visit(backend)

        assert "/" == location(visit.open(link))
        assert "Username admin" in shown(visit.get("/settings"))

    def test_works_once(self, backend: Backend, link: str) -> None:
        """Another browser is told what to do instead."""
        Visit(backend).open(link)
        second = Visit(backend)
        page = second.open(link)

        assert 404 == page.status_code
        assert "run <code>stackhold sign-in-link</code> on the server" in page.text
        assert not second.is_signed_in()

    def test_expires_after_an_hour(self, backend: Backend, link: str, clock: FrozenClock) -> None:
        """Then it is refused like one that was used."""
        clock.pass_seconds(3601)

        assert 404 == Visit(backend).open(link).status_code

    @pytest.mark.parametrize("token", ["", "x", "ÿ", "a" * 3000])
    def test_refuses_others(self, visit: Visit, token: str) -> None:
        """A guess finds nothing."""
        assert 404 == visit.open("/signin/link", token=token).status_code

    def test_is_not_used_up_by_a_look_ahead(self, backend: Backend, link: str) -> None:
        """A browser that loads it before it was opened, or asks for its head, gets nothing and uses nothing up."""
        visit = Visit(backend)
        ahead = [
            visit.client.get(link, headers={"Sec-Purpose": "prefetch;prerender"}),
            visit.client.head(link),
        ]

        assert [503, 503] == [response.status_code for response in ahead]
        assert not visit.is_signed_in()
        assert 303 == visit.open(link).status_code

    def test_is_no_link_for_a_password(self, backend: Backend, link: str) -> None:
        """A link does what it was made for and nothing else."""
        visit = Visit(backend)
        token = urlsplit(link).query
        response = visit.send(f"/reset/password?{token}", on=f"/reset/password?{token}", password="correct horse battery")

        assert 404 == response.status_code
