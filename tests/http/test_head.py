"""HEAD answers what GET answers, without a body, at every address that has GET: the API's, the pages' and their stylesheet's."""

from importlib import import_module

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from common.backend import Backend
from functions.http.groups import GROUPS
from functions.pages import static_files
from tests.pages.visiting import Visit
from tests.wire import create_stack
from tools.operations import find_group, routes, sample

pytestmark = pytest.mark.dialects("sqlite")
# The status and what a client or a filter goes by; a redirect to a provider has a fresh number in it.
_SAME = ("content-type", "content-length", "content-encoding", "cache-control", "etag")
API = sorted({sample(route.path) for route in routes() if route.method == "GET"})
PAGES = sorted(
    sample(route.path.replace("{key}", "github"))
    for group in GROUPS
    if group.package == "pages" and not group.for_browsers  # those: tests/pages/test_links.py
    for route in import_module(group.path).router.routes
    # A HEAD does not use up a link that signs in once.
    if "GET" in route.methods and route.path != "/signin/link"
)


def told(reply: Response) -> tuple[object, ...]:
    """Return what two replies have to have in common."""
    return reply.status_code, *(reply.headers.get(name) for name in _SAME)


def test_addresses_are_many() -> None:
    """The walk below finds the routes of both kinds."""
    assert len(API) > 80
    assert len(PAGES) > 15


@pytest.mark.parametrize("path", API)
def test_of_the_api(client: TestClient, path: str) -> None:
    """A route of the API, whatever it says about what is asked for."""
    get, head = client.get(path), client.head(path)

    assert (told(get), b"") == (told(head), head.content)


@pytest.mark.usefixtures("admin")
@pytest.mark.parametrize("is_signed_in", [True, False], ids=["signed in", "stranger"])
@pytest.mark.parametrize("path", [*PAGES, static_files.address("page.css"), "/nothing/here"])
def test_of_a_page(backend: Backend, path: str, *, is_signed_in: bool) -> None:
    """A page, for a user who is signed in and for a stranger; the address has a group at all."""
    visit = Visit(backend)
    if is_signed_in:
        visit.sign_in()
    get, head = visit.get(path), visit.client.head(path)

    assert (told(get), b"") == (told(head), head.content)
    assert 405 != head.status_code
    assert path == "/nothing/here" or find_group(path)


def test_of_what_is_there(client: TestClient) -> None:
    """A stack that exists, its state and its tags: 200 with the length of what GET returns."""
    stack = create_stack(client, "dev", tags={"a": "b"})
    for path in (stack, f"{stack}/export", "/api/user", "/api/user/stacks", f"{stack}/updates"):
        get, head = client.get(path), client.head(path)
        assert (200, told(get), b"") == (head.status_code, told(head), head.content)


def test_of_what_has_no_get_is_refused_as_get_is(client: TestClient) -> None:
    """An address that takes POST alone answers 405 to both."""
    stack = create_stack(client, "dev")

    assert [405, 405] == [client.get(f"{stack}/import").status_code, client.head(f"{stack}/import").status_code]
