"""Who may do what to a stack, asked over the whole application: members, grants, teams, custom roles, creators."""

from collections.abc import Callable

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from common.backend import Backend
from common.rights.caller import Caller
from common.rights.org_settings import OrgSettings
from common.rights.permissions import Permission, Role, StackLevel
from common.stacks import steps as stack_steps
from common.stacks.model import StackPath
from common.stacks.service import attributes, lifecycle
from tests.factories.grants import grant
from tests.factories.orgs import set_settings, suspend
from tests.factories.people import caller_of, make_user
from tests.factories.roles import allow, give_role, make_role, tagged
from tests.factories.stacks import import_state, make_ciphertext, make_stack, make_update
from tests.factories.teams import make_team
from tests.stacks.engine.builders import make_resource, make_state
from tests.wire import begin, error_of, program

DEV = StackPath("acme", "shop", "dev")
S = "/api/stacks/acme/shop/dev"
STATE = make_state(make_resource("a"))
CALLS: dict[str, Callable[[TestClient, str], Response]] = {
    "get": lambda client, _value: client.get(S),
    "outputs": lambda client, _value: client.get(f"{S}/outputs"),
    "resources": lambda client, _value: client.get(f"{S}/resources/latest"),
    "history": lambda client, _value: client.get(f"{S}/updates?pageSize=1&page=1"),
    "export": lambda client, _value: client.get(f"{S}/export"),
    "export a version": lambda client, _value: client.get(f"{S}/export/1"),
    "encrypt": lambda client, _value: client.post(f"{S}/encrypt", json={"plaintext": "eA=="}),
    "decrypt": lambda client, value: client.post(f"{S}/decrypt", json={"ciphertext": value}),
    "batch-decrypt": lambda client, value: client.post(f"{S}/batch-decrypt", json={"ciphertexts": [value]}),
    "tag": lambda client, _value: client.patch(f"{S}/tags", json={"env": "prod"}),
    "import": lambda client, _value: client.post(f"{S}/import", content=STATE),
    "preview": lambda client, _value: client.post(f"{S}/preview", json=program(dry_run=True)),
    "update": lambda client, _value: client.post(f"{S}/update", json=program()),
    "ownership": lambda client, _value: client.post(f"{S}/ownership", json={"githubLogin": "admin"}),
    "transfer": lambda client, _value: client.post(f"{S}/transfer", json={"toOrg": "acme"}),
    "rename": lambda client, _value: client.post(f"{S}/rename", json={"newName": "dev"}),
    "delete": lambda client, _value: client.delete(f"{S}?force=true"),
}
READS = ("get", "outputs", "resources", "history", "export", "export a version", "encrypt", "decrypt", "batch-decrypt", "preview")
WRITES = ("tag", "import", "update")
OWNS = ("ownership", "transfer", "rename", "delete")
# Conflict: it passed the check of rights, and asks for the name and the place that the stack has already.
PASSED = {200, 204, 409}
LACKS: dict[StackLevel, set[str]] = {
    StackLevel.READ: {*WRITES, *OWNS},
    StackLevel.WRITE: {*OWNS},
    StackLevel.ADMIN: set(),
    StackLevel.CREATOR: set(),
}
Statuses = dict[str, int]


@pytest.fixture
def value(backend: Backend, admin: Caller) -> str:
    """A ciphertext of stack dev, the administrator's, in an organization that gives its members nothing."""
    make_stack(backend, admin, tags={"env": "prod"})
    import_state(backend, admin, DEV, STATE)
    set_settings(backend, "acme", OrgSettings(default_stack_permission=StackLevel.NONE))
    return make_ciphertext(backend, admin, DEV)


@pytest.fixture
def bob(backend: Backend, client: TestClient, value: str) -> Caller:
    """A plain member of acme, who is signed in from here on."""
    assert value
    token = make_user(backend, "bob", org="acme")
    client.headers["Authorization"] = f"token {token}"
    return caller_of(backend, token)


def statuses(client: TestClient, value: str, names: tuple[str, ...] = READS + WRITES + OWNS) -> Statuses:
    """Return what each call answers."""
    return {name: CALLS[name](client, value).status_code for name in names}


def refused(found: Statuses) -> set[str]:
    """Return the calls that were refused, which is always by 403; all others passed."""
    assert set(found.values()) <= {403, *PASSED}, found
    return {name for name, status in found.items() if status == 403}


def listed(client: TestClient, **filters: str) -> list[str]:
    """Return the names of the stacks that the signed-in caller sees."""
    return [stack["stackName"] for stack in client.get("/api/user/stacks", params=filters).json()["stacks"]]


class TestMemberWithoutAnything:
    def test_finds_nothing(self, client: TestClient, bob: Caller, value: str) -> None:
        """Everything about the stack is missing, in the words for what does not exist."""
        assert "bob" == bob.login
        for call in CALLS.values():
            assert (404, 404, "Not Found: Stack 'acme/shop/dev' not found") == error_of(call(client, value))

    def test_sees_nothing_in_lists(self, client: TestClient, bob: Caller) -> None:
        """Lists are empty, whatever they are narrowed to, and the project does not exist."""
        assert "bob" == bob.login
        for filters in ({}, {"organization": "acme"}, {"project": "shop"}, {"tagName": "env"}):
            assert [] == listed(client, **filters)
        assert 404 == client.head("/api/stacks/acme/shop").status_code

    def test_does_not_reach_an_update(self, client: TestClient, backend: Backend, admin: Caller, bob: Caller) -> None:
        """Who knows an update's id learns no more than who does not."""
        assert "bob" == bob.login
        update_id = make_update(backend, admin, DEV)
        answers = [
            client.get(f"{S}/update/{update_id}"),
            client.post(f"{S}/update/{update_id}/cancel"),
            client.post(f"{S}/update/{update_id}", json={}),
        ]

        assert [(404, "Not Found: Stack 'acme/shop/dev' not found")] * 3 == [error_of(one)[1:] for one in answers]

    def test_is_not_told_by_a_name_that_is_taken(self, client: TestClient, bob: Caller) -> None:
        """A stack of that name cannot be made: that much must be said, and no more."""
        assert "bob" == bob.login
        found = error_of(client.post("/api/stacks/acme/shop", json={"stackName": "dev"}))

        assert (409, 409, "Conflict: Stack 'acme/shop/dev' already exists") == found


class TestGrant:
    @pytest.mark.parametrize("level", LACKS)
    def test_gives_what_its_level_says(
        self, client: TestClient, backend: Backend, bob: Caller, value: str, level: StackLevel
    ) -> None:
        """Reading, writing and administering each include the ones ahead of them."""
        grant(backend, DEV, bob.user_id, level)

        assert LACKS[level] == refused(statuses(client, value))

    @pytest.mark.parametrize("level", LACKS)
    def test_gives_the_same_by_a_team(
        self, client: TestClient, backend: Backend, bob: Caller, value: str, level: StackLevel
    ) -> None:
        """What a team was given is its members', as if each had it."""
        grant(backend, DEV, make_team(backend, members=[bob.login]), level, is_team=True)

        assert LACKS[level] == refused(statuses(client, value))

    def test_shows_the_stack_in_lists(self, client: TestClient, backend: Backend, admin: Caller, bob: Caller) -> None:
        """Of two stacks the one that was given is seen, and its project exists."""
        make_stack(backend, admin, "other", project="web")
        grant(backend, DEV, bob.user_id, StackLevel.READ)

        assert ["dev"] == listed(client) == listed(client, organization="acme", tagName="env")
        assert [200, 404] == [client.head(f"/api/stacks/acme/{project}").status_code for project in ("shop", "web")]

    def test_of_a_team_is_for_its_members(self, client: TestClient, backend: Backend, admin: Caller, bob: Caller) -> None:
        """The grant of a team is only for its members."""
        grant(backend, DEV, make_team(backend, members=[admin.login]), StackLevel.ADMIN, is_team=True)

        assert "bob" == bob.login
        assert (404, []) == (client.get(S).status_code, listed(client))

    def test_may_be_a_custom_set(self, client: TestClient, backend: Backend, admin: Caller, bob: Caller, value: str) -> None:
        """A permission set given on the stack is exactly what it says: reading without secrets, and no export."""
        grant(backend, DEV, bob.user_id, StackLevel.NONE, set_id=make_role(backend, rules=allow("stack:read"), purpose="set"))

        assert {"export", "export a version", "encrypt", "decrypt", "batch-decrypt"} == refused(statuses(client, value, READS))
        assert ["dev"] == listed(client)

    def test_follows_the_stack_to_its_new_name(
        self, client: TestClient, backend: Backend, admin: Caller, bob: Caller, value: str
    ) -> None:
        """Grants belong to the stack: after a rename the old name still decrypts, only for callers with the permission."""
        token = make_user(backend, "carol", org="acme")
        grant(backend, DEV, bob.user_id, StackLevel.READ)
        lifecycle.rename(backend, admin, DEV, "prod", "")
        carol = {"Authorization": f"token {token}"}

        assert "eA==" == client.post(f"{S}/decrypt", json={"ciphertext": value}).json()["plaintext"]
        assert (404, 404, "Not Found: Stack 'acme/shop/dev' not found") == error_of(
            client.post(f"{S}/decrypt", json={"ciphertext": value}, headers=carol)
        )

    def test_lets_a_reader_look_at_an_update_and_not_touch_it(
        self, client: TestClient, backend: Backend, admin: Caller, bob: Caller
    ) -> None:
        """An update's id opens to a reader what reading is, and refuses the rest."""
        grant(backend, DEV, bob.user_id, StackLevel.READ)
        update_id = make_update(backend, admin, DEV)
        answers = [
            client.get(f"{S}/update/{update_id}"),
            client.get(f"{S}/update/{update_id}/events"),
            client.post(f"{S}/update/{update_id}/cancel"),
            client.post(f"{S}/update/{update_id}", json={}),
        ]

        assert [200, 200, 403, 403] == [one.status_code for one in answers]


class TestCreator:
    def test_administers_what_he_made(self, client: TestClient, bob: Caller) -> None:
        """A member may do everything to their own stack, though members are given nothing."""
        assert "bob" == bob.login
        made = client.post("/api/stacks/acme/shop", json={"stackName": "mine", "tags": {"a": "b"}})
        update = begin(client, "/api/stacks/acme/shop/mine")

        assert (200, ["mine"], ["mine"]) == (made.status_code, listed(client), listed(client, tagName="a"))
        assert update.complete().is_success
        assert 200 == client.get("/api/stacks/acme/shop/mine/export").status_code
        assert 204 == client.delete("/api/stacks/acme/shop/mine").status_code

    def test_may_be_kept_from_deleting(self, client: TestClient, backend: Backend, bob: Caller) -> None:
        """An organization can withhold deletion and transfer from members; renaming stays."""
        assert "bob" == bob.login
        client.post("/api/stacks/acme/shop", json={"stackName": "mine"})
        nothing = OrgSettings(
            default_stack_permission=StackLevel.NONE,
            members_can_delete_stacks=False,
            members_can_transfer_stacks=False,
        )
        set_settings(backend, "acme", nothing)
        mine = "/api/stacks/acme/shop/mine"

        assert [403, 403, 200] == [
            client.delete(mine).status_code,
            client.post(f"{mine}/transfer", json={"toOrg": "bob"}).status_code,
            client.post(f"{mine}/rename", json={"newName": "ours"}).status_code,
        ]

    def test_is_nobody_after_leaving(self, client: TestClient, backend: Backend, bob: Caller) -> None:
        """A suspended user has no access to the stacks that they created."""
        client.post("/api/stacks/acme/shop", json={"stackName": "mine"})
        suspend(backend, bob.login)

        assert (404, []) == (client.get("/api/stacks/acme/shop/mine").status_code, listed(client))


class TestOtherMembers:
    def test_billing_manager_sees_no_stack(self, client: TestClient, backend: Backend, value: str) -> None:
        """They belongs to the organization and finds no stack, whatever members are given."""
        set_settings(backend, "acme", OrgSettings(default_stack_permission=StackLevel.ADMIN))
        token = make_user(backend, "bill", org="acme", role=Role.BILLING_MANAGER)
        client.headers["Authorization"] = f"token {token}"

        assert {404} == set(statuses(client, value).values())
        assert [] == listed(client, organization="acme")
        assert 403 == client.post("/api/stacks/acme/shop", json={"stackName": "new"}).status_code

    def test_suspended_member_is_a_stranger(
        self, client: TestClient, backend: Backend, admin: Caller, bob: Caller, value: str
    ) -> None:
        """Suspending ends all rights at the next call: grants, teams, listings, and the organization itself."""
        grant(backend, DEV, bob.user_id, StackLevel.ADMIN)
        grant(backend, DEV, make_team(backend, members=[bob.login]), StackLevel.ADMIN, is_team=True)
        suspend(backend, "bob")

        assert {404} == set(statuses(client, value).values())
        assert [] == listed(client)
        assert 404 == client.get("/api/user/stacks", params={"organization": "acme"}).status_code

    def test_stranger_finds_nothing(self, client: TestClient, backend: Backend, value: str) -> None:
        """Who does not belong to the organization gets the same answers as for one that does not exist."""
        client.headers["Authorization"] = f"token {make_user(backend, 'mallory')}"

        assert {404} == set(statuses(client, value).values())

    @pytest.mark.parametrize("level", LACKS)
    def test_member_holds_what_all_members_are_given(
        self, client: TestClient, backend: Backend, bob: Caller, value: str, level: StackLevel
    ) -> None:
        """The organization's setting is a level on every stack."""
        set_settings(backend, "acme", OrgSettings(default_stack_permission=level))

        assert "bob" == bob.login
        assert ["dev"] == listed(client)
        assert LACKS[level] == refused(statuses(client, value))


class TestCustomRole:
    def test_replaces_the_built_in_one(self, client: TestClient, backend: Backend, bob: Caller, value: str) -> None:
        """What the organization gives its members is not for those with a role of their own."""
        set_settings(backend, "acme", OrgSettings(default_stack_permission=StackLevel.ADMIN))
        give_role(backend, bob, allow("stack:read", "stack:list"))

        assert {*READS, *WRITES, *OWNS} - {"get", "outputs", "resources", "history", "preview"} == refused(
            statuses(client, value)
        )
        assert 403 == client.post("/api/stacks/acme/shop", json={"stackName": "new"}).status_code

    def test_reads_without_secrets(self, client: TestClient, backend: Backend, bob: Caller, value: str) -> None:
        """`stack:read` is neither `stack:decrypt` nor `stack:export`; with them, it is."""
        give_role(backend, bob, allow("stack:read"))
        without = refused(statuses(client, value, READS))
        give_role(backend, bob, allow("stack:read", "stack:decrypt", "stack:export"))

        assert {"decrypt", "batch-decrypt", "encrypt", "export", "export a version"} == without
        assert {"encrypt"} == refused(statuses(client, value, READS))

    def test_depends_on_tags(self, client: TestClient, backend: Backend, admin: Caller, bob: Caller) -> None:
        """A stack of another tag is missing, and changing the tag changes who may see it."""
        make_stack(backend, admin, "test", tags={"env": "test"})
        make_stack(backend, admin, "bare")
        give_role(backend, bob, tagged("env", "prod", "stack:read"))
        before = [client.get(f"/api/stacks/acme/shop/{name}").status_code for name in ("dev", "test", "bare")], listed(client)
        attributes.create_tag(backend, admin, StackPath("acme", "shop", "bare"), "env", "prod")
        attributes.delete_tag(backend, admin, DEV, "env")

        assert ([200, 404, 404], ["dev"]) == before
        assert ["bare"] == listed(client)
        assert (404, 200) == (client.get(S).status_code, client.get("/api/stacks/acme/shop/bare").status_code)

    def test_of_a_team_adds_to_the_members_own(self, client: TestClient, backend: Backend, bob: Caller, value: str) -> None:
        """A team's role is a union with what its members hold otherwise."""
        make_team(
            backend, members=[bob.login], role_ids=[make_role(backend, rules=tagged("env", "prod", "stack:read", "stack:write"))]
        )

        assert ["dev"] == listed(client)
        assert {"update", "preview", "get"}.isdisjoint(refused(statuses(client, value, READS + WRITES)))
        assert 200 == client.post("/api/stacks/acme/shop", json={"stackName": "new"}).status_code

    def test_of_one_stack(self, client: TestClient, backend: Backend, admin: Caller, bob: Caller) -> None:
        """A role may name stacks by id."""
        make_stack(backend, admin, "other")
        stack_id = stack_steps.get_stack(backend, admin, DEV, Permission.STACK_READ).id
        condition = {
            "__type": "PermissionExpressionEqual",
            "left": {"__type": "PermissionExpressionStack"},
            "right": {"__type": "PermissionLiteralExpressionStack", "identity": stack_id},
        }
        rules = {"__type": "PermissionDescriptorCondition", "condition": condition, "subNode": allow("stack:list", "stack:read")}
        give_role(backend, bob, rules)

        assert ["dev"] == listed(client)
        assert (200, 404) == (client.get(S).status_code, client.get("/api/stacks/acme/shop/other").status_code)
