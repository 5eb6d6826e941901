"""Organizations as clients see and set them up."""

from typing import Any

import pytest
from pulumi_cloud_sdk import models
from starlette.testclient import TestClient

from common.backend import Backend
from common.people.orgs.features import FEATURES
from common.rights import built_in
from common.rights.caller import Caller
from common.rights.permissions import Permission, Role
from common.stacks.model import StackPath
from tests.clocks import FrozenClock
from tests.counting import Counter
from tests.factories.grants import grant
from tests.factories.orgs import decoded, suspend
from tests.factories.people import ADMIN_TOKEN, caller_of, make_org, make_user
from tests.factories.roles import hold, make_holder, make_role
from tests.factories.stacks import make_running, make_stack, make_version
from tests.factories.tokens import signed
from tests.wire import error_of

# Shapes, statuses and texts; that both databases do the same, the tests of the services show.
pytestmark = pytest.mark.dialects("sqlite")
ORG, METADATA = "/api/orgs/acme", "/api/orgs/acme/metadata"
# The SDK sends every member of the request, unset ones as null.
NOTHING: dict[str, Any] = dict.fromkeys(
    f"set{name}"
    for name in (
        "DefaultStackPermission",
        "DefaultEnvironmentPermission",
        "DefaultAccountPermission",
        "MembersCanCreateStacks",
        "MembersCanInviteCollaborators",
        "MembersCanDeleteStacks",
        "MembersCanTransferStacks",
        "MembersCanCreateAccounts",
        "MembersCanCreateTeams",
        "AiEnablement",
        "NeoEnabled",
        "NeoApprovalMode",
        "NeoTaskSharingMode",
        "NeoCLIExplanationsDisabled",
        "NaturalLanguageSearchDisabled",
        "NeoAgentDisabled",
        "PreferredVCS",
        "DefaultDeploymentRoleId",
        "DefaultAgentPoolID",
        "MaxAccessTokenExpiryDays",
        "PermissionMode",
    )
)


def put(client: TestClient, **settings: Any) -> dict[str, Any]:
    """Change settings, with null for all the others, and returns the reply."""
    found = client.patch(ORG, json={**NOTHING, **{f"set{name}": value for name, value in settings.items()}})
    assert 200 == found.status_code, found.text
    told: dict[str, Any] = found.json()
    return told


class TestGet:
    def test_holds_what_the_caller_may_see(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """Stacks come by project, with tags and newest update; only those that the caller may see."""
        make_stack(backend, admin, "dev", tags={"pulumi:runtime": "go", "pulumi:description": "A shop", "env": "x"})
        make_stack(backend, admin, "live", project="site")
        make_version(backend, admin, StackPath("acme", "site", "live"), "a", "b")
        role_id = make_role(backend, Permission.TEAM_LIST)
        token = make_user(backend, "bob", org="acme")
        hold(backend, "bob", role_id)
        grant(backend, "live", "bob")
        found = client.get(ORG).json()
        shop, site = found["repos"]
        seen = client.get(ORG, headers=signed(token)).json()

        assert ["shop", "site"] == [repository.name for repository in decoded(found, "Organization").repos]
        assert ("acme", "acme", "") == (found["githubLogin"], found["name"], found["avatarUrl"])
        project = shop["projects"][0]
        stack = project.pop("stacks")[0]
        assert ("acme", "shop") == (shop["orgName"], shop["name"])
        assert {
            "orgName": "acme",
            "repoName": "shop",
            "name": "shop",
            "runtime": "go",
            "description": "A shop",
        } == project
        assert 36 == len(stack.pop("programId"))
        assert {
            "name": "dev",
            "routingRepo": "shop",
            "routingProject": "shop",
            "tags": {"pulumi:runtime": "go", "pulumi:description": "A shop", "env": "x"},
            "protectedByPolicy": False,
            "hasDeploymentSettings": False,
            "driftDetected": False,
        } == stack
        live = site["projects"][0]["stacks"][0]
        assert ("succeeded", 2) == (live["lastUpdate"]["result"], live["lastUpdate"]["resourceCount"])
        assert ["site"] == [repository["name"] for repository in seen["repos"]]

    def test_shows_a_running_update(self, client: TestClient, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """An update that runs has begun and not ended."""
        make_running(backend, admin, make_stack(backend, admin))
        update = client.get(ORG).json()["repos"][0]["projects"][0]["stacks"][0]["lastUpdate"]

        began = int(clock.now().timestamp())
        assert {"result": "in-progress", "startTime": began, "endTime": began, "resourceCount": 0} == update

    def test_costs_one_statement(self, client: TestClient, backend: Backend, admin: Caller, counter: Counter) -> None:
        """However many stacks there are, and beside the one that says who is calling."""
        for name in "abc":
            make_stack(backend, admin, name)
        client.get(ORG)
        counter.reset()
        client.get(ORG)

        assert 2 == counter.statements

    def test_is_for_members(self, client: TestClient, backend: Backend) -> None:
        """Strangers and suspended members find nothing; every member sees the organization."""
        bob, eve = make_user(backend, "bob", org="acme", role=Role.BILLING_MANAGER), make_user(backend, "eve")
        carol = make_user(backend, "carol", org="acme")
        suspend(backend, "carol")
        for path in (ORG, METADATA):
            assert 200 == client.get(path, headers=signed(bob)).status_code
            for token in (eve, carol):
                refusal = error_of(client.get(path, headers=signed(token)))
                assert (404, 404, "Not Found: Organization 'acme' not found") == refusal


class TestMetadata:
    def test_is_complete(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """Everything that the SDK insists on is there, with counts, the caller's role and no limits that are none."""
        bob = make_user(backend, "bob", org="acme", role=Role.BILLING_MANAGER)
        make_user(backend, "carol", org="acme")
        suspend(backend, "carol")
        make_stack(backend, admin)
        found = client.get(METADATA, headers=signed(bob)).json()
        told = decoded(found, "OrganizationMetadata")

        assert {"pulumi", "billing-manager", "2026-01-02T03:04:05Z"} == {found[name] for name in ("kind", "userRole", "created")}
        assert (2, 1, 0, 0) == tuple(found[f"{name}Count"] for name in ("member", "stack", "environment", "account"))
        assert (102, "none", 0) == tuple(found[f"default{name}Permission"] for name in ("Stack", "Environment", "Account"))
        assert found["maxMembers"] > 1_000_000 < found["maxStacks"]
        assert built_in.MEMBER.id == found["defaultRoleId"]
        assert "defaultDeploymentRoleId" not in found
        assert told.member_count == 2

    def test_is_a_persons_own(self, client: TestClient) -> None:
        """A personal organization is of its own kind."""
        assert "single-user" == client.get("/api/orgs/admin/metadata").json()["kind"]

    def test_names_every_feature(self, client: TestClient) -> None:
        """Clients are told of each feature whether it is there, and only what is built is."""
        found = client.get(METADATA).json()["features"]

        known = {
            getattr(models.OrganizationFeatures, name) for name in dir(models.OrganizationFeatures) if name.startswith("FIELDS_")
        }
        assert known <= {*found}
        assert FEATURES == found
        assert {"teamsEnabled", "customRolesEnabled", "machineTokensEnabled"} <= {name for name, is_on in found.items() if is_on}
        assert not found["auditLogsEnabled"]

    def test_costs_one_statement(self, client: TestClient, counter: Counter) -> None:
        """Beside the one that says who is calling."""
        client.get(METADATA)
        counter.reset()
        client.get(METADATA)

        assert 2 == counter.statements


class TestPatch:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("DefaultStackPermission", 101),
            ("DefaultEnvironmentPermission", "open"),
            ("DefaultAccountPermission", 2),
            ("MembersCanCreateStacks", False),
            ("MembersCanDeleteStacks", False),
            ("MembersCanTransferStacks", False),
            ("MembersCanCreateAccounts", True),
            ("MembersCanCreateTeams", False),
            ("AiEnablement", "on"),
            ("NeoEnabled", True),
            ("NeoApprovalMode", "balanced"),
            ("NeoTaskSharingMode", "org"),
            ("NeoCLIExplanationsDisabled", False),
            ("NaturalLanguageSearchDisabled", False),
            ("NeoAgentDisabled", False),
            ("PreferredVCS", "gitlab"),
            ("DefaultDeploymentRoleId", built_in.MEMBER.id),
        ],
    )
    def test_sets_one_and_leaves_the_others(self, client: TestClient, name: str, value: object) -> None:
        """A setting is told by the reply and from then on; null leaves a setting as it is."""
        shown = name[0].lower() + name[1:]
        before = client.get(METADATA).json()
        told = put(client, **{name: value})

        assert {**before, shown: value} == told == client.get(METADATA).json() == put(client)
        assert before.get(shown) != value

    def test_keeps_what_is_not_shown(self, client: TestClient, backend: Backend) -> None:
        """What the metadata has no place for is kept all the same."""
        put(client, MembersCanInviteCollaborators=True, DefaultAgentPoolID="pool", PermissionMode="permissive")
        membership = caller_of(backend, ADMIN_TOKEN).membership("acme")

        assert membership is not None
        assert (True, "pool") == (membership.settings.members_can_invite_collaborators, membership.settings.default_agent_pool_id)

    def test_takes_a_custom_role_for_deployments(self, client: TestClient, backend: Backend) -> None:
        """Roles of the same organization alone; an empty text takes it back."""
        role_id, foreign = make_role(backend, Permission.STACK_READ), make_role(backend, Permission.STACK_READ, org="admin")

        assert role_id == put(client, DefaultDeploymentRoleId=role_id)["defaultDeploymentRoleId"]
        assert (400, 400) == error_of(client.patch(ORG, json={"setDefaultDeploymentRoleId": foreign}))[:2]
        assert "defaultDeploymentRoleId" not in put(client, DefaultDeploymentRoleId="")

    @pytest.mark.parametrize(
        "body",
        [
            {"setDefaultStackPermission": 100},
            {"setDefaultStackPermission": "read"},
            {"setDefaultStackPermission": True},
            {"setDefaultEnvironmentPermission": "x"},
            {"setDefaultAccountPermission": 4},
            {"setMembersCanCreateStacks": "yes"},
            {"setMaxAccessTokenExpiryDays": -1},
            {"setMaxAccessTokenExpiryDays": 731},
            {"setMaxAccessTokenExpiryDays": 1 << 70},
            {"setMaxAccessTokenExpiryDays": 1.5},
            {"setNeoApprovalMode": ""},
            {"setPreferredVCS": "svn"},
            {"setAiEnablement": "x" * 101},
            {"setDefaultAgentPoolID": "x" * 101},
            {"setDefaultDeploymentRoleId": "x"},
            {"setPermissionMode": "restricted"},
            [],
            "x",
            None,
        ],
    )
    def test_refuses_what_cannot_be(self, client: TestClient, body: object) -> None:
        """Anything off is 400 and changes nothing."""
        before = client.get(METADATA).json()
        both = {"setNeoEnabled": True, **body} if isinstance(body, dict) else body

        assert (400, 400) == error_of(client.patch(ORG, json=both))[:2]
        assert before == client.get(METADATA).json()

    def test_is_for_those_who_may(self, client: TestClient, backend: Backend) -> None:
        """A plain member changes nothing; with a role of one's own no one gives deployments more than they hold."""
        bob = make_user(backend, "bob", org="acme")
        make_holder(backend, "carol", Permission.ORGANIZATION_UPDATE)
        refusal = error_of(client.patch(ORG, json={"setNeoEnabled": True}, headers=signed(bob)))

        assert (403, 403) == refusal[:2]
        assert "organization:update" in refusal[2]


class TestToggles:
    """What the settings mean for members, by the calls that clients make."""

    @pytest.fixture
    def bob(self, backend: Backend, admin: Caller) -> dict[str, str]:
        """The headers of a plain member."""
        assert admin.login == "admin"
        return signed(make_user(backend, "bob", org="acme"))

    @pytest.fixture
    def custom(self, backend: Backend, admin: Caller) -> dict[str, str]:
        """The headers of a member with a custom role that the toggles do not touch."""
        assert admin.login == "admin"
        token = make_user(backend, "carol", org="acme")
        permissions = (Permission.STACK_CREATE, Permission.STACK_DELETE, Permission.STACK_READ, Permission.TEAM_CREATE)
        hold(backend, "carol", make_role(backend, *permissions))
        return signed(token)

    def test_stacks(self, client: TestClient, bob: dict[str, str], custom: dict[str, str]) -> None:
        """Whether plain members may make stacks; what a custom role says is not touched."""

        def create(name: str, who: dict[str, str]) -> int:
            return client.post("/api/stacks/acme/shop", json={"stackName": name}, headers=who).status_code

        assert 200 == create("a", bob)
        put(client, MembersCanCreateStacks=False)
        assert (403, 200) == (create("b", bob), create("c", custom))
        put(client, MembersCanCreateStacks=True)
        assert 200 == create("b", bob)

    def test_deletion(self, client: TestClient, backend: Backend, bob: dict[str, str], custom: dict[str, str]) -> None:
        """Whether plain members may delete even the stacks that they made."""
        token = bob["Authorization"].removeprefix("token ")
        for name in ("a", "b"):
            make_stack(backend, caller_of(backend, token), name)
        put(client, MembersCanDeleteStacks=False)
        assert 403 == client.delete("/api/stacks/acme/shop/a", headers=bob).status_code
        assert 204 == client.delete("/api/stacks/acme/shop/b", headers=custom).status_code
        put(client, MembersCanDeleteStacks=True)
        assert 204 == client.delete("/api/stacks/acme/shop/a", headers=bob).status_code

    def test_transfer(self, client: TestClient, backend: Backend, bob: dict[str, str]) -> None:
        """Whether plain members may transfer the stacks that they made."""
        caller = caller_of(backend, bob["Authorization"].removeprefix("token "))
        make_stack(backend, caller, "a")
        make_org(backend, "beta", caller)
        put(client, MembersCanTransferStacks=False)
        assert 403 == client.post("/api/stacks/acme/shop/a/transfer", json={"toOrg": "beta"}, headers=bob).status_code
        put(client, MembersCanTransferStacks=True)
        assert 204 == client.post("/api/stacks/acme/shop/a/transfer", json={"toOrg": "beta"}, headers=bob).status_code

    def test_teams(self, client: TestClient, bob: dict[str, str], custom: dict[str, str]) -> None:
        """Whether plain members may make teams."""

        def create(name: str, who: dict[str, str]) -> int:
            body = {"name": name, "displayName": name, "description": ""}
            return client.post(f"{ORG}/teams/pulumi", json=body, headers=who).status_code

        assert 201 == create("ops", bob)
        put(client, MembersCanCreateTeams=False)
        assert (403, 201) == (create("dev", bob), create("web", custom))

    @pytest.mark.parametrize(
        ("level", "statuses"),
        [(0, [404, 404, 404]), (101, [200, 403, 403]), (102, [200, 204, 403]), (103, [200, 204, 204]), (104, [200, 204, 204])],
    )
    def test_default_stack_permission(
        self,
        client: TestClient,
        backend: Backend,
        bob: dict[str, str],
        level: int,
        statuses: list[int],
    ) -> None:
        """What plain members hold on every stack: nothing, reading, writing, administering."""
        make_stack(backend, caller_of(backend, ADMIN_TOKEN))
        path = "/api/stacks/acme/shop/dev"
        put(client, DefaultStackPermission=level)

        assert statuses == [
            client.get(path, headers=bob).status_code,
            client.delete(f"{path}/config", headers=bob).status_code,
            client.delete(path, headers=bob).status_code,
        ]

    def test_default_stack_permission_decides_lists(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """Without a permission for all, a member's list has what they were given; a billing manager's never has more."""
        make_stack(backend, admin, "a")
        make_stack(backend, admin, "b")
        bob = signed(make_user(backend, "bob", org="acme"))
        manager = signed(make_user(backend, "carol", org="acme", role=Role.BILLING_MANAGER))
        grant(backend, "b", "bob")

        def names(who: dict[str, str]) -> list[str]:
            return [stack["stackName"] for stack in client.get("/api/user/stacks", headers=who).json()["stacks"]]

        assert (["a", "b"], []) == (names(bob), names(manager))
        put(client, DefaultStackPermission=0)
        assert (["b"], []) == (names(bob), names(manager))

    def test_max_access_token_expiry(self, client: TestClient, clock: FrozenClock) -> None:
        """With a limit, tokens that live longer open nothing there, not even its administrator's; a short one does."""
        told = client.patch(ORG, json={"setMaxAccessTokenExpiryDays": 30})
        refusal = error_of(client.get(METADATA))
        expires = int(clock.now().timestamp()) + 29 * 86_400
        short = client.post("/api/user/tokens", json={"description": "", "expires": expires}).json()["tokenValue"]

        assert 30 == told.json()["maxAccessTokenExpiryDays"]
        assert (403, 403) == refusal[:2]
        assert "expire within 30 days" in refusal[2]
        assert 200 == client.get(METADATA, headers=signed(short)).status_code
        assert 200 == client.patch(ORG, json={"setMaxAccessTokenExpiryDays": 0}, headers=signed(short)).status_code
        assert 200 == client.get(METADATA).status_code
