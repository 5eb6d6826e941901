"""Forms on the pages of a stack: access, tags, name, organization, deletion; each is refused where the call of the API is."""

import re

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.core.errors import NotFound
from common.rights.caller import Caller
from common.stacks.model import StackPath, UpdateMails
from common.stacks.service import listing, notifications
from tests.counting import Counter
from tests.factories.people import caller_of, make_org, make_user
from tests.factories.stacks import make_stack, make_version
from tests.factories.teams import create
from tests.pages.visiting import HTML, Visit, location, shown

STACK = "/acme/shop/dev"
SETTINGS, ACCESS = f"{STACK}/settings", f"{STACK}/access"
FORMS = (
    f"{SETTINGS}/tags",
    f"{SETTINGS}/tags/delete",
    f"{SETTINGS}/mails",
    f"{SETTINGS}/owner",
    f"{SETTINGS}/rename",
    f"{SETTINGS}/transfer",
    f"{SETTINGS}/delete",
    f"{ACCESS}/team",
    f"{ACCESS}/collaborator/remove",
    f"{STACK}/outputs/reveal",
    f"{STACK}/updates/1/cancel",
)


@pytest.fixture
def path(backend: Backend, admin: Caller) -> StackPath:
    """acme/shop/dev with a resource."""
    path = make_stack(backend, admin, tags={"team": "web", "pulumi:runtime": "yaml"})
    make_version(backend, admin, path, "a", "b")
    return path


@pytest.mark.usefixtures("path")
class TestSettings:
    def test_add_and_delete_tags(self, backend: Backend, admin: Caller, member: Visit, path: StackPath) -> None:
        """A tag is added and deleted; one that is there already is refused on the page."""
        assert SETTINGS == location(member.submit(f"{SETTINGS}/tags", on=SETTINGS, name="env", value="prod"))
        again = member.submit(f"{SETTINGS}/tags", on=SETTINGS, name="env", value="prod")
        member.submit(f"{SETTINGS}/tags/delete", on=SETTINGS, name="team")

        assert 400 == again.status_code
        assert "There is a problem" in shown(again)
        assert {"env": "prod", "pulumi:runtime": "yaml"} == listing.get_stack(backend, admin, path).tags

    def test_switch_the_mails_of_the_owner(self, backend: Backend, admin: Caller, member: Visit, path: StackPath) -> None:
        """A box that is ticked turns the mail on, and one that is not turns it off."""
        assert SETTINGS == location(member.submit(f"{SETTINGS}/mails", on=SETTINGS, on_failure="yes"))
        on = notifications.get_metadata(backend, admin, path).mails
        page = member.open(SETTINGS)
        member.submit(f"{SETTINGS}/mails", on=SETTINGS)

        assert "admin owns the stack." in shown(page)
        assert ['name="on_failure" value="yes" checked'] == re.findall(r'name="on_\w+" value="yes" checked', page.text)
        assert (UpdateMails(on_failure=True), UpdateMails()) == (on, notifications.get_metadata(backend, admin, path).mails)

    def test_change_the_owner(self, backend: Backend, member: Visit) -> None:
        """A member becomes the owner; the login of no member is a problem on the page."""
        make_user(backend, "bob", org="acme")
        changed = member.submit(f"{SETTINGS}/owner", on=SETTINGS, login="bob")
        refused = member.submit(f"{SETTINGS}/owner", on=SETTINGS, login="nobody")

        assert SETTINGS == location(changed)
        assert 404 == refused.status_code
        assert "There is a problem" in shown(refused)
        assert "bob owns the stack." in shown(member.open(SETTINGS))

    def test_rename(self, member: Visit) -> None:
        """The browser is led to the settings under the new name."""
        response = member.submit(f"{SETTINGS}/rename", on=SETTINGS, project="shop", name="prod")

        assert "/acme/shop/prod/settings" == location(response)
        assert 200 == member.open("/acme/shop/prod").status_code

    def test_transfer(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """The stack moves to another organization of the visitor."""
        make_org(backend, "annex", admin)
        response = member.submit(f"{SETTINGS}/transfer", on=SETTINGS, to="annex")

        assert "/annex/shop/dev" == location(response)

    def test_delete_asks_twice(self, backend: Backend, admin: Caller, member: Visit, path: StackPath) -> None:
        """The name has to be typed, and resources have to be accepted; then the stack is gone."""
        wrong = member.submit(f"{SETTINGS}/delete", on=SETTINGS, confirm="dev", force="yes")
        unforced = member.submit(f"{SETTINGS}/delete", on=SETTINGS, confirm=str(path))
        done = member.submit(f"{SETTINGS}/delete", on=SETTINGS, confirm=str(path), force="yes")

        assert (400, 400) == (wrong.status_code, unforced.status_code)
        assert "still contains resources" in shown(unforced)
        assert "/acme/stacks" == location(done)
        with pytest.raises(NotFound):
            listing.get_stack(backend, admin, path)

    def test_show_what_one_may_do(self, backend: Backend) -> None:
        """A member who may write a stack changes its tags and sees no way to delete it."""
        bob = Visit(backend)
        bob.sign_in(make_user(backend, "bob", org="acme"))
        text = shown(bob.open(SETTINGS))

        assert "Add tag" in text
        assert "Delete stack" not in text


@pytest.mark.usefixtures("path")
class TestAccess:
    def test_of_a_team_is_given_and_removed(self, client: TestClient, member: Visit) -> None:
        """A team gets a level and loses it; an unknown team is a problem on the page."""
        create(client, "ops")
        member.submit(f"{ACCESS}/team", on=ACCESS, team="ops", level="write")
        given = shown(member.open(ACCESS))
        member.submit(f"{ACCESS}/team", on=ACCESS, team="ops", level="none")
        unknown = member.submit(f"{ACCESS}/team", on=ACCESS, team="none", level="read")

        assert re.search(r"ops (?:\S+ )*write", given)
        assert "No team was given access" in shown(member.open(ACCESS))
        assert 404 == unknown.status_code
        assert "There is a problem" in shown(unknown)

    def test_says_why(self, member: Visit) -> None:
        """Admins, members and the owner each with the reason."""
        text = shown(member.open(ACCESS))

        assert "Organization admins admin Admins of acme may do everything" in text
        assert "admin admin Owner of the stack" in text

    @pytest.mark.parametrize(("address", "statements"), [(ACCESS, 6), (SETTINGS, 4)])
    def test_costs_few_statements(self, member: Visit, counter: Counter, address: str, statements: int) -> None:
        """The visitor, the stack, teams, people and the owner."""
        member.open(address)
        counter.reset()
        member.open(address)

        assert (statements, 0, 0, 0) >= counter.cost


@pytest.mark.usefixtures("path")
class TestForms:
    @pytest.mark.parametrize("address", FORMS)
    def test_need_their_key(self, member: Visit, address: str) -> None:
        """A form that another site sends changes nothing."""
        assert 403 == member.client.post(address, data={"name": "x"}, headers=HTML).status_code

    @pytest.mark.parametrize("address", FORMS)
    def test_hide_what_is_hidden(self, backend: Backend, visit: Visit, address: str) -> None:
        """Another user's form gets the answer of a page that is missing, whether there is a stack or not."""
        visit.sign_in(make_user(backend, "eve"))
        key = visit.form_key("/settings/account")
        found = [
            visit.client.post(path, data={"form_key": key, "level": "read", "confirm": "x"}, headers=HTML)
            for path in (address, address.replace("/dev", "/none"))
        ]

        assert [404, 404] == [page.status_code for page in found]
        assert caller_of(backend, "pul-" + "a1" * 20).login not in found[0].text.partition("<main")[2]

    @pytest.mark.parametrize("address", FORMS)
    def test_lead_strangers_to_the_sign_in(self, visit: Visit, address: str) -> None:
        """Anyone who is not signed in does that first."""
        assert location(visit.client.post(address, data={"name": "x"}, headers=HTML)).startswith("/signin")
