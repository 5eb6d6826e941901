"""Statuses, shapes and texts of the calls about teams, and the sequences in which the provider makes them."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from common.access import grants
from common.backend import Backend
from common.rights.permissions import Role, StackLevel
from tests.counting import Counter
from tests.factories.people import caller_of, make_user
from tests.factories.teams import (
    OPS,
    TEAMS,
    UNSET_MEMBERS,
    act,
    create,
    give,
    levels,
    on_environment,
    on_stack,
    patch,
    read,
    roles,
    signed,
)
from tests.wire import create_stack, error_of

# That both databases do the same, the tests of the service show.
pytestmark = pytest.mark.dialects("sqlite")
S = "/api/stacks/acme/shop/dev"
CONSOLE = "/api/console/stacks/acme/shop/dev/teams/ops"
ADMIN = {"name": "Administrator", "githubLogin": "admin", "avatarUrl": "", "email": ""}


class TestCreate:
    def test_answers_with_the_team(self, client: TestClient) -> None:
        """A new team has its creator as its admin and nothing else, and is read back the same."""
        made = create(client, displayName="Operations", description="who runs things")

        assert (
            {
                "kind": "pulumi",
                "name": "ops",
                "displayName": "Operations",
                "description": "who runs things",
                "userRole": "admin",
                "members": [{**ADMIN, "role": "admin"}],
                "stacks": [],
                "environments": [],
                "accounts": [],
                "roleIds": [],
            }
            == made
            == read(client)
        )

    def test_takes_null_for_absent_texts(self, client: TestClient) -> None:
        """A display name and a description may be absent or null; they are empty then."""
        made = create(client, displayName=None, description=None)

        assert ("", "") == (made["displayName"], made["description"])

    def test_refuses_a_taken_name(self, client: TestClient) -> None:
        """A second team of a name is 409; case makes another name."""
        create(client)
        again = client.post(f"{TEAMS}/pulumi", json={"name": "ops", "displayName": "", "description": ""})

        assert (409, 409, "Conflict: team 'ops' already exists in organization acme") == error_of(again)
        assert "Ops" == create(client, "Ops")["name"]

    @pytest.mark.parametrize(
        "body",
        [
            b"[]",
            b"null",
            b"{",
            b"",
            b"{}",
            b'{"name":null}',
            b'{"name":5}',
            b'{"name":""}',
            b'{"name":"a b"}',
            b'{"name":"a/b"}',
            b'{"name":".."}',
            b'{"name":"ops","displayName":7}',
            b'{"name":"\\ud800"}',
            b'{"name":"ops","displayName":"%s"}' % (b"x" * 101),
            b'{"name":"ops","description":"%s"}' % (b"x" * 1025),
            b'{"name":"%s"}' % (b"x" * 101),
            b"\xff",
        ],
    )
    def test_refuses_a_bad_body(self, client: TestClient, body: bytes) -> None:
        """What is not a request to make a team is 400, and none is made."""
        assert (400, 400) == error_of(client.post(f"{TEAMS}/pulumi", content=body))[:2]
        assert [] == client.get(TEAMS).json()["teams"]

    def test_of_github_is_not_served(self, client: TestClient) -> None:
        """There is no GitHub behind this server."""
        assert (501, 501) == error_of(client.post(f"{TEAMS}/github", json={"githubTeamID": 1}))[:2]


class TestList:
    def test_tells_names_and_the_own_role(self, client: TestClient, backend: Backend, counter: Counter) -> None:
        """Teams come by name, each with the caller's role, in two statements however many there are."""
        bob = make_user(backend, "bob", org="acme")
        for name in ("web", "ops", *(f"t{number}" for number in range(8))):
            create(client, name)
        act(client, "add", "bob")
        client.get(TEAMS, headers=signed(bob))
        counter.reset()
        found = client.get(TEAMS, headers=signed(bob)).json()["teams"]

        assert 2 == len(counter.texts)
        assert ["ops", *(f"t{number}" for number in range(8)), "web"] == [team["name"] for team in found]
        assert {"kind": "pulumi", "name": "ops", "displayName": "Ops", "description": "", "userRole": "member"} == found[0]
        assert "none" == found[-1]["userRole"]

    def test_is_empty_at_first(self, client: TestClient) -> None:
        """Without teams the list is an empty one."""
        assert {"teams": []} == client.get(TEAMS).json()


class TestGet:
    def test_costs_two_statements(self, client: TestClient, counter: Counter) -> None:
        """A team with members, stacks, environments is one statement beside the caller's."""
        create(client)
        create_stack(client)
        give(client, 101)
        patch(client, addEnvironmentPermission=on_environment("open"))
        counter.reset()
        found = read(client)

        assert 2 == len(counter.texts)
        assert [{"projectName": "shop", "stackName": "dev", "permission": 101}] == found["stacks"]

    def test_of_a_missing_one(self, client: TestClient) -> None:
        """A team that is not there is 404 for every call, and so is an organization."""
        found = [client.get(OPS), client.delete(OPS), patch(client), act(client, "add", "admin")]
        foreign = [client.request(method, "/api/orgs/none/teams/ops", json={}) for method in ("GET", "PATCH", "DELETE")]

        assert [(404, 404, "Not Found: Team 'ops' not found")] * 4 == [*map(error_of, found)]
        assert [(404, 404, "Not Found: Organization 'none' not found")] * 3 == [*map(error_of, foreign)]


class TestPatch:
    @pytest.fixture(autouse=True)
    def team(self, client: TestClient) -> None:
        """Team ops, and stack shop/dev."""
        create(client)
        create_stack(client)

    def test_changes_texts(self, client: TestClient) -> None:
        """Each text is changed alone; null leaves it."""
        assert 204 == patch(client, newDisplayName="Operations").status_code
        assert 204 == patch(client, newDescription="runs things").status_code

        assert ("Operations", "runs things") == (read(client)["displayName"], read(client)["description"])

    def test_with_nothing_changes_nothing(self, client: TestClient) -> None:
        """A body of nulls, and an empty one, are good and do nothing."""
        before = read(client)

        assert [204, 204] == [patch(client).status_code, client.patch(OPS, json={}).status_code]
        assert before == read(client)

    @pytest.mark.parametrize(
        "members",
        [
            {"member": "admin"},
            {"memberAction": "add"},
            {"member": "admin", "memberAction": "invite"},
            {"member": 1},
            {"newDisplayName": "x" * 101},
            {"newDescription": "x" * 1025},
            {"newDisplayName": 1},
            {"addStackPermission": {"projectName": "shop", "stackName": "dev"}},
            {"addStackPermission": on_stack(100)},
            {"editStackPermission": {**on_stack(101), "permission": "101"}},
            {"removeStack": {"projectName": "shop"}},
            {"addEnvironmentPermission": on_environment("owner")},
            {"addEnvironmentPermission": on_environment("open", "a b")},
            {"editEnvironmentPermission": on_environment("open", duration="soon")},
            {"removeEnvironment": []},
        ],
    )
    def test_refuses_a_bad_body(self, client: TestClient, members: dict[str, Any]) -> None:
        """What is not a change of a team is 400, and nothing is changed by it."""
        before = read(client)

        assert (400, 400) == error_of(patch(client, **members))[:2]
        assert before == read(client)

    def test_refuses_a_permission_set_by_name(self, client: TestClient) -> None:
        """A member that would give something else than it says is refused rather than ignored."""
        asked = {**on_stack(0), "permissionSetName": "Auditor"}

        assert (501, 501) == error_of(patch(client, addStackPermission=asked))[:2]

    def test_of_what_is_not_there(self, client: TestClient, backend: Backend) -> None:
        """An unknown person, stack or grant is 404; someone who is in already is 409."""
        make_user(backend, "mallory")
        answers = [
            act(client, "add", "nobody"),
            act(client, "add", "mallory"),
            *(act(client, action, "mallory") for action in ("remove", "promote", "demote")),
            give(client, 101, "none"),
            patch(client, removeStack={"projectName": "shop", "stackName": "none"}),
            patch(client, removeStack={"projectName": "shop", "stackName": "dev"}),
            patch(client, removeEnvironment={"projectName": "p", "envName": "e"}),
        ]

        assert [404] * 9 == [error_of(found)[0] for found in answers]
        assert (409, 409, "Conflict: admin is already a member of team ops") == error_of(act(client, "add", "admin"))

    def test_is_all_or_nothing(self, client: TestClient, backend: Backend) -> None:
        """Several changes in one body happen together; when one cannot, none of them does."""
        make_user(backend, "bob", org="acme")
        before = read(client)
        refused = patch(
            client,
            newDisplayName="X",
            member="bob",
            memberAction="add",
            addEnvironmentPermission=on_environment("open"),
            addStackPermission=on_stack(102),
            removeStack={"projectName": "shop", "stackName": "none"},
        )
        unchanged = read(client)
        done = patch(client, newDisplayName="X", member="bob", memberAction="add", addStackPermission=on_stack(102))

        assert ((404, 404), before) == (error_of(refused)[:2], unchanged)
        assert (204, "X", {"admin": "admin", "bob": "member"}) == (done.status_code, read(client)["displayName"], roles(client))
        assert [("dev", 102)] == levels(client)


class TestStackSide:
    @pytest.fixture(autouse=True)
    def team(self, client: TestClient) -> None:
        """Team ops, and stack shop/dev."""
        create(client)
        create_stack(client)

    def test_shows_teams(self, client: TestClient, backend: Backend) -> None:
        """The teams of a stack come by name, with what they were given and whether the caller is in them."""
        bob = make_user(backend, "bob", org="acme")
        create(client, "web")
        act(client, "add", "bob")
        give(client, 102)
        give(client, 101, team="web")
        found = client.get(f"{S}/teams", headers=signed(bob)).json()

        assert {
            "projectName": "shop",
            "teams": [
                {"name": "ops", "displayName": "Ops", "description": "", "permission": 102, "isMember": True},
                {"name": "web", "displayName": "Web", "description": "", "permission": 101, "isMember": False},
            ],
        } == found

    @pytest.mark.parametrize("none", [None, 0, "absent"])
    def test_console_sets_and_takes(self, client: TestClient, none: int | str | None) -> None:
        """The console's call replaces the level; null, 0 and absence take it away, and may be repeated."""
        given = [client.patch(CONSOLE, json={"permissions": level}).status_code for level in (101, 104)]
        shown = levels(client)
        body: dict[str, Any] = {} if none == "absent" else {"permissions": none}

        assert ([204, 204], [("dev", 104)]) == (given, shown)
        assert [204, 204] == [client.patch(CONSOLE, json=body).status_code for _ in range(2)]
        assert [] == levels(client)

    def test_console_refuses(self, client: TestClient) -> None:
        """A level that is invalid is 400, a team or a stack that is not there 404."""
        bodies: tuple[Any, ...] = ({"permissions": 105}, {"permissions": "101"}, [])
        bad = [client.patch(CONSOLE, json=body) for body in bodies]
        missing = [
            client.patch(address, json={"permissions": 101})
            for address in (CONSOLE.replace("ops", "none"), CONSOLE.replace("dev", "none"))
        ]

        assert [400] * 3 == [error_of(found)[0] for found in bad]
        assert [404] * 2 == [error_of(found)[0] for found in missing]

    def test_shows_and_removes_collaborators(self, client: TestClient, backend: Backend) -> None:
        """People come by login with their level, and the stack's owner by name; removing one twice is 404."""
        bob_id = caller_of(backend, make_user(backend, "bob", org="acme")).user_id
        stack_id = client.get(S).json()["id"]
        with backend.db.begin() as tx:
            grants.replace(tx, stack_id, bob_id, is_team=False, level=StackLevel.WRITE, now=backend.clock.now())
        give(client, 101)
        found = client.get(f"{S}/collaborators").json()
        removed = [client.delete(f"{S}/collaborators/bob") for _ in range(2)]

        bob = {"name": "Bob", "githubLogin": "bob", "avatarUrl": "", "email": "bob@example.com"}
        assert {"users": [{"user": bob, "permission": 102}], "stackCreatorUserName": "admin"} == found
        assert (204, 404) == (removed[0].status_code, error_of(removed[1])[0])
        assert [] == client.get(f"{S}/collaborators").json()["users"]


class TestCreateStack:
    def test_gives_it_to_teams(self, client: TestClient) -> None:
        """Teams that are named when a stack is made administer it from the start; a name that comes twice counts once."""
        create(client)
        create(client, "web")
        create_stack(client, teams=["web", "ops", "web"])

        assert [("dev", 103)] == levels(client) == levels(client, "web")

    def test_refuses_an_unknown_team(self, client: TestClient) -> None:
        """With a team that is not there nothing is made, however many are."""
        create(client)
        found = client.post("/api/stacks/acme/shop", json={"stackName": "dev", "teams": ["ops", "none"]})
        many = client.post("/api/stacks/acme/shop", json={"stackName": "dev", "teams": [f"t{number}" for number in range(101)]})

        assert (404, 404, "Not Found: Team 'none' not found") == error_of(found)
        assert (400, 400) == error_of(many)[:2]
        assert (404, []) == (client.get(S).status_code, levels(client))


class TestProvider:
    """The sequences of calls that the Pulumi Service provider makes, with its bodies."""

    def test_team(self, client: TestClient, backend: Backend) -> None:
        """Team: made, members added (409 for one who is in passes), its maker taken out, read, changed, deleted, read as absent."""
        for login in ("alice", "bob"):
            make_user(backend, login, org="acme")
        body = {"organization": "acme", "teamType": "pulumi", "name": "ops", "displayName": "Ops", "description": "d"}
        made = client.post(f"{TEAMS}/pulumi", json=body)
        steps = [
            client.patch(OPS, json={"memberAction": "add", "member": login}).status_code for login in ("alice", "bob", "bob")
        ]
        left = client.patch(OPS, json={"memberAction": "remove", "member": "admin"}).status_code
        members = roles(client)
        renamed = [client.patch(OPS, json=change).status_code for change in ({"newDisplayName": "O"}, {"newDescription": "x"})]
        shown = read(client)

        assert (201, [204, 204, 409], 204) == (made.status_code, steps, left)
        assert {"alice": "member", "bob": "member"} == members
        assert ([204, 204], "O", "x", "none") == (renamed, shown["displayName"], shown["description"], shown["userRole"])
        assert (204, 404) == (client.delete(OPS).status_code, error_of(client.get(OPS))[1])

    def test_team_stack_permission(self, client: TestClient) -> None:
        """TeamStackPermission: added, read from the team, edited, removed, and gone from the team."""
        create(client)
        create_stack(client)
        place = {"projectName": "shop", "stackName": "dev"}
        added = client.patch(OPS, json={"addStackPermission": {**place, "permission": 101}}).status_code
        after_add = levels(client)
        edited = client.patch(OPS, json={"editStackPermission": {**place, "permission": 103}}).status_code
        after_edit = levels(client)
        removed = client.patch(OPS, json={"removeStack": place}).status_code

        assert ([204] * 3, [("dev", 101)], [("dev", 103)]) == ([added, edited, removed], after_add, after_edit)
        assert [] == levels(client)

    def test_team_access(self, client: TestClient) -> None:
        """TeamAccess: a role and an environment given to a team, read, given again, taken away, and read as absent."""
        create(client)
        details = {"__type": "PermissionDescriptorAllow", "permissions": ["stack:read"]}
        asked = {"name": "readers", "description": None, "details": details, "resourceType": None, "uxPurpose": "role"}
        role = f"{OPS}/roles/{client.post('/api/orgs/acme/roles', json=asked).json()['id']}"
        place = {"projectName": "shop", "envName": "dev"}
        on_environment = {**place, "permission": "open", "maxOpenDuration": None}
        given = client.post(role, json=None)
        opened = client.patch(OPS, json={**dict.fromkeys(UNSET_MEMBERS), "addEnvironmentPermission": on_environment})
        shown = read(client)

        assert (204, 204) == (given.status_code, opened.status_code)
        assert ([role.rpartition("/")[2]], "open") == (shown["roleIds"], shown["environments"][0]["permission"])
        assert ["readers"] == [found["name"] for found in client.get(f"{OPS}/roles").json()["roles"]]
        taken = client.patch(OPS, json={**dict.fromkeys(UNSET_MEMBERS), "removeEnvironment": place})
        assert (204, 204) == (client.delete(role).status_code, taken.status_code)
        shown = read(client)
        assert ([], []) == (shown["roleIds"], shown["environments"])
        assert 404 == client.delete(role).status_code

    def test_sdk_sends_nulls(self, client: TestClient, backend: Backend) -> None:
        """The SDK's body has every member: those that are null are as if they were not there."""
        make_user(backend, "bob", org="acme")
        create(client)
        body = {**dict.fromkeys(UNSET_MEMBERS), "member": "bob", "memberAction": "add"}

        assert 204 == client.patch(OPS, json=body).status_code
        assert {"admin": "admin", "bob": "member"} == roles(client)


class TestPermission:
    def test_by_role(self, client: TestClient, backend: Backend) -> None:
        """A member reads and makes teams, a billing manager lists them, a stranger learns nothing."""
        create(client)
        bob, mary = make_user(backend, "bob", org="acme"), make_user(backend, "mary", org="acme", role=Role.BILLING_MANAGER)
        stranger = make_user(backend, "mallory")
        body = {"name": "new", "displayName": "", "description": ""}

        def answers(token: str) -> list[int]:
            mine = signed(token)
            return [
                client.get(TEAMS, headers=mine).status_code,
                client.get(OPS, headers=mine).status_code,
                client.patch(OPS, json={}, headers=mine).status_code,
                client.delete(OPS, headers=mine).status_code,
                client.post(f"{TEAMS}/pulumi", json=body, headers=mine).status_code,
            ]

        assert [200, 200, 403, 403, 201] == answers(bob)
        assert [200, 403, 403, 403, 403] == answers(mary)
        assert [404] * 5 == answers(stranger)

    def test_to_make_teams_is_a_setting(self, client: TestClient, backend: Backend) -> None:
        """Where members may not make teams, only admins do."""
        bob = make_user(backend, "bob", org="acme")
        client.patch("/api/orgs/acme", json={"setMembersCanCreateTeams": False})
        body = {"name": "ops", "displayName": "", "description": ""}

        assert (403, 403) == error_of(client.post(f"{TEAMS}/pulumi", json=body, headers=signed(bob)))[:2]
