"""Every page and part of a page of the console, found by its route, called by every kind of visitor."""

import re
from importlib import import_module

import pytest

from common.backend import Backend
from common.rights.caller import Caller
from common.rights.org_settings import OrgSettings
from common.rights.permissions import Permission, StackLevel
from functions.http.groups import GROUPS
from tests.counting import Counter
from tests.factories.orgs import set_settings
from tests.factories.people import make_user
from tests.factories.roles import hold, make_role
from tests.factories.stacks import make_running
from tests.pages.environment_pages import make_change_request, make_full_environment
from tests.pages.org_pages import make_full_organization
from tests.pages.stack_pages import make_full_stack
from tests.pages.visiting import HTML, Visit, location
from tests.stacks.engine.builders import urn

pytestmark = pytest.mark.dialects("sqlite")
AT = {
    "org": "acme",
    "project": "shop",
    "stack": "dev",
    "environment": "dev",
    "version": "2",
    "number": "2",
    "hook": "announce",
    "delivery_id": "none",
    "download": "none",
}
# There are downloads only where the object store has links, which a folder has not: tests/audit/test_downloads.py follows them.
MISSING = "/{org}/settings/audit-log/downloads/{download}"
# Each page about an organization that a member of it may not see without a role that says so.
FOR_ADMINS = (
    "/settings/invitations",
    "/settings/audit-log",
    "/tokens",
    "/roles",
    "/check-access",
    "/issuers",
    "/scim",
    "/webhooks",
    "/policies/compliance",
    "/policies/issues",
    "/policies/exceptions",
    "/policies/packs",
)
# Every member of an organization may see its settings, as by the API.
FOR_EVERY_MEMBER = "/settings/general"
# Parts that are missing say so to everyone, and a project's address only leads on.
ROUTES = sorted(
    (method, route.path)
    for group in GROUPS
    if group.for_browsers and group.module != "links"
    for route in import_module(group.path).router.routes
    for method in route.methods
)
OF_ORGANIZATIONS = [(method, path) for method, path in ROUTES if path.startswith("/{org}/settings")]
OF_STACKS = [(method, path) for method, path in ROUTES if "{stack}" in path]
OF_ENVIRONMENTS = [(method, path) for method, path in ROUTES if "{environment}" in path]


def ask(visit: Visit, method: str, path: str, *, key: str = "", **at: str) -> int:
    """Open a page or send its form, and return the status."""
    for name, value in {**AT, **at}.items():
        path = path.replace(f"{{{name}}}", value)
    assert "{" not in path, path
    if method == "GET":
        return visit.client.get(path, params={"urn": urn("a")}, headers=HTML).status_code
    return visit.client.post(path, data={"form_key": key, "level": "read", "team": "x", "confirm": "x"}, headers=HTML).status_code


def visitor(backend: Backend, login: str, *, org: str | None = None) -> tuple[Visit, str]:
    """A user who is signed in, and the key of their forms."""
    visit = Visit(backend)
    visit.sign_in(make_user(backend, login, org=org))
    return visit, visit.form_key("/settings/account")


def test_routes_are_many() -> None:
    """The walk finds pages and forms."""
    assert len(ROUTES) > 20
    assert {"GET", "POST"} == {method for method, _ in ROUTES}


def make_scene(backend: Backend, admin: Caller, path: str) -> dict[str, str]:
    """Make what the page of a route shows, and return the parts of its address."""
    if "{environment}" in path:
        make_full_environment(backend, admin)
        return make_change_request(backend, admin)
    stack = make_full_stack(backend, admin)
    preview = make_running(backend, admin, stack, dry_run=True).id
    return {"preview_id": preview, **make_full_organization(backend, admin, stack)}


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_as_every_visitor(backend: Backend, admin: Caller, member: Visit, method: str, path: str) -> None:
    """Strangers sign in first; people of other organizations find nothing; who may see the stack finds its page."""
    at = make_scene(backend, admin, path)
    stranger, (eve, key) = Visit(backend), visitor(backend, "eve")
    address = re.sub(r"\{(\w+)\}", lambda name: {**AT, **at}[name[1]], path)
    sent = stranger.client.request(method, address, headers=HTML, data={"name": "x"} if method == "POST" else None)

    assert location(sent).startswith("/signin")
    assert 404 == ask(eve, method, path, key=key, **at)
    assert method == "POST" or ask(member, method, path, **at) in ((404,) if path == MISSING else (200, 303))


def test_costs_few_statements(backend: Backend, admin: Caller, member: Visit, counter: Counter) -> None:
    """A page, found by its route, takes at most six statements, those that record what was read among them."""
    stack = make_full_stack(backend, admin)
    make_full_environment(backend, admin)
    requests = make_change_request(backend, admin)
    at = {"preview_id": make_running(backend, admin, stack, dry_run=True).id, **make_full_organization(backend, admin, stack)}
    costs = {}
    for path in (path for method, path in ROUTES if method == "GET"):
        parts = {**at, **requests, "version": "2"} if "{environment}" in path else at
        ask(member, "GET", path, **parts)
        counter.reset()
        ask(member, "GET", path, **parts)
        costs[path] = counter.cost[0]

    assert len(costs) > 50
    assert {} == {path: cost for path, cost in costs.items() if cost > 6}


@pytest.mark.parametrize(("method", "path"), OF_STACKS)
def test_as_a_member_without_the_stack(backend: Backend, admin: Caller, method: str, path: str) -> None:
    """A member of the organization who may not see the stack gets what they get for a stack that is not there."""
    preview = make_running(backend, admin, make_full_stack(backend, admin), dry_run=True).id
    set_settings(backend, "acme", OrgSettings(default_stack_permission=StackLevel.NONE))
    bob, key = visitor(backend, "bob", org="acme")
    found = [ask(bob, method, path, key=key, preview_id=preview, stack=stack) for stack in ("dev", "none")]

    assert [404, 404] == found


@pytest.mark.parametrize(("method", "path"), OF_ENVIRONMENTS)
def test_as_a_member_without_the_environment(backend: Backend, admin: Caller, method: str, path: str) -> None:
    """A member of the organization who may not see the environment gets what they get for one that is not there."""
    make_full_environment(backend, admin)
    requests = make_change_request(backend, admin)
    bob, key = visitor(backend, "bob", org="acme")
    found = [ask(bob, method, path, key=key, environment=environment, **requests) for environment in ("dev", "none")]

    assert [404, 404] == found


@pytest.mark.parametrize(
    ("method", "path"), [(method, path) for method, path in OF_ORGANIZATIONS if FOR_EVERY_MEMBER not in path]
)
def test_as_a_member_without_permissions(backend: Backend, admin: Caller, method: str, path: str) -> None:
    """A member with a role that says nothing of the organization gets what strangers get, for what is there and what is not."""
    at = make_full_organization(backend, admin, make_full_stack(backend, admin))
    bob, key = visitor(backend, "bob", org="acme")
    hold(backend, "bob", make_role(backend, Permission.STACK_READ, name="reader"))
    missing = {
        **at,
        "login": "none",
        "invite_id": "0" * 32,
        "team": "none",
        "token_id": "none",
        "role_id": "none",
        "issuer_id": "none",
        "platform": "none",
        "hook": "none",
        "pack": "none",
        "version": "none",
        "group": "none",
        "issue_id": "none",
        "exception_id": "none",
    }
    statuses = [ask(bob, method, path, key=key, **parts) for parts in (at, missing)]

    assert [404, 404] == statuses


@pytest.mark.parametrize("path", [path for method, path in OF_ORGANIZATIONS if method == "GET"])
def test_as_a_plain_member(backend: Backend, admin: Caller, path: str) -> None:
    """A plain member sees what their role says, and finds nothing behind the other addresses."""
    at = make_full_organization(backend, admin, make_full_stack(backend, admin))
    bob, _ = visitor(backend, "bob", org="acme")

    assert (404 if any(part in path for part in FOR_ADMINS) else 200) == ask(bob, "GET", path, **at)
