"""Policy groups over HTTP, and the packs that updates must run."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.policies.groups.service import page_stacks
from common.rights.caller import Caller
from common.rights.permissions import Permission
from tests.counting import Counter
from tests.factories.people import make_user
from tests.factories.policies import (
    DEFAULT,
    GROUPS,
    enable,
    get_group,
    make_group,
    publish,
    tag_rule,
)
from tests.factories.roles import hold, make_role
from tests.wire import create_stack, program

DEV = {"name": "dev", "routingProject": "shop"}
ALIAS = "default-preventative-policy-group"


@pytest.fixture(autouse=True)
def stack(client: TestClient) -> str:
    """The stack acme/shop/dev, with a tag."""
    return create_stack(client, tags={"env": "prod"})


def patch(client: TestClient, group: str = DEFAULT, **members: Any) -> int:
    """Change a group and return the status."""
    return client.patch(f"{GROUPS}/{group}", json=members).status_code


def batch(client: TestClient, group: str, *changes: dict[str, Any]) -> int:
    """Change a group several times at once and return the status."""
    return client.patch(f"{GROUPS}/{group}/batch", json=list(changes)).status_code


def required(client: TestClient, stack: str, *, dry_run: bool = False) -> list[dict[str, Any]]:
    """Return what an update of the stack must run."""
    reply = client.post(f"{stack}/{'preview' if dry_run else 'update'}", json=program(dry_run=dry_run))
    assert 200 == reply.status_code, reply.text
    policies: list[dict[str, Any]] = reply.json()["requiredPolicies"]
    return policies


def summary(client: TestClient, name: str) -> dict[str, Any]:
    """Return a group as the list has it."""
    rows = client.get(GROUPS).json()["policyGroups"]
    return next(row for row in rows if row["name"] == name)


class TestDefaultGroup:
    def test_exists_without_being_made(self, client: TestClient, stack: str) -> None:
        """Every organization has a default group, which has all stacks that are in no other preventative group."""
        expected = {
            "name": DEFAULT,
            "isOrgDefault": True,
            "numStacks": 1,
            "numAccounts": 0,
            "entityType": "stacks",
            "mode": "preventative",
            "numEnabledPolicyPacks": 0,
        }
        assert {"policyGroups": [expected]} == client.get(GROUPS).json()
        assert {"policyGroups": [expected]} == client.get(f"{stack}/policygroups").json()
        assert [DEV] == get_group(client, ALIAS)["stacks"]

    def test_cannot_be_deleted_or_renamed(self, client: TestClient) -> None:
        """The default group stays what it is."""
        assert 400 == client.delete(f"{GROUPS}/{DEFAULT}").status_code
        assert 400 == patch(client, newName="other")
        assert 400 == patch(client, stackMatchRule=tag_rule("env", "prod"))
        assert 409 == client.post(GROUPS, json={"name": ALIAS}).status_code

    def test_gives_way_to_preventative_groups(self, client: TestClient, stack: str) -> None:
        """A stack in another preventative group leaves the default one; an audit group changes nothing, as it blocks nothing."""
        make_group(client, "audits", mode="audit")
        assert 204 == patch(client, "audits", addStack=DEV)
        assert [DEV] == get_group(client)["stacks"]
        assert ["audits", DEFAULT] == [row["name"] for row in client.get(f"{stack}/policygroups").json()["policyGroups"]]

        make_group(client, "strict")
        assert 204 == patch(client, "strict", addStack=DEV)
        assert [] == get_group(client)["stacks"]
        assert ["audits", "strict"] == [row["name"] for row in client.get(f"{stack}/policygroups").json()["policyGroups"]]


class TestGroups:
    def test_are_made_renamed_and_deleted(self, client: TestClient) -> None:
        """A group lives from its creation to its deletion, and its name is unique."""
        make_group(client, "prod", entityType="stacks", mode="preventative", agentPoolId=None)
        make_group(client, "other")
        assert 409 == client.post(GROUPS, json={"name": "prod"}).status_code
        assert 409 == patch(client, "other", newName="prod")
        assert 409 == patch(client, "other", newName=DEFAULT)
        assert 409 == patch(client, "other", newName=ALIAS)
        assert 204 == patch(client, "prod", newName="production")
        assert 404 == client.get(f"{GROUPS}/prod").status_code
        assert 204 == client.delete(f"{GROUPS}/production").status_code
        assert 404 == client.delete(f"{GROUPS}/production").status_code

    @pytest.mark.parametrize(
        "body", [{"name": "a b"}, {"name": ""}, {"name": "x", "entityType": "clouds"}, {"name": "x", "mode": "loose"}]
    )
    def test_refuse_bad_bodies(self, client: TestClient, body: dict[str, Any]) -> None:
        """A name and an entity type are those that clients know."""
        assert 400 == client.post(GROUPS, json=body).status_code

    def test_take_a_batch_as_a_whole(self, client: TestClient) -> None:
        """The provider changes a group in one batch: all of it, or nothing."""
        publish(client)
        make_group(client, "prod")
        pack = {"name": "guard", "displayName": "", "version": 1, "versionTag": "1.0.0", "config": None}

        assert 404 == batch(client, "prod", {"addPolicyPack": pack}, {"addStack": {"name": "none", "routingProject": "shop"}})
        assert [] == get_group(client, "prod")["appliedPolicyPacks"]
        assert 204 == batch(client, "prod", {"addPolicyPack": pack}, {"addStack": DEV}, {"newName": "live"})
        group = get_group(client, "live")
        assert [DEV] == group["stacks"]
        assert [{"name": "guard", "displayName": "Guard", "version": 1, "versionTag": "1.0.0"}] == group["appliedPolicyPacks"]
        assert 204 == batch(client, "live", {"removeStack": DEV}, {"removePolicyPack": pack})
        assert ([], []) == (get_group(client, "live")["stacks"], get_group(client, "live")["appliedPolicyPacks"])

    def test_may_be_replaced_as_a_whole(self, client: TestClient) -> None:
        """The newer provider sends whole lists."""
        publish(client)
        create_stack(client, "other")
        make_group(client, "prod")
        patch(client, "prod", addStack=DEV)

        assert 204 == patch(client, "prod", stacks=[{"name": "other", "routingProject": "shop"}], policyPacks=[{"name": "guard"}])
        group = get_group(client, "prod")
        assert (["other"], ["guard"]) == (
            [row["name"] for row in group["stacks"]],
            [row["name"] for row in group["appliedPolicyPacks"]],
        )

    def test_keep_stacks_that_the_caller_does_not_see(self, client: TestClient, backend: Backend) -> None:
        """Someone who replaces the stacks of a group removes those alone that they see."""
        create_stack(client, "hidden")
        make_group(client, "prod")
        batch(client, "prod", {"addStack": DEV}, {"addStack": {**DEV, "name": "hidden"}})
        mine = {"Authorization": f"token {make_user(backend, 'mia', org='acme')}"}
        client.patch("/api/orgs/acme", json={"setDefaultStackPermission": 0})
        hold(backend, "mia", make_role(backend, Permission.POLICY_GROUPS_UPDATE))

        assert 204 == client.patch(f"{GROUPS}/prod", json={"stacks": []}, headers=mine).status_code
        assert ["dev", "hidden"] == [row["name"] for row in get_group(client, "prod")["stacks"]]
        assert 204 == patch(client, "prod", stacks=[DEV])
        assert ["dev"] == [row["name"] for row in get_group(client, "prod")["stacks"]]

    def test_take_thousands_of_stacks_at_once(self, client: TestClient) -> None:
        """A request may name as many stacks as the limit allows."""
        make_group(client, "prod")
        names = [{**DEV, "name": f"stack-{number}"} for number in range(4_999)]

        assert 404 == patch(client, "prod", stacks=[DEV, *names])
        assert 204 == batch(client, "prod", {"addStack": DEV}, *({"removeStack": name} for name in names))
        assert [DEV] == get_group(client, "prod")["stacks"]

    def test_are_recorded(self, client: TestClient) -> None:
        """Every change of a group is in the audit log."""
        publish(client)
        make_group(client, "prod")
        patch(client, "prod", addStack=DEV)
        enable(client, group="prod")
        patch(client, "prod", removePolicyPack={"name": "guard"})
        client.delete(f"{GROUPS}/prod")

        events = client.get("/api/orgs/acme/auditlogs/v2").json()["auditLogEvents"]
        assert [
            "policy-group-deleted",
            "policy-pack-disabled",
            "policy-pack-enabled",
            "policy-group-updated",
            "policy-group-created",
        ] == [event["event"] for event in events[:5]]
        assert "Enabled policy packs in group 'prod': guard 1.0.0" == events[2]["description"]


class TestPacks:
    def test_one_version_at_a_time(self, client: TestClient) -> None:
        """Enabling another version replaces the one before, and its configuration and environments."""
        publish(client, tag="1")
        publish(client, tag="2")
        enable(client, tag="1", config={"tags": {"enforcementLevel": "mandatory"}}, environments=["p/e@stable"])
        (first,) = get_group(client)["appliedPolicyPacks"]
        enable(client)
        (second,) = get_group(client)["appliedPolicyPacks"]

        assert ({"tags": {"enforcementLevel": "mandatory"}}, ["p/e@stable"]) == (first["config"], first["environments"])
        assert {"name": "guard", "displayName": "Guard", "version": 2, "versionTag": "2"} == second
        assert 1 == summary(client, DEFAULT)["numEnabledPolicyPacks"]

    @pytest.mark.parametrize(
        ("config", "problem"),
        [
            ({"none": {}}, "the pack has no policy 'none'"),
            ({"tags": "sometimes"}, "tags.enforcementLevel: must be one of"),
            ({"tags": 3}, "tags: must be an enforcement level or an object"),
            ({"no-public-buckets": {"allowed": "x"}}, "no-public-buckets.allowed: must be of type array"),
            ({"no-public-buckets": {"allowed": [1]}}, "no-public-buckets.allowed[0]: must be of type string"),
            ({"no-public-buckets": {"most": 3}}, "no-public-buckets: allowed is required"),
            ({"no-public-buckets": {"allowed": [], "most": 10}}, "no-public-buckets.most: must be at most 9"),
        ],
    )
    def test_refuse_a_configuration_that_does_not_fit(self, client: TestClient, config: dict[str, Any], problem: str) -> None:
        """A configuration is checked when it is set, not in the middle of an update."""
        publish(client)
        reply = enable(client, config=config)

        assert 400 == reply.status_code
        assert problem in reply.json()["message"]

    def test_take_a_configuration_that_fits(self, client: TestClient) -> None:
        """A level alone, a level for all and the policy's own settings pass."""
        publish(client)
        config = {"all": "advisory", "tags": "disabled", "no-public-buckets": {"allowed": ["x"], "most": 9}}

        assert 204 == enable(client, config=config).status_code
        assert config == get_group(client)["appliedPolicyPacks"][0]["config"]

    def test_are_disabled(self, client: TestClient) -> None:
        """A pack is disabled by its name, or by its name and the version that is enabled."""
        publish(client, tag="1")
        publish(client, tag="2")
        enable(client, tag="1")

        assert 400 == patch(client, removePolicyPack={"name": "guard", "versionTag": "2"})
        assert 204 == patch(client, removePolicyPack={"name": "guard", "versionTag": "1"})
        assert 204 == patch(client, removePolicyPack={"name": "guard"})
        assert 404 == patch(client, removePolicyPack={"name": "none"})

    def test_refuse_bad_environments(self, client: TestClient) -> None:
        """An environment is named with its project, and a version perhaps."""
        publish(client)

        assert 400 == enable(client, environments=["a b"]).status_code


class TestRules:
    def test_match_tags(self, client: TestClient) -> None:
        """A rule puts stacks into the group by their tags, beside those that were added."""
        create_stack(client, "test", tags={"env": "test"})
        make_group(client, "prod", stackMatchRule=tag_rule("env", "prod"))
        patch(client, "prod", addStack={"name": "test", "routingProject": "shop"})
        rows = client.get(f"{GROUPS}/prod/stacks").json()["stacks"]

        assert [("dev", "rule", {"env": "prod"}), ("test", "explicit", {"env": "test"})] == [
            (row["name"], row["source"], row["tags"]) for row in rows
        ]
        assert tag_rule("env", "prod") == get_group(client, "prod")["stackMatchRule"]
        assert 2 == summary(client, "prod")["numStacks"]
        assert 204 == patch(client, "prod", removeStackMatchRule=True)
        assert ["test"] == [row["name"] for row in client.get(f"{GROUPS}/prod/stacks").json()["stacks"]]

    def test_are_paged(self, client: TestClient) -> None:
        """Members come in pages, and can be narrowed to those of one source; the last page has no token."""
        for number in range(5):
            create_stack(client, f"s{number}", tags={"env": "prod"})
        make_group(client, "prod", stackMatchRule=tag_rule("env", "prod"))
        address, names, token = f"{GROUPS}/prod/stacks?count=4&source=rule", [], ""
        for _ in range(2):
            reply = client.get(f"{address}&continuationToken={token}").json()
            names += [row["name"] for row in reply["stacks"]]
            token = reply.get("continuationToken", "")

        assert (["dev", "s0", "s1", "s2", "s3", "s4"], "") == (names, token)
        assert {"stacks": []} == client.get(f"{GROUPS}/prod/stacks?source=explicit").json()
        assert 400 == client.get(f"{GROUPS}/prod/stacks?count=501").status_code
        assert {"accounts": []} == client.get(f"{GROUPS}/prod/accounts").json()

    def test_are_read_in_batches(self, client: TestClient, backend: Backend, admin: Caller) -> None:
        """Stacks that do not match fill no page: the next batch is read, and nothing after the page is."""
        for number in range(9):
            create_stack(client, f"s{number}", tags={"env": "prod" if number % 3 == 0 else "test"})
        make_group(client, "prod", stackMatchRule=tag_rule("env", "prod"))
        names, token = [], None
        for _ in range(3):
            page, token = page_stacks(backend, admin, "acme", "prod", source=None, count=2, token=token, batch_size=2)
            names.append([member.stack.name for member in page])
            if token is None:
                break

        assert [["dev", "s0"], ["s3", "s6"]] == names

    def test_have_a_preview(self, client: TestClient) -> None:
        """A rule is tried before it is kept."""
        create_stack(client, "test")
        reply = client.post(f"{GROUPS}/stackmatchrule/preview", json={"stackMatchRule": tag_rule("env", "prod"), "search": "de"})

        assert {
            "stacks": [{"name": "dev", "routingProject": "shop", "tags": {"env": "prod"}}],
            "matchedCount": 1,
            "totalCount": 2,
        } == reply.json()

    @pytest.mark.parametrize(
        "rule",
        [
            {},
            {"__type": "PermissionExpressionHasTag", "context": {"__type": "PermissionExpressionTeam"}, "key": "x"},
            {"__type": "PermissionExpressionNot"},
            {"__type": "PermissionDescriptorAllow"},
        ],
    )
    def test_refuse_what_is_no_rule(self, client: TestClient, rule: dict[str, Any]) -> None:
        """A rule is a condition over the tags of stacks."""
        assert 400 == client.post(GROUPS, json={"name": "x", "stackMatchRule": rule}).status_code
        assert 400 == client.post(f"{GROUPS}/stackmatchrule/preview", json={"stackMatchRule": rule}).status_code

    def test_do_not_tell_of_hidden_stacks(self, client: TestClient, backend: Backend) -> None:
        """Members of a group are shown to those who may see them."""
        token = make_user(backend, "mia", org="acme")
        client.patch("/api/orgs/acme", json={"setDefaultStackPermission": 0})
        mine = {"Authorization": f"token {token}"}

        assert [] == client.get(f"{GROUPS}/{DEFAULT}", headers=mine).json()["stacks"]
        assert [] == client.get(f"{GROUPS}/{DEFAULT}/stacks", headers=mine).json()["stacks"]
        preview = {"stackMatchRule": tag_rule("env", "prod")}
        assert 0 == client.post(f"{GROUPS}/stackmatchrule/preview", json=preview, headers=mine).json()["totalCount"]


class TestRequiredPolicies:
    def test_are_sent_to_updates_and_previews(self, client: TestClient, stack: str) -> None:
        """An update gets the packs of its groups with configuration and environments, however it begins."""
        publish(client)
        enable(client, config={"tags": "mandatory"}, environments=["p/e"])
        (policy,) = required(client, stack)
        begun = client.post(f"{stack}/begin-update", json={"updateKind": "update", "program": program(), "journalVersion": 2})

        assert {
            "name": "guard",
            "version": 1,
            "versionTag": "1.0.0",
            "displayName": "Guard",
            "config": {"tags": "mandatory"},
            "environments": ["p/e"],
        } == {key: value for key, value in policy.items() if key != "packLocation"}
        assert policy["packLocation"].startswith("http")
        assert ["guard"] == [row["name"] for row in required(client, stack, dry_run=True)]
        assert ["guard"] == [row["name"] for row in begun.json()["requiredPolicies"]]

    def test_are_the_highest_version_once(self, client: TestClient, stack: str) -> None:
        """Two groups with the same pack: the higher version is sent, once."""
        publish(client, tag="1")
        publish(client, tag="2")
        for name, tag in (("a", "2"), ("b", "1")):
            make_group(client, name, stackMatchRule=tag_rule("env", "prod"))
            enable(client, tag=tag, group=name)

        assert ["2"] == [row["versionTag"] for row in required(client, stack)]

    def test_of_an_audit_group_block_nothing(self, client: TestClient, stack: str) -> None:
        """An audit group's policies are sent as advisory ones, and what is disabled stays disabled."""
        publish(client)
        make_group(client, "audits", mode="audit", stackMatchRule=tag_rule("env", "prod"))
        enable(client, group="audits", config={"all": "mandatory", "no-public-buckets": {"allowed": ["x"]}, "off": "disabled"})
        (policy,) = required(client, stack)

        assert {
            "no-public-buckets": {"allowed": ["x"], "enforcementLevel": "advisory"},
            "off": {"enforcementLevel": "disabled"},
            "tags": {"enforcementLevel": "advisory"},
        } == policy["config"]
        for mode, count in (("audit", 1), ("preventative", 0)):
            assert count == len(client.get(f"{stack}/policypacks?mode={mode}").json()["requiredPolicies"])
        (own,) = client.get(f"{stack}/policypacks").json()["requiredPolicies"]
        assert "mandatory" == own["config"]["all"]

    def test_prefer_a_preventative_group(self, client: TestClient, stack: str) -> None:
        """A pack in groups of both modes is enforced."""
        publish(client, tag="1")
        publish(client, tag="2")
        make_group(client, "audits", mode="audit", stackMatchRule=tag_rule("env", "prod"))
        enable(client, tag="2", group="audits")
        enable(client, tag="1")

        assert [("1", None)] == [(row["versionTag"], row.get("config")) for row in required(client, stack)]

    def test_cost_nothing_without_policies(self, client: TestClient, stack: str, counter: Counter) -> None:
        """Creating an update costs three statements, a fourth with enabled packs, and a fifth if these have exceptions."""
        publish(client)
        required(client, stack)
        match = [{"policies": ["tags"], "targets": ["urn:pulumi:dev::shop::x:y:Z::a"]}]
        exception = {"policyPack": "guard", "match": match, "reason": "legacy"}
        costs = []
        for change in (
            lambda: enable(client),
            lambda: client.post("/api/orgs/acme/policy/exceptions", json=exception),
            lambda: patch(client, removePolicyPack={"name": "guard"}),
            lambda: None,
        ):
            counter.reset()
            required(client, stack)
            costs.append(counter.statements)
            change()

        assert [3, 4, 5, 3] == costs

    def test_follow_the_stack(self, client: TestClient, stack: str) -> None:
        """A stack that was renamed stays in its groups, and one that got other tags does not match any longer."""
        publish(client)
        make_group(client, "prod", stackMatchRule=tag_rule("env", "prod"))
        enable(client, group="prod")
        assert 1 == len(required(client, stack))
        client.delete(f"{stack}/tags/env")
        assert [] == required(client, stack)
        patch(client, "prod", addStack=DEV)
        client.post(f"{stack}/rename", json={"newName": "live", "newProject": "shop"})
        assert 1 == len(required(client, "/api/stacks/acme/shop/live"))


class TestCoverage:
    def test_counts_stacks_and_resources(self, client: TestClient) -> None:
        """The console shows how many stacks have policies; keys are spelled with a capital letter."""
        publish(client)
        create_stack(client, "other")
        make_group(client, "audits", mode="audit", stackMatchRule=tag_rule("env", "prod"))
        enable(client, group="audits")
        found = client.get(f"{GROUPS}/metadata").json()

        assert (1, 0, 1, 2) == tuple(found[f"{key}Stacks"] for key in ("Protected", "Preventative", "Audit", "Total"))
        assert 0 == found["TotalStackResources"] == found["TotalAccounts"]
