"""Revisions, revision tags and environment tags over HTTP."""

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.rights.caller import Caller
from tests.factories.environments import ENVIRONMENTS, make_environment

E = f"{ENVIRONMENTS}/app/dev"


@pytest.fixture(autouse=True)
def dev(backend: Backend, client: TestClient, admin: Caller) -> None:
    """An environment of three revisions."""
    make_environment(backend, admin, "app/dev", "values: {a: 2}\n")
    assert 200 == client.patch(E, content=b"values: {a: 3}\n").status_code


def numbers(client: TestClient, **query: int) -> list[int]:
    """Return the numbers of a page of revisions."""
    return [entry["number"] for entry in client.get(f"{E}/versions", params=query).json()]


class TestRevisions:
    def test_are_listed_newest_first(self, client: TestClient) -> None:
        """A page ends before a number; the newest one is tagged latest."""
        assert [3, 2, 1] == numbers(client)
        assert [2] == numbers(client, before=3, count=1)
        assert [] == numbers(client, before=1, count=500)
        newest = client.get(f"{E}/versions").json()[0]
        assert (["latest"], "admin") == (newest["tags"], newest["creatorLogin"])

    def test_never_change(self, client: TestClient) -> None:
        """An older revision is read by its number, with its own entity tag."""
        older = client.get(f"{E}/versions/2")

        assert (b"values: {a: 2}\n", "2") == (older.content, older.headers["pulumi-esc-revision"])
        assert older.headers["etag"] != client.get(E).headers["etag"]
        assert older.content == client.get(f"{E}/versions/2/decrypt").content
        assert 200 == client.post(f"{E}/versions/2/check").status_code

    @pytest.mark.parametrize("version", ["0", "9", "99999999999", "none", "%C3%A9", "-1"])
    def test_that_do_not_exist_are_not_found(self, client: TestClient, version: str) -> None:
        """An unknown number or tag is not found."""
        assert 404 == client.get(f"{E}/versions/{version}").status_code

    def test_can_be_retracted(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """A retracted revision cannot be read, opened or imported; its tags move to the replacement."""
        client.post(f"{E}/versions/tags", json={"name": "stable", "revision": 2})
        assert 204 == client.post(f"{E}/versions/2/retract", json={"reason": "leaked"}).status_code

        assert 404 == client.get(f"{E}/versions/2").status_code
        assert 404 == client.post(f"{E}/versions/2/open").status_code
        assert 1 == client.get(f"{E}/versions/tags/stable").json()["revision"]
        entry = client.get(f"{E}/versions").json()[1]["retracted"]
        assert (1, "leaked", "admin") == (entry["replacement"], entry["reason"], entry["byLogin"])
        make_environment(backend, admin, "app/user")
        imported = client.patch(f"{ENVIRONMENTS}/app/user", content=b"imports: [app/dev@2]\n")
        assert (400, True) == (imported.status_code, "retracted" in imported.text)

    @pytest.mark.parametrize(
        ("version", "replacement", "status"),
        [("3", None, 400), ("latest", None, 400), ("2", 2, 400), ("2", 9, 400), ("2", 1 << 63, 400), ("9", None, 404)],
    )
    def test_keep_one_that_can_be_used(self, client: TestClient, version: str, replacement: int | None, status: int) -> None:
        """The latest revision stays, and a replacement must be usable."""
        assert status == client.post(f"{E}/versions/{version}/retract", json={"replacement": replacement}).status_code


class TestRevisionTags:
    def test_are_created_moved_and_deleted(self, client: TestClient) -> None:
        """A tag names the latest revision unless a number is given."""
        assert 204 == client.post(f"{E}/versions/tags", json={"name": "stable"}).status_code
        assert 409 == client.post(f"{E}/versions/tags", json={"name": "stable"}).status_code
        assert 3 == client.get(f"{E}/versions/tags/stable").json()["revision"]
        assert 204 == client.patch(f"{E}/versions/tags/stable", json={"revision": 2}).status_code
        assert b"values: {a: 2}\n" == client.get(f"{E}/versions/stable").content
        assert ["stable"] == [tag["name"] for tag in client.get(f"{E}/versions/2/tags").json()["tags"]]
        assert 204 == client.delete(f"{E}/versions/tags/stable").status_code
        assert 404 == client.delete(f"{E}/versions/tags/stable").status_code
        assert 404 == client.patch(f"{E}/versions/tags/stable", json={}).status_code

    def test_page_by_name(self, client: TestClient) -> None:
        """Latest is among them, and pages end with an empty one."""
        for name in ("a", "z"):
            client.post(f"{E}/versions/tags", json={"name": name})
        first = client.get(f"{E}/versions/tags", params={"count": 2}).json()
        second = client.get(f"{E}/versions/tags", params={"count": 2, "after": first["nextToken"]}).json()

        assert ["a", "latest", "z"] == [tag["name"] for page in (first, second) for tag in page["tags"]]
        assert [] == client.get(f"{E}/versions/tags", params={"after": "z"}).json()["tags"]

    @pytest.mark.parametrize("name", ["latest", "1st", "tags", "", "a b"])
    def test_have_names_that_no_number_has(self, client: TestClient, name: str) -> None:
        """Latest cannot be made by hand, and a name begins with a letter."""
        assert 400 == client.post(f"{E}/versions/tags", json={"name": name}).status_code

    def test_do_not_name_missing_revisions(self, client: TestClient) -> None:
        """A tag leads to a revision that exists, and no number is too large to be answered."""
        client.post(f"{E}/versions/tags", json={"name": "stable"})
        for number in (9, -1, 1 << 31, 1 << 63):
            assert 404 == client.post(f"{E}/versions/tags", json={"name": "x", "revision": number}).status_code
            assert 404 == client.patch(f"{E}/versions/tags/stable", json={"revision": number}).status_code
        assert 400 == client.patch(f"{E}/versions/tags/latest", json={"revision": 1}).status_code


class TestTags:
    def test_are_created_changed_and_deleted(self, client: TestClient) -> None:
        """An empty new name or value keeps the old one; a value that changed meanwhile is a conflict."""
        made = client.post(f"{E}/tags", json={"name": "team", "value": "web"})
        assert (200, "web") == (made.status_code, made.json()["value"])
        assert 409 == client.post(f"{E}/tags", json={"name": "team", "value": "x"}).status_code
        stale = {"currentTag": {"value": "old"}, "newTag": {"value": "api"}}
        assert 409 == client.patch(f"{E}/tags/team", json=stale).status_code
        changed = client.patch(f"{E}/tags/team", json={"currentTag": {"value": "web"}, "newTag": {"name": "squad"}}).json()
        assert ("squad", "web") == (changed["name"], changed["value"])
        assert 404 == client.get(f"{E}/tags/team").status_code
        assert 204 == client.delete(f"{E}/tags/squad").status_code
        assert 404 == client.delete(f"{E}/tags/squad").status_code

    def test_end_with_the_token_that_the_command_line_waits_for(self, client: TestClient) -> None:
        """The last page's token is `0`."""
        for name in ("a", "b", "c"):
            client.post(f"{E}/tags", json={"name": name, "value": "x"})
        first = client.get(f"{E}/tags", params={"count": 2}).json()
        second = client.get(f"{E}/tags", params={"count": 2, "after": first["nextToken"]}).json()

        assert (["a", "b"], "b") == (sorted(first["tags"]), first["nextToken"])
        assert (["c"], "0") == (sorted(second["tags"]), second["nextToken"])

    @pytest.mark.parametrize(("name", "value"), [("", "x"), ("a b", "x"), ("a", "x" * 257)])
    def test_have_limits(self, client: TestClient, name: str, value: str) -> None:
        """Names and values are short and plain."""
        assert 400 == client.post(f"{E}/tags", json={"name": name, "value": value}).status_code
