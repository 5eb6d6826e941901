"""A server that is shown under a path, by a gateway or by a proxy that leaves the path as it is."""

import re

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.config.public_urls import api_url, base_path, base_url
from common.config.settings import Settings
from common.core.errors import StartUpError
from functions.http.app import create_app
from tests.factories.people import ADMIN_TOKEN
from tests.factories.settings import with_settings
from tests.pages.visiting import Visit, cookies_of
from tests.wire import create_stack

pytestmark = [pytest.mark.dialects("sqlite"), pytest.mark.usefixtures("client")]
PREFIX = "/pulumi"
_LOCAL = re.compile(r'(?:href|action|src)="(/[^"]*)"')
PAGES = (
    "/settings",
    "/settings/tokens",
    "/settings/account",
    "/settings/identities",
    "/settings/sessions",
    "/admin/mails",
    "/welcome/cli",
    "/reset",
)


def opened(backend: Backend, path: str = PREFIX) -> TestClient:
    """Return a client of the application under a base path."""
    app = create_app(with_settings(backend, STACKHOLD_BASE_PATH=path))
    return TestClient(app, headers={"Authorization": f"token {ADMIN_TOKEN}"}, follow_redirects=False)


@pytest.fixture
def visit(backend: Backend) -> Visit:
    """A browser at a server under a base path."""
    return Visit(
        with_settings(backend, STACKHOLD_BASE_PATH=PREFIX, PULUMI_API_DOMAIN="api.example.com"), "https://api.example.com"
    )


class TestRequests:
    @pytest.mark.parametrize("prefix", [PREFIX, "/a/b", "/prod"])
    def test_with_and_without_the_prefix_give_the_same(self, backend: Backend, client: TestClient, prefix: str) -> None:
        """The path is taken off once: a project of the same name stays where it is."""
        create_stack(client, "dev", project=prefix.rpartition("/")[2])
        under = opened(backend, prefix)
        for path in ("/api/user", "/api/user/stacks", f"/api/stacks/acme/{prefix.rpartition('/')[2]}/dev", "/api/capabilities"):
            replies = [client.get(path), under.get(path), under.get(prefix + path), under.get(f"{prefix}/{path}/")]
            assert [200] * 4 == [reply.status_code for reply in replies]
            assert 1 == len({reply.content for reply in replies})

    def test_without_the_setting_name_it(self, client: TestClient) -> None:
        """The usual 404 in the wire's form says what to set."""
        found = client.get("/pulumi/api/user")

        assert (404, 404) == (found.status_code, found.json()["code"])
        assert "under /pulumi, set STACKHOLD_BASE_PATH" in found.json()["message"]

    def test_of_a_longer_name_keep_it(self, backend: Backend) -> None:
        """Only whole segments count."""
        assert 404 == opened(backend).get("/pulumi2/api/user").status_code


class TestPages:
    def test_lead_to_places_under_the_prefix(self, visit: Visit) -> None:
        """A person signs in, looks at every page, makes a token and signs out, and never leaves the path."""
        begun = visit.get(f"{PREFIX}/")
        signed_in = visit.send(f"{PREFIX}/signin/token", on=f"{PREFIX}/signin", token=ADMIN_TOKEN, return_to="/settings")
        pages = [visit.get(PREFIX + path) for path in PAGES]
        links = {link for page in (*pages, visit.get(f"{PREFIX}/signup")) for link in _LOCAL.findall(page.text)}
        made = visit.send(f"{PREFIX}/settings/tokens", on=f"{PREFIX}/settings/tokens", description="x", days="1")
        revoked = visit.send(f"{PREFIX}/signout", on=f"{PREFIX}/settings")

        assert [200] * len(PAGES) == [page.status_code for page in pages]
        assert all(link.startswith(f"{PREFIX}/") for link in links), links
        assert {200} == {visit.get(link).status_code for link in links if "/assets/" in link}
        assert (f"{PREFIX}/signin", f"{PREFIX}/settings") == (begun.headers["location"], signed_in.headers["location"])
        assert (200, f"{PREFIX}/signin") == (made.status_code, revoked.headers["location"])

    def test_set_cookies_for_the_path_alone(self, visit: Visit) -> None:
        """Other programs on the same host do not get them; the name's prefix is one that browsers allow with a path."""
        cookies = cookies_of(visit.send(f"{PREFIX}/signin/token", on=f"{PREFIX}/signin", token=ADMIN_TOKEN)) + cookies_of(
            visit.get(f"{PREFIX}/signin")
        )

        assert cookies
        for cookie in cookies:
            assert cookie.startswith("__Secure-stackhold")
            assert f"Path={PREFIX}" in cookie
            assert "Secure" in cookie

    def test_that_need_a_sign_in_lead_back(self, visit: Visit) -> None:
        """Anyone who has to sign in first comes back to the page, under the path once."""
        asked = visit.get(f"{PREFIX}/settings/account").headers["location"]
        back = visit.send(f"{PREFIX}/signin/token", on=asked, token=ADMIN_TOKEN, return_to="/settings/account")

        assert f"{PREFIX}/signin?return_to=%2Fsettings%2Faccount" == asked
        assert f"{PREFIX}/settings/account" == back.headers["location"]


class TestSetting:
    @pytest.mark.parametrize(("text", "path"), [("", ""), ("/", ""), ("pulumi", "/pulumi"), ("/a/b/", "/a/b")])
    def test_is_one_spelling(self, text: str, path: str) -> None:
        """Slashes around it do not matter."""
        assert path == base_path(Settings({"STACKHOLD_BASE_PATH": text}))

    @pytest.mark.parametrize("text", ["/a b", "/a//b", "/../x", "https://api.example.com/x", '/"x', "/é"])
    def test_is_refused_by_name(self, text: str) -> None:
        """What is no path is said at the start."""
        with pytest.raises(StartUpError, match="STACKHOLD_BASE_PATH must be a path"):
            base_path(Settings({"STACKHOLD_BASE_PATH": text}))

    def test_is_in_links_but_those_to_a_console_of_its_own(self) -> None:
        """The API's address has it; a console's name has the pages at its root, where the command line looks for them."""
        values = {"STACKHOLD_BASE_PATH": PREFIX, "PULUMI_API_DOMAIN": "api.example.com"}
        apart = Settings({**values, "PULUMI_CONSOLE_DOMAIN": "app.example.com"})

        assert "https://api.example.com/pulumi" == base_url(Settings(values)) == api_url(apart)
        assert "https://app.example.com" == base_url(apart)
