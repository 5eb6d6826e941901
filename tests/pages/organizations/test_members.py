"""Members of an organization on pages: listed, found, changed, suspended and removed."""

import re

import pytest

from common.backend import Backend
from common.rights import built_in
from common.rights.caller import Caller
from common.rights.permissions import StackLevel
from tests.counting import Counter
from tests.factories.grants import grant
from tests.factories.orgs import people_of, suspend
from tests.factories.people import make_user
from tests.factories.stacks import make_stack
from tests.pages.org_pages import SETTINGS, make_full_organization
from tests.pages.visiting import Visit, location, shown

pytestmark = pytest.mark.dialects("sqlite")
MEMBERS = f"{SETTINGS}/members"
LINK = r'<th scope="row"><a href="/acme/settings/members/([^"]*)"'
STATEMENTS = 6


def listed(visit: Visit, **query: str) -> list[str]:
    """The members on a page of the list, in order."""
    page = visit.open(MEMBERS, **query)
    assert 200 == page.status_code
    return re.findall(LINK, page.text)


@pytest.fixture
def people(backend: Backend, admin: Caller) -> None:
    """Two members of acme beside the administrator, one of them suspended."""
    assert admin.site_admin
    make_user(backend, "bob", org="acme")
    make_user(backend, "olga", org="acme")
    suspend(backend, "olga")


@pytest.mark.usefixtures("people")
class TestList:
    def test_shows_everyone(self, member: Visit) -> None:
        """Each member has a role and a state, and a page of their own."""
        text = shown(member.open(MEMBERS))

        assert ["admin", "bob", "olga"] == listed(member)
        for part in ("bob@example.com", "Member", "Admin", "Suspended", "3 members"):
            assert part in text

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({"q": "BO"}, ["bob"]),
            ({"q": "olga@"}, ["olga"]),
            ({"q": "%"}, []),
            ({"role": built_in.ADMIN.id}, ["admin"]),
            ({"role": built_in.MEMBER.id}, ["bob", "olga"]),
            ({"role": "none"}, []),
            ({"state": "active"}, ["admin", "bob"]),
            ({"state": "suspended"}, ["olga"]),
            ({"state": "nonsense"}, ["admin", "bob", "olga"]),
            ({"page": "2"}, []),
        ],
    )
    def test_is_narrowed_by_its_address(self, member: Visit, query: dict[str, str], expected: list[str]) -> None:
        """Each filter is a part of the address."""
        assert expected == listed(member, **query)

    def test_pages_lead_to_each_other(self, backend: Backend, member: Visit) -> None:
        """Fifty rows a page; the filters go along."""
        for number in range(51):
            make_user(backend, f"user-{number:02}", org="acme")
        first, second = member.open(MEMBERS, q="user-"), member.open(MEMBERS, q="user-", page="2")

        assert '<a href="/acme/settings/members?q=user-&amp;page=2" rel="next">' in first.text
        assert "51–51 of 51 members" in shown(second)

    def test_of_a_plain_member_has_no_forms(self, backend: Backend, visit: Visit) -> None:
        """A member who may not change others sees them, and no way to change them."""
        visit.sign_in(make_user(backend, "carol", org="acme"))

        assert "Add member" not in shown(visit.open(MEMBERS))
        assert "Suspend" not in shown(visit.open(f"{MEMBERS}/bob"))

    def test_adds_a_user(self, backend: Backend, member: Visit) -> None:
        """A user of this server becomes a member; an unknown one is a problem on the page."""
        make_user(backend, "dora")
        added = member.submit(MEMBERS, on=MEMBERS, login="dora", role="member")
        unknown = member.submit(MEMBERS, on=MEMBERS, login="nina", role="member")

        assert f"{MEMBERS}?done=added" == location(added)
        assert "The member was added." in shown(member.open(MEMBERS, done="added"))
        assert "dora" in people_of(backend)
        assert 404 == unknown.status_code
        assert "There is a problem" in shown(unknown)


@pytest.mark.usefixtures("people")
class TestMember:
    def test_shows_teams_and_stacks(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """The page names the member's teams, the stacks they were given, and why they have them."""
        make_stack(backend, admin, "prod")
        grant(backend, "prod", "bob", StackLevel.READ)
        text = shown(member.open(f"{MEMBERS}/bob"))

        assert "shop/prod read Grant to bob" in text

    def test_gets_another_role(self, backend: Backend, member: Visit) -> None:
        """A role is chosen from the list; the last admin keeps theirs, and the page says why."""
        changed = member.submit(f"{MEMBERS}/bob/role", on=f"{MEMBERS}/bob", role=built_in.BILLING_MANAGER.id)
        refused = member.submit(f"{MEMBERS}/admin/role", on=f"{MEMBERS}/admin", role=built_in.MEMBER.id)

        assert f"{MEMBERS}/bob?done=role" == location(changed)
        assert ("billing-manager", None) == people_of(backend)["bob"]
        assert 400 == refused.status_code
        assert "last admin" in shown(refused)

    def test_is_suspended_and_reinstated(self, backend: Backend, member: Visit) -> None:
        """A suspended member finds nothing in the organization; a reinstated one finds all again."""
        bob = Visit(backend)
        bob.sign_in(make_user(backend, "carl", org="acme"))
        suspended = member.submit(f"{MEMBERS}/carl/suspend", on=f"{MEMBERS}/carl")
        before = bob.open("/acme/stacks").status_code
        reinstated = member.submit(f"{MEMBERS}/carl/suspend", on=f"{MEMBERS}/carl", state="active")

        assert f"{MEMBERS}/carl?done=suspended" == location(suspended)
        assert f"{MEMBERS}/carl?done=reinstated" == location(reinstated)
        assert (404, 200) == (before, bob.open("/acme/stacks").status_code)

    def test_is_removed(self, backend: Backend, member: Visit) -> None:
        """A removed member is gone from the list."""
        removed = member.submit(f"{MEMBERS}/bob/remove", on=f"{MEMBERS}/bob")

        assert f"{MEMBERS}?done=removed" == location(removed)
        assert "bob" not in people_of(backend)

    def test_does_not_change_themselves(self, member: Visit) -> None:
        """One's own page has no way to suspend or remove oneself, and a form that is sent anyway is refused."""
        own = member.open(f"{MEMBERS}/admin")
        refused = [member.submit(f"{MEMBERS}/admin/{act}", on=f"{MEMBERS}/bob").status_code for act in ("suspend", "remove")]

        assert "Suspend member" not in shown(own)
        assert [400, 400] == refused


@pytest.mark.parametrize("address", [MEMBERS, f"{MEMBERS}?q=o", f"{MEMBERS}/olga"])
def test_costs_few_statements(backend: Backend, admin: Caller, member: Visit, counter: Counter, address: str) -> None:
    """However many people there are, a page is at most six statements."""
    make_full_organization(backend, admin, make_stack(backend, admin))
    member.open(address)
    counter.reset()
    member.open(address)

    assert (STATEMENTS, 0, 0, 0) >= counter.cost
