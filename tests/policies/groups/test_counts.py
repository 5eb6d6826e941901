"""How many stacks groups have and what they cover, counted by the database, or in batches where rules are too large for that."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.core.ids import new_id
from common.policies.groups import repository
from common.policies.groups.counts import RULES_IN_SQL
from common.policies.groups.model import GROUP_LIMIT, EntityType, Group
from common.rights.caller import Caller
from common.stacks.engine.policy_groups import Mode
from tests.factories.policies import GROUPS, enable, make_group, publish, tag_rule
from tests.wire import create_stack

# A tag's value that no stack has, so that a rule is longer and matches the same.
LARGE = "x" * (RULES_IN_SQL + 1)


@pytest.fixture(params=["", LARGE], ids=["small", "large"])
def padding(request: pytest.FixtureRequest) -> str:
    """What makes a rule large."""
    text: str = request.param
    return text


@pytest.fixture(autouse=True)
def _stacks(client: TestClient) -> None:
    for name, tags in (("a", {"env": "prod"}), ("b", {"env": "prod"}), ("c", {"env": "test"}), ("d", {})):
        create_stack(client, name, tags=tags)


def rule(padding: str) -> dict[str, Any]:
    """Return the rule env=prod, as large as wanted."""
    prod = tag_rule("env", "prod")
    return {"__type": "PermissionExpressionOr", "left": prod, "right": tag_rule("env", padding)} if padding else prod


def test_groups_have_what_they_match_and_what_was_added(client: TestClient, padding: str) -> None:
    """A group counts the stacks of its rule and those added to it, once each; the default group has the rest."""
    make_group(client, "prod", stackMatchRule=rule(padding))
    make_group(client, "audits", mode="audit")
    make_group(client, "accounts", entityType="accounts", mode="audit")
    for group, name in (("prod", "a"), ("prod", "c"), ("audits", "d")):
        assert 204 == client.patch(f"{GROUPS}/{group}", json={"addStack": {"name": name, "routingProject": "shop"}}).status_code

    counts = {row["name"]: row["numStacks"] for row in client.get(GROUPS).json()["policyGroups"]}
    assert {"accounts": 0, "audits": 1, "default-policy-group": 1, "prod": 3} == counts


def test_coverage_counts_each_stack_once(client: TestClient, padding: str) -> None:
    """Stacks in several groups with packs count once, those in groups without a pack do not, and totals have all."""
    publish(client)
    make_group(client, "prod", stackMatchRule=rule(padding))
    make_group(client, "audits", mode="audit", stackMatchRule=tag_rule("env", "test"))
    assert 204 == client.patch(f"{GROUPS}/audits", json={"addStack": {"name": "a", "routingProject": "shop"}}).status_code
    assert 204 == enable(client, group="prod").status_code
    assert 204 == enable(client, group="audits").status_code

    reply = client.get(f"{GROUPS}/metadata").json()
    assert [3, 2, 2, 4] == [reply[f"{key}Stacks"] for key in ("Protected", "Preventative", "Audit", "Total")]


def test_preview_has_pages(client: TestClient, padding: str) -> None:
    """A preview counts what matches and what there is, and its pages continue after the last stack."""
    create_stack(client, "e", tags={"env": "prod"})
    body = {"stackMatchRule": rule(padding), "search": "SHOP/"}
    names, token = [], ""
    for _ in range(3):
        page = {"count": 1} | ({"continuationToken": token} if token else {})
        reply = client.post(f"{GROUPS}/stackmatchrule/preview", json=body, params=page).json()
        assert (3, 5) == (reply["matchedCount"], reply["totalCount"])
        names += [stack["name"] for stack in reply["stacks"]]
        token = reply.get("continuationToken", "")

    assert (["a", "b", "e"], "") == (names, token)


def test_counts_with_as_many_groups_as_there_may_be(client: TestClient, backend: Backend, admin: Caller) -> None:
    """As many groups with rules as an organization may have, each with a pack, are counted in one expression."""
    publish(client)
    make_group(client, "prod")
    assert 204 == enable(client, group="prod").status_code
    org_id = admin.memberships[0].org_id
    with backend.db.begin() as tx:
        packs = list(repository.list_packs(tx, repository.list_groups(tx, org_id)[0].id).values())
        for number in range(GROUP_LIMIT - 1):
            text = json.dumps(tag_rule("env", str(number))) if number < RULES_IN_SQL // 300 else None
            name = "default-policy-group" if number == 0 else f"other-{number}"
            group = Group(new_id(), name, EntityType.STACKS, Mode.PREVENTATIVE, None, text, None)
            repository.add(tx, org_id, group, 1)
            repository.replace_packs(tx, group.id, removed=(), added=packs)

    counts = {row["name"]: row["numStacks"] for row in client.get(GROUPS).json()["policyGroups"]}
    assert (GROUP_LIMIT, 4) == (len(counts), counts["default-policy-group"])
    assert 4 == client.get(f"{GROUPS}/metadata").json()["ProtectedStacks"]
