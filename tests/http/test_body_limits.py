"""Every route that reads a body has a limit for it; the table below says which ones have more than forms and tokens need."""

import ast
import gzip
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.testclient import TestClient
from starlette.types import Message

from common.backend import Backend
from common.rights.caller import Caller
from common.sign_in.scim.service import tokens
from common.stacks import policy_archives
from functions.api import policy_packs, state
from functions.api.scim import shapes
from functions.http import bodies, deps
from functions.http.app import create_app
from functions.http.bodies import (
    ANSWER,
    ARCHIVE,
    BATCH,
    DIRECTORY,
    DOCUMENT,
    EDITED,
    PROGRAM,
    SMALL,
    STATE,
    VALUES,
    BodyLimit,
    BodyReader,
)
from functions.http.groups import GROUPS
from functions.pages.visitor import get_person
from tests.factories.environments import make_environment
from tests.factories.people import ADMIN_TOKEN, make_user
from tests.pages.visiting import Visit
from tests.wire import LiveUpdate, begin, create_stack, error_of

pytestmark = pytest.mark.dialects("sqlite")
FUNCTIONS = Path(bodies.__file__).parent
S, U = "/api/stacks/{org}/{project}/{stack}", "/api/stacks/{org}/{project}/{stack}/{kind}/{update_id}"
ORG, SCIM = "/api/orgs/{org}", "/scim/v2/{org}"
ESC, PREVIEW = "/api/esc/environments", "/api/preview/environments"
# All routes that take more than SMALL, and the kind of body that they take.
LARGER: dict[tuple[str, str], BodyLimit] = {
    ("POST", "/login/{org}/sso/saml/acs"): ANSWER,
    ("POST", "/api/stacks/{org}/{project}"): STATE,
    ("POST", f"{S}/import"): STATE,
    ("PATCH", f"{U}/checkpoint"): STATE,
    ("PATCH", f"{U}/checkpointverbatim"): STATE,
    ("PATCH", f"{U}/checkpointdelta"): STATE,
    ("PATCH", f"{U}/journalentries"): BATCH,
    ("POST", f"{U}/events/batch"): BATCH,
    ("POST", f"{U}/events"): BATCH,
    ("POST", f"{U}/log"): BATCH,
    ("POST", f"{S}/begin-update"): PROGRAM,
    ("POST", f"{S}/{{kind}}"): PROGRAM,
    ("POST", U): DOCUMENT,
    ("PATCH", f"{S}/tags"): DOCUMENT,
    ("PUT", f"{S}/config"): DOCUMENT,
    **{("POST", f"{S}/{name}"): VALUES for name in ("encrypt", "decrypt", "batch-encrypt", "batch-decrypt")},
    **{("POST", f"/api/projects/{{org}}/{{project}}/{name}"): VALUES for name in ("encrypt", "decrypt", "batch-decrypt")},
    ("POST", f"{ORG}/invites/batch"): DOCUMENT,
    ("POST", f"{ORG}/invites/unverified/batch"): DOCUMENT,
    ("PATCH", f"{ORG}/saml"): DOCUMENT,
    ("POST", f"{ORG}/roles"): DOCUMENT,
    ("PATCH", f"{ORG}/roles/{{role_id}}"): DOCUMENT,
    ("POST", f"{ORG}/oidc/issuers"): DOCUMENT,
    ("PATCH", f"{ORG}/oidc/issuers/{{issuer_id}}"): DOCUMENT,
    ("PATCH", f"{ORG}/auth/policies/{{policy_id}}"): DOCUMENT,
    ("POST", f"{ORG}/policypacks"): DOCUMENT,
    ("POST", f"{ORG}/policygroups"): DOCUMENT,
    ("POST", f"{ORG}/policygroups/stackmatchrule/preview"): DOCUMENT,
    ("PATCH", f"{ORG}/policygroups/{{group}}"): DOCUMENT,
    ("PATCH", f"{ORG}/policygroups/{{group}}/batch"): DOCUMENT,
    ("POST", f"{ORG}/policy/exceptions"): DOCUMENT,
    ("PUT", "/api/policy-archives/{signed}"): ARCHIVE,
    **{("POST", f"{root}/{{org}}/yaml/{call}"): DOCUMENT for root in (ESC, PREVIEW) for call in ("check", "open")},
    ("PATCH", f"{ESC}/{{org}}/{{project}}/{{environment}}"): DOCUMENT,
    ("PATCH", f"{PREVIEW}/{{org}}/{{environment}}"): DOCUMENT,
    ("POST", f"{ESC}/{{org}}/{{project}}/{{environment}}/drafts"): DOCUMENT,
    ("PATCH", f"{ESC}/{{org}}/{{project}}/{{environment}}/drafts/{{change_request_id}}"): DOCUMENT,
    **{("POST", f"{ESC}/{{org}}/{{project}}/{{environment}}/{name}-secrets"): VALUES for name in ("encrypt", "decrypt")},
    **{("POST", f"/{{org}}/esc/{{project}}/{{environment}}/edit{call}"): EDITED for call in ("", "/check")},
    ("POST", "/{org}/esc/{project}/{environment}/change-requests/{request_id}/edit"): EDITED,
    **{("POST", f"{SCIM}/{kind}"): DIRECTORY for kind in ("Users", "Groups")},
    **{(method, f"{SCIM}/{one}"): DIRECTORY for method in ("PUT", "PATCH") for one in ("Users/{user_id}", "Groups/{group_id}")},
}
# Dependencies that know who calls, and those that have decided as well whether they may send much.
KNOWS = {deps.get_caller, get_person, deps.get_lease, shapes.get_directory, policy_packs.get_upload}
DECIDES = {deps.get_lease, shapes.get_directory, state._require_import, policy_packs.get_upload}
READS = ("stream", "body", "form", "json")


def all_routes() -> list[APIRoute]:
    """Return every route of every group, pages and directories included."""
    paths = dict.fromkeys(group.path for group in GROUPS)
    return [route for path in paths for route in import_module(path).router.routes]


def calls(dependant: Dependant) -> Iterator[Any]:
    """Yield what a route depends on, in the order in which it is resolved."""
    for one in dependant.dependencies:
        yield from calls(one)
        yield one.call


def reader_of(route: APIRoute) -> BodyReader | None:
    """Return a route's reader of bodies, if it has one."""
    found = list(dict.fromkeys(one for one in calls(route.dependant) if isinstance(one, BodyReader)))
    assert len(found) < 2, route.path
    return found[0] if found else None


READING = [(route, reader) for route in all_routes() if (reader := reader_of(route)) is not None]
CASES = [(method, route.path, reader) for route, reader in READING for method in sorted(route.methods or ())]


class TestTable:
    def test_has_every_route_that_takes_much(self) -> None:
        """A route takes SMALL, unless the table says what it takes instead."""
        assert {(method, path): reader.limit for method, path, reader in CASES if reader.limit is not SMALL} == LARGER

    @pytest.mark.parametrize(("route", "reader"), READING, ids=lambda value: getattr(value, "path", ""))
    def test_takes_much_of_those_alone_who_may_send_it(self, route: APIRoute, reader: BodyReader) -> None:
        """Before more than SMALL is read it is known who calls, and whether they may send it; ANSWER alone is for strangers."""
        order = list(calls(route.dependant))
        before = set(order[: order.index(reader)])
        if reader.limit in (SMALL, ANSWER):
            return
        assert KNOWS & before
        assert reader.may is not None or DECIDES & before

    def test_has_no_way_around(self) -> None:
        """No other code reads a body, and no handler has the framework read one."""
        found = [
            f"{path.name}:{node.lineno}"
            for path in FUNCTIONS.rglob("*.py")
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in READS
        ]
        assert [one.partition(":")[0] for one in found] == ["bodies.py"], found
        assert [route.path for route in all_routes() if route.body_field is not None] == []


class Scene:
    """A server whose largest body is 300 KB, and whatever the calls of the table are authorised with."""

    SETTING = 300_000

    def __init__(self, backend: Backend, client: TestClient, admin: Caller) -> None:
        settings = backend.settings.replaced(STACKHOLD_BODY_LIMIT_BYTES=str(self.SETTING))
        create_stack(client, "idle")
        self.update: LiveUpdate = begin(client, create_stack(client))
        for project in ("shop", "default"):
            make_environment(backend, admin, f"{project}/environment")
        self._directory_token = tokens.create(backend, admin, "acme").text
        self.app = create_app(replace(backend, settings=settings))
        self._upload = policy_archives.upload_link(backend, "policy-uploads/x").url.rpartition("/")[2]
        self.visit = Visit(backend)
        self.visit.sign_in()

    def limit_of(self, reader: BodyReader) -> int:
        """Return how much a reader takes here."""
        return min(reader.limit.size_bytes, self.SETTING)

    def call(self, method: str, path: str, headers: dict[str, str], parts: list[bytes]) -> tuple[int, bytes, int]:
        """Return status and body of a reply, and how many bytes of the request were taken."""
        taken, sent = 0, []

        async def receive() -> Message:
            nonlocal taken
            part = parts.pop(0)
            taken += len(part)
            return {"type": "http.request", "body": part, "more_body": bool(parts)}

        async def send(message: Message) -> None:
            sent.append(message)

        pairs = [(name.lower().encode(), value.encode()) for name, value in {**self._headers(path), **headers}.items()]
        stack = "dev" if "{update_id}" in path else "idle"
        for part, value in {
            "org": "acme",
            "project": "shop",
            "stack": stack,
            "kind": "update",
            "update_id": self.update.id,
            "signed": self._upload,
        }.items():
            path = path.replace(f"{{{part}}}", value)
        scope = {
            "type": "http",
            "method": method,
            "path": path.replace("{", "").replace("}", ""),
            "raw_path": b"",
            "root_path": "",
            "query_string": b"",
            "headers": pairs,
            "http_version": "1.1",
            "scheme": "http",
            "server": ("t", 80),
            "client": ("t", 1),
        }
        anyio.run(self.app, scope, receive, send)
        return sent[0]["status"], sent[1]["body"], taken

    def _headers(self, path: str) -> dict[str, str]:
        if path.startswith("/scim"):
            return {"Authorization": f"Bearer {self._directory_token}"}
        if "{update_id}/" in path and not path.endswith("/cancel"):
            return {"Authorization": f"update-token {self.update.token}"}
        cookies = "; ".join(f"{name}={value}" for name, value in self.visit.client.cookies.items())
        form = {"Accept": "text/html", "Content-Type": "application/x-www-form-urlencoded"} if path.startswith("/{org}") else {}
        return {"Authorization": f"token {ADMIN_TOKEN}", "Cookie": cookies, "Host": "testserver", **form}


@pytest.fixture
def scene(backend: Backend, client: TestClient, admin: Caller) -> Scene:
    """A server with a running update, a directory and a user at a browser."""
    return Scene(backend, client, admin)


class TestEveryRoute:
    def test_refuses_a_body_over_its_limit(self, scene: Scene) -> None:
        """A body over the limit is 413, by its length, by its bytes, and inflated; never is more taken than the limit."""
        for method, path, reader in CASES:
            limit = scene.limit_of(reader)
            declared = scene.call(method, path, {"Content-Length": str(limit + 1)}, [b""])
            streamed = scene.call(method, path, {}, [bytes(16 << 10)] * 40)
            packed = scene.call(method, path, {"Content-Encoding": "gzip"}, [gzip.compress(b" " * (limit + 1))])

            assert (413, 0) == (declared[0], declared[2]), (method, path, declared)
            assert (413, True) == (streamed[0], streamed[2] <= limit + (16 << 10)), (method, path, streamed)
            # The archive of a policy pack is gzip, and stored as it comes.
            assert (200 if reader.limit is ARCHIVE else 413) == packed[0], (method, path, packed)
            packed = declared if reader.limit is ARCHIVE else packed
            if path.startswith("/api/"):
                assert {413} == {msgspec.json.decode(one[1])["code"] for one in (declared, streamed, packed)}, path

    def test_that_reads_no_body_takes_none(self, scene: Scene) -> None:
        """Whatever is sent to any other route is left where it is."""
        reading = {(method, path) for method, path, _ in CASES}
        for route in all_routes():
            for method in set(route.methods or ()) - {"GET", "HEAD"}:
                if (method, route.path) not in reading:
                    assert 0 == scene.call(method, route.path, {}, [bytes(100)] * 9)[2], (method, route.path)


class TestCallersWhoMayNot:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/api/stacks/acme/shop"),
            ("POST", "/api/stacks/acme/shop/dev/import"),
            ("PATCH", "/api/orgs/acme/saml"),
            ("POST", "/api/stacks/acme/shop/dev/batch-encrypt"),
            ("POST", "/api/stacks/acme/shop/dev/update"),
            ("POST", "/api/esc/environments/acme/yaml/check"),
            ("POST", "/api/orgs/acme/roles"),
        ],
    )
    def test_are_refused_before_much_is_read(self, client: TestClient, backend: Backend, method: str, path: str) -> None:
        """A user who may not use an address is told so when they send a large body, not that the body is bad."""
        create_stack(client)
        headers = {"Authorization": f"token {make_user(backend, 'mallory')}"}
        large = b"[" + b" " * SMALL.size_bytes

        for content in (large, gzip.compress(large)):
            assert (404, 404) == error_of(client.request(method, path, content=content, headers=headers))[:2]

    def test_strangers_send_nothing(self, scene: Scene) -> None:
        """Without credentials no byte of a large body is taken by any route, but a provider's answer and a signed address."""
        for method, path, reader in CASES:
            if reader.limit not in (SMALL, ANSWER, ARCHIVE):
                nothing = {"Authorization": "token pul-" + "0" * 40, "Cookie": ""}
                status, _, taken = scene.call(method, path, nothing, [bytes(100)] * 9)
                # Pages lead to the sign-in.
                assert (303 if path.startswith("/{org}") else 401, 0) == (status, taken), (method, path)


class TestCounts:
    def test_of_a_journal_batch(self, client: TestClient) -> None:
        """More than 100,000 entries are 413, on which their sender halves the batch; as many as that are taken."""
        update = begin(client, create_stack(client))
        for call, method in (("journalentries", "PATCH"), ("events/batch", "POST")):
            member = b'{"entries":[' if call == "journalentries" else b'{"events":['
            many, fitting = (member + b",".join([b"{}"] * count) + b"]}" for count in (100_001, 100_000))
            assert (413, 413, "Request Entity Too Large: the batch has more than 100,000 entries or events") == error_of(
                update.send(method, call, many)
            )
            assert update.send(method, call, fitting).is_success

    def test_of_a_batch_with_lone_surrogates(self, client: TestClient) -> None:
        """What makes the decoder start anew does not make it forget the limit."""
        update = begin(client, create_stack(client))
        many = b'{"x":"\\ud800","entries":[' + b",".join([b"{}"] * 100_001) + b"]}"

        assert 413 == update.send("PATCH", "journalentries", many).status_code

    def test_of_what_an_entry_holds(self, client: TestClient) -> None:
        """Entries are counted, not what is in them: one resource may hold very many values."""
        update = begin(client, create_stack(client))
        values = b",".join([b'{"a":[]}'] * 60_000)

        assert update.send("PATCH", "journalentries", b'{"entries":[{"sequenceID":1,"kind":1,"state":[%s]}]}' % values).is_success

    def test_of_imports(self, client: TestClient) -> None:
        """A text that imports thousands of environments gets one line, not one for each."""
        found = client.post("/api/esc/environments/acme/yaml/check", json={"imports": [""] * 5_000})

        assert 400 == found.status_code
        assert ["an environment imports at most 256 environments"] == [one["summary"] for one in found.json()["diagnostics"]]

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("POST", "/api/esc/environments/acme/yaml/check", b'{"imports":[%s]}'),
            ("POST", "/api/orgs/acme/roles", b'{"details":[%s]}'),
            ("PATCH", "/api/stacks/acme/shop/dev/tags", b"[%s]"),
            ("POST", "/api/stacks/acme/shop/dev/batch-encrypt", b'{"plaintexts":[%s]}'),
            ("POST", "/api/stacks/acme/shop/dev/update", b'{"config":[%s]}'),
            ("PATCH", "/api/orgs/acme/saml", b"[%s]"),
        ],
    )
    def test_of_elements(self, client: TestClient, method: str, path: str, body: bytes) -> None:
        """A body of very many tiny elements is 413 before any of them is an object."""
        create_stack(client)
        found = client.request(method, path, content=body % b",".join([b"{}"] * 101_000))

        assert (413, 413) == error_of(found)[:2]
        assert "elements" in found.json()["message"]
