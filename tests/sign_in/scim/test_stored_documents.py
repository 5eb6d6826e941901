"""Users whose stored document has attributes of a wrong type, which earlier releases accepted."""

import json
from typing import Any

import pytest
from sqlalchemy import update

from common.backend import Backend
from common.db.tables.sign_in import scim_users
from tests.sign_in.scim.directory_client import Directory, error_of
from tests.sign_in.scim.stored_state import as_user, membership_of

WRONG: list[dict[str, Any]] = [
    {"emails": ["alice@example.com", 3]},
    {"emails": [{"value": 3}, {"value": "alice@example.com", "type": 4}]},
    {"emails": 3},
    {"displayName": 3, "title": ["Boss"]},
    {"name": "Alice"},
    {"name": {"givenName": 3, "familyName": "Doe"}},
]


@pytest.fixture(params=WRONG, ids=json.dumps)
def user(request: pytest.FixtureRequest, directory: Directory, backend: Backend) -> Any:
    """A user of the directory with such a document."""
    user = directory.add("alice")
    document = json.dumps({"userName": "alice", "nickName": "Al", **request.param})
    with backend.db.begin() as tx:
        tx.execute(update(scim_users).values(document=document).where(scim_users.c.id == user["id"]))
    return user


@pytest.mark.dialects("sqlite")
class TestStoredDocument:
    def test_can_be_read(self, directory: Directory, user: Any) -> None:
        """The user is returned by id, and in the list."""
        reply = directory.request("GET", f"/Users/{user['id']}")
        page = directory.request("GET", "/Users")

        assert (200, "alice") == (reply.status_code, reply.json()["userName"])
        assert (200, ["alice"]) == (page.status_code, [one["userName"] for one in page.json()["Resources"]])

    def test_can_be_deactivated(self, directory: Directory, backend: Backend, user: Any) -> None:
        """A PATCH that deactivates the user suspends the member, and keeps the valid attributes."""
        reply = directory.deactivate(user)

        assert (200, False, "Al") == (reply.status_code, reply.json()["active"], reply.json()["nickName"])
        assert "suspended" == membership_of(backend, as_user(backend, user))

    def test_can_be_deleted(self, directory: Directory, backend: Backend, user: Any) -> None:
        """A DELETE ends the membership."""
        user_id = as_user(backend, user)

        assert 204 == directory.call("DELETE", f"/Users/{user['id']}").status_code
        assert "out" == membership_of(backend, user_id)

    def test_can_be_replaced(self, directory: Directory, user: Any) -> None:
        """A PUT with a valid document is accepted."""
        assert "Alice" == directory.put(f"/Users/{user['id']}", userName="alice", displayName="Alice")["displayName"]

    def test_does_not_excuse_the_request(self, directory: Directory, user: Any) -> None:
        """A PATCH that brings a value of a wrong type is refused."""
        reply = directory.patch(f"/Users/{user['id']}", {"op": "replace", "path": "title", "value": 3})

        assert (400, "invalidValue") == error_of(reply)
