"""Every route with one part of the request made odd, each part in turn: query, headers, members of the body. Nothing is a fault.

What is drawn at random is in test_fuzz.py; here nothing is left to chance, so what was found once is found again.
"""

import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from httpx2 import Response
from starlette.testclient import TestClient

from common.backend import Backend
from common.rights.caller import Caller
from common.sign_in.scim.service import tokens
from functions.http.groups import GROUPS
from tests.factories.people import ADMIN_TOKEN
from tests.pages.visiting import Visit
from tests.stacks.engine.builders import entry, make_resource, make_state
from tests.wire import LiveUpdate, begin, create_stack, import_state, program

pytestmark = pytest.mark.dialects("sqlite")
S, U = "/api/stacks/acme/shop/dev", "/api/stacks/acme/shop/dev/update/{id}"
# What parsers raise on: urlsplit, int, ip_address, datetime, base64, encodings.
ODD = (
    "http://[",
    "//[",
    "9" * 4301,
    str(1 << 63),
    str(-(1 << 63) - 1),
    "²",
    "\uff11\uff12",
    "\0",
    "\ud800",
    "2026-13-99T99:99:99Z",
    "=",
    "%",
    "1e999",
    "x" * 3000,
)
# For parts of the path and members of bodies, of which there are many.
FEW = ("http://[", "9" * 4301, str(1 << 63), "\ud800", "²", "\0")
ODD_VALUES: tuple[Any, ...] = (1 << 63, -(1 << 63) - 1, 10**400, 1.5, -1, None, {}, [[]], *FEW)
# What a browser, a client or a proxy says of itself. Those that decide early are sent alone, with two values that parsers raise on.
ALONE = ("Origin", "Referer", "Host", "Content-Length")
TOGETHER = (
    "Cookie",
    "Accept",
    "Accept-Encoding",
    "User-Agent",
    "Content-Type",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "If-Match",
    "Range",
)
ODD_HEADERS = (b"http://[", b"9" * 4301, "é".encode(), b"[::1", b"=;=", b",,;q=\x7f")
SETS: tuple[dict[str, bytes], ...] = (
    *({name: value} for name in ALONE for value in ODD_HEADERS[:2]),
    *(dict.fromkeys(TOGETHER, value) for value in ODD_HEADERS),
)
PEOPLE, GROUP = (
    {"userName": "bob@example.com", "emails": [{"value": "bob@example.com", "primary": True}], "active": True},
    {"displayName": "g", "members": [{"value": "x"}]},
)
# A good body for each call that reads one.
BODIES: tuple[tuple[str, str, Any], ...] = (
    (
        "POST",
        "/api/stacks/acme/shop",
        {
            "stackName": "new",
            "tags": {"a": "b"},
            "teams": ["x"],
            "state": {"version": 3, "deployment": {}},
            "config": {"environment": "p/e"},
        },
    ),
    ("PATCH", f"{S}/tags", {"a": "b"}),
    ("POST", f"{S}/tags", {"name": "c", "value": "b"}),
    ("PATCH", f"{S}/tags/a", {"name": "a", "value": "b"}),
    ("PUT", f"{S}/config", {"environment": "p/e", "secretsProvider": "", "encryptedKey": "", "encryptionSalt": ""}),
    ("POST", f"{S}/rename", {"newName": "dev", "newProject": "shop"}),
    ("POST", f"{S}/transfer", {"toOrg": "acme"}),
    ("POST", f"{S}/ownership", {"githubLogin": "admin"}),
    ("POST", f"{S}/encrypt", {"plaintext": "eA=="}),
    ("POST", f"{S}/decrypt", {"ciphertext": "eA=="}),
    ("POST", f"{S}/batch-encrypt", {"plaintexts": ["eA=="]}),
    ("POST", f"{S}/batch-decrypt", {"ciphertexts": ["eA=="]}),
    ("POST", f"{S}/preview", program(dry_run=True)),
    ("POST", f"{S}/begin-update", {"updateKind": "update", "program": program(), "tags": {"a": "b"}, "journalVersion": 1}),
    ("POST", U, {"tags": {"a": "b"}, "journalVersion": 2}),
    ("POST", f"{S}/import", json.loads(make_state(make_resource("a")))),
    ("PATCH", f"{U}/checkpoint", {"isInvalid": False, **json.loads(make_state(make_resource("a")))}),
    ("PATCH", f"{U}/checkpointverbatim", {"version": 3, "untypedDeployment": json.loads(make_state()), "sequenceNumber": 1}),
    (
        "PATCH",
        f"{U}/checkpointdelta",
        {
            "version": 3,
            "checkpointHash": "0" * 64,
            "sequenceNumber": 2,
            "deploymentDelta": [{"Span": {"start": {"offset": 0}, "end": {"offset": 1}}, "NewText": "x"}],
        },
    ),
    ("PATCH", f"{U}/journalentries", {"entries": [entry(1, 1, 1, state=make_resource("a"))]}),
    (
        "POST",
        f"{U}/events/batch",
        {"events": [{"sequence": 1, "timestamp": 1, "summaryEvent": {"resourceChanges": {"same": 1}, "isPreview": False}}]},
    ),
    ("POST", f"{U}/events", {"sequence": 2, "timestamp": 1, "stdoutEvent": {"message": "x"}}),
    ("POST", f"{U}/renew_lease", {"token": "", "duration": 300}),
    ("POST", f"{U}/complete", {"status": "succeeded"}),
    ("POST", "/api/user/tokens", {"description": "x", "expires": 0}),
    ("POST", "/api/orgs/acme/tokens", {"name": "ci", "description": "x", "expires": 0, "admin": False, "roleID": ""}),
    (
        "PATCH",
        "/api/orgs/acme",
        {"defaultStackPermission": "read", "accessTokenExpiry": 30, "membersCanCreateStacks": True, "defaultRoleId": "x"},
    ),
    ("POST", "/api/orgs/acme/members/bob", {"role": "member"}),
    ("PATCH", "/api/orgs/acme/members/admin", {"role": "admin", "fgaRoleId": "x"}),
    ("POST", "/api/orgs/acme/teams/pulumi", {"name": "ops", "displayName": "Ops", "description": "x"}),
    (
        "PATCH",
        "/api/orgs/acme/teams/ops",
        {
            "memberAction": "add",
            "member": "admin",
            "addStackPermission": {"projectName": "shop", "stackName": "dev", "permission": 101},
            "newDisplayName": "x",
        },
    ),
    ("POST", "/api/orgs/acme/invites/batch", {"invites": [{"email": "a@example.com", "role": "member"}]}),
    (
        "POST",
        "/api/orgs/acme/oidc/issuers",
        {
            "name": "a",
            "url": "https://issuer.example.com",
            "thumbprints": ["x"],
            "maxExpiration": 60,
            "jwks": {"keys": [{"kty": "RSA", "kid": "a", "n": "AQ", "e": "AQAB"}]},
        },
    ),
    (
        "PATCH",
        "/api/orgs/acme/auth/policies/x",
        {
            "policies": [
                {"decision": "allow", "tokenType": "organization", "rules": {"sub": "x"}, "authorizedPermissions": ["standard"]}
            ]
        },
    ),
    (
        "POST",
        "/api/oauth/token",
        {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "audience": "urn:pulumi:org:acme",
            "subject_token": "a.b.c",
            "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
            "requested_token_type": "urn:pulumi:token-type:access_token:organization",
            "expiration": 60,
            "scope": "",
        },
    ),
    (
        "POST",
        "/api/orgs/acme/roles",
        {
            "name": "r",
            "description": "x",
            "resourceType": "global",
            "uxPurpose": "role",
            "details": {"__type": "PermissionDescriptorAllow", "permissions": ["stack:read"]},
        },
    ),
    ("PATCH", "/api/orgs/acme/saml", {"newIdpSsoDescriptor": "<a/>", "required": False, "sessionHours": 5}),
    ("POST", "/api/esc/environments/acme/yaml/check", {"imports": ["a"], "values": {}}),
    ("POST", "/api/esc/environments/acme/yaml/open?duration=1h", {"imports": []}),
    ("POST", "/api/console/email/signup", {"login": "a", "name": "x", "email": "a@example.com", "password": "xxxxxxxxxxxx"}),
    ("POST", "/api/console/email/login", {"emailOrLogin": "admin", "password": "x"}),
    ("POST", "/api/console/actions/new-organization", {"orgName": "x"}),
    ("POST", "/scim/v2/acme/Users", PEOPLE),
    ("POST", "/scim/v2/acme/Groups", GROUP),
    ("PUT", "/scim/v2/acme/Users/x", PEOPLE),
    ("PATCH", "/scim/v2/acme/Groups/x", {"Operations": [{"op": "add", "path": "members", "value": [{"value": "x"}]}]}),
)


def all_routes() -> list[tuple[str, str, list[str]]]:
    """Return method, path and query parameters of every route that can be asked without a body."""
    found = []
    for path in dict.fromkeys(group.path for group in GROUPS):
        for route in import_module(path).router.routes:
            assert isinstance(route, APIRoute)
            found += [
                (method, route.path, sorted(set(parameters(route.dependant))))
                for method in sorted(set(route.methods or ()) - {"HEAD"})
            ]
    return found


def parameters(dependant: Dependant) -> Iterator[str]:
    """Yield the names of the query parameters of a route."""
    yield from (field.alias for field in dependant.query_params)
    for one in dependant.dependencies:
        yield from parameters(one)


def quoted(text: str) -> str:
    """Return a text as a part of an address."""
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


class Server:
    """A server with a running update, and whatever calls are authorised with."""

    def __init__(self, backend: Backend, client: TestClient, admin: Caller) -> None:
        self._client, self._visit = client, Visit(backend)
        self._visit.sign_in()
        self._scim = tokens.create(backend, admin, "acme").text
        import_state(client, create_stack(client), make_state(make_resource("a")))
        self._update: LiveUpdate = begin(client, S)

    def ask(
        self, method: str, path: str, *, query: str = "", headers: dict[str, bytes] | None = None, content: bytes = b""
    ) -> Response:
        """Return the answer to a request; an update that ended is begun again."""
        is_page = not path.startswith(("/api", "/scim", "/healthz"))
        client = self._visit.client if is_page else self._client
        address = self._filled(path) + query
        authorization = {} if is_page else {"Authorization": self._authorization(method, path).encode()}
        pairs = [(name.encode(), value) for name, value in {**authorization, **(headers or {})}.items()]
        return client.request(method, address, content=content, headers=pairs, follow_redirects=False)

    def _filled(self, path: str) -> str:
        parts = {
            "org": "acme",
            "project": "shop",
            "stack": "dev",
            "kind": "update",
            "update_id": self._update.id,
            "id": self._update.id,
            "version": "1",
            "team": "ops",
            "name": "a",
            "user": "admin",
            "login": "admin",
        }
        for part, value in parts.items():
            path = path.replace(f"{{{part}}}", value)
        return path.replace("{", "").replace("}", "").replace(":path", "")

    def _authorization(self, method: str, path: str) -> str:
        if path.startswith("/scim"):
            return f"Bearer {self._scim}"
        is_of_lease = (
            method != "GET"
            and path.startswith("/api/stacks/")
            and path.endswith(("entries", "checkpoint", "verbatim", "delta", "batch", "renew_lease", "complete", "/events"))
        )
        return f"update-token {self._update.token}" if is_of_lease else f"token {ADMIN_TOKEN}"

    def again(self) -> None:
        """Begins another update where the one before has ended."""
        self._client.post(f"{S}/update/{self._update.id}/cancel")
        create = self._client.post("/api/stacks/acme/shop", json={"stackName": "dev"})
        assert create.status_code in (200, 409)
        self._update = begin(self._client, S)


@pytest.fixture
def server(backend: Backend, client: TestClient, admin: Caller) -> Server:
    """A server with a running update."""
    return Server(backend, client, admin)


def check(found: Response, *what: object) -> None:
    """Fails for an answer that is a fault of the server, or a refusal of the API in another shape than the wire's."""
    assert found.status_code < 500 or found.status_code == 501, (what, found.text[:500])
    assert found.status_code != 422, what
    if found.status_code >= 400 and found.request.url.path.startswith("/api/") and found.request.method != "HEAD":
        body = found.json()
        assert (found.status_code, True) == (body["code"], bool(body["message"])), (what, body)


class TestEveryRoute:
    def test_takes_odd_queries_for_what_they_are(self, server: Server) -> None:
        """No query parameter can be so odd that the answer is a fault."""
        for method, path, names in all_routes():
            for name in names:
                for value in ODD:
                    check(server.ask(method, path, query=f"?{quoted(name)}={quoted(value)}"), method, path, name, value[:30])

    def test_takes_odd_parts_of_the_path_for_what_they_are(self, server: Server) -> None:
        """Nor can a part of the path."""
        for method, path, _ in all_routes():
            for part in [segment for segment in path.split("/") if segment.startswith("{")]:
                for value in FEW[:4]:
                    check(server.ask(method, path.replace(part, quoted(value), 1)), method, path, part, value[:30])

    def test_takes_odd_headers_for_what_they_are(self, server: Server) -> None:
        """Nor can a header, with or without a form that is sent."""
        for method, path, _ in all_routes():
            if method == "GET" and path.startswith(("/api", "/scim")):
                continue  # Headers are read ahead of all routes, so the routes that take a body are enough.
            for headers in SETS:
                check(server.ask(method, path, headers=headers), method, path, headers)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every place in a body."""
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from leaves(value[key], (*path, key))


def changed(body: Any, path: tuple[Any, ...], value: object) -> bytes:
    """Return the text of a body with another value in one place."""
    if not path:
        return json.dumps(value).encode()
    copy = json.loads(json.dumps(body))
    place = copy
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return json.dumps(copy).encode()


class TestEveryBody:
    @pytest.mark.parametrize(("method", "path", "body"), BODIES, ids=[f"{method} {path}" for method, path, _ in BODIES])
    def test_takes_odd_members_for_what_they_are(self, server: Server, method: str, path: str, body: Any) -> None:
        """No member of a body can be so odd that the answer is a fault: numbers, texts and other kinds of values."""
        for place in leaves(body):
            for value in ODD_VALUES:
                found = server.ask(method, path, content=changed(body, place, value))
                check(found, method, path, place, str(value)[:30])
                if found.is_success and path.endswith(("complete", "rename", "transfer", "begin-update")):
                    server.again()
