"""What the command line prints or opens leads to a page in a browser; programs at the same addresses get JSON as ever."""

import re

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from common.backend import Backend
from common.rights.caller import Caller
from common.rights.org_settings import OrgSettings
from common.rights.permissions import StackLevel
from common.stacks.model import StackPath
from common.stacks.service import lifecycle
from tests.clocks import FrozenClock
from tests.factories.orgs import set_settings
from tests.factories.people import caller_of, make_org, make_user
from tests.factories.stacks import complete, make_running, make_stack, make_update, start
from tests.pages.visiting import HTML, Visit, location, shown

# The addresses of every link that a command line prints or opens, for a stack acme/shop/dev with one update.
SERVED = ("/acme", "/acme/shop/dev", "/acme/shop/dev/updates/1", "/welcome/cli")
EXCEPTION = "/acme/shop/dev?exception=EXC-1"
MISSING_PARTS = {
    "/acme/resources?query=type%3Ax": "Resource search",
    "/acme/neo/tasks/1": "AI assistants",
    "/claim/x": "AI assistants",
    "/acme/shop/dev/deployments/1": "Deployments",
}
REDIRECTS = ("/user/settings/tokens", "/account/tokens")


@pytest.fixture(autouse=True)
def update(backend: Backend, admin: Caller) -> None:
    """A stack with one update, which says what it was for."""
    path = make_stack(backend, admin)
    made = make_update(backend, admin, path, metadata={"message": "Fix <the> bug\nand more"})
    complete(backend, start(backend, admin, path, made))


def opened(visit: Visit, path: str) -> Response:
    """Open an address as a browser does."""
    return visit.client.get(path, headers=HTML)


class TestLinks:
    @pytest.mark.parametrize("path", SERVED)
    def test_lead_to_a_page(self, member: Visit, path: str) -> None:
        """HTML with what is there."""
        found = opened(member, path)

        assert (200, "text/html; charset=utf-8") == (found.status_code, found.headers["content-type"])
        assert 200 == member.client.head(path, headers=HTML).status_code

    def test_of_an_exception_lead_to_its_page(self, backend: Backend, member: Visit) -> None:
        """`pulumi policy exception new` names the stack and the exception; who may not see exceptions sees the stack."""
        bob = Visit(backend)
        bob.sign_in(make_user(backend, "bob", org="acme"))

        assert "/acme/settings/policies/exceptions/EXC-1" == location(opened(member, EXCEPTION))
        assert 200 == opened(bob, EXCEPTION).status_code

    def test_of_an_update_tell_what_happened(self, member: Visit, clock: FrozenClock) -> None:
        """Stack, number, kind, result, time, author and the message's first line, which is text and not HTML."""
        text = shown(opened(member, "/acme/shop/dev/updates/1"))

        for part in ("Update 1", "acme/shop/dev", "Kind update", "Result Succeeded", "Message Fix <the> bug By admin", "Started"):
            assert part in text
        assert "<the>" not in opened(member, "/acme/shop/dev/updates/1").text
        assert f"{clock.moment:%Y}" in text

    def test_of_the_first_administrator(self, member: Visit, backend: Backend, admin: Caller) -> None:
        """The organization `admin` is everyone's first, and the pages of administration do not hide its stacks."""
        complete(backend, make_running(backend, admin, make_stack(backend, admin, org="admin")))

        assert "admin/shop/dev" in shown(opened(member, "/admin/shop/dev"))
        assert "Result Succeeded" in shown(opened(member, "/admin/shop/dev/updates/1"))

    def test_of_a_preview(self, member: Visit, backend: Backend, admin: Caller) -> None:
        """A preview has no number."""
        running = make_running(backend, admin, make_stack(backend, admin, "other"), dry_run=True)

        assert "Kind preview" in shown(opened(member, f"/acme/shop/other/previews/{running.id}"))

    def test_of_a_stack_that_was_renamed(self, member: Visit, backend: Backend, admin: Caller) -> None:
        """An old link finds the stack under its name of now."""
        lifecycle.rename(backend, admin, StackPath("acme", "shop", "dev"), "prod", "")

        assert "acme/shop/dev has another name now. " in shown(opened(member, "/acme/shop/dev"))

    @pytest.mark.parametrize("path", MISSING_PARTS)
    def test_of_parts_that_are_missing_say_so(self, visit: Visit, path: str) -> None:
        """A page names the part."""
        found = opened(visit, path)

        assert 501 == found.status_code
        assert f"{MISSING_PARTS[path]}" in shown(found)
        assert "not part of this release" in shown(found)

    @pytest.mark.parametrize("path", REDIRECTS)
    @pytest.mark.parametrize("headers", [HTML, {}], ids=["browser", "other"])
    def test_to_tokens_lead_on(self, visit: Visit, path: str, headers: dict[str, str]) -> None:
        """Both addresses that versions of the command line print lead to where tokens are."""
        assert "/settings/tokens" == location(visit.client.get(path, headers=headers))


class TestVisibility:
    @pytest.mark.parametrize("path", ["/acme", "/acme/shop/dev", "/acme/shop/dev/updates/1", "/nobody/has/this"])
    def test_is_for_people_who_are_signed_in(self, visit: Visit, path: str) -> None:
        """Strangers are led to the sign-in page and back, whether there is something or not."""
        assert location(opened(visit, path)).startswith("/signin?return_to=%2F")
        assert path == location(visit.sign_in(return_to=path))

    def test_of_what_is_missing_and_what_is_forbidden_is_the_same(self, backend: Backend, admin: Caller) -> None:
        """Another organization's stack, one without permission, and none at all: one page, word for word."""
        owner = make_user(backend, "olga")
        make_org(backend, "globex", caller_of(backend, owner))
        make_stack(backend, caller_of(backend, owner), org="globex")
        set_settings(backend, "acme", OrgSettings(default_stack_permission=StackLevel.NONE))
        bob = Visit(backend)
        bob.sign_in(make_user(backend, "bob", org="acme"))
        paths = (
            "/globex/shop/dev",
            "/globex/shop/dev/updates/1",
            "/globex",
            "/acme/shop/dev",
            "/acme/shop/dev/updates/1",
            "/acme/shop/none",
            "/acme/shop/none/updates/1",
            "/none/a/b",
            "/none",
            "/acme/shop/dev/updates/x",
            "/acme/shop/dev/updates/" + "9" * 5000,
            "/acme/shop/dev/previews/x",
            "/acme/a%00b/c",
        )
        found = [opened(bob, path) for path in paths]

        assert {404} == {page.status_code for page in found}
        assert 1 == len({re.sub(r"[0-9a-f]{64}", "", page.text) for page in found})
        assert admin.site_admin

    @pytest.mark.parametrize("path", [*SERVED[:3], EXCEPTION, *MISSING_PARTS, "/a/b/c/d/e/f"])
    @pytest.mark.parametrize("accept", ["application/vnd.pulumi+8", "*/*", "application/json", ""])
    def test_leaves_programs_their_errors(self, client: TestClient, path: str, accept: str) -> None:
        """Anyone who does not ask for HTML gets the wire's error, as before."""
        found = client.get(path, headers={"Accept": accept})

        assert (404, 404) == (found.status_code, found.json()["code"])

    @pytest.mark.parametrize("path", ["/api/nothing", "/api/user", "/scim/v2/none/Users", "/api/stacks/acme/shop/none"])
    def test_leaves_the_api_alone(self, client: TestClient, path: str) -> None:
        """A browser that opens an address of the API gets what a program gets."""
        assert "json" in client.get(path, headers=HTML).headers["content-type"]
        assert "json" in client.post("/acme/shop/dev", headers=HTML).headers["content-type"]

    def test_of_anything_else_is_a_page_too(self, visit: Visit) -> None:
        """An address that no one serves is a page in a browser."""
        found = opened(visit, "/a/b/c/d/e/f")

        assert (404, "text/html; charset=utf-8") == (found.status_code, found.headers["content-type"])
