"""Throws odd requests at every route: no answer is a fault of the server, and every refusal has the wire's shape.

The seed is fixed, so a run is repeated by running it again; `FUZZ_EXAMPLES` makes a longer one.
"""

import gzip
import json
import os
from typing import Any
from urllib.parse import quote

import pytest
from httpx2 import Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.factories.people import ADMIN_TOKEN
from tests.stacks.engine.builders import entry, make_resource, make_state
from tests.wire import LiveUpdate, begin, program
from tools.operations import Route, routes

pytestmark = pytest.mark.dialects("sqlite")
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "1500"))
S = "/api/stacks/acme/shop/dev"
# Directories have a form of their own for errors: tests/sign_in/scim/test_fuzz.py.
ROUTES = sorted(route for route in routes() if route.module != "scim.routes")
ODD_TEXTS = (
    "",
    ".",
    "..",
    "%",
    "a b",
    "é",
    "\0",
    "\ud800",
    "😀",
    "null",
    "-1",
    "0",
    "1",
    "2147483648",
    "9" * 25,
    "9" * 5000,
    "x" * 300,
    "a/b",
    "'; DROP TABLE stacks; --",
    "{}",
    "%2e%2e",
    "\r\nX: y",
    "latest",
    "true",
    "1e309",
    "0x1",
    "\u0661",
)
ODD_NUMBERS = (0, 1, -1, 2**31, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 1.5, -0.0, 1e300)

odd_text = st.sampled_from(ODD_TEXTS) | st.text(max_size=20)
scalar = st.none() | st.booleans() | st.sampled_from(ODD_NUMBERS) | odd_text
odd_json = st.recursive(
    scalar, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(odd_text, inner, max_size=3), max_leaves=6
)
# Good bodies, one of whose members is then replaced or dropped.
GOOD: tuple[Any, ...] = (
    {
        "stackName": "new",
        "tags": {"a": "b"},
        "teams": [],
        "state": {"version": 3, "deployment": {}},
        "config": {"environment": "p/e"},
    },
    {"newName": "other", "newProject": "web"},
    {"a": "b", "pulumi:project": "shop"},
    {"name": "a", "value": "b"},
    {"environment": "p/e", "secretsProvider": ""},
    {"plaintext": "eA=="},
    {"ciphertext": "eA=="},
    {"plaintexts": ["eA=="]},
    {"ciphertexts": ["eA=="]},
    program(dry_run=True),
    program(),
    {"tags": None, "journalVersion": 2},
    {"token": "", "duration": 300},
    {"status": "succeeded"},
    {"updateKind": "update", "program": program(dry_run=True), "tags": {"a": "b"}, "journalVersion": 1},
    json.loads(make_state(make_resource("a"))),
    {"isInvalid": False, **json.loads(make_state(make_resource("a")))},
    {"version": 3, "untypedDeployment": json.loads(make_state()), "sequenceNumber": 1},
    {
        "version": 3,
        "checkpointHash": "0" * 64,
        "sequenceNumber": 2,
        "deploymentDelta": [{"Span": {"start": {"offset": 0}, "end": {"offset": 1}}, "NewText": "x"}],
    },
    {"entries": [entry(1, 1, 1, state=make_resource("a"))]},
    {"events": [{"sequence": 1, "summaryEvent": {"resourceChanges": {"same": 1}}}]},
    {"sequence": 2, "timestamp": 1, "stdoutEvent": {"message": "x"}},
    {"secretName": "k"},
    {"commandName": "pulumi config"},
)


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """Draws a good body with one place made odd."""
    found = json.loads(json.dumps(draw(st.sampled_from(GOOD))))
    place = found
    while isinstance(place, dict | list) and place:
        key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not (isinstance(place[key], dict | list) and place[key]) or draw(st.booleans()):
            if draw(st.booleans()):
                place[key] = draw(odd_json)
            else:
                del place[key]
            break
        place = place[key]
    return found


bodies = (
    st.sampled_from(GOOD).map(lambda found: json.dumps(found).encode())
    | mutated().map(lambda found: json.dumps(found).encode())
    | odd_json.map(lambda found: json.dumps(found, ensure_ascii=True).encode())
    | st.binary(max_size=40)
    | st.sampled_from(
        (b"", b"[" * 5000, b"\xff\xfe", b"\x1f\x8b", b"NaN", b'{"a":1,"a":2}', b'{"version":3,"deployment":{"a":\xff}}')
    )
)


QUERY_NAMES = (
    "force page pageSize continuationToken type urn asc output-type organization project tagName tagValue maxResults mode duration "
    "property readingUpdateID x"
).split()
HEADERS: tuple[dict[str, str], ...] = (
    {},
    {},
    {},
    {"Content-Encoding": "gzip"},
    {"Content-Encoding": "br"},
    {"Content-Encoding": "gzip, gzip"},
    {"Accept": "application/vnd.pulumi+7"},
    {"Accept": "x" * 200},
    {"User-Agent": "pulumi-cli/1 (v3; x"},
)


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """Draws a request to one of the routes, most of it right."""
    route: Route = draw(st.sampled_from(ROUTES))
    good = {
        "{org}": "acme",
        "{project}": "shop",
        "{stack}": "dev",
        "{version}": "1",
        "{name}": "a",
        "{urn:path}": "urn:pulumi:dev::shop::t::a",
    }
    path = route.path
    for part in [piece for piece in route.path.split("/") if piece.startswith("{")]:
        value = draw(odd_text) if draw(st.integers(0, 7)) == 0 else good.get(part, "{id}" if part == "{update_id}" else "x")
        path = path.replace(part, value if value == "{id}" else quote(value.encode("utf-8", "surrogatepass"), safe=""), 1)
    query = draw(st.dictionaries(st.sampled_from(QUERY_NAMES), odd_text, max_size=2))
    method = (
        draw(st.sampled_from(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")))
        if draw(st.integers(0, 15)) == 0
        else route.method
    )
    lease = route.module == "update_progress" or path.endswith("/events")
    authorization = (
        draw(st.sampled_from(("", "token", f"token {ADMIN_TOKEN}x", "update-token x.y", "Basic eA==")))
        if draw(st.integers(0, 15)) == 0
        else "lease"
        if lease
        else "token"
    )
    headers = draw(st.sampled_from(HEADERS))
    content = b"" if method in ("GET", "HEAD") else draw(bodies)
    if headers == {"Content-Encoding": "gzip"} and draw(st.booleans()):
        content = gzip.compress(content, mtime=0)
    return {
        "method": method,
        "path": path,
        "query": query,
        "authorization": authorization,
        "headers": dict(headers),
        "content": content,
    }


def prepared(client: TestClient) -> LiveUpdate:
    """Return a running update of the stack, making whatever earlier requests took away."""
    client.post("/api/stacks/acme/shop", json={"stackName": "dev"})
    active = client.get(S).json()
    if "currentOperation" in active:
        client.post(f"{S}/update/{active['activeUpdate']}/cancel")
    return begin(client, S)


def send(client: TestClient, update: LiveUpdate, request: dict[str, Any]) -> Response:
    """Make a drawn request."""
    authorizations = {"token": f"token {ADMIN_TOKEN}", "lease": f"update-token {update.token}"}
    headers = {"Authorization": authorizations.get(request["authorization"], request["authorization"]), **request["headers"]}
    query = "&".join(f"{name}={quote(value.encode('utf-8', 'surrogatepass'))}" for name, value in request["query"].items())
    path = request["path"].replace("{id}", update.id)
    return client.request(request["method"], f"{path}?{query}" if query else path, content=request["content"], headers=headers)


class TestEveryRoute:
    def test_refuses_odd_requests_in_the_wires_shape(self, client: TestClient) -> None:
        """Whatever is sent, the answer is no 5xx and no 422, and each refusal is JSON with its status as integer code."""
        live = [prepared(client)]
        seen: set[tuple[str, int]] = set()

        @settings(max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(requests())
        def holds(request: dict[str, Any]) -> None:
            reply = send(client, live[0], request)
            seen.add((request["path"], reply.status_code))
            check(request, reply)
            if reply.is_success and request["method"] != "GET":
                live[0] = prepared(client)

        holds()
        assert {400, 401, 403, 404} <= {status for _, status in seen}
        assert len({path for path, status in seen if status < 300}) > 40


def check(request: dict[str, Any], reply: Response) -> None:
    """Fails for an answer that no client could read."""
    status = reply.status_code
    assert status != 422, request
    assert status < 500 or status == 501, (request, reply.text)
    assert not 300 <= status < 400, request
    if status >= 400 and request["method"] != "HEAD":
        assert reply.headers["Content-Type"].startswith("application/json"), request
        body = reply.json()
        assert type(body["code"]) is int, (request, body)
        assert status == body["code"], (request, body)
        assert body["message"], (request, body)
    if status == 200 and request["method"] == "GET":
        # An environment begins with an empty definition.
        assert reply.content or "yaml" in reply.headers["Content-Type"], request
