"""Every refusal inside /scim has the protocol's own form, and strangers learn nothing."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.core.errors import Unavailable
from tests.factories.people import ADMIN_TOKEN
from tests.interleaving import failing, interleaved
from tests.sign_in.scim.directory_client import Directory, error_of

# Forms and words; what the databases do differently, the other tests of this folder show.
pytestmark = pytest.mark.dialects("sqlite")
MISSING = "00000000-0000-7000-8000-000000000000"


@pytest.mark.usefixtures("directory")
class TestStranger:
    @pytest.mark.parametrize(
        "authorization",
        [
            "",
            "Bearer",
            "Bearer puls-" + "0" * 40,
            f"token {ADMIN_TOKEN}",
            f"Bearer {ADMIN_TOKEN}",
            "Basic YTpi",
            "Bearer puls-é",
        ],
    )
    @pytest.mark.parametrize("path", ["/scim/v2/acme/Users", "/scim/v2/nobody/Users", "/scim/v2/acme/nope", "/scim/v2", "/scim"])
    def test_is_told_the_same_everywhere(self, client: TestClient, authorization: str, path: str) -> None:
        """A wrong token, an unknown organization and an address that is not served are answered alike."""
        client.headers.pop("Authorization")
        headers = [(b"Authorization", authorization.encode("latin-1"))] if authorization else []
        reply = client.get(path, headers=headers)

        assert (401, None) == error_of(reply)
        assert "Bearer" == reply.headers["www-authenticate"]
        assert "acme" not in reply.text

    def test_sends_nothing_that_is_read(self, client: TestClient) -> None:
        """Anyone who has no token is refused before the body is looked at."""
        reply = client.post("/scim/v2/acme/Users", content=b"{", headers={"Authorization": "Bearer x"})

        assert 401 == reply.status_code


class TestRefusals:
    @pytest.mark.parametrize(
        ("method", "path", "expected"),
        [
            ("GET", f"/Users/{MISSING}", (404, None)),
            ("GET", "/Users/x", (404, None)),
            ("PATCH", f"/Groups/{MISSING}", (404, None)),
            ("DELETE", f"/Groups/{MISSING}", (404, None)),
            ("GET", "/Schemas/urn:nope", (404, None)),
            ("GET", "/ResourceTypes/Nope", (404, None)),
            ("GET", "/Nope", (404, None)),
            ("POST", "/Bulk", (404, None)),
            ("GET", "/Users/x/y", (404, None)),
            ("POST", f"/Users/{MISSING}", (405, None)),
            ("DELETE", "/Users", (405, None)),
            ("GET", "/Users?filter=nope%20eq%20%22x%22", (400, "invalidFilter")),
            ("GET", "/Users?filter=", (400, "invalidFilter")),
            ("GET", "/Users?filter=active%20eq%20%22true%22", (400, "invalidFilter")),
            ("GET", "/Groups?filter=members%20sw%20%22x%22", (400, "invalidFilter")),
            ("GET", "/Users?startIndex=x", (400, "invalidValue")),
            ("GET", f"/Users?count={'9' * 40}", (400, "invalidValue")),
        ],
    )
    def test_of_addresses(self, directory: Directory, method: str, path: str, expected: tuple[int, str | None]) -> None:
        """What is not there, not served or not of the form has its status and word."""
        body = {"Operations": [{"op": "add", "value": {}}]}

        assert expected == error_of(directory.call(method, path, **({} if method == "GET" else {"json": body})))

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            (b"", "invalidSyntax"),
            (b"{", "invalidSyntax"),
            (b"[]", "invalidSyntax"),
            (b"null", "invalidSyntax"),
            (b"\xff", "invalidSyntax"),
            (b'{"userName": "\\ud800"}', "invalidSyntax"),
            (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "invalidSyntax"),
            (b"{}", "invalidValue"),
            (b'{"userName": 3}', "invalidValue"),
            (b'{"userName": ""}', "invalidValue"),
            (b'{"userName": "a\\u0000b"}', "invalidValue"),
            (b'{"userName": "%s"}' % (b"x" * 256), "invalidValue"),
            (b'{"userName": "a", "externalId": ["x"]}', "invalidValue"),
            (b'{"userName": "a", "active": "maybe"}', "invalidValue"),
        ],
    )
    def test_of_bodies(self, directory: Directory, content: bytes, expected: str) -> None:
        """A body that is no person is refused with the word for why, and no one is made."""
        assert (400, expected) == error_of(directory.call("POST", "/Users", content=content))
        assert 0 == directory.get("/Users?count=0")["totalResults"]

    @pytest.mark.parametrize(
        "document",
        [
            {"userName": "a", "note": "x" * 70_000},
            {"userName": "a", "note": "x" * (4 << 20)},
        ],
    )
    def test_of_too_much(self, directory: Directory, document: dict[str, Any]) -> None:
        """A person with too many attributes, and a body that is too long, are refused."""
        assert (413, None) == error_of(directory.call("POST", "/Users", content=json.dumps(document)))

    def test_of_a_database_that_does_not_answer(self, directory: Directory, backend: Backend) -> None:
        """A failure behind the server has the same form, so that the directory tries again."""
        with interleaved(backend, "SELECT", failing(Unavailable("the database does not answer"))):
            reply = directory.call("GET", "/Users")

        assert (503, None) == error_of(reply)

    def test_of_the_unexpected(self, directory: Directory, backend: Backend) -> None:
        """What no one expected is a 500 of the same form without detail."""
        with interleaved(backend, "SELECT", failing(ZeroDivisionError("secret detail"))):
            reply = directory.call("GET", "/Users")

        assert (500, None) == error_of(reply)
        assert "secret" not in reply.text


class TestPages:
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("", (3, 1, 3)),
            ("startIndex=0&count=2", (3, 1, 2)),
            ("startIndex=-5&count=-1", (3, 1, 0)),
            ("startIndex=3", (3, 3, 1)),
            ("startIndex=9", (3, 9, 0)),
            ("count=0", (3, 1, 0)),
            ("count=100000", (3, 1, 3)),
        ],
    )
    def test_follow_the_rfc(self, directory: Directory, query: str, expected: tuple[int, int, int]) -> None:
        """Numbers out of range are brought into it, and a page always says how many there are in all."""
        for name in ("a", "b", "c"):
            directory.add(name)
        page = directory.get(f"/Users?{query}")

        assert expected == (page["totalResults"], page["startIndex"], page["itemsPerPage"])
        assert page["itemsPerPage"] == len(page["Resources"])

    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            ('userName co "LIC"', ["alice"]),
            ('userName sw "b"', ["bob"]),
            ('externalId eq "X1"', ["alice"]),
            ('externalId eq "x1"', []),
            ('externalId co "x"', []),
            ("externalId pr", ["alice"]),
            ("active eq false", ["bob"]),
            ("active eq true", ["alice"]),
            ('emails eq "alice"', []),
            ('userName co "%"', []),
            ('userName eq ""', []),
            ('userName sw "a" and active eq true', ["alice"]),
            ('userName co ""', ["alice", "bob"]),
            ("active pr", ["alice", "bob"]),
        ],
    )
    def test_are_filtered(self, directory: Directory, condition: str, expected: list[str]) -> None:
        """User names are compared without case, the ids of the directory with it."""
        directory.add("Alice", externalId="X1")
        directory.add("bob", active=False)

        assert expected == [one["userName"].lower() for one in directory.find("Users", condition)]
