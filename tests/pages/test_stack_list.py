"""The stacks of an organization on a page: what is listed, found and hidden, and what a page costs."""

import re

import pytest
from httpx2 import Response

from common.backend import Backend
from common.rights.caller import Caller
from common.rights.org_settings import OrgSettings
from common.rights.permissions import Permission, StackLevel
from common.stacks.updates.model import Completion
from tests.counting import Counter
from tests.factories.orgs import set_settings
from tests.factories.people import caller_of, make_user
from tests.factories.stacks import complete, make_running, make_stack, make_version
from tests.pages.visiting import HTML, Visit, location, shown, values

LIST = "/acme/stacks"
LINK = r'<th scope="row">(?:<span class="choice"><input [^>]*> )?<a href="(/acme/[^"]*)"'
STATEMENTS = 6


def listed(visit: Visit, **query: str) -> list[str]:
    """The stacks on a page of the list, in order."""
    page = visit.open("/acme/stacks", **query)
    assert 200 == page.status_code
    return [link.removeprefix("/acme/") for link in re.findall(LINK, page.text)]


@pytest.fixture
def stacks(backend: Backend, admin: Caller) -> None:
    """Four stacks of two projects, of which one failed, one runs and one was never updated."""
    make_version(backend, admin, make_stack(backend, admin, "dev", tags={"team": "payments"}), "a", "b")
    complete(backend, make_running(backend, admin, make_stack(backend, admin, "prod")), Completion.FAILED)
    make_running(backend, admin, make_stack(backend, admin, "live", project="web"))
    make_stack(backend, caller_of(backend, make_user(backend, "olga", org="acme")), "new", project="web")


@pytest.mark.usefixtures("stacks")
class TestList:
    def test_has_every_stack_by_project(self, member: Visit) -> None:
        """Stacks stand below their project, with result, number of resources, owner, tags and who holds them."""
        text = shown(member.open("/acme/stacks"))

        assert ["shop/dev", "shop/prod", "web/live", "web/new"] == listed(member)
        for part in (
            "Succeeded",
            "Failed",
            "Running",
            "Never updated",
            "locked by admin",
            "team: payments",
            "olga",
            "4 stacks",
        ):
            assert part in text

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({"q": "pro"}, ["shop/prod"]),
            ({"q": "SHOP/d"}, ["shop/dev"]),
            ({"q": "web olga"}, ["web/new"]),
            ({"q": "payments"}, ["shop/dev"]),
            ({"q": "%"}, []),
            ({"q": "_"}, []),
            ({"q": "\\"}, []),
            ({"project": "web"}, ["web/live", "web/new"]),
            ({"tag": "team"}, ["shop/dev"]),
            ({"tag": "team=payments"}, ["shop/dev"]),
            ({"tag": "team=search"}, []),
            ({"owner": "olga"}, ["web/new"]),
            ({"status": "failed"}, ["shop/prod"]),
            ({"status": "running"}, ["web/live"]),
            ({"status": "nonsense"}, ["shop/dev", "shop/prod", "web/live", "web/new"]),
            ({"page": "2"}, []),
            ({"page": "nonsense"}, ["shop/dev", "shop/prod", "web/live", "web/new"]),
        ],
    )
    def test_is_narrowed_by_its_address(self, member: Visit, query: dict[str, str], expected: list[str]) -> None:
        """Each filter is a part of the address; letters with a meaning for databases are letters."""
        assert expected == listed(member, **query)

    def test_of_recent_changes_names_the_project(self, member: Visit) -> None:
        """Sorted by the last update, all stacks are in one list."""
        assert sorted(listed(member, sort="updated")) == ["shop/dev", "shop/prod", "web/live", "web/new"]
        assert "web/new" in shown(member.open("/acme/stacks", sort="updated"))

    def test_keeps_the_filters_in_its_form(self, member: Visit) -> None:
        """What was asked for stands in the fields again, as text."""
        page = member.open("/acme/stacks", q='"><script>alert(1)</script>', project="gone")

        assert "<script>alert" not in page.text
        assert "&lt;script&gt;" in page.text
        assert "<option selected>gone</option>" in page.text
        assert "No stacks match" in shown(page)

    def test_costs_few_statements(self, member: Visit, counter: Counter) -> None:
        """The visitor, the rows, their number and the projects: one statement each."""
        counter.reset()
        listed(member, q="dev", status="succeeded", tag="team")

        assert counter.cost[0] <= STATEMENTS
        assert (0, 0, 0) == counter.cost[1:]


class TestPages:
    def test_of_a_long_list_lead_to_each_other(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """Fifty rows a page; the filters go along."""
        for number in range(51):
            make_stack(backend, admin, f"s{number:02}", project="web")
        first, second = member.open("/acme/stacks", project="web"), member.open("/acme/stacks", project="web", page="2")

        assert '<a href="/acme/stacks?project=web&amp;page=2" rel="next">' in first.text
        assert '<a href="/acme/stacks?project=web" rel="prev">' in second.text
        assert "51–51 of 51 stacks" in shown(second)
        assert ["web/s50"] == listed(member, page="2")

    def test_of_nothing_says_how_to_begin(self, member: Visit) -> None:
        """An organization without stacks shows the commands that make the first one."""
        text = shown(member.open("/acme/stacks"))

        assert "No stacks yet" in text
        assert "pulumi login http" in text


class TestVisibility:
    def test_is_of_what_the_visitor_may_see(self, backend: Backend, admin: Caller) -> None:
        """A member who is given no stacks sees their own alone, and no other project in the filter."""
        set_settings(backend, "acme", OrgSettings(default_stack_permission=StackLevel.NONE))
        make_stack(backend, admin, "hidden", project="vault")
        token = make_user(backend, "bob", org="acme")
        make_stack(backend, caller_of(backend, token), "mine", project="toys")
        bob = Visit(backend)
        bob.sign_in(token)

        assert ["toys/mine"] == listed(bob)
        assert "vault" not in bob.open("/acme/stacks").text
        assert [] == listed(bob, q="hidden")

    def test_hides_other_organizations(self, backend: Backend, admin: Caller, visit: Visit) -> None:
        """An organization of others and none at all are the same page; strangers sign in first."""
        assert location(visit.open("/acme/stacks")).startswith("/signin")
        visit.sign_in(make_user(backend, "bob"))
        found = [visit.open(path) for path in ("/acme/stacks", "/nothing/stacks")]

        assert [404, 404] == [page.status_code for page in found]
        assert 1 == len({re.sub(r"[0-9a-f]{64}", "", page.text) for page in found})
        assert admin.site_admin

    def test_is_json_for_programs(self, visit: Visit) -> None:
        """A client that takes no HTML gets the wire's error."""
        assert 404 == visit.get("/acme/stacks").json()["code"]
        assert HTML["Accept"].startswith("text/html")


def tag(visit: Visit, *stacks: str, on: str = LIST, **fields: str) -> Response:
    """Send the form that changes tags of several stacks."""
    key = next(values(visit.open(LIST), r'name="form_key" value="([0-9a-f]{64})"'))
    return visit.client.post(on, data={"form_key": key, "stack": list(stacks), **fields}, headers=HTML)


@pytest.mark.usefixtures("stacks")
class TestTags:
    def test_of_several_stacks_are_set(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """The tag is on each chosen stack, whatever it had before; the list comes back with its filters and says how many."""
        response = tag(member, "shop/dev", "shop/prod", on=f"{LIST}?project=shop", name="team", value="search", action="set")

        assert f"{LIST}?project=shop&tagged=2" == location(response)
        assert "The tags of 2 stacks were changed." in shown(member.open(location(response)))
        assert ["shop/dev", "shop/prod"] == listed(member, tag="team=search")

    def test_of_several_stacks_are_deleted(self, member: Visit) -> None:
        """Stacks without the tag stay as they are."""
        tag(member, "shop/dev", "web/live", name="team", action="delete")

        assert [] == listed(member, tag="team")

    @pytest.mark.parametrize(
        ("chosen", "name", "expected"),
        [
            ((), "team", "Select the stacks to change"),
            (("nonsense", "/", "shop/"), "team", "Select the stacks to change"),
            (("shop/dev",), "no spaces", "Invalid stack tag"),
            (("shop/dev",), "pulumi:project", "built-in tag"),
        ],
    )
    def test_that_cannot_be_changed_say_why(self, member: Visit, chosen: tuple[str, ...], name: str, expected: str) -> None:
        """The list comes back with what is wrong."""
        response = tag(member, *chosen, name=name, value="x", action="set")

        assert (400, True) == (response.status_code, expected in shown(response))

    def test_change_on_all_or_none(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """A stack that does not exist keeps the others as they were."""
        response = tag(member, "shop/dev", "shop/nothing", name="cost", value="1", action="set")

        assert 404 == response.status_code
        assert [] == listed(member, tag="cost")

    def test_need_the_permission(self, backend: Backend, visit: Visit) -> None:
        """A member who may only read changes nothing, is told the permission, and learns nothing of hidden stacks."""
        set_settings(backend, "acme", OrgSettings(default_stack_permission=StackLevel.READ))
        visit.sign_in(make_user(backend, "bob", org="acme"))
        refused = tag(visit, "shop/dev", name="cost", value="1", action="set")
        set_settings(backend, "acme", OrgSettings(default_stack_permission=StackLevel.NONE))
        key = visit.form_key("/settings/account")
        hidden = [
            visit.client.post(LIST, data={"form_key": key, "stack": stack, "name": "cost", "action": "set"}, headers=HTML)
            for stack in ("shop/dev", "shop/nothing")
        ]

        assert (403, True) == (refused.status_code, Permission.STACK_TAGS_UPDATE in shown(refused))
        assert [404, 404] == [response.status_code for response in hidden]
        assert [] == listed(visit, tag="cost")
