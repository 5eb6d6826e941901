from typing import Any

import msgspec
import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from common.backend import Backend
from common.rights.built_in import ADMIN, BUILT_INS, MEMBER, STACK_READ
from common.rights.caller import Caller
from common.rights.permissions import StackLevel
from tests.factories.grants import grant
from tests.factories.people import make_user
from tests.factories.roles import allow, compose, create_role, group
from tests.factories.stacks import make_stack, stack_id_of
from tests.factories.teams import make_team
from tests.wire import error_of

# Shapes, statuses and texts; that both databases do the same, the tests of the services show.
pytestmark = pytest.mark.dialects("sqlite")
ORG = "/api/orgs/acme"
ROLES = f"{ORG}/roles"
READ = allow("stack:read")
STACK = {"__type": "PermissionExpressionStack"}
MISSING = "01890000-0000-7000-8000-000000000000"


def asked(name: str, details: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    """Return a request as the official client sends it: with null for all that is not set."""
    empty = {"description": None, "resourceType": None, "uxPurpose": None}
    return {"name": name, **empty, "details": details or READ, **members}


def create(client: TestClient, name: str, details: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    """Create a record and returns the reply."""
    reply = client.post(ROLES, json=asked(name, details, **members))
    assert 200 == reply.status_code, reply.text
    found: dict[str, Any] = reply.json()
    return found


def names(reply: Response) -> list[str]:
    """Return the names of the records in a reply."""
    return [record["name"] for record in reply.json()["roles"]]


class TestCreateRole:
    def test_answers_with_the_whole_record(self, client: TestClient, admin: Caller) -> None:
        """A record has every member that clients insist on, and no identifier of a built-in one."""
        made = create(client, "deployers", description="Équipe 🐙")
        role_id, org_id = made.pop("id"), made.pop("orgId")

        assert (36, 36) == (len(role_id), len(org_id))
        assert {
            "name": "deployers",
            "description": "Équipe 🐙",
            "uxPurpose": "role",
            "resourceType": "global",
            "details": READ,
            "created": "2026-01-02T03:04:05Z",
            "modified": "2026-01-02T03:04:05Z",
            "version": 1,
            "isOrgDefault": False,
        } == made

    def test_keeps_details_as_they_were_spelled(self, client: TestClient) -> None:
        """A descriptor goes through unread by anything that could change it."""
        details = b'{ "__type":"PermissionDescriptorAllow" ,"permissions":["stack:read"],"constraints":null,"later":1.50 }'
        reply = client.post(ROLES, content=b'{"name":"raw","details":' + details + b"}")

        assert details in reply.content
        assert details in client.get(f"{ROLES}/{reply.json()['id']}").content

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"name": None, "details": READ},
            {"name": "x"},
            {"name": "x", "details": None},
            {"name": "", "details": READ},
            {"name": "x" * 256, "details": READ},
            {"name": "x", "details": "text"},
            {"name": "x", "details": []},
            {"name": 5, "details": READ},
            asked("x", uxPurpose="king"),
            asked("x", compose(MISSING)),
            asked("x", compose("x")),
            asked("x", description="d" * 1025),
            asked("x", resourceType="r" * 41),
            asked("x", group(*[READ] * 2001)),
            asked("x", {"__type": "PermissionDescriptorAllow", "permissions": ["nope"]}),
            [],
        ],
        ids=lambda body: str(body)[:60],
    )
    def test_refuses_what_is_off(self, client: TestClient, body: Any) -> None:
        """Bad input is 400 in the wire's shape, and nothing is stored."""
        status, code, _ = error_of(client.post(ROLES, json=body))

        assert (400, 400) == (status, code)
        assert len(BUILT_INS) == len(names(client.get(ROLES)))

    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"\xff", b'{"name":"\\ud800","details":null}', b"[" * 100_000, b'{"name":"x","details":' + b'{"a":' * 5000],
    )
    def test_refuses_what_is_not_json(self, client: TestClient, body: bytes) -> None:
        """Rubbish is 400, never a server's error."""
        assert 400 == error_of(client.post(ROLES, content=body))[0]

    def test_names_the_purposes_there_are(self, client: TestClient) -> None:
        """The command line's help offers purposes that upstream's API does not have either."""
        status, _, message = error_of(client.post(ROLES, json=asked("x", uxPurpose="organization")))

        assert 400 == status
        assert "unknown uxPurpose 'organization'; known are: role, role_private," in message

    def test_says_when_a_name_is_taken(self, client: TestClient) -> None:
        """A second record of that purpose and name is 409."""
        create(client, "ops")
        expected = (409, 409, "Conflict: a role named 'ops' already exists")

        assert expected == error_of(client.post(ROLES, json=asked("ops")))

    def test_makes_the_policy_too(self, client: TestClient) -> None:
        """With the query's switch, a policy of the same name stands behind the role."""
        made = client.post(f"{ROLES}?createPolicyAndRole=true", json=asked("ops")).json()
        policy = client.get(ROLES, params={"uxPurpose": "policy"}).json()["roles"]

        assert [("ops", READ)] == [(found["name"], found["details"]) for found in policy]
        assert [policy[0]["id"]] == made["details"]["permissionDescriptors"]


class TestListRoles:
    def test_shows_built_in_records(self, client: TestClient) -> None:
        """Clients find built-in records by their identifier, and see which one new members get."""
        found = client.get(ROLES, params={"uxPurpose": "role"}).json()["roles"]

        assert ["admin", "member", "billing-manager"] == [record["defaultIdentifier"] for record in found]
        assert [False, True, False] == [record["isOrgDefault"] for record in found]
        assert {"PermissionDescriptorAllow"} == {record["details"]["__type"] for record in found}
        assert [1, 1, 1] == [record["version"] for record in found]

    def test_narrows_by_purpose_and_caller(self, client: TestClient) -> None:
        """A purpose is one of upstream's; an empty one is not."""
        create(client, "s", uxPurpose="set", resourceType="stack")

        assert "s" in names(client.get(ROLES, params={"uxPurpose": "set"}))
        assert "s" not in names(client.get(ROLES, params={"uxPurpose": "role"}))
        assert len(BUILT_INS) + 1 == len(names(client.get(ROLES, params={"uxPurpose": ""})))
        assert ["Admin"] == names(client.get(ROLES, params={"assignedToMe": "true"}))
        assert 400 == error_of(client.get(ROLES, params={"uxPurpose": "king"}))[0]
        assert 400 == error_of(client.get(ROLES, params={"assignedToMe": "perhaps"}))[0]


class TestScopes:
    def test_is_a_map_of_groups(self, client: TestClient) -> None:
        """Buckets by kind of thing, groups by upstream's names, permissions with a description."""
        found = client.get(f"{ROLES}/scopes").json()

        assert ["stack", "environment", "insights-account", "organization"] == list(found)
        assert "Stacks" == found["stack"][0]["name"]
        assert {"name": "stack:list", "metadata": {"description": "List stacks"}} == found["stack"][0]["scopes"][0]


class TestProviderSequence:
    def test_creates_reads_updates_and_deletes_a_role(self, client: TestClient) -> None:
        """The calls of the provider's OrganizationRole: create, refresh, rename, new permissions, delete, refresh again."""
        details = group(allow("stack:create"), compose(STACK_READ.id))
        made = create(client, "deployers", details, uxPurpose="role", description="deploys")
        role = f"{ROLES}/{made['id']}"
        assert made == client.get(role).json()

        renamed = client.patch(role, json={"name": "movers", "description": None, "details": None}).json()
        assert ("movers", "deploys", details, 2) == tuple(renamed[key] for key in ("name", "description", "details", "version"))
        changed = client.patch(role, json={"name": None, "description": "", "details": READ}).json()
        assert ("movers", "", READ, 3) == tuple(changed[key] for key in ("name", "description", "details", "version"))
        assert changed == client.get(role).json()

        gone = client.delete(role)
        assert (204, b"") == (gone.status_code, gone.content)
        for reply in (client.get(role), client.delete(role), client.patch(role, json={"name": "x"})):
            assert (404, 404, f"Not Found: role '{made['id']}' not found") == error_of(reply)
        assert create(client, "movers")["id"] != made["id"]

    def test_deletes_with_force_what_is_held(self, client: TestClient, backend: Backend) -> None:
        """A held role is 409 with the reason; the same call with force goes through."""
        make_team(backend, "ops")
        role = f"{ROLES}/{create(client, 'ops')['id']}"
        client.post(f"{ORG}/teams/ops/roles/{role.rpartition('/')[2]}")
        status, code, message = error_of(client.delete(role))

        assert (409, 409) == (status, code)
        assert "role 'ops' is in use: 1 team" in message
        assert 204 == client.delete(role, params={"force": "true"}).status_code
        assert 404 == client.get(role).status_code


class TestBuiltIn:
    @pytest.mark.parametrize("record", [ADMIN, STACK_READ], ids=lambda record: str(record.identifier))
    def test_stays_what_it_is(self, client: TestClient, record: Any) -> None:
        """A built-in record can be read, and neither changed nor deleted."""
        assert record.identifier == client.get(f"{ROLES}/{record.id}").json()["defaultIdentifier"]
        assert 400 == error_of(client.patch(f"{ROLES}/{record.id}", json={"name": "x"}))[0]
        assert 400 == error_of(client.delete(f"{ROLES}/{record.id}", params={"force": "true"}))[0]


class TestDefault:
    def test_moves_the_mark(self, client: TestClient) -> None:
        """One record at a time is what new members get."""
        made = create(client, "ops")
        assert 204 == client.patch(f"{ROLES}/{made['id']}/default").status_code

        assert client.get(f"{ROLES}/{made['id']}").json()["isOrgDefault"]
        assert not client.get(f"{ROLES}/{MEMBER.id}").json()["isOrgDefault"]
        assert 204 == client.patch(f"{ROLES}/{MEMBER.id}/default").status_code
        assert client.get(f"{ROLES}/{MEMBER.id}").json()["isOrgDefault"]
        assert 400 == error_of(client.patch(f"{ROLES}/{ADMIN.id}/default"))[0]


class TestHolders:
    def test_have_upstreams_shapes(self, client: TestClient, backend: Backend) -> None:
        """People, teams and tokens by role."""
        make_user(backend, "bob", org="acme")
        make_team(backend, "ops")
        client.post(f"{ORG}/teams/ops/roles/{MEMBER.id}")
        person = {"name": "Bob", "githubLogin": "bob", "avatarUrl": "", "email": "bob@example.com"}
        team = {"kind": "pulumi", "name": "ops", "displayName": "Ops", "description": ""}

        assert {"users": [person]} == client.get(f"{ROLES}/{MEMBER.id}/users").json()
        assert {"teams": [team]} == client.get(f"{ROLES}/{MEMBER.id}/teams").json()
        assert {"tokens": []} == client.get(f"{ROLES}/{MEMBER.id}/tokens").json()
        assert 404 == error_of(client.get(f"{ROLES}/{MISSING}/tokens"))[0]


class TestTeamRoles:
    def test_gives_lists_and_takes(self, client: TestClient, backend: Backend) -> None:
        """The calls of the command line and the console on a team's roles."""
        make_team(backend, "ops")
        role_id = create(client, "ops")["id"]
        roles = f"{ORG}/teams/ops/roles"

        assert [204, 204] == [client.post(f"{roles}/{role_id}").status_code for _ in range(2)]
        assert ["ops"] == names(client.get(roles))
        assert 204 == client.delete(f"{roles}/{role_id}").status_code
        assert 404 == error_of(client.delete(f"{roles}/{role_id}"))[0]
        assert 404 == error_of(client.get(f"{ORG}/teams/none/roles"))[0]
        assert 400 == error_of(client.post(f"{roles}/{STACK_READ.id}"))[0]

    def test_turns_grants_into_a_role(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """The reply is the private role's record, again and again."""
        make_stack(backend, admin)
        grant(backend, "dev", make_team(backend, "ops"), StackLevel.READ, is_team=True)
        first, second = (client.post(f"{ORG}/teams/ops/enable-team-roles").json() for _ in range(2))

        assert first == second
        assert "role_private" == first["uxPurpose"]
        assert [stack_id_of(backend, "dev")] == first["details"]["entries"][0]["condition"]["values"]["identities"]


class TestAssignments:
    def test_changes_and_lists(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """A set is given by id, shown with its holder, and taken with null."""
        make_stack(backend, admin)
        make_user(backend, "bob", org="acme")
        stack = {"context": STACK, "id": stack_id_of(backend, "dev")}
        given = client.post(f"{ORG}/assignments/update", json={**stack, "userId": "bob", "permissionSetId": STACK_READ.id}).json()
        listed = client.post(f"{ORG}/assignments/list", json=stack).json()
        person = {"name": "Bob", "githubLogin": "bob", "avatarUrl": "", "email": "bob@example.com"}
        held = {"id": STACK_READ.id, "name": "Stack Read", "resourceType": "stack", "defaultIdentifier": "stack-read"}

        assert {"principal": {"user": person}, "permissionSet": held, "source": "assignment"} == given["assignment"]
        assert [given["assignment"]] == listed["assignments"]
        assert held in listed["availablePermissionSets"]
        taken = client.post(f"{ORG}/assignments/update", json={**stack, "userId": "bob", "permissionSetId": None})
        assert (200, {}) == (taken.status_code, taken.json())

    def test_shows_teams_by_name(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """What a team was given comes with the team as its source."""
        make_stack(backend, admin)
        custom = create_role(backend, admin, "some", READ, resource_type="stack")
        grant(backend, "dev", make_team(backend, "ops"), StackLevel.NONE, set_id=custom.id, is_team=True)
        found = client.post(f"{ORG}/assignments/list", json={"context": STACK, "id": stack_id_of(backend, "dev")}).json()

        shown = {"id": custom.id, "name": "some", "resourceType": "stack"}
        team = {"team": {"name": "ops", "displayName": "Ops"}}
        assert [{"principal": team, "permissionSet": shown, "source": "team"}] == found["assignments"]

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({}, 400),
            ({"context": STACK}, 400),
            ({"context": None, "id": MISSING}, 400),
            ({"context": {"__type": "PermissionExpressionTag"}, "id": MISSING}, 400),
            ({"context": STACK, "id": MISSING}, 404),
            ({"context": {"__type": "PermissionExpressionEnvironment"}, "id": MISSING}, 404),
            ([], 400),
        ],
    )
    def test_refuses_what_is_off(self, client: TestClient, body: Any, status: int) -> None:
        """What cannot be read is 400, what is not there 404."""
        assert status == error_of(client.post(f"{ORG}/assignments/list", json=body))[0]
        full = {**body, "userId": "bob"} if isinstance(body, dict) else body
        assert status == error_of(client.post(f"{ORG}/assignments/update", content=msgspec.json.encode(full)))[0]


class TestStrangers:
    @pytest.mark.parametrize(
        ("method", "call"),
        [
            ("GET", "roles"),
            ("GET", "roles?assignedToMe=true"),
            ("POST", "roles"),
            ("GET", "roles/scopes"),
            ("GET", "roles/{}"),
            ("PATCH", "roles/{}"),
            ("DELETE", "roles/{}"),
            ("PATCH", "roles/{}/default"),
            ("GET", "roles/{}/teams"),
            ("GET", "roles/{}/tokens"),
            ("GET", "roles/{}/users"),
            ("GET", "teams/ops/roles"),
            ("POST", "teams/ops/roles/{}"),
            ("DELETE", "teams/ops/roles/{}"),
            ("POST", "teams/ops/enable-team-roles"),
            ("POST", "assignments/list"),
            ("POST", "assignments/update"),
        ],
    )
    def test_hear_of_no_organization(self, client: TestClient, backend: Backend, method: str, call: str) -> None:
        """Another organization's member gets the words of an organization that does not exist; a caller without a token gets 401."""
        make_team(backend, "ops")
        role_id = create(client, "ops")["id"]
        body = {**asked("x"), "context": STACK, "id": MISSING, "userId": "bob"} if method in ("POST", "PATCH") else None
        stranger = {"Authorization": f"token {make_user(backend, 'eve')}"}

        for org in ("acme", "none"):
            reply = client.request(method, f"/api/orgs/{org}/{call.format(role_id)}", headers=stranger, json=body)
            assert (404, 404, f"Not Found: Organization '{org}' not found") == error_of(reply)
        nobody = client.request(method, f"{ORG}/{call.format(role_id)}", headers={"Authorization": ""}, json=body)
        assert 401 == nobody.status_code
