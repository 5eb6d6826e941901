"""Teams on pages: listed, created, given members, stacks and roles, and deleted."""

import re

import pytest

from common.backend import Backend
from common.people.teams import service as teams
from common.rights import built_in
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks.service import sharing
from tests.counting import Counter
from tests.factories.people import make_user
from tests.factories.roles import hold, make_role
from tests.factories.stacks import make_stack
from tests.pages.org_pages import SETTINGS, make_full_organization
from tests.pages.visiting import Visit, location, shown

pytestmark = pytest.mark.dialects("sqlite")
TEAMS = f"{SETTINGS}/teams"
WEB = f"{TEAMS}/web"
LINK = r'<th scope="row"><a href="/acme/settings/teams/([^"]*)"'


@pytest.fixture
def web(backend: Backend, admin: Caller) -> None:
    """Team web of acme, with the administrator; and bob, who is in no team."""
    teams.create_team(backend, admin, "acme", "web", display_name="Web shop", description="The shop")
    make_user(backend, "bob", org="acme")


class TestList:
    def test_of_nothing_says_what_a_team_is(self, member: Visit) -> None:
        """Without a team the page says what one is for."""
        assert "No teams yet" in shown(member.open(TEAMS))

    def test_is_searched_and_paged(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """The search is a part of the address; fifty rows a page."""
        for number in range(51):
            teams.create_team(backend, admin, "acme", f"t{number:02}", description="odd" if number % 2 else "Even")
        first, even = member.open(TEAMS), member.open(TEAMS, q="EVEN")

        assert "1–50 of 51 teams" in shown(first)
        assert ["t50"] == re.findall(LINK, member.open(TEAMS, page="2").text)
        assert "26 teams" in shown(even)
        assert "No teams match" in shown(member.open(TEAMS, q="%"))

    def test_creates_a_team(self, member: Visit) -> None:
        """The new team's page follows; a bad name and a name that is taken are problems on the page."""
        created = member.submit(TEAMS, on=TEAMS, name="ops", display_name="Operations", description="")
        refused = [member.submit(TEAMS, on=TEAMS, name=name).status_code for name in ("ops", "a b")]

        assert f"{TEAMS}/ops?done=created" == location(created)
        assert "Operations" in shown(member.open(f"{TEAMS}/ops", done="created"))
        assert [409, 400] == refused

    def test_shows_what_a_role_shows(self, backend: Backend, admin: Caller) -> None:
        """A role that says nothing of teams shows no list; a member of a team still finds the team."""
        teams.create_team(backend, admin, "acme", "web")
        carol = Visit(backend)
        carol.sign_in(make_user(backend, "carol", org="acme"))
        hold(backend, "carol", make_role(backend, Permission.STACK_READ, name="reader"))

        assert (404, 404) == (carol.open(TEAMS).status_code, carol.open(WEB).status_code)


@pytest.mark.usefixtures("web")
class TestTeam:
    def test_gets_members(self, member: Visit) -> None:
        """A member is added, made a team admin and removed; someone who is not in the organization is a problem."""
        added = member.submit(f"{WEB}/members", on=WEB, action="add", login="bob")
        promoted = member.submit(f"{WEB}/members", on=WEB, action="promote", login="bob")
        text = shown(member.open(WEB))
        member.submit(f"{WEB}/members", on=WEB, action="remove", login="bob")
        refused = [member.submit(f"{WEB}/members", on=WEB, action=action, login="nina").status_code for action in ("add", "none")]

        assert [f"{WEB}?done=members"] * 2 == [location(added), location(promoted)]
        assert "bob Bob Team admin" in text
        assert "bob" not in shown(member.open(WEB))
        assert [404, 400] == refused

    def test_gets_stacks(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """A stack is given with a level, which can be changed and removed; an unknown one is a problem."""
        make_stack(backend, admin)
        stacks = f"{WEB}/stacks"
        member.submit(stacks, on=stacks, stack="shop/dev", level="write")
        given = shown(member.open(stacks))
        member.submit(stacks, on=stacks, stack="acme/shop/dev", level="admin")
        level = sharing.get_team(backend, admin, "acme", "web").stacks[0].level.name
        member.submit(stacks, on=stacks, stack="shop/dev", level="none")
        refused = [
            member.submit(stacks, on=stacks, stack=stack, level=level).status_code
            for stack, level in (("shop/gone", "read"), ("shop", "read"), ("shop/dev", "most"))
        ]

        assert "shop/dev write" in given
        assert "ADMIN" == level
        assert "No stacks yet" in shown(member.open(stacks))
        assert [404, 400, 400] == refused

    def test_gets_roles_and_texts(self, member: Visit) -> None:
        """A role is added and removed, and the texts are changed."""
        settings = f"{WEB}/settings"
        member.submit(settings, on=settings, display_name="Shop", description="New")
        member.submit(f"{WEB}/roles", on=settings, role=built_in.BILLING_MANAGER.id)
        given = shown(member.open(settings))
        member.submit(f"{WEB}/roles", on=settings, role=built_in.BILLING_MANAGER.id, action="remove")

        assert "Shop" in given
        assert "Billing Manager Remove" in given
        assert "Billing Manager Remove" not in shown(member.open(settings))

    def test_is_deleted_when_its_name_is_typed(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """Another name is refused."""
        settings = f"{WEB}/settings"
        wrong = member.submit(f"{WEB}/delete", on=settings, confirm="ops")
        deleted = member.submit(f"{WEB}/delete", on=settings, confirm="web")

        assert 400 == wrong.status_code
        assert f"{TEAMS}?done=deleted" == location(deleted)
        assert [] == teams.list_teams(backend, admin, "acme")

    def test_shows_members_what_they_may_change(self, backend: Backend) -> None:
        """A member of the organization sees the list; in a team that they do not administer they change nothing."""
        bob = Visit(backend)
        bob.sign_in(make_user(backend, "carol", org="acme"))
        page = bob.open(TEAMS)

        assert ["web"] == re.findall(LINK, page.text)
        assert "Access tokens of" not in shown(page)


@pytest.mark.parametrize("address", [TEAMS, WEB, f"{WEB}/stacks", f"{WEB}/settings", f"{WEB}/tokens", f"{SETTINGS}/tokens"])
def test_costs_few_statements(backend: Backend, admin: Caller, member: Visit, counter: Counter, address: str) -> None:
    """However large a team is, a page is at most six statements."""
    make_full_organization(backend, admin, make_stack(backend, admin))
    member.open(address)
    counter.reset()
    page = member.open(address)

    assert 200 == page.status_code
    assert (6, 0, 0, 0) >= counter.cost
