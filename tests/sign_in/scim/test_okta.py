"""Okta's provisioning, request by request: it looks for a user name, posts, puts whole people, and pushes groups."""

from typing import Any

from starlette.testclient import TestClient

from common.backend import Backend
from tests.factories.orgs import people_of
from tests.factories.people import caller_of, make_user
from tests.sign_in.scim.directory_client import GROUP, USER, Directory
from tests.sign_in.scim.stored_state import as_user, login_of, members_of, team_of

ALICE: dict[str, Any] = {
    "schemas": [USER],
    "userName": "alice@example.com",
    "name": {"givenName": "Alice", "familyName": "Doe"},
    "emails": [{"primary": True, "value": "alice@example.com", "type": "work"}],
    "displayName": "Alice Doe",
    "locale": "en-US",
    "externalId": "00u1alice",
    "groups": [],
    "password": "Vxb1-never-kept",
    "active": True,
}


def test_a_person_comes_changes_and_goes(directory: Directory, backend: Backend) -> None:
    """Okta finds no one, makes the person, reads and puts them whole, deactivates them, and finds and reactivates them."""
    nobody = directory.get("/Users?filter=userName%20eq%20%22alice%40example.com%22&startIndex=1&count=100")
    made = directory.make("Users", **ALICE)
    path = f"/Users/{made['id']}"
    read = directory.get(path)
    married = directory.put(
        path, **{**ALICE, "id": made["id"], "name": {"givenName": "Alice", "familyName": "Roe"}, "displayName": "Alice Roe"}
    )
    gone = directory.deactivate(made)
    found = directory.find("Users", 'userName eq "alice@example.com"', startIndex="1", count="100")
    back = directory.put(path, **{**ALICE, "id": made["id"]})

    assert (0, [], 1, 0) == (nobody["totalResults"], nobody["Resources"], nobody["startIndex"], nobody["itemsPerPage"])
    assert made == read
    assert made["meta"]["location"].endswith(f"/scim/v2/acme{path}")
    assert {**ALICE, "id": made["id"], "meta": made["meta"]} == {**made, "groups": [], "password": ALICE["password"]}
    assert (200, False) == (gone.status_code, gone.json()["active"])
    assert "Alice Roe" == married["displayName"]
    assert [(made["id"], False)] == [(one["id"], one["active"]) for one in found]
    assert back["active"] is True
    assert [('W/"1"'), ('W/"2"'), ('W/"3"'), ('W/"4"')] == [one["meta"]["version"] for one in (made, married, gone.json(), back)]
    assert ("member", None) == people_of(backend)["alice"]


def test_it_never_tells_a_password(directory: Directory, client: TestClient) -> None:
    """What Okta sends as a password is in no reply."""
    made = directory.make("Users", **ALICE)

    assert ALICE["password"] not in directory.call("GET", f"/Users/{made['id']}").text
    assert client.get("/healthz").status_code == 200


def test_groups_are_pushed(directory: Directory, backend: Backend, client: TestClient) -> None:
    """A pushed group becomes a team; its members are added and removed by paths, its name by an object with its id."""
    alice, bob = (directory.add(f"{name}@example.com") for name in ("alice", "bob"))
    assert [] == directory.find("Groups", 'displayName eq "Platform Engineers"', startIndex="1", count="100")
    made = directory.make(
        "Groups",
        schemas=[GROUP],
        displayName="Platform Engineers",
        members=[
            {"value": alice["id"], "display": "alice@example.com"},
        ],
    )
    path = f"/Groups/{made['id']}"
    calls = [
        directory.patch(path, {"op": "add", "path": "members", "value": [{"value": bob["id"], "display": "bob@example.com"}]}),
        directory.patch(path, {"op": "remove", "path": f'members[value eq "{alice["id"]}"]'}),
        directory.patch(path, {"op": "replace", "value": {"id": made["id"], "displayName": "Platform"}}),
    ]
    read = directory.get(path)
    put = directory.put(path, schemas=[GROUP], id=made["id"], displayName="Platform", members=[{"value": alice["id"]}])

    assert [204, 204, 204] == [call.status_code for call in calls]
    assert ("Platform", [bob["id"]]) == (read["displayName"], [one["value"] for one in read["members"]])
    assert [alice["id"]] == [one["value"] for one in put["members"]]
    assert ("scim", "Platform-Engineers", "Platform", ["alice"]) == team_of(client, "Platform-Engineers")
    assert {"Platform"} == {one["displayName"] for one in directory.get("/Groups?startIndex=1&count=100")["Resources"]}
    assert 204 == directory.call("DELETE", path).status_code
    assert 404 == directory.call("GET", path).status_code
    assert members_of(backend, "Platform-Engineers") is None


def test_an_import_reads_everybody_in_pages(directory: Directory) -> None:
    """Okta's import asks for pages by their first number until it has as many as there are."""
    for number in range(5):
        directory.add(f"user{number}@example.com")
    pages = [directory.get(f"/Users?startIndex={start}&count=2") for start in (1, 3, 5)]

    assert [5, 5, 5] == [page["totalResults"] for page in pages]
    assert [(1, 2), (3, 2), (5, 1)] == [(page["startIndex"], page["itemsPerPage"]) for page in pages]
    names = [one["userName"] for page in pages for one in page["Resources"]]
    assert [f"user{number}@example.com" for number in range(5)] == names


def test_an_existing_member_is_taken_over(directory: Directory, backend: Backend) -> None:
    """A user who is a member already, by the address that the directory names, stays who they are, with their role."""
    token = make_user(backend, "carol", org="acme")
    made = directory.add("Carol@Example.com")

    assert "carol" == login_of(backend, made)
    assert caller_of(backend, token).user_id == as_user(backend, made)


def test_nobody_outside_is_reached(directory: Directory, backend: Backend) -> None:
    """The address of a user who is no member leads to a new user without an address, and never to them."""
    token = make_user(backend, "victor")
    made = directory.add("victor@example.com")

    assert "victor-2" == login_of(backend, made)
    assert ["victor"] == [one.login for one in caller_of(backend, token).memberships]
