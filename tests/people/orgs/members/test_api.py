"""Members as clients see and change them."""

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.people.orgs.members import service as members
from common.rights import built_in
from common.rights.permissions import Permission
from tests.clocks import FrozenClock
from tests.factories.orgs import admins_of, decoded, make_members, people_of, suspend
from tests.factories.people import make_user
from tests.factories.roles import make_role
from tests.factories.teams import make_team
from tests.factories.tokens import signed
from tests.wire import error_of

# Shapes, statuses and texts; that both databases do the same, the tests of the services show.
pytestmark = pytest.mark.dialects("sqlite")
MEMBERS = "/api/orgs/acme/members"


def logins(client: TestClient, **query: str) -> list[str]:
    """Return the logins on one page."""
    found = client.get(MEMBERS, params=query)
    assert 200 == found.status_code, found.text
    return [member["user"]["githubLogin"] for member in found.json()["members"]]


class TestProvider:
    def test_manages_a_member(self, client: TestClient, backend: Backend) -> None:
        """The provider adds someone, finds them in both lists, gives them a role by its id, and removes them."""
        make_user(backend, "bob")
        role_id = make_role(backend, Permission.STACK_READ)
        added = client.post(f"{MEMBERS}/bob", json={"role": "member"})
        lists = [client.get(MEMBERS, params={"type": kind}).json() for kind in ("frontend", "backend")]
        changed = client.patch(f"{MEMBERS}/bob", json={"role": None, "fgaRoleId": role_id})
        found = next(one for one in client.get(MEMBERS).json()["members"] if one["user"]["githubLogin"] == "bob")
        removed = client.delete(f"{MEMBERS}/bob")
        again = client.delete(f"{MEMBERS}/bob")

        assert (200, 204, b"", 204, b"") == (
            added.status_code,
            changed.status_code,
            changed.content,
            removed.status_code,
            removed.content,
        )
        assert lists[0] == lists[1]
        assert added.json() == lists[0]["members"][1]
        assert ("member", role_id, "auditor") == (found["role"], found["fgaRole"]["id"], found["fgaRole"]["name"])
        assert (404, 404) == error_of(again)[:2]
        assert ["admin"] == logins(client)

    def test_finds_built_in_roles_by_id(self, client: TestClient, backend: Backend) -> None:
        """A built-in role is given by its constant id just so."""
        make_user(backend, "bob", org="acme")
        status = client.patch(f"{MEMBERS}/bob", json={"role": None, "fgaRoleId": built_in.BILLING_MANAGER.id}).status_code

        assert 204 == status
        assert ("billing-manager", None) == people_of(backend)["bob"]


class TestList:
    def test_has_upstreams_shape(self, client: TestClient, backend: Backend) -> None:
        """A member comes with person, role, the role that decides, and when they joined, as the SDK reads it."""
        make_user(backend, "bob", org="acme")
        found = client.get(MEMBERS).json()
        bob = decoded(found, "ListOrganizationMembersResponse").members[1]

        assert {
            "role": "member",
            "user": {"name": "Bob", "githubLogin": "bob", "avatarUrl": "", "email": "bob@example.com"},
            "created": "2026-01-02T03:04:05Z",
            "fgaRole": {"id": built_in.MEMBER.id, "name": "Member", "modifiedAt": "2024-01-01T00:00:00Z"},
            "suspended": False,
            "knownToPulumi": True,
            "virtualAdmin": False,
        } == found["members"][1]
        assert "continuationToken" not in found
        assert (built_in.MEMBER.id, 2026) == (bob.fga_role.id, bob.created.year)

    def test_tells_whole_seconds(self, client: TestClient, backend: Backend, clock: FrozenClock) -> None:
        """People read the moment as it comes, so it has no microseconds."""
        make_user(backend, "bob")
        clock.pass_seconds(0.25)

        assert "2026-01-02T03:04:05Z" == client.post(f"{MEMBERS}/bob", json={"role": "member"}).json()["created"]

    def test_goes_on_at_its_token(self, client: TestClient, backend: Backend) -> None:
        """A token leads to the next page, for the same kind of list; the last page has none."""
        everyone = ["admin", *make_members(backend, members.PAGE_SIZE)]
        token = client.get(MEMBERS).json()["continuationToken"]

        assert everyone[:-1] == logins(client)
        assert everyone[-1:] == logins(client, continuationToken=token)
        assert "continuationToken" not in client.get(MEMBERS, params={"continuationToken": token}).json()
        assert everyone[:-1] == logins(client, continuationToken="")

    def test_shows_the_suspended_when_asked(self, client: TestClient, backend: Backend) -> None:
        """A suspended member is in the list for those who ask, and marked."""
        make_user(backend, "bob", org="acme")
        suspend(backend, "bob")

        assert (["admin"], ["admin", "bob"]) == (logins(client), logins(client, includeSuspended="true"))
        assert client.get(MEMBERS, params={"includeSuspended": "true"}).json()["members"][1]["suspended"]

    @pytest.mark.parametrize("query", [{"type": "all"}, {"includeSuspended": "x"}, {"continuationToken": "x"}])
    def test_refuses_bad_queries(self, client: TestClient, query: dict[str, str]) -> None:
        """Anything off is 400."""
        assert (400, 400) == error_of(client.get(MEMBERS, params=query))[:2]


class TestAdd:
    @pytest.mark.parametrize("body", [{}, {"role": None}, {"role": "none"}, {"role": 1}, [], "x", None])
    def test_refuses_what_is_no_role(self, client: TestClient, backend: Backend, body: object) -> None:
        """A bad request is 400, and no one joins."""
        make_user(backend, "bob")

        assert (400, 400) == error_of(client.post(f"{MEMBERS}/bob", json=body))[:2]
        assert ["admin"] == logins(client)

    def test_tells_who_cannot_be_added(self, client: TestClient, backend: Backend) -> None:
        """An unknown user is 404, a machine too; a member is 409."""
        client.post("/api/orgs/acme/tokens", json={"name": "ci", "description": "", "expires": 0, "admin": False})
        make_user(backend, "bob", org="acme")
        statuses = [
            client.post(f"{MEMBERS}/{login}", json={"role": "member"}).status_code for login in ("eve", "acme%2Fci", "bob")
        ]

        assert [404, 404, 409] == statuses


class TestChange:
    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"role": None, "fgaRoleId": None},
            {"role": "member", "fgaRoleId": built_in.ADMIN.id},
            {"role": "owner"},
            {"fgaRoleId": "x"},
            {"fgaRoleId": built_in.STACK_READ.id},
            {"role": 1},
            [],
            None,
        ],
    )
    def test_refuses_what_is_no_role(self, client: TestClient, backend: Backend, body: object) -> None:
        """Anything off is 400, and the member stays what they are."""
        make_user(backend, "bob", org="acme")

        assert (400, 400) == error_of(client.patch(f"{MEMBERS}/bob", json=body))[:2]
        assert ("member", None) == people_of(backend)["bob"]

    def test_tells_what_cannot_be(self, client: TestClient, backend: Backend) -> None:
        """A stranger is 404; the last admin, oneself and the personal organization are 400; lacking rights 403."""
        bob = signed(make_user(backend, "bob", org="acme"))
        own = "/api/orgs/admin/members/admin"
        calls = [
            ("PATCH", f"{MEMBERS}/eve", {"role": "member"}, {}),
            ("PATCH", f"{MEMBERS}/admin", {"role": "member"}, {}),
            ("DELETE", f"{MEMBERS}/admin", None, {}),
            ("PATCH", own, {"role": "member"}, {}),
            ("DELETE", own, None, {}),
            ("POST", f"{own}/set-admin", None, {}),
            ("PATCH", f"{MEMBERS}/bob", {"role": "admin"}, bob),
            ("DELETE", f"{MEMBERS}/admin", None, bob),
            ("POST", f"{MEMBERS}/bob/set-admin", None, bob),
            ("POST", f"{MEMBERS}/eve/set-admin", None, {}),
        ]
        refusals = [error_of(client.request(method, path, json=body, headers=who)) for method, path, body, who in calls]

        assert [404, 400, 400, 400, 400, 400, 403, 403, 403, 404] == [status for status, _, _ in refusals]
        assert all(status == code for status, code, _ in refusals)

    def test_makes_one_the_only_admin(self, client: TestClient, backend: Backend) -> None:
        """After that the former admin may change no one."""
        make_user(backend, "bob", org="acme")
        done = client.post(f"{MEMBERS}/bob/set-admin")

        assert (204, b"") == (done.status_code, done.content)
        assert ["bob"] == admins_of(backend)
        assert 403 == client.patch(f"{MEMBERS}/bob", json={"role": "member"}).status_code

    def test_holds_from_the_next_call_on(self, client: TestClient, backend: Backend) -> None:
        """A new role and a removal are in force at once, for tokens that are there already."""
        bob = signed(make_user(backend, "bob", org="acme"))
        path = "/api/orgs/acme/metadata"
        client.patch(f"{MEMBERS}/bob", json={"role": "admin"})
        promoted = client.get(path, headers=bob).json()["userRole"]
        client.delete(f"{MEMBERS}/bob")

        assert "admin" == promoted
        assert 404 == client.get(path, headers=bob).status_code


class TestTeams:
    def test_lists_names(self, client: TestClient, backend: Backend) -> None:
        """A member's teams by name; a stranger's are not told."""
        make_user(backend, "bob", org="acme")
        make_team(backend, members=["bob"])

        found = client.get(f"{MEMBERS}/bob/teams")
        assert {"teams": ["ops"]} == found.json()
        assert ["ops"] == decoded(found.json(), "GetOrganizationMemberTeamsResponse").teams
        assert (404, 404) == error_of(client.get(f"{MEMBERS}/eve/teams"))[:2]
