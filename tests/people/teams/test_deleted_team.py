"""Grants of teams, stacks and environments that are deleted, renamed or moved."""

from typing import Any

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from common.backend import Backend
from common.db.tables.access import stack_grants, team_roles
from common.db.tables.people import team_entities, team_members, teams
from common.rights.caller import Caller
from tests.factories.people import make_org, make_user
from tests.factories.teams import OPS, act, create, give, levels, on_environment, patch, read, roles, signed
from tests.wire import create_stack, error_of

S, PROD = "/api/stacks/acme/shop/dev", "/api/stacks/acme/shop/prod"
STACK = {"projectName": "shop", "stackName": "dev"}


def row_counts(backend: Backend) -> dict[str, int]:
    """Return how many rows there are of all that hangs on teams."""
    tables = (teams, team_members, team_roles, team_entities, stack_grants)
    with backend.db.connect() as connection:
        return {table.name: connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


class TestGrantsOfADeletedTeam:
    @pytest.fixture
    def bob(self, client: TestClient, backend: Backend) -> str:
        """The token of a member of acme and of team ops, which administers shop/dev; members see no stack otherwise."""
        token = make_user(backend, "bob", org="acme")
        body = {"setDefaultStackPermission": 0}
        assert 200 == client.patch("/api/orgs/acme", json=body).status_code
        create_stack(client)
        create(client)
        given: list[dict[str, Any]] = [
            {"member": "bob", "memberAction": "add"},
            {"addStackPermission": {**STACK, "permission": 103}},
            {"addEnvironmentPermission": on_environment("open")},
        ]
        assert [204] * 3 == [patch(client, **one).status_code for one in given]
        return token

    @staticmethod
    def seen(client: TestClient, token: str) -> list[str]:
        """Return the stacks that a user's list shows."""
        return [stack["stackName"] for stack in client.get("/api/user/stacks", headers=signed(token)).json()["stacks"]]

    @staticmethod
    def status(client: TestClient, token: str, stack: str = S) -> int:
        """Return the answer to a user's look at a stack."""
        return client.get(stack, headers=signed(token)).status_code

    def test_to_begin_with_the_team_opens_the_stack(self, client: TestClient, bob: str) -> None:
        """Without the team bob would see nothing."""
        assert (200, ["dev"]) == (self.status(client, bob), self.seen(client, bob))

    def test_a_deleted_team_leaves_nothing(self, client: TestClient, backend: Backend, bob: str) -> None:
        """Everything about it is 404 in the wire's shape, also the second time, and its members see nothing any more."""
        assert 204 == client.delete(OPS).status_code
        after = [client.get(OPS), patch(client, removeStack=STACK), client.delete(OPS)]

        assert [(404, 404, "Not Found: Team 'ops' not found")] * 3 == [*map(error_of, after)]
        assert {"projectName": "shop", "teams": []} == client.get(f"{S}/teams").json()
        assert (404, []) == (self.status(client, bob), self.seen(client, bob))
        assert {0} == set(row_counts(backend).values())

    def test_a_new_team_of_that_name_inherits_nothing(self, client: TestClient, bob: str) -> None:
        """The same name is another team."""
        client.delete(OPS)
        create(client)
        act(client, "add", "bob")

        assert ([], [], {"admin": "admin", "bob": "member"}) == (levels(client), read(client)["environments"], roles(client))
        assert (404, []) == (self.status(client, bob), self.seen(client, bob))

    def test_a_new_stack_of_that_name_is_not_the_teams(self, client: TestClient, backend: Backend, bob: str) -> None:
        """A stack that is deleted and made again was never given to anyone."""
        assert 204 == client.delete(S).status_code
        gone = (levels(client), self.seen(client, bob), row_counts(backend)["stack_grants"])
        create_stack(client)

        assert ([], [], 0) == gone
        assert ([], []) == (levels(client), client.get(f"{S}/teams").json()["teams"])
        assert (404, []) == (self.status(client, bob), self.seen(client, bob))

    def test_a_renamed_stack_stays_the_teams(self, client: TestClient, bob: str) -> None:
        """The grant follows the stack to its new name."""
        assert 200 == client.post(f"{S}/rename", json={"newName": "prod", "newProject": ""}).status_code

        assert [("prod", 103)] == levels(client)
        assert (200, 404, ["prod"]) == (self.status(client, bob, PROD), self.status(client, bob), self.seen(client, bob))

    def test_a_stack_that_moves_away_is_not_the_teams(
        self, client: TestClient, backend: Backend, admin: Caller, bob: str
    ) -> None:
        """What the old organization gave is gone with the move, and does not come back with the stack."""
        make_org(backend, "beta", admin)
        assert 204 == client.post(f"{S}/transfer", json={"toOrg": "beta"}).status_code
        away = (levels(client), self.seen(client, bob), row_counts(backend)["stack_grants"])
        client.post("/api/stacks/beta/shop/dev/transfer", json={"toOrg": "acme"})

        assert ([], [], 0) == away
        assert ([], 404, []) == (levels(client), self.status(client, bob), self.seen(client, bob))

    def test_permission_0_is_removal(self, client: TestClient, backend: Backend, bob: str) -> None:
        """Nothing is left of a grant that is set to 0, and taking it away once more is 404."""
        assert 204 == patch(client, editStackPermission={**STACK, "permission": 0}).status_code

        assert ([], 0, []) == (levels(client), row_counts(backend)["stack_grants"], self.seen(client, bob))
        assert (404, 404) == error_of(patch(client, removeStack=STACK))[:2]
        assert 204 == give(client, 101).status_code
        assert [204, 404] == [patch(client, removeStack=STACK).status_code for _ in range(2)]


class TestEnvironmentsWithOneNameInTwoProjects:
    @staticmethod
    def shown(client: TestClient) -> list[tuple[str, str, str, str | None]]:
        """Return the environments of the team, in the order of the reply."""
        return [
            (one["projectName"], one["envName"], one["permission"], one.get("maxOpenDuration"))
            for one in read(client)["environments"]
        ]

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)])
    def test_each_keeps_its_own_level(self, client: TestClient, order: tuple[int, int]) -> None:
        """Both are shown with their projects, always in the same order; edit and removal touch the one that is named."""
        given = [on_environment("open", "p1", duration="1h0m"), on_environment("admin", "p2")]
        create(client)
        added = [patch(client, addEnvironmentPermission=given[number]) for number in order]
        reads = [self.shown(client) for _ in range(10)]
        edited = patch(client, editEnvironmentPermission=on_environment("write", "p1"))
        after_edit = self.shown(client)
        removed = patch(client, removeEnvironment={"projectName": "p1", "envName": "Default"})

        assert [204] * 4 == [found.status_code for found in (*added, edited, removed)]
        assert [[("p1", "Default", "open", "1h0m"), ("p2", "Default", "admin", None)]] * 10 == reads
        assert [("p1", "Default", "write", None), ("p2", "Default", "admin", None)] == after_edit
        assert [("p2", "Default", "admin", None)] == self.shown(client)

    def test_one_that_is_added_twice_is_there_once(self, client: TestClient) -> None:
        """The second level replaces the first, and a refresh that sends what it read changes nothing."""
        create(client)
        for level, duration in (("read", None), ("open", "90m")):
            patch(client, addEnvironmentPermission=on_environment(level, duration=duration))
        [shown] = read(client)["environments"]
        patch(client, editEnvironmentPermission=shown)

        assert {"projectName": "p1", "envName": "Default", "permission": "open", "maxOpenDuration": "90m"} == shown
        assert [shown] == read(client)["environments"]
