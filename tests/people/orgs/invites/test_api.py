"""Invitations as clients make, see and accept them."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.rights.permissions import Permission
from tests.clocks import FrozenClock
from tests.factories.orgs import decoded, people_of
from tests.factories.people import make_user
from tests.factories.roles import make_role
from tests.factories.tokens import create, signed
from tests.wire import error_of

# Shapes, statuses and texts; that both databases do the same, the tests of the services show.
pytestmark = pytest.mark.dialects("sqlite")
INVITES = "/api/orgs/acme/invites"
PENDING = "/api/user/pending-invites"


def batch(client: TestClient, *emails: str | None, call: str = "batch", **members: Any) -> dict[str, Any]:
    """Invite addresses, with every member that the SDK sends."""
    asked = [{"email": email, "role": "member", "roleId": None, **members} for email in emails]
    found = client.post(f"{INVITES}/{call}", json={"invites": asked, "token": None})
    assert 200 == found.status_code, found.text
    told: dict[str, Any] = found.json()
    decoded(told, "BatchCreateOrganizationInviteResponse")
    return told


def link(client: TestClient, role: str = "member") -> dict[str, str]:
    """Create a link."""
    found = client.post(f"{INVITES}/link", json={"email": None, "role": role, "roleId": None})
    assert 200 == found.status_code, found.text
    told: dict[str, str] = found.json()
    return told


class TestBatch:
    @pytest.mark.parametrize("call", ["batch", "unverified/batch"])
    def test_tells_sent_and_failed(self, client: TestClient, backend: Backend, call: str) -> None:
        """Who is invited comes with id and link; the others come back as they were sent, with 200."""
        role_id = make_role(backend, Permission.STACK_READ)
        found = batch(client, "bob@example.com", "not an address", None, "BOB@example.com", call=call, roleId=role_id)
        sent = found["sentInvites"][0]

        assert {"sentInvites", "failedInvites"} == {*found}
        assert [f"http://127.0.0.1:8080/invites/acme/{sent['id']}"] == [one["acceptInviteUrl"] for one in found["sentInvites"]]
        assert [
            {"email": "not an address", "role": "member", "roleId": role_id},
            {"email": "", "role": "member", "roleId": role_id},
            {"email": "BOB@example.com", "role": "member", "roleId": role_id},
        ] == found["failedInvites"]

    @pytest.mark.parametrize(
        "body",
        [
            {"invites": [{"email": "a@example.com"}]},
            {"invites": [{"email": "a@example.com", "role": "reader"}]},
            {"invites": [{"email": "a@example.com", "role": "member", "roleId": "x"}]},
            {"invites": {}},
            [],
            None,
            {"invites": [{"email": f"a{number}@example.com", "role": "member"} for number in range(101)]},
        ],
    )
    def test_refuses_what_cannot_be(self, client: TestClient, body: object) -> None:
        """A bad request is 400, and no one is invited."""
        assert (400, 400) == error_of(client.post(f"{INVITES}/batch", json=body))[:2]
        assert {"invites": []} == client.get(INVITES).json()

    def test_takes_an_empty_one(self, client: TestClient) -> None:
        """An empty batch invites no one."""
        assert {"sentInvites": [], "failedInvites": []} == batch(client)
        assert 200 == client.post(f"{INVITES}/batch", json={"invites": None}).status_code


class TestLink:
    def test_refuses_an_address(self, client: TestClient) -> None:
        """A link is for anyone who has it: one that names an address would promise what it does not keep."""
        body = {"email": "a@example.com", "role": "member"}

        assert (400, 400) == error_of(client.post(f"{INVITES}/link", json=body))[:2]


class TestList:
    def test_has_upstreams_shape(self, client: TestClient, backend: Backend, clock: FrozenClock) -> None:
        """An invitation tells address, role, who sent it and when, its link, and whether it is still open."""
        make_user(backend, "bob")
        sent = batch(client, "Bob@example.com")["sentInvites"][0]
        found = client.get(INVITES).json()
        decoded(found, "ListOrganizationInvitesResponse")
        pending = client.get(PENDING).json()
        clock.pass_seconds(8 * 86_400)
        expired = client.get(INVITES).json()

        expected = {
            "id": sent["id"],
            "email": "bob@example.com",
            "role": "member",
            "sentBy": {"name": "Administrator", "githubLogin": "admin", "avatarUrl": "", "email": ""},
            "sentAt": 1_767_323_045,
            "acceptInviteUrl": sent["acceptInviteUrl"],
            "status": "pending",
        }
        assert {"invites": [expected]} == found
        assert {"invites": []} == pending
        error = "the invitation has expired; ask for a new one"
        assert {"invites": [{**expected, "status": "expired", "acceptError": error}]} == expired
        decoded(expired, "ListOrganizationInvitesResponse")

    def test_tells_a_custom_role(self, client: TestClient, backend: Backend) -> None:
        """A custom role comes by its id."""
        role_id = make_role(backend, Permission.STACK_READ)
        batch(client, "bob@example.com", roleId=role_id)

        assert [role_id] == [one["roleId"] for one in client.get(INVITES).json()["invites"]]


class TestAccept:
    def test_leads_a_guest_in(self, client: TestClient, backend: Backend) -> None:
        """The guest finds the invitation, looks at it, accepts it, and is a member from the next call on."""
        bob, eve = signed(make_user(backend, "bob")), signed(make_user(backend, "eve"))
        batch(client, "BOB@example.com", role="billing-manager")
        path = f"{INVITES}/{client.get(PENDING, headers=bob).json()['invites'][0]['id']}"
        shown = client.get(path, headers=bob)
        statuses = [client.get(path, headers=eve).status_code, client.patch(path, headers=eve).status_code]
        accepted = client.patch(path, headers=bob)

        assert {"name": "acme", "githubLogin": "acme", "avatarUrl": "", "role": "billing-manager"} == shown.json()
        assert "acme" == decoded(shown.json(), "OrganizationSummaryWithRole").github_login
        assert [404, 404] == statuses
        assert (204, b"") == (accepted.status_code, accepted.content)
        assert (409, 409) == error_of(client.patch(path, headers=bob))[:2]
        assert "acme" in [one["githubLogin"] for one in client.get("/api/user", headers=bob).json()["organizations"]]
        assert {"invites": []} == client.get(INVITES).json() == client.get(PENDING, headers=bob).json()

    def test_is_for_people(self, client: TestClient, backend: Backend) -> None:
        """A machine can neither look at an invitation nor accept it, nor has one."""
        invite_id = link(client)["id"]
        machine = signed(create(client, "/api/orgs/acme/tokens", name="ci", admin=True)["tokenValue"])
        path = f"{INVITES}/{invite_id}"

        assert [403, 403] == [client.request(method, path, headers=machine).status_code for method in ("GET", "PATCH")]
        assert {"invites": []} == client.get(PENDING, headers=machine).json()
        assert 200 == client.get(INVITES, headers=machine).status_code
        assert ["admin"] == [*people_of(backend)]

    @pytest.mark.parametrize("invite_id", ["x", "0" * 32, "0" * 5000, "%00"])
    def test_finds_nothing_by_a_guess(self, client: TestClient, invite_id: str) -> None:
        """Whatever is not there is 404 for every call."""
        path = f"{INVITES}/{invite_id}"
        calls = [("GET", path), ("DELETE", path), ("POST", f"{path}/resend")]

        assert [(404, 404)] * 3 == [error_of(client.request(method, path))[:2] for method, path in calls]


class TestCancelAndResend:
    def test_answer_without_a_body(self, client: TestClient, clock: FrozenClock) -> None:
        """Both are 204; what was sent again counts from then, and what is cancelled is gone."""
        invite_id = link(client)["id"]
        clock.pass_seconds(60)
        again = client.post(f"{INVITES}/{invite_id}/resend", json={"token": None})
        sent_at = client.get(INVITES).json()["invites"][0]["sentAt"]
        gone = client.delete(f"{INVITES}/{invite_id}")

        assert (204, b"", 204, b"") == (again.status_code, again.content, gone.status_code, gone.content)
        assert 1_767_323_045 + 60 == sent_at
        assert {"invites": []} == client.get(INVITES).json()
        assert (404, 404) == error_of(client.delete(f"{INVITES}/{invite_id}"))[:2]

    def test_are_for_those_who_invite(self, client: TestClient, backend: Backend) -> None:
        """A plain member sees and makes no invitations."""
        bob, invite_id = signed(make_user(backend, "bob", org="acme")), link(client)["id"]
        calls = [
            ("GET", INVITES),
            ("POST", f"{INVITES}/batch"),
            ("POST", f"{INVITES}/link"),
            ("DELETE", f"{INVITES}/{invite_id}"),
            ("POST", f"{INVITES}/{invite_id}/resend"),
        ]
        body = {"role": "member", "invites": []}
        replies = [client.request(method, path, json=body, headers=bob) for method, path in calls]

        assert [(403, 403)] * 5 == [error_of(reply)[:2] for reply in replies]
