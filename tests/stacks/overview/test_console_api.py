"""The calls of upstream's console: what they answer, what they refuse and what they cost."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from common.access import grants
from common.backend import Backend
from common.rights.caller import Caller
from common.rights.permissions import Permission, StackLevel
from common.stacks.service import sharing
from common.stacks.steps import load_stack
from tests.clocks import FrozenClock
from tests.counting import Counter
from tests.factories.people import caller_of, make_user
from tests.factories.stacks import make_stack, make_version
from tests.factories.team_stacks import stack
from tests.factories.teams import make_team
from tests.wire import begin, create_stack, error_of

STACKS = "/api/console/orgs/acme/stacks/search"
S = "/api/console/stacks/acme/shop/dev"
MEMBER = "/api/console/orgs/acme/members/{}/stacks/shop/dev"


def search(client: TestClient, **members: Any) -> dict[str, Any]:
    """Return the rows that a request asks for."""
    reply = client.post(STACKS, json=members)
    assert 200 == reply.status_code, reply.text
    body: dict[str, Any] = reply.json()
    return body


def condition(column: str, text: str, kind: str = "equals") -> dict[str, Any]:
    """Return filters with one condition."""
    return {"filterType": "join", "type": "AND", "conditions": [{"colId": column, "type": kind, "filter": text}]}


def names(body: dict[str, Any]) -> list[str]:
    """Return the names of the stacks in some rows."""
    return [row["stackName"] for row in body["rowData"]]


@pytest.fixture
def stacks(backend: Backend, admin: Caller, clock: FrozenClock) -> None:
    """Three stacks in two projects; acme/shop/dev has run an update."""
    path = make_stack(backend, admin, tags={"env": "test"})
    make_stack(backend, admin, "prod")
    make_stack(backend, admin, "dev2", project="blog")
    clock.pass_seconds(5)
    make_version(backend, admin, path, "a", "b")


@pytest.mark.usefixtures("stacks")
class TestSearch:
    def test_pages_by_rows(self, client: TestClient) -> None:
        """A page begins and ends at a row, in order of project and name; the count is of all rows."""
        assert (["dev2", "dev"], 3) == (names(body := search(client, startRow=0, endRow=2)), body["rowCount"])
        assert ["prod"] == names(search(client, startRow=2, endRow=4))
        assert 3 == len(search(client)["rowData"])

    def test_rows_say_what_a_stack_is(self, client: TestClient) -> None:
        """A row has names, tags, owner and the newest version."""
        (row,) = search(client, filterModel=condition("tag", "env=test"))["rowData"]

        assert {
            "orgName": "acme",
            "projectName": "shop",
            "owner": "admin",
            "version": 1,
            "resourceCount": 2,
        }.items() <= row.items()
        assert ("succeeded", "update", "test") == (row["result"], row["kind"], row["tags"]["env"])

    @pytest.mark.parametrize(
        ("column", "text", "kind", "expected"),
        [
            ("stackName", "DEV", "contains", ["dev2", "dev"]),
            ("stackName", "%", "contains", []),
            ("projectName", "shop", "equals", ["dev", "prod"]),
            ("owner", "alice", "equals", []),
            ("result", "succeeded", "equals", ["dev"]),
            ("tag", "env", "equals", ["dev"]),
        ],
    )
    def test_filters(self, client: TestClient, column: str, text: str, kind: str, expected: list[str]) -> None:
        """Each column understands one comparison."""
        assert expected == names(search(client, filterModel=condition(column, text, kind)))

    def test_groups_by_project(self, client: TestClient) -> None:
        """Without a group's key there is a row for each project, with the key the stacks of that project."""
        grouping = [{"id": "projectName", "displayName": "Project"}]
        groups = search(client, rowGroupCols=grouping, groupKeys=[])

        assert [("blog", 1), ("shop", 2)] == [(row["projectName"], row["stackCount"]) for row in groups["rowData"]]
        assert ["dev", "prod"] == names(search(client, rowGroupCols=grouping, groupKeys=["shop"]))

    def test_sorts_by_the_newest_update(self, client: TestClient) -> None:
        """The stack that changed last comes first."""
        assert "dev" == names(search(client, sortModel=[{"colId": "lastUpdate", "sort": "desc"}]))[0]

    @pytest.mark.parametrize(
        "members",
        [
            {"startRow": 5, "endRow": 5},
            {"startRow": -1},
            {"startRow": 1 << 63, "endRow": (1 << 63) + 10},
            {"sortModel": [{"colId": "owner", "sort": "asc"}]},
            {"rowGroupCols": [{"id": "owner"}]},
            {"rowGroupCols": [{"id": "projectName"}], "filterModel": condition("owner", "alice")},
            {"filterModel": condition("color", "red")},
            {"filterModel": condition("owner", "alice", "contains")},
            {"filterModel": condition("result", "odd")},
            {"filterModel": {"type": "OR", "conditions": condition("owner", "a")["conditions"] * 2}},
            {"filterModel": {"type": "AND", "conditions": condition("owner", "a")["conditions"] * 2}},
        ],
    )
    def test_refuses_what_it_cannot_do(self, client: TestClient, members: dict[str, Any]) -> None:
        """A request for other rows than the server would return is refused, with the reason."""
        reply = client.post(STACKS, json=members)

        assert (400, 400) == error_of(reply)[:2]
        assert error_of(reply)[2]

    def test_shows_what_the_caller_may_see(self, backend: Backend, client: TestClient) -> None:
        """A stranger gets the answer of an organization that does not exist."""
        stranger = {"Authorization": f"token {make_user(backend, 'eve')}"}

        assert 404 == client.post(STACKS, json={}, headers=stranger).status_code

    def test_costs_few_statements(self, client: TestClient, counter: Counter) -> None:
        """The caller, a page and the count; the console's overview has references and one read of the state beside."""
        calls = [
            ("POST", STACKS, (3, 0)),
            ("GET", f"{S}/overview", (3, 1)),
            ("GET", f"{S}/updates/latest/summary", (3, 0)),
            ("GET", MEMBER.format("admin"), (4, 0)),
        ]
        for method, address, cost in calls:
            content = b"{}" if method == "POST" else None
            client.request(method, address, content=content)
            counter.reset()
            assert 200 == client.request(method, address, content=content).status_code
            assert cost == counter.cost[:2]


class TestMember:
    def test_access_has_its_sources(self, backend: Backend, admin: Caller, client: TestClient) -> None:
        """Role, the organization's level for members, teams that have a grant, and a grant of their own."""
        path = make_stack(backend, admin)
        uma = caller_of(backend, make_user(backend, "uma", org="acme"))
        make_team(backend, "ops", members=["uma"], admins=["admin"])
        make_team(backend, "idle", members=["uma"], admins=["admin"])
        sharing.update_team(backend, admin, "acme", "ops", stack(StackLevel.WRITE))
        with backend.db.begin() as tx:
            stack_id = load_stack(tx, admin, path, Permission.STACK_READ).id
            grants.replace(tx, stack_id, uma.user_id, is_team=False, level=StackLevel.READ, now=backend.clock.now())

        body = client.get(MEMBER.format("uma")).json()

        assert "uma" == body["userInfo"]["githubLogin"]
        assert ("member", 101) == (body["organizationRole"], body["explicitPermission"])
        assert [("ops", "member", 102)] == [
            (item["team"]["name"], item["team"]["userRole"], item["permission"]) for item in body["teamPermissions"]
        ]

    def test_who_is_no_member_is_missing(self, backend: Backend, admin: Caller, client: TestClient) -> None:
        """A user of the server who is not in the organization, and a login that does not exist, are the same."""
        make_stack(backend, admin)
        make_user(backend, "eve")

        assert [404, 404] == [client.get(MEMBER.format(login)).status_code for login in ("eve", "ghost")]


class TestSummary:
    def test_says_how_an_update_ended(self, client: TestClient) -> None:
        """A sentence about a running update, and about one that ended with the changes that its client reported."""
        path = create_stack(client)
        update = begin(client, path)

        assert "Update 1 is running." == client.get(f"{S}/updates/latest/summary").json()["summary"]
        update.events({"sequence": 1, "summaryEvent": {"durationSeconds": 4, "resourceChanges": {"create": 2, "same": 1}}})
        update.complete()
        assert (
            "Update 1 succeeded after 0 s: 2 created, 1 unchanged."
            == client.get(f"{S}/updates/{update.id}/summary").json()["summary"]
        )

    def test_of_a_preview(self, client: TestClient) -> None:
        """A preview has no version."""
        update = begin(client, create_stack(client), dry_run=True)

        assert "Update is running." == client.get(f"{S}/updates/{update.id}/summary").json()["summary"]
