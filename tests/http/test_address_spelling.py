"""Addresses that are not served, and other spellings of those that are."""

import json
from itertools import permutations
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.stacks.engine.builders import make_resource, make_state
from tests.wire import create_stack, error_of, export, import_state


class TestAddressThatIsNotServed:
    @pytest.mark.parametrize(
        ("method", "path", "statuses"),
        [
            ("GET", "/api/nope", {404}),
            ("DELETE", "/api/user", {404, 405}),
            ("GET", "/api/stacks/acme/shop/proj/dev", {404}),
            ("POST", "/api/stacks/acme/shop/my-project/my-stack/tags", {404}),
            ("GET", "/nothing", {404}),
            ("GET", "/favicon.ico", {404}),
            ("GET", "/api/" + "long/" * 2400, {404}),
        ],
    )
    def test_is_refused_in_the_wires_shape(self, client: TestClient, method: str, path: str, statuses: set[int]) -> None:
        """No gateway's and no framework's text: JSON with the status as `code`."""
        status, code, _ = error_of(client.request(method, path, json={"name": "x", "value": "y"}))

        assert status == code
        assert status in statuses

    @pytest.mark.parametrize("body", [b"[]", b'"x"', b'{"stackName":5}', b"{", b""])
    def test_bad_bodies_are_400(self, client: TestClient, body: bytes) -> None:
        """Never 422, never `{"detail": …}`."""
        found = client.post("/api/stacks/acme/shop", content=body)

        assert (400, 400) == error_of(found)[:2]
        assert "detail" not in found.json()

    @pytest.mark.parametrize("token", [None, "token pul-" + "f" * 40])
    def test_credentials_come_first(self, client: TestClient, token: str | None) -> None:
        """Without good credentials no one learns whether something exists."""
        client.headers.pop("Authorization")
        headers = {"Authorization": token} if token else {}
        found = [
            client.request(method, path, headers=headers)
            for method, path in (("GET", "/api/nope"), ("DELETE", "/api/user"), ("GET", "/api/stacks/acme/shop/proj/dev"))
        ]

        assert {(401, 401)} == {error_of(one)[:2] for one in found}


class TestSpellingsOfTheServersAddress:
    @pytest.mark.parametrize("path", ["//api/user", "/api/user/", "/api//user", "//api//user//"])
    def test_slashes_do_not_matter(self, client: TestClient, path: str) -> None:
        """Doubled and trailing slashes lead to the same place, without a redirect."""
        found = client.get(f"http://testserver{path}", follow_redirects=False)

        assert (200, "admin") == (found.status_code, found.json()["githubLogin"])

    def test_the_sdks_own_double_slash_is_served(self, client: TestClient) -> None:
        """The vendor's environments SDK puts two slashes before a session's id."""
        session = client.post("/api/esc/environments/acme/yaml/open", content=b'{"imports":[]}').json()["id"]
        found = client.get(f"/api/esc/environments/acme/yaml/open//{session}", follow_redirects=False)

        assert 200 == found.status_code

    def test_a_posts_body_survives(self, client: TestClient) -> None:
        """A redirected POST would become a GET, so no address under /api redirects."""
        stack = create_stack(client)
        for path in (f"{stack}//encrypt", f"{stack}/encrypt/", f"/{stack}/encrypt"):
            assert 200 == client.post(f"http://testserver{path}", json={"plaintext": ""}, follow_redirects=False).status_code

    def test_case_matters(self, client: TestClient) -> None:
        """The path's case is significant."""
        assert (404, 404) == error_of(client.get("/API/User"))[:2]


class TestNamesThatDifferByCaseOrSpace:
    NAMES = (("shop", "Dev"), ("shop", "dev"), ("Shop", "dev"))

    def test_are_different_stacks(self, client: TestClient) -> None:
        """Each has its own state and can be removed without the others noticing."""
        for project, name in self.NAMES:
            import_state(client, create_stack(client, name, project=project), make_state(make_resource(f"{project}-{name}")))
        client.delete("/api/stacks/acme/shop/Dev?force=true")

        assert 404 == client.get("/api/stacks/acme/shop/Dev").status_code
        for project, name in self.NAMES[1:]:
            assert f"{project}-{name}".encode() in export(client, f"/api/stacks/acme/{project}/{name}")
        assert 404 == client.head("/api/stacks/acme/SHOP").status_code

    def test_a_rename_may_change_the_case_alone(self, client: TestClient) -> None:
        """A name in other case is another name."""
        stack = create_stack(client)

        assert 200 == client.post(f"{stack}/rename", json={"newName": "Dev", "newProject": ""}).status_code
        assert [404, 200] == [client.get(f"/api/stacks/acme/shop/{name}").status_code for name in ("dev", "Dev")]

    @pytest.mark.parametrize("values", [*permutations(("Prod", "prod", "PROD ")), ("a", "a ", "á")])
    def test_tag_filters_are_exact(self, client: TestClient, values: tuple[str, ...]) -> None:
        """A filter matches the same bytes and nothing near them."""
        for number, value in enumerate(values):
            create_stack(client, f"s{number}", tags={"env": value})
        found: list[Any] = [
            client.get("/api/user/stacks", params={"tagName": "env", "tagValue": value}).json()["stacks"] for value in values
        ]

        assert [[f"s{number}"] for number in range(len(values))] == [[one["stackName"] for one in page] for page in found]
        assert json.dumps(values[0]) in client.get("/api/stacks/acme/shop/s0").text
