"""What ends with a user's place in the directory: their tokens, their browsers, their way back in; and what does not."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from common.access import tokens as access
from common.access.authentication import TokenOwner
from common.backend import Backend
from common.core.errors import BadRequest, Unauthorized
from common.people.orgs import steps as orgs
from common.people.orgs.members import service as members
from common.people.orgs.repository import members as member_rows
from common.rights.permissions import Role
from common.sign_in.sessions import service as sessions
from common.sign_in.sessions import steps as session_steps
from tests.factories.people import ADMIN_TOKEN, caller_of, make_admin, make_org, make_user
from tests.factories.saml import make_site_admin
from tests.sign_in.saml.browser import Browser
from tests.sign_in.scim.directory_client import Directory, error_of
from tests.sign_in.scim.stored_state import as_user, login_of, membership_of, token_for

ALICE = "alice@example.com"
End = Callable[[Directory, Any], int]


def acme_of(backend: Backend) -> str:
    """Return the id of acme."""
    return next(one.org_id for one in caller_of(backend, ADMIN_TOKEN).memberships if one.login == "acme")


def by_patch(directory: Directory, person: Any) -> int:
    """Deactivates a user as Okta does."""
    return directory.deactivate(person).status_code


def by_text(directory: Directory, person: Any) -> int:
    """Deactivates a user as Entra ID does."""
    return directory.patch(f"/Users/{person['id']}", {"op": "Replace", "path": "active", "value": "False"}).status_code


def by_put(directory: Directory, person: Any) -> int:
    """Deactivates a user with the whole person."""
    return directory.call("PUT", f"/Users/{person['id']}", json={"userName": person["userName"], "active": False}).status_code


def by_delete(directory: Directory, person: Any) -> int:
    """Delete a user."""
    return directory.call("DELETE", f"/Users/{person['id']}").status_code


WAYS = pytest.mark.parametrize("end", [by_patch, by_text, by_put, by_delete])


def session_of(backend: Backend, user_id: str, provider: str = "password") -> str:
    """Begins a browser's session."""
    with backend.db.begin() as tx:
        secret = session_steps.start(tx, backend, user_id, provider=provider)
    return sessions.cookie(backend, secret)


def is_open(backend: Backend, cookie: str) -> bool:
    """Whether a session is good."""
    try:
        sessions.authenticate(backend, cookie)
    except Unauthorized:
        return False
    return True


def status_of(client: TestClient, token: str, path: str = "/api/user") -> int:
    """Return what a call with a token is answered."""
    return client.get(path, headers={"Authorization": f"token {token}"}).status_code


@WAYS
class TestAtOnce:
    def test_a_personal_token_is_good_no_longer(
        self, directory: Directory, backend: Backend, client: TestClient, end: End
    ) -> None:
        """The very next request with a token that worked is refused."""
        person = directory.add(ALICE)
        token = token_for(backend, person)
        before = status_of(client, token)
        done = end(directory, person)

        assert (200, 401) == (before, status_of(client, token))
        assert done in (200, 204)

    def test_a_browser_is_signed_out(self, directory: Directory, backend: Backend, end: End) -> None:
        """The very next request with a session that worked is refused."""
        person = directory.add(ALICE)
        cookie = session_of(backend, as_user(backend, person))
        before = is_open(backend, cookie)
        end(directory, person)

        assert (True, False) == (before, is_open(backend, cookie))

    def test_nobody_comes_back_through_saml(self, directory: Directory, browser: Browser, end: End) -> None:
        """Anyone who signed in through the organization's provider can do so no longer, whatever the provider says."""
        person = directory.add(ALICE)
        first = browser.sign_in(subject=ALICE)
        end(directory, person)
        again = browser.sign_in(subject=ALICE)

        assert 303 == first.status_code
        assert 403 == again.status_code
        assert "acme" in again.text

    def test_nobody_comes_first_through_saml(self, directory: Directory, browser: Browser, end: End) -> None:
        """Neither can a user who had never signed in before the directory said that they have left."""
        end(directory, directory.add("Alice@Example.com"))

        assert 403 == browser.sign_in(subject=ALICE).status_code


class TestSaml:
    def test_leads_to_the_directorys_person(self, directory: Directory, backend: Backend, browser: Browser) -> None:
        """Who signs in through the organization's provider by a user name of the directory is that user."""
        person = directory.add("Alice@Example.com")

        assert 303 == browser.sign_in(subject=ALICE).status_code
        user = browser.client.get("/settings").text
        assert login_of(backend, person) in user

    def test_finds_who_signed_in_before(self, directory: Directory, backend: Backend, browser: Browser) -> None:
        """A user who came through the provider before the directory told of them is the same user then."""
        browser.sign_in(subject=ALICE)
        person = directory.add(ALICE)

        assert "alice" == login_of(backend, person)

    def test_follows_a_new_name(
        self,
        directory: Directory,
        backend: Backend,
        browser: Browser,
        new_browser: Callable[[], Browser],
    ) -> None:
        """After a rename the new name leads to the user, and the old one to another user."""
        person = directory.add(ALICE)
        browser.sign_in(subject=ALICE)
        directory.patch(f"/Users/{person['id']}", {"op": "replace", "value": {"userName": "ally@example.com"}})
        other = new_browser()
        other.sign_in(subject=ALICE)
        same = new_browser()
        same.sign_in(subject="ally@example.com")

        assert "alice" == login_of(backend, person)
        assert "alice-2" in other.client.get("/settings").text
        assert "alice-2" not in same.client.get("/settings").text

    def test_a_name_in_use_is_taken(self, directory: Directory, browser: Browser) -> None:
        """No one gets a user name by which another user of the directory signs in."""
        browser.sign_in(subject=ALICE)
        person = directory.add(ALICE)
        directory.patch(f"/Users/{person['id']}", {"op": "replace", "value": {"userName": "ally@example.com"}})
        bob = directory.add("bob@example.com")
        taken = directory.patch(f"/Users/{bob['id']}", {"op": "replace", "value": {"userName": "Ally@example.com"}})

        assert (409, "uniqueness") == error_of(taken)


class TestReturn:
    def test_brings_the_membership_back(self, directory: Directory, backend: Backend, client: TestClient) -> None:
        """Anyone who is activated again is the same user, in the same teams; their old tokens stay revoked."""
        person = directory.add(ALICE)
        directory.make("Groups", displayName="Ops", members=[{"value": person["id"]}])
        old = token_for(backend, person)
        directory.deactivate(person)
        back = directory.patch(f"/Users/{person['id']}", {"op": "replace", "value": {"active": True}})

        assert back.json()["active"] is True
        assert 401 == status_of(client, old)
        assert ["Ops"] == client.get("/api/orgs/acme/members/alice/teams").json()["teams"]
        assert 200 == status_of(client, token_for(backend, person), "/api/orgs/acme")

    def test_of_a_deleted_one_is_a_new_beginning(self, directory: Directory, backend: Backend) -> None:
        """Anyone who was deleted and is made again is the same user, in no team, and a member like any newcomer."""
        person = directory.add(ALICE)
        directory.make("Groups", displayName="Ops", members=[{"value": person["id"]}])
        user_id = as_user(backend, person)
        by_delete(directory, person)
        again = directory.add(ALICE)

        assert person["id"] != again["id"]
        assert user_id == as_user(backend, again)
        assert "in" == membership_of(backend, user_id)
        assert [] == directory.find("Groups", f'displayName eq "Ops" and members eq "{again["id"]}"')

    def test_of_somebody_whom_an_admin_removed(self, directory: Directory, backend: Backend, client: TestClient) -> None:
        """The directory is told that a removed member is not active, and may bring them back."""
        person = directory.add(ALICE)
        removed = client.delete("/api/orgs/acme/members/alice").status_code
        seen = directory.get(f"/Users/{person['id']}")["active"]
        back = directory.patch(f"/Users/{person['id']}", {"op": "replace", "value": {"active": True}}).json()["active"]

        assert (204, False, True) == (removed, seen, back)
        assert [person["id"]] == [one["id"] for one in directory.find("Users", "active eq true")]

    def test_says_nothing_of_active(self, directory: Directory) -> None:
        """A change that does not speak of `active` leaves a user deactivated."""
        person = directory.add(ALICE)
        directory.deactivate(person)

        assert directory.put(f"/Users/{person['id']}", userName=ALICE)["active"] is False


class TestOthers:
    def test_keep_what_they_have_elsewhere(self, directory: Directory, backend: Backend, client: TestClient) -> None:
        """A user who belongs to another organization too loses their place in this one, and keeps their tokens."""
        token = make_user(backend, "carol", org="acme")
        make_org(backend, "globex", caller_of(backend, token))
        person = directory.add("carol@example.com")
        by_patch(directory, person)

        assert (404, 200, 200) == tuple(
            status_of(client, token, path) for path in ("/api/orgs/acme", "/api/orgs/globex", "/api/user")
        )

    def test_are_not_signed_in_by_a_directory_that_takes_them_back(
        self,
        directory: Directory,
        backend: Backend,
        browser: Browser,
    ) -> None:
        """Deleting and making such a person again does not let the organization's provider in to what they have elsewhere."""
        token = make_user(backend, "carol", org="acme")
        make_org(backend, "globex", caller_of(backend, token))
        by_delete(directory, directory.add("carol@example.com"))
        again = directory.add("carol@example.com")
        with backend.db.begin() as tx:
            orgs.add_member(
                tx, org_id=acme_of(backend), user_id=caller_of(backend, token).user_id, role=Role.MEMBER, now=backend.clock.now()
            )
        browser.sign_in(subject="carol@example.com")

        assert "carol" != login_of(backend, again)
        assert {"acme", "carol", "globex"} == {one.login for one in caller_of(backend, token).memberships}
        assert "globex" not in browser.client.get("/settings").text

    def test_lose_what_they_have_by_way_of_the_organization(self, directory: Directory, backend: Backend) -> None:
        """Of such a person, sessions through this organization's provider end, and tokens for its identity tokens."""
        token = make_user(backend, "carol", org="acme")
        make_org(backend, "globex", caller_of(backend, token))
        person = directory.add("carol@example.com")
        user_id, org_id = as_user(backend, person), caller_of(backend, ADMIN_TOKEN).memberships[0].org_id
        through, own = session_of(backend, user_id, f"saml:{org_id}"), session_of(backend, user_id)
        with backend.db.begin() as tx:
            owner = TokenOwner(user_id, org_id, issuer_id="i" * 8, is_personal=True)
            given = access.issue_token(tx, owner, name="job", description="", created_by=user_id, now=backend.clock.now())
        by_patch(directory, person)

        assert (False, True) == (is_open(backend, through), is_open(backend, own))
        with pytest.raises(Unauthorized):
            caller_of(backend, given.text)

    def test_installations_administrator_keeps_their_tokens(self, directory: Directory, backend: Backend) -> None:
        """An organization's directory does not decide about anyone who runs the installation."""
        make_user(backend, "dave", org="acme", role=Role.ADMIN)
        make_site_admin(backend, "dave")
        person = directory.add("dave@example.com")
        token = token_for(backend, person)
        by_patch(directory, person)

        assert ["dave"] == [one.login for one in caller_of(backend, token).memberships]


@WAYS
class TestLastAdmin:
    def test_stays(self, directory: Directory, backend: Backend, end: End, client: TestClient) -> None:
        """The last admin cannot be deactivated or deleted; nothing changes, and the answer says what to do."""
        admin = make_admin(backend)
        make_user(backend, "erin", org="acme", role=Role.ADMIN)
        person = directory.add("erin@example.com")
        assert 204 == client.patch("/api/orgs/acme/members/admin", json={"role": "member"}).status_code
        token = token_for(backend, person)
        done = end(directory, person)

        assert 409 == done
        assert "in" == membership_of(backend, as_user(backend, person))
        assert (200, True) == (status_of(client, token), directory.get(f"/Users/{person['id']}")["active"])
        assert "in" == membership_of(backend, admin.user_id)


class TestReinstated:
    def test_is_for_the_directory_alone(self, directory: Directory, backend: Backend) -> None:
        """While there is a directory, no admin suspends or reinstates a member whom it provisions."""
        person = directory.add(ALICE)
        admin, login = caller_of(backend, ADMIN_TOKEN), login_of(backend, person)
        with pytest.raises(BadRequest, match="the directory of organization acme decides"):
            members.set_suspended(backend, admin, "acme", login, suspended=True)
        by_patch(directory, person)
        with pytest.raises(BadRequest, match="the directory of organization acme decides"):
            members.set_suspended(backend, admin, "acme", login, suspended=False)

    def test_member_is_suspended_again(self, directory: Directory, backend: Backend) -> None:
        """A directory that repeats that a user is not active ends an access that the user was given back meanwhile."""
        person = directory.add(ALICE)
        user_id = as_user(backend, person)
        by_patch(directory, person)
        suspended = membership_of(backend, user_id)
        with backend.db.begin() as tx:
            member_rows.set_suspended(tx, acme_of(backend), user_id, suspended=False)
        by_patch(directory, person)

        assert suspended != "in"
        assert suspended == membership_of(backend, user_id)


def test_another_organization_is_not_reached(directory: Directory, backend: Backend, client: TestClient) -> None:
    """A directory's token is good for its own organization alone, and its people are no one elsewhere."""
    person = directory.add(ALICE)
    token = make_user(backend, "gina")
    make_org(backend, "globex", caller_of(backend, token))
    other = Directory.connect(backend, client, caller_of(backend, token), "globex")
    refused = other.call("GET", f"/Users/{person['id']}")

    assert (404, None) == error_of(refused)
    assert [] == other.get("/Users")["Resources"]
    assert (400, "invalidValue") == error_of(
        other.call(
            "POST",
            "/Groups",
            json={
                "displayName": "x",
                "members": [{"value": person["id"]}],
            },
        )
    )
    assert 204 == directory.call("DELETE", f"/Users/{person['id']}").status_code
