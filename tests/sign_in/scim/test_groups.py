"""Groups as teams: their names, who owns what of them, and groups of ten thousand."""

import pytest
from sqlalchemy import insert
from starlette.testclient import TestClient

from common.backend import Backend
from common.core.ids import new_id
from common.db.tables.people import users
from common.db.tables.sign_in import scim_users
from common.rights.permissions import StackLevel
from common.sign_in.scim import model
from common.sign_in.scim.query import ListQuery
from common.sign_in.scim.service import groups
from tests.counting import Counter
from tests.factories import teams
from tests.factories.orgs import org_id_of
from tests.factories.people import make_admin
from tests.factories.stacks import make_stack
from tests.sign_in.scim.directory_client import Directory, error_of
from tests.sign_in.scim.stored_state import members_of, team_of
from tests.wire import error_of as api_error

TEAM = "/api/orgs/acme/teams/Ops"
MANY = 10_000
# Reading the token, the transaction, the lock, and what a change of members takes.
STATEMENTS = 12


@pytest.fixture
def person(directory: Directory) -> str:
    """The id of a user in the directory."""
    return str(directory.add("alice@example.com")["id"])


def org_id_in(backend: Backend) -> str:
    """Return the id of organization acme."""
    with backend.db.connect() as connection:
        return org_id_of(connection, "acme")


def people(backend: Backend, number: int) -> list[str]:
    """Put many people into acme's directory, straight into its tables, and return their ids there."""
    org_id = org_id_in(backend)
    pairs = [(new_id(), new_id()) for _ in range(number)]
    with backend.db.begin() as tx:
        tx.execute(
            insert(users),
            [
                {
                    "id": user_id,
                    "login": f"u-{user_id}",
                    "is_machine": False,
                    "name": "U",
                    "email": "",
                    "avatar_url": "",
                    "site_admin": False,
                    "default_org_id": None,
                    "created_at": 1,
                }
                for _, user_id in pairs
            ],
        )
        tx.execute(
            insert(scim_users),
            [
                {
                    "id": scim_id,
                    "org_id": org_id,
                    "user_id": user_id,
                    "user_name": f"{user_id}@example.com",
                    "external_id": None,
                    "email": "",
                    "active": True,
                    "document": "{}",
                    "version": 1,
                    "created_at": 1,
                    "modified_at": 1,
                }
                for scim_id, user_id in pairs
            ],
        )
    return [scim_id for scim_id, _ in pairs]


class TestNames:
    @pytest.mark.parametrize(
        ("display_name", "expected"),
        [
            ("Ops", "Ops"),
            ("Platform Engineers (EU)", "Platform-Engineers-EU"),
            ("a/b", "a-b"),
            ("Größe", "Gr-e"),
            ("日本", "group"),
            ("..", "group"),
            ("x" * 200, "x" * 80),
        ],
    )
    def test_are_made_of_what_people_see(
        self,
        directory: Directory,
        client: TestClient,
        display_name: str,
        expected: str,
    ) -> None:
        """A team has a name that can stand in an address; what people see stays as the directory has it."""
        directory.make("Groups", displayName=display_name)

        assert ("scim", expected, display_name, []) == team_of(client, expected)

    def test_are_never_those_of_another_team(self, directory: Directory, client: TestClient) -> None:
        """A group whose name a team has gets another one; two groups of one name are refused."""
        teams.create(client, "Ops")
        directory.make("Groups", displayName="Ops")
        directory.make("Groups", displayName="Ops!")

        assert {"Ops": "pulumi", "Ops-2": "scim", "Ops-3": "scim"} == {
            one["name"]: one["kind"] for one in client.get("/api/orgs/acme/teams").json()["teams"]
        }
        assert (409, "uniqueness") == error_of(directory.call("POST", "/Groups", json={"displayName": "Ops"}))

    def test_stay_when_the_display_name_changes(self, directory: Directory, client: TestClient) -> None:
        """Policies and addresses name a team by its name, so a rename changes only what people see; it may not be taken."""
        ops, dev = (directory.make("Groups", displayName=name) for name in ("Ops", "Dev"))
        directory.put(f"/Groups/{ops['id']}", displayName="Operations", externalId="g1")
        taken = directory.patch(f"/Groups/{dev['id']}", {"op": "replace", "path": "displayName", "value": "Operations"})

        assert "Operations" == team_of(client, "Ops")[2]
        assert (409, "uniqueness") == error_of(taken)
        assert [ops["id"]] == [one["id"] for one in directory.find("Groups", 'externalId eq "g1"')]


class TestOwner:
    def test_is_the_directory(self, directory: Directory, client: TestClient, person: str) -> None:
        """Name, members and end of such a team are changed in the directory alone, and the refusal says so."""
        directory.make("Groups", displayName="Ops", members=[{"value": person}])
        refused = [
            teams.patch(client, "Ops", member="admin", memberAction="add"),
            teams.patch(client, "Ops", member="alice", memberAction="remove"),
            teams.patch(client, "Ops", member="alice", memberAction="promote"),
            teams.patch(client, "Ops", newDisplayName="Other"),
            client.delete(TEAM),
        ]

        for one in refused:
            status, code, message = api_error(one)[:3]
            assert (400, 400) == (status, code)
            assert "team Ops is a group of the organization's directory (SCIM)" in message
        assert ("scim", "Ops", "Ops", ["alice"]) == team_of(client, "Ops")

    def test_leaves_rights_to_the_organization(self, directory: Directory, backend: Backend, client: TestClient) -> None:
        """Stacks, the description and roles of such a team are given here."""
        make_stack(backend, make_admin(backend), "dev")
        directory.make("Groups", displayName="Ops")
        given = teams.give(client, int(StackLevel.READ), team="Ops")
        described = teams.patch(client, "Ops", newDescription="they keep it running")
        enabled = client.post(f"{TEAM}/enable-team-roles")

        assert [204, 204, 200] == [given.status_code, described.status_code, enabled.status_code]

    def test_is_nobody_once_the_directory_is_gone(self, directory: Directory, client: TestClient) -> None:
        """Without a directory the team is like any other; a directory that comes later may make the group anew."""
        directory.make("Groups", displayName="Ops")
        client.delete("/api/orgs/acme/scim/token")
        changed = teams.patch(client, "Ops", newDisplayName="Other")
        deleted = client.delete(TEAM)
        token = client.post("/api/orgs/acme/scim/token").json()["tokenValue"]
        again = Directory(client, token)

        assert (204, 204) == (changed.status_code, deleted.status_code)
        assert [] == again.get("/Groups")["Resources"]
        assert "Ops" == again.make("Groups", displayName="Ops")["displayName"]


class TestMembers:
    def test_must_be_in_the_directory(self, directory: Directory, person: str) -> None:
        """Anyone who is unknown cannot be put into a group, and then nothing changes; taking them out is done already."""
        group = directory.make("Groups", displayName="Ops")
        path = f"/Groups/{group['id']}"
        refused = directory.patch(path, {"op": "add", "path": "members", "value": [{"value": person}, {"value": "nobody"}]})
        repeated = [directory.patch(path, {"op": "remove", "path": f'members[value eq "{who}"]'}) for who in ("nobody", person)]

        assert (400, "invalidValue") == error_of(refused)
        assert [204, 204] == [one.status_code for one in repeated]
        assert [] == directory.get(path)["members"]

    def test_are_added_once(self, directory: Directory, person: str) -> None:
        """Adding a user again changes nothing, not even the version."""
        path = f"/Groups/{directory.make('Groups', displayName='Ops')['id']}"
        add = {"op": "add", "path": "members", "value": [{"value": person}]}
        assert [204, 204] == [directory.patch(path, add).status_code for _ in range(2)]

        assert 'W/"2"' == directory.get(path)["meta"]["version"]

    def test_by_the_ten_thousand(self, directory: Directory, backend: Backend, counter: Counter) -> None:
        """However many members a request names, it takes as many statements as any other."""
        ids = people(backend, MANY)
        path = f"/Groups/{directory.make('Groups', displayName='Ops')['id']}"
        everybody = [{"value": one} for one in ids]
        counts: list[int | None] = []
        for operation in (
            {"op": "Add", "path": "members", "value": everybody},
            {"op": "Remove", "path": "members", "value": everybody[1:]},
            {"op": "Replace", "path": "members", "value": everybody},
            {"op": "Replace", "path": "members", "value": everybody[:2]},
        ):
            counter.reset()
            assert 204 == directory.patch(path, operation).status_code
            assert counter.statements <= STATEMENTS
            counts.append(members_of(backend, "Ops"))
        too_many = directory.patch(path, {"op": "Add", "path": "members", "value": [*everybody, {"value": "one more"}]})

        assert [MANY, 1, MANY, 2] == counts
        assert (400, "tooMany") == error_of(too_many)

    def test_end_a_page_early(self, directory: Directory, person: str, backend: Backend) -> None:
        """A page of groups with many members is shorter than was asked for, and says how many groups there are."""
        for number in range(3):
            directory.make("Groups", displayName=f"G{number}", members=[{"value": person}])
        acme = model.Directory(org_id_in(backend), "acme")
        pages = [groups.page_groups(backend, acme, ListQuery(start=start), members_limit=2) for start in (1, 3)]

        assert [(3, 1, 2), (3, 3, 1)] == [(page.total, page.start, len(page.resources)) for page in pages]
