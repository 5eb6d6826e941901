"""Throws odd requests at every address of a directory: no answer is a fault of the server, every refusal has SCIM's form.

The seed is fixed, so a run is repeated by running it again; `FUZZ_EXAMPLES` makes a longer one.
"""

import json
import os
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.http.test_fuzz import odd_json, odd_text
from tests.sign_in.scim.directory_client import Directory, error_of
from tools.operations import routes

pytestmark = pytest.mark.dialects("sqlite")
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "600"))
ROUTES = sorted(route for route in routes() if route.module == "scim.routes")
ATTRIBUTES = st.sampled_from(
    ["userName", "displayName", "externalId", "active", "emails", "name", "members", "id", "meta", "schemas", "Operations"],
)
OPERATIONS = st.lists(
    st.fixed_dictionaries(
        {
            "op": st.sampled_from(["add", "Replace", "remove", "move"]),
            "path": ATTRIBUTES
            | st.sampled_from(['emails[type eq "work"].value', 'members[value eq "x"]', "name.givenName", ""])
            | odd_json,
            "value": odd_json | st.dictionaries(ATTRIBUTES, odd_json, max_size=3),
        }
    ),
    max_size=3,
)
DOCUMENTS = (
    st.dictionaries(ATTRIBUTES, odd_json, max_size=5)
    | st.fixed_dictionaries(
        {"userName": odd_text, "displayName": odd_text},
        optional={"active": odd_json, "emails": odd_json, "members": odd_json},
    )
    | st.fixed_dictionaries({"Operations": OPERATIONS})
    | odd_json
    | st.uuids().map(lambda one: {"userName": str(one), "displayName": str(one)})
)
QUERIES = st.dictionaries(
    st.sampled_from(["filter", "startIndex", "count", "attributes", "excludedAttributes"]),
    odd_text | st.sampled_from(['userName eq "a"', "active pr", 'members eq "x"', "members", "userName", "5"]),
    max_size=3,
)


def test_every_address(directory: Directory) -> None:
    """Whatever a directory sends, it is done or refused in the protocol's form."""
    ids = {"{user_id}": directory.add("alice")["id"], "{group_id}": directory.make("Groups", displayName="Ops")["id"]}
    seen: set[int] = set()

    @settings(max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(ROUTES), odd_text, st.integers(0, 5), QUERIES, DOCUMENTS)
    def holds(route: Any, odd: str, luck: int, query: dict[str, str], document: Any) -> None:
        path = route.path.removeprefix("/scim/v2/{org}")
        for part in [piece for piece in path.split("/") if piece.startswith("{")]:
            text = ids.get(part, "User") if luck else odd
            path = path.replace(part, quote(text.encode("utf-8", "surrogatepass"), safe=""))
        asked = "&".join(f"{name}={quote(text.encode('utf-8', 'surrogatepass'))}" for name, text in query.items())
        body = {} if route.method in ("GET", "DELETE") else {"content": json.dumps(document)}
        if route.method == "DELETE" and luck:
            return
        reply = directory.call(route.method, f"{path}?{asked}", **body)
        seen.add(reply.status_code)
        assert reply.status_code < 500, (path, document, reply.text)
        if reply.status_code >= 400:
            assert error_of(reply)[0] in (400, 401, 404, 405, 409, 413), (path, document)

    holds()
    assert {200, 201, 400, 404} <= seen
