"""Twenty calls that do not contradict each other, in the same instant on MySQL: all of them succeed.

SQLite lets one writer in at a time, so what is decided again and again until it fits shows only here.
"""

from collections import Counter
from typing import Any

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from tests.factories.people import make_user
from tests.server.serving import at_once
from tests.stacks.engine.builders import make_resource, make_state
from tests.wire import create_stack, program

pytestmark = pytest.mark.dialects("mysql")
MANY = 20
ORG, S = "/api/orgs/acme", "/api/stacks/acme/shop/dev"
NOTHING = {"__type": "PermissionDescriptorAllow", "permissions": []}
# What each of twenty clients sends; `#` is its number.
CALLS: dict[str, tuple[str, str, Any]] = {
    "tag": ("POST", f"{S}/tags", {"name": "k#", "value": "1"}),
    "stack": ("POST", "/api/stacks/acme/shop", {"stackName": "s#", "tags": {"a": "b"}}),
    "own token": ("POST", "/api/user/tokens", {"description": "x#", "expires": 0}),
    "organization's token": ("POST", f"{ORG}/tokens", {"name": "t#", "description": "", "expires": 0, "admin": False}),
    "team's token": ("POST", f"{ORG}/teams/ops/tokens", {"name": "t#", "description": "", "expires": 0}),
    "team": ("POST", f"{ORG}/teams/pulumi", {"name": "team#", "displayName": "", "description": ""}),
    "team's member": ("PATCH", f"{ORG}/teams/ops", {"memberAction": "add", "member": "user#"}),
    "team's stack": (
        "PATCH",
        f"{ORG}/teams/ops",
        {"addStackPermission": {"projectName": "shop", "stackName": "dev", "permission": 101}},
    ),
    "role": ("POST", f"{ORG}/roles", {"name": "role#", "uxPurpose": "role", "details": NOTHING}),
    "setting": ("PATCH", ORG, {"setDefaultStackPermission": 102}),
    "member's role": ("PATCH", f"{ORG}/members/user#", {"role": "billing-manager"}),
    "invitation": ("POST", f"{ORG}/invites/batch", {"invites": [{"email": "guest#@example.com", "role": "member"}]}),
    "invitation by link": ("POST", f"{ORG}/invites/link", {"role": "member"}),
    "encryption": ("POST", f"{S}/encrypt", {"plaintext": "eA=="}),
    "owner": ("POST", f"{S}/ownership", {"githubLogin": "user#"}),
    "import": ("POST", f"{S}/import", make_state(make_resource("a"))),
    "update": ("POST", f"{S}/update", program()),
    "preview": (
        "POST",
        f"{S}/begin-update",
        {"updateKind": "preview", "program": program(dry_run=True), "tags": None, "journalVersion": 2},
    ),
}


@pytest.fixture(autouse=True)
def place(client: TestClient, backend: Backend) -> None:
    """A stack, a team and twenty members."""
    create_stack(client)
    assert 201 == client.post(f"{ORG}/teams/pulumi", json={"name": "ops", "displayName": "", "description": ""}).status_code
    for number in range(MANY):
        make_user(backend, f"user{number}", org="acme")


def numbered(value: Any, number: int) -> Any:
    """Return a value with a client's number in it."""
    if isinstance(value, dict):
        return {name: numbered(member, number) for name, member in value.items()}
    if isinstance(value, list):
        return [numbered(member, number) for member in value]
    return value.replace("#", str(number)) if isinstance(value, str) else value


@pytest.mark.parametrize("name", CALLS)
def test_all_succeed(client: TestClient, name: str) -> None:
    """No one is refused because another user did the same to another thing."""
    method, path, body = CALLS[name]

    def send(number: int) -> tuple[bool, int, str]:
        sent = {"content": body} if isinstance(body, bytes) else {"json": numbered(body, number)}
        found = client.request(method, numbered(path, number), **sent)
        return found.is_success, found.status_code, "" if found.is_success else found.text

    found = at_once(MANY, send)

    assert [] == [(status, text) for is_good, status, text in found if not is_good]


def test_a_start_beside_imports(client: TestClient) -> None:
    """An update that starts while others import is refused only because an import holds nothing, and never with 5xx."""
    body = {"updateKind": "update", "program": program(), "tags": {"a": "b"}, "journalVersion": 2}

    def send(number: int) -> int:
        if number % 10 == 0:
            return client.post(f"{S}/begin-update", json=body).status_code
        return client.post(f"{S}/import", content=make_state()).status_code

    found = Counter(at_once(MANY, send))

    assert {200, 409} >= set(found)
    assert found[200] >= 1
