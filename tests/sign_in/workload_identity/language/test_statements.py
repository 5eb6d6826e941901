"""Which policies may be written, as clients send them."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from common.rights import built_in
from tests.peers.workload_issuer import WorkloadIssuer
from tests.sign_in.workload_identity.token_exchange import POLICIES, Trust, allow, deny, trust
from tests.wire import error_of

ROLE = "00000000-0000-7000-8000-0000000000aa"


@pytest.fixture
def new(client: TestClient, peer: WorkloadIssuer) -> Trust:
    """An issuer with an empty policy."""
    return trust(client, peer)


class TestGoodPolicies:
    @pytest.mark.parametrize(
        "statement",
        [
            allow(),
            allow(authorizedPermissions=["admin"]),
            allow(authorizedPermissions=["standard", "admin"]),
            allow(authorizedPermissions=[], roleID=built_in.MEMBER.id),
            allow("team", teamName="ops"),
            allow("personal", userLogin="alice"),
            allow("runner", runnerID="1234"),
            deny(),
            deny(rules={}),
            deny(authorizedPermissions=["admin"]),
            deny("team", teamName="*"),
            allow(rules={"sub": ["a", "b*"], '"kubernetes.io".pod.name': "runner-?*"}),
        ],
    )
    def test_are_shown_as_they_were_sent(self, new: Trust, client: TestClient, statement: dict[str, Any]) -> None:
        """A statement comes back member by member, and the version rises by one."""
        found = new.set_policy(statement).json()

        assert ([statement], 2) == (found["policies"], found["version"])
        assert found == client.get(f"{POLICIES}/oidcissuers/{new.id}").json()

    def test_take_nulls_for_absent(self, new: Trust) -> None:
        """The SDK sends null for what is not set."""
        nulls = dict.fromkeys(["teamName", "userLogin", "runnerID", "roleID"])

        assert [allow()] == new.set_policy(allow() | nulls).json()["policies"]
        assert [deny(rules={})] == new.set_policy(deny(rules=None) | nulls | {"authorizedPermissions": None}).json()["policies"]


class TestBadPolicies:
    @pytest.mark.parametrize(
        "statement",
        [
            allow(decision="maybe"),
            allow(decision=None),
            allow(tokenType="root"),
            allow(tokenType=None),
            allow(rules={}),
            allow(rules=None),
            allow(authorizedPermissions=[]),
            allow(authorizedPermissions=["root"]),
            allow(roleID=ROLE),
            allow(authorizedPermissions=[], roleID=ROLE),
            allow(authorizedPermissions=[], roleID="x"),
            deny(roleID=ROLE),
            allow("team"),
            allow("team", teamName="x" * 101),
            allow("team", teamName="ops", userLogin="alice"),
            allow("team", teamName="ops", authorizedPermissions=["standard"]),
            allow("team", teamName="ops", roleID=ROLE),
            allow("personal"),
            allow("runner"),
            allow(teamName="ops"),
            allow(rules={"": "x"}),
            allow(rules={"a..b": "x"}),
            allow(rules={'"a': "x"}),
            allow(rules={"sub": 7}),
            allow(rules={"sub": True}),
            allow(rules={"sub": None}),
            allow(rules={"sub": []}),
            allow(rules={"sub": ["a", 1]}),
            allow(rules={"sub": {"a": "b"}}),
            allow(rules={"sub": "x" * 513}),
            allow(rules={f"a{n}": "x" for n in range(41)}),
            allow(rules={"sub": ["a"] * 101}),
            allow(authorizedPermissions=[], roleID=built_in.STACK_READ.id),
        ],
        ids=range(33),
    )
    def test_are_refused(self, new: Trust, client: TestClient, statement: dict[str, Any]) -> None:
        """A statement that cannot be, or that says two things, is 400, and the policy stays as it was."""
        assert (400, 400) == error_of(new.set_policy(allow(), statement))[:2]
        assert 1 == client.get(f"{POLICIES}/oidcissuers/{new.id}").json()["version"]

    @pytest.mark.parametrize(
        "body",
        [{}, {"policies": None}, {"policies": []}, {"policies": [allow()] * 41}, {"policies": {}}, {"policies": [7]}, [], None],
    )
    def test_need_statements(self, new: Trust, client: TestClient, body: object) -> None:
        """An empty policy is refused, and one of more statements than there may be."""
        assert (400, 400) == error_of(client.patch(f"{POLICIES}/{new.policy_id}", json=body))[:2]

    def test_say_which_statement(self, new: Trust) -> None:
        """The refusal counts the statements."""
        message = error_of(new.set_policy(allow(), allow(tokenType="root")))[2]

        assert message.startswith("Bad Request: policies[1]: tokenType must be one of organization, team, personal, runner")
