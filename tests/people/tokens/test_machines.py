"""What the tokens of organizations and teams are and may do, as their holders see it."""

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from common.access import grants
from common.access.authentication import LAST_USED_MILLIS
from common.backend import Backend
from common.db.tables.stacks import stacks
from common.rights import built_in
from common.rights.permissions import Permission, StackLevel
from tests.clocks import FrozenClock
from tests.counting import Counter
from tests.factories.people import ADMIN_TOKEN, make_user
from tests.factories.roles import make_role
from tests.factories.teams import make_team
from tests.factories.tokens import OPS, OWN, TOKENS, create, in_days, limit_days, signed
from tests.wire import begin, create_stack, error_of


def give(backend: Backend, team_id: str, name: str, level: StackLevel) -> None:
    """Give a team a level on a stack of shop."""
    with backend.db.begin() as tx:
        stack_id = tx.scalar(select(stacks.c.id).where(stacks.c.name == name))
        assert stack_id is not None
        grants.replace(tx, stack_id, team_id, is_team=True, level=level, now=backend.clock.now())


@pytest.fixture
def team_id(backend: Backend, client: TestClient) -> str:
    """The team ops of acme."""
    return make_team(backend)


class TestCurrentUser:
    def test_of_an_organizations_token(self, client: TestClient) -> None:
        """It is shown as its organization, with the token's name: this is how clients know that it is no person."""
        found = client.get("/api/user", headers=signed(create(client, TOKENS, name="ci")["tokenValue"])).json()

        assert {"name": "ci", "organization": "acme", "team": ""} == found["tokenInfo"]
        assert ("acme", "ci", False) == (found["githubLogin"], found["name"], found["siteAdmin"])
        assert [("acme", "member")] == [(org["githubLogin"], org["role"]) for org in found["organizations"]]

    def test_of_a_teams_token(self, client: TestClient, team_id: str) -> None:
        """It is shown as its organization, with the team, and has no role there."""
        found = client.get("/api/user", headers=signed(create(client, OPS, name="ci")["tokenValue"])).json()

        assert {"name": "ci", "organization": "acme", "team": "ops"} == found["tokenInfo"]
        assert [("acme", "none")] == [(org["githubLogin"], org["role"]) for org in found["organizations"]]

    def test_of_a_person_has_no_token_info(self, client: TestClient) -> None:
        """A person's token is not a machine's, whichever token it is."""
        assert "tokenInfo" not in client.get("/api/user", headers=signed(create(client, OWN)["tokenValue"])).json()

    def test_names_the_default_organization(self, client: TestClient, team_id: str) -> None:
        """A stack without organization goes to the one that the token belongs to."""
        for path in (TOKENS, OPS):
            mine = signed(create(client, path, name=f"t{len(path)}")["tokenValue"])

            assert "acme" == client.get("/api/user/organizations/default", headers=mine).json()["GitHubLogin"]

    def test_decodes_with_names_of_other_organizations(self, client: TestClient, backend: Backend) -> None:
        """A token of another organization knows nothing of this one."""
        mine = signed(create(client, "/api/orgs/admin/tokens", name="ci", admin=True)["tokenValue"])
        create_stack(client)

        assert "admin" == client.get("/api/user", headers=mine).json()["githubLogin"]
        assert 404 == client.get(TOKENS, headers=mine).status_code
        assert 404 == client.get("/api/stacks/acme/shop/dev", headers=mine).status_code
        assert [] == client.get("/api/user/stacks", headers=mine).json()["stacks"]


class TestRights:
    def test_of_an_organizations_token_are_a_members(self, client: TestClient) -> None:
        """It makes stacks and updates what members may, and administers what it made; it manages nothing."""
        mine = signed(create(client, TOKENS, name="ci")["tokenValue"])
        create_stack(client, "old")

        assert 200 == client.post("/api/stacks/acme/shop", json={"stackName": "dev"}, headers=mine).status_code
        assert 200 == client.get("/api/stacks/acme/shop/old/export", headers=mine).status_code
        assert 403 == client.delete("/api/stacks/acme/shop/old", headers=mine).status_code
        assert 204 == client.delete("/api/stacks/acme/shop/dev", headers=mine).status_code
        assert 403 == client.get(TOKENS, headers=mine).status_code

    def test_of_an_admin_token_are_an_admins(self, client: TestClient) -> None:
        """It may do everything in its organization, making tokens included."""
        mine = signed(create(client, TOKENS, name="root", admin=True)["tokenValue"])
        create_stack(client, "old")

        assert 204 == client.delete("/api/stacks/acme/shop/old", headers=mine).status_code
        assert 200 == client.post(TOKENS, json={"name": "second", "admin": True}, headers=mine).status_code
        assert ["acme/root", "admin"] == [token["createdBy"] for token in client.get(TOKENS).json()["tokens"]]

    def test_of_a_teams_token_are_what_the_team_was_given(self, client: TestClient, backend: Backend, team_id: str) -> None:
        """It sees the stacks that its team was given and no others, not even those that every member may update."""
        mine = signed(create(client, OPS, name="ci")["tokenValue"])
        for name in ("dev", "prod", "hidden"):
            create_stack(client, name)
        give(backend, team_id, "dev", StackLevel.WRITE)
        give(backend, team_id, "prod", StackLevel.READ)

        seen = client.get("/api/user/stacks", headers=mine).json()["stacks"]
        statuses = [
            client.post(f"/api/stacks/acme/shop/{name}/encrypt", json={"plaintext": "eA=="}, headers=mine).status_code
            for name in ("dev", "prod", "hidden")
        ]
        updates = [
            client.post(
                f"/api/stacks/acme/shop/{name}/update", json={"name": "shop", "runtime": "yaml"}, headers=mine
            ).status_code
            for name in ("dev", "prod", "hidden")
        ]

        assert ["dev", "prod"] == [stack["stackName"] for stack in seen]
        assert [200, 200, 404] == statuses
        assert [200, 403, 404] == updates
        assert 403 == client.post("/api/stacks/acme/shop", json={"stackName": "x"}, headers=mine).status_code
        assert 403 == client.get(OPS, headers=mine).status_code

    def test_of_a_teams_token_include_the_teams_roles(self, client: TestClient, backend: Backend) -> None:
        """What a role of the team allows its token may do, and no more."""
        make_team(backend, role_ids=[make_role(backend, Permission.ORG_TOKEN_READ)])
        mine = signed(create(client, OPS, name="ci")["tokenValue"])

        assert 200 == client.get(TOKENS, headers=mine).status_code
        assert 403 == client.post(TOKENS, json={"name": "x"}, headers=mine).status_code

    def test_of_a_billing_token(self, client: TestClient) -> None:
        """A token with the billing role sees no stack."""
        mine = signed(create(client, TOKENS, name="ci", roleID=built_in.BILLING_MANAGER.id)["tokenValue"])
        create_stack(client)

        assert 404 == client.get("/api/stacks/acme/shop/dev", headers=mine).status_code
        assert [] == client.get("/api/user/stacks", headers=mine).json()["stacks"]

    def test_end_with_the_token_in_the_middle_of_an_update(self, client: TestClient) -> None:
        """An update that a machine began ends with its token: its lease is refused, and the stack is free for the next one."""
        create_stack(client)
        made = create(client, TOKENS, name="ci")
        client.headers["Authorization"] = f"token {made['tokenValue']}"
        update = begin(client, "/api/stacks/acme/shop/dev")
        client.headers["Authorization"] = f"token {ADMIN_TOKEN}"
        client.delete(f"{TOKENS}/{made['id']}")

        assert 403 == update.complete().status_code
        assert begin(client, "/api/stacks/acme/shop/dev").complete().is_success
        found = client.get("/api/stacks/acme/shop/dev/updates", params={"output-type": "service"}).json()["updates"]
        assert ["admin", "acme/ci"] == [update["requestedBy"]["githubLogin"] for update in found[:2]]
        assert ["succeeded", "failed"] == [update["info"]["result"] for update in found[:2]]


class TestLimitOfDays:
    def test_bars_old_tokens_where_it_holds(self, client: TestClient, backend: Backend) -> None:
        """A limit that comes later bars tokens that live too long in that organization, says why, and nowhere else."""
        bob = signed(make_user(backend, "bob", org="acme"))
        ours = signed(create(client, TOKENS, name="ci")["tokenValue"])
        create_stack(client)
        limit_days(backend, 7)

        for headers in (bob, ours):
            status, _, message = error_of(client.get("/api/stacks/acme/shop/dev", headers=headers))
            assert 403 == status
            assert "organization acme" in message
            assert "7 days" in message
        assert 404 == client.get("/api/stacks/bob/shop/dev", headers=bob).status_code
        assert 200 == client.get("/api/user", headers=bob).status_code

    def test_lets_people_make_a_token_that_is_taken(self, client: TestClient, backend: Backend) -> None:
        """Who is barred can still make a token that ends in time, and works on with it."""
        bob = make_user(backend, "bob", org="acme")
        create_stack(client)
        limit_days(backend, 7)
        made = create(client, OWN, token=bob, expires=in_days(backend, 7))

        assert 200 == client.get("/api/stacks/acme/shop/dev", headers=signed(made["tokenValue"])).status_code
        status, _, message = error_of(client.post(OWN, json={"expires": in_days(backend, 8)}, headers=signed(bob)))
        assert (403, True, True) == (status, "organization acme" in message, "7 days" in message)


class TestLastUsed:
    def test_is_noted_coarsely(self, client: TestClient, clock: FrozenClock, counter: Counter) -> None:
        """The first use of a token is noted, the next ones within a quarter of an hour cost no write."""
        made = create(client, TOKENS, name="ci")
        mine, first = signed(made["tokenValue"]), int(clock.now().timestamp())
        costs = []
        for seconds in (0, 1, LAST_USED_MILLIS / 1000 - 1, 2):
            clock.pass_seconds(seconds)
            counter.reset()
            client.get("/api/user", headers=mine)
            costs.append(counter.cost[0])

        assert [2, 1, 1, 2] == costs
        (found,) = client.get(TOKENS).json()["tokens"]
        assert first + LAST_USED_MILLIS // 1000 + 2 == found["lastUsed"]

    def test_is_not_noted_for_a_refused_token(self, client: TestClient, backend: Backend, clock: FrozenClock) -> None:
        """A token that has expired does not count as used."""
        made = create(client, TOKENS, name="ci", expires=in_days(backend, 1))
        clock.pass_seconds(90_000)
        client.get("/api/user", headers=signed(made["tokenValue"]))

        assert [0] == [token["lastUsed"] for token in client.get(TOKENS, params={"filter": "all"}).json()["tokens"]]
