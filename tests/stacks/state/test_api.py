import gzip
import json
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from tests.stacks.engine.builders import dump, make_resource, make_state, urn
from tests.wire import IN_PROGRESS, begin, create_stack, error_of, export, import_state

# Shapes, statuses and texts; that both databases do the same, the tests of the services show.
pytestmark = pytest.mark.dialects("sqlite")
S = "/api/stacks/acme/shop/dev"
ODD = b'{ "version" : 3,\n "deployment":{"manifest":{},"future":{"n":1E5},"resources":[]}, "extra":[1.0] }'


@pytest.fixture(autouse=True)
def stack(client: TestClient) -> None:
    """The stack acme/shop/dev."""
    create_stack(client)


class TestImport:
    @pytest.mark.parametrize("encoding", ["", "gzip", "x-gzip"])
    def test_is_exported_byte_for_byte(self, client: TestClient, encoding: str) -> None:
        """A state comes back in its own bytes, whether it was sent compressed or not."""
        headers = {"Content-Encoding": encoding} if encoding else {}
        reply = client.post(f"{S}/import", content=gzip.compress(ODD) if encoding else ODD, headers=headers)

        assert (200, {"updateId"}) == (reply.status_code, set(reply.json()))
        assert ODD == export(client, S) == export(client, S, 1)

    @pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"{", b'{"version":3}', b'{"version":7,"deployment":{}}', b"\x1f\x8bxx"])
    def test_refuses_a_bad_body(self, client: TestClient, body: bytes) -> None:
        """What no client could open again is 400."""
        assert (400, 400) == error_of(client.post(f"{S}/import", content=body))[:2]

    def test_during_an_update(self, client: TestClient) -> None:
        """The conflict is that of a second update, with who holds the stack beside it."""
        begin(client, S)
        found = client.post(f"{S}/import", content=ODD)

        assert (409, 409, IN_PROGRESS) == error_of(found)
        assert found.headers["X-Pulumi-Warning"].startswith("admin has been running update of acme/shop/dev since ")


class TestExport:
    @pytest.mark.parametrize(("accept", "packed"), [("gzip", True), ("identity", False), ("br", False), ("gzip;q=0", False)])
    def test_is_compressed_for_those_who_ask(self, client: TestClient, accept: str, packed: bool) -> None:
        """Stored bytes pass as they are to a client that takes gzip, and inflated to one that does not."""
        import_state(client, S, ODD)
        found = client.get(f"{S}/export", headers={"Accept-Encoding": accept})

        assert (ODD, "gzip" if packed else None) == (found.content, found.headers.get("Content-Encoding"))
        assert "application/json" == found.headers["Content-Type"]

    @pytest.mark.parametrize(
        ("version", "status"), [("1", 404), ("0", 404), ("x", 400), ("-1", 404), ("9" * 30, 404), ("1.5", 400)]
    )
    def test_of_a_version_that_is_not_there(self, client: TestClient, version: str, status: int) -> None:
        """A version that does not exist is missing, and what is no number is 400."""
        assert (status, status) == error_of(client.get(f"{S}/export/{version}"))[:2]


class TestRename:
    def test_answers_with_its_update(self, client: TestClient) -> None:
        """A rename is an update of that kind; the next export has the new names."""
        import_state(client, S, make_state(make_resource("a")))
        reply = client.post(f"{S}/rename", json={"newName": "prod", "newProject": ""})
        moved = "/api/stacks/acme/shop/prod"

        assert reply.json()["updateId"] == client.get(moved).json()["activeUpdate"]
        assert b"urn:pulumi:prod::shop::test:m:Res::a" in export(client, moved)
        assert ["rename", "import"] == [one["kind"] for one in client.get(f"{moved}/updates").json()["updates"]]
        assert 404 == client.get(S).status_code

    def test_to_a_taken_name(self, client: TestClient) -> None:
        """The message says that the name exists already."""
        create_stack(client, "prod")
        found = client.post(f"{S}/rename", json={"newName": "prod", "newProject": "shop"})

        assert (409, 409, "Conflict: Stack 'acme/shop/prod' already exists") == error_of(found)

    @pytest.mark.parametrize("body", [{}, [], {"newName": 5}, {"newName": "a b"}, {"newProject": ".."}])
    def test_refuses_a_bad_body(self, client: TestClient, body: Any) -> None:
        """A name that no stack may have is 400; a rename to itself finds the name taken."""
        status = 409 if body == {} else 400

        assert (status, status) == error_of(client.post(f"{S}/rename", json=body))[:2]


class TestOutputs:
    def test_have_no_member_without_a_state(self, client: TestClient) -> None:
        """A stack without state has neither outputs nor provider, and is never pending."""
        assert {} == client.get(f"{S}/outputs").json()

    def test_keep_the_states_spelling(self, client: TestClient) -> None:
        """A reference sees the root's outputs as the checkpoint has them."""
        root = b'{"urn":"u","type":"pulumi:pulumi:Stack","outputs":{"n":1E5, "b":[] }}'
        import_state(client, S, b'{"version":3,"deployment":{"manifest":{},"resources":[%s]}}' % root)

        assert b'{"outputs":{"n":1E5, "b":[] }}' == client.get(f"{S}/outputs").content


class TestResources:
    @pytest.fixture(autouse=True)
    def two(self, client: TestClient) -> None:
        """A state of two resources."""
        odd = make_resource("odd")
        odd["urn"] = urn("with/slash and blank::😸")
        import_state(client, S, dump(json.loads(make_state(make_resource("a", inputs={"n": 1}), odd))))

    def test_are_listed_with_what_readers_expect(self, client: TestClient) -> None:
        """The resources of the newest version or of another come with its number, and with members that states leave out."""
        latest, first = client.get(f"{S}/resources/latest").json(), client.get(f"{S}/resources/1").json()

        assert (1, "", {"delete": False, "dependencies": []} | make_resource("a", inputs={"n": 1})) == (
            latest["version"],
            latest["region"],
            latest["resources"][0]["resource"],
        )
        assert latest == first
        assert {"resourceCount": 2, "version": 1} == client.get(f"{S}/resources/count").json()

    @pytest.mark.parametrize("version", ["latest", "1"])
    def test_are_found_by_urn(self, client: TestClient, version: str) -> None:
        """A URN may hold slashes, blanks and anything else."""
        name = urn("with/slash and blank::😸")
        found = client.get(f"{S}/resources/{version}/{quote(name, safe='')}")

        assert name == found.json()["resource"]["resource"]["urn"]
        assert (404, 404) == error_of(client.get(f"{S}/resources/{version}/{urn('none')}"))[:2]

    @pytest.mark.parametrize(("version", "status"), [("2", 404), ("x", 400), ("9" * 25, 404)])
    def test_of_a_version_that_is_not_there(self, client: TestClient, version: str, status: int) -> None:
        """An unknown version is missing."""
        assert (status, status) == error_of(client.get(f"{S}/resources/{version}"))[:2]


class TestReferences:
    def test_have_upstreams_shape(self, client: TestClient) -> None:
        """Each referenced stack has its names and version."""
        create_stack(client, "net", project="base")
        reference = make_resource("ref", type="pulumi:pulumi:StackReference", inputs={"name": "acme/base/net"})
        import_state(client, S, make_state(reference))
        net = "/api/stacks/acme/base/net"

        assert {
            "referencedStacks": [{"organization": "acme", "routingProject": "base", "name": "net", "version": 0}]
        } == client.get(f"{S}/upstreamreferences").json()
        assert "dev" == client.get(f"{net}/downstreamreferences").json()["referencedStacks"][0]["name"]
