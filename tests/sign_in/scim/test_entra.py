"""Entra ID's provisioning, request by request: capital operations, texts for booleans, paths with filters, no bodies read."""

from typing import Any
from uuid import uuid4

from starlette.testclient import TestClient

from common.backend import Backend
from tests.sign_in.scim.directory_client import ENTERPRISE, GROUP, USER, Directory
from tests.sign_in.scim.rfc_models import ENTRA_GROUP_SCHEMA
from tests.sign_in.scim.stored_state import as_user, membership_of, named, team_of


def bob(**more: Any) -> dict[str, Any]:
    """Return what Entra ID posts for a person."""
    return {
        "schemas": [USER, ENTERPRISE],
        "externalId": "bob",
        "userName": "Bob@Example.com",
        "active": True,
        "emails": [{"primary": True, "type": "work", "value": "bob@example.com"}],
        "displayName": "Bob",
        "meta": {"resourceType": "User"},
        "name": {"formatted": "Bob Roe", "familyName": "Roe", "givenName": "Bob"},
        "roles": [],
        ENTERPRISE: {"department": "R&D"},
        **more,
    }


def test_the_connection_is_tested(directory: Directory) -> None:
    """The test of a connection looks for a user name that no one has, and reads what the server can do."""
    assert [] == directory.find("Users", f'userName eq "{uuid4()}"')
    assert directory.get("/ServiceProviderConfig")["patch"]["supported"] is True
    assert ["User", "Group"] == [one["id"] for one in directory.get("/ResourceTypes")["Resources"]]
    assert {USER, GROUP, ENTERPRISE} == {one["id"] for one in directory.get("/Schemas")["Resources"]}
    assert USER == directory.get(f"/Schemas/{USER}")["id"]


def test_a_person_comes_changes_and_goes(directory: Directory, backend: Backend) -> None:
    """Entra ID makes a person, finds them by each of its attributes, changes parts of them, disables and deletes them."""
    made = directory.make("Users", **bob())
    path = f"/Users/{made['id']}"
    conditions = ('userName eq "bob@example.com"', 'externalId eq "bob"', 'emails[type eq "work"].value eq "BOB@example.com"')
    found = [directory.find("Users", condition) for condition in conditions]
    changed = directory.patch(
        path,
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "robert@example.com"},
        {"op": "Replace", "path": "name.givenName", "value": "Robert"},
        {"op": "Add", "path": f"{ENTERPRISE}:employeeNumber", "value": "7"},
        {"op": "Replace", "path": "displayName", "value": "Robert"},
    )
    disabled = directory.patch(path, {"op": "Replace", "path": "active", "value": "False"})
    enabled = directory.patch(path, {"op": "Replace", "path": "active", "value": "True"})

    assert [[made["id"]]] * 3 == [[one["id"] for one in several] for several in found]
    assert "Bob@Example.com" == made["userName"]
    assert {"employeeNumber": "7", "department": "R&D"} == changed.json()[ENTERPRISE]
    assert ("robert@example.com", "Robert") == (changed.json()["emails"][0]["value"], changed.json()["name"]["givenName"])
    assert ("Robert", "") == named(backend, made)
    assert [(200, False), (200, True)] == [(one.status_code, one.json()["active"]) for one in (disabled, enabled)]
    user_id = as_user(backend, made)
    assert 204 == directory.call("DELETE", path).status_code
    assert [404, 404, 404] == [directory.call(method, path, json=bob()).status_code for method in ("GET", "PUT", "DELETE")]
    assert [] == directory.find("Users", 'externalId eq "bob"')
    assert "out" == membership_of(backend, user_id)


def test_groups_are_synchronized(directory: Directory, client: TestClient) -> None:
    """A group is made empty, looked at without members, filled and emptied by operations with lists, asked for one member."""
    person = directory.make("Users", **bob())
    made = directory.make(
        "Groups", schemas=[GROUP, ENTRA_GROUP_SCHEMA], externalId="g-1", displayName="Ops (EU)", meta={"resourceType": "Group"}
    )
    path = f"/Groups/{made['id']}"
    added = directory.patch(path, {"op": "Add", "path": "members", "value": [{"$ref": None, "value": person["id"]}]})
    slim = directory.get(f"{path}?excludedAttributes=members")
    [listed] = directory.find("Groups", 'displayName eq "Ops (EU)"', excludedAttributes="members")
    is_in = [directory.find("Groups", f'id eq "{made["id"]}" and members eq "{one}"') for one in (person["id"], "x")]
    full = team_of(client, "Ops-EU")
    removed = directory.patch(path, {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": person["id"]}]})
    named_anew = directory.patch(path, {"op": "Replace", "path": "displayName", "value": "Ops"})

    assert [204, 204, 204] == [one.status_code for one in (added, removed, named_anew)]
    assert ("g-1", "Ops (EU)") == (slim["externalId"], slim["displayName"])
    assert "members" not in slim
    assert slim == listed
    assert [1, 0] == [len(found) for found in is_in]
    assert ("scim", "Ops-EU", "Ops (EU)", ["bob"]) == full
    assert ("scim", "Ops-EU", "Ops", []) == team_of(client, "Ops-EU")
    assert [] == directory.get(path)["members"]


def test_attributes_are_chosen(directory: Directory) -> None:
    """A list shows what is asked for, and always which person it is."""
    directory.make("Users", **bob())
    [found] = directory.get("/Users?attributes=userName,emails.value")["Resources"]

    assert {"schemas", "id", "meta", "userName", "emails"} == set(found)


def test_a_person_is_renamed(directory: Directory, backend: Backend) -> None:
    """A new user name leads to the same user, and the old one is free."""
    made = directory.make("Users", **bob())
    changed = directory.patch(f"/Users/{made['id']}", {"op": "Replace", "path": "userName", "value": "robert@example.com"})
    other = directory.make("Users", **bob(externalId="b2"))

    assert "robert@example.com" == changed.json()["userName"]
    assert as_user(backend, made) != as_user(backend, other)
