"""Who may write which statements into a policy: only those for tokens that they might create."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.rights import built_in
from common.rights.permissions import ROLES, STACK_WRITE, Permission, Role
from tests.factories.people import make_user
from tests.factories.roles import make_role
from tests.factories.teams import make_team
from tests.factories.tokens import signed
from tests.peers.workload_issuer import published
from tests.sign_in.workload_identity.token_exchange import ISSUERS, Trust, allow, deny
from tests.wire import error_of

POLICY = (Permission.AUTH_POLICIES_UPDATE, Permission.AUTH_POLICIES_READ, Permission.OIDC_ISSUERS_UPDATE)


@pytest.fixture
def clerk(backend: Backend, client: TestClient) -> str:
    """Make carl, who may change policies and nothing else, and return their token."""
    return member(client, backend, "carl", *POLICY)


def member(client: TestClient, backend: Backend, login: str, *permissions: Permission) -> str:
    """Make a member with a custom role, and return a token."""
    token = make_user(backend, login, org="acme")
    role = make_role(backend, *permissions, name=f"role of {login}")
    changed = client.patch(f"/api/orgs/acme/members/{login}", json={"fgaRoleId": role})
    assert changed.is_success, changed.text
    return token


class TestAdmin:
    def test_writes_everything(self, trusted: Trust, backend: Backend) -> None:
        """An admin may let in admins, roles, teams by any pattern, and other people."""
        role = make_role(backend, Permission.AUDIT_LOGS_READ)
        statements = [
            allow(authorizedPermissions=["admin"]),
            allow(authorizedPermissions=[], roleID=role),
            allow("team", teamName="*"),
            allow("personal", userLogin="alice"),
            allow("runner", runnerID="x"),
            allow(authorizedPermissions=[], roleID=built_in.ADMIN.id),
        ]

        assert 200 == trusted.set_policy(*statements).status_code

    def test_gives_roles_that_there_are(self, trusted: Trust) -> None:
        """A role that the organization does not have is 400."""
        missing = allow(authorizedPermissions=[], roleID="00000000-0000-7000-8000-0000000000aa")

        assert (400, 400) == error_of(trusted.set_policy(missing))[:2]


class TestClerk:
    @pytest.mark.parametrize(
        "statement",
        [
            allow(),
            allow(authorizedPermissions=["admin"]),
            allow(authorizedPermissions=["standard", "admin"]),
            allow(authorizedPermissions=[], roleID=built_in.ADMIN.id),
            allow(authorizedPermissions=[], roleID=built_in.MEMBER.id),
            allow("team", teamName="ops"),
            allow("team", teamName="op*"),
            allow("personal", userLogin="admin"),
            allow("runner", runnerID="x"),
        ],
    )
    def test_lets_nobody_in(self, trusted: Trust, backend: Backend, clerk: str, statement: dict[str, Any]) -> None:
        """A user who may change policies but not create tokens cannot allow any, and a refusal leaves the policy as it was."""
        make_team(backend, "ops")

        assert (403, 403) == error_of(trusted.set_policy(deny(), statement, token=clerk))[:2]
        assert 200 == trusted.exchange().status_code

    def test_writes_what_denies_and_what_is_his_own(self, trusted: Trust, clerk: str) -> None:
        """They may deny everything, and allow jobs to act as themselves."""
        assert 200 == trusted.set_policy(deny(), allow("personal", userLogin="carl"), token=clerk).status_code

    def test_gives_no_more_than_he_holds(self, trusted: Trust, client: TestClient, backend: Backend) -> None:
        """With the right to create tokens they can allow plain tokens, and roles with no more permissions than their own."""
        held = (*POLICY, Permission.ORG_TOKEN_CREATE, Permission.AUDIT_LOGS_READ)
        assert 403 == trusted.set_policy(allow(), token=member(client, backend, "carl", *held)).status_code
        of_members = ROLES[Role.MEMBER] | STACK_WRITE | {Permission.STACK_CREATE, Permission.TEAM_CREATE}
        token = member(client, backend, "dora", *held, *of_members)
        small = make_role(backend, Permission.AUDIT_LOGS_READ, name="small")
        large = make_role(backend, Permission.STACK_DELETE, name="large")

        assert 200 == trusted.set_policy(allow(), token=token).status_code
        assert 200 == trusted.set_policy(allow(authorizedPermissions=[], roleID=small), token=token).status_code
        assert 403 == trusted.set_policy(allow(authorizedPermissions=[], roleID=large), token=token).status_code

    def test_lets_teams_in_whose_tokens_he_may_make(self, trusted: Trust, client: TestClient, backend: Backend) -> None:
        """A team's admin, and a user who may create its tokens, may allow its jobs by name; an unknown team is 404."""
        token = member(client, backend, "dora", *POLICY, Permission.TEAM_CREATE_TOKEN, Permission.TEAM_READ)
        make_team(backend, "ops")

        assert 200 == trusted.set_policy(allow("team", teamName="ops"), token=token).status_code
        assert 403 == trusted.set_policy(allow("team", teamName="op."), token=token).status_code
        assert 404 == trusted.set_policy(allow("team", teamName="dev"), token=token).status_code

    def test_changes_no_keys_of_a_policy_that_he_could_not_write(self, trusted: Trust, client: TestClient, clerk: str) -> None:
        """New keys of an issuer decide who gets in, so they need the same permissions as writing its policy."""
        body = {"name": "pipelines", "jwks": {"keys": [published(9)]}}
        path = f"{ISSUERS}/{trusted.id}"

        assert (403, 403) == error_of(client.patch(path, json=body, headers=signed(clerk)))[:2]
        assert 200 == trusted.exchange().status_code
        assert 200 == client.patch(path, json={"name": "renamed"}, headers=signed(clerk)).status_code
        trusted.set_policy(deny())
        assert 200 == client.patch(path, json=body, headers=signed(clerk)).status_code


class TestExchangedToken:
    def test_of_a_person_writes_no_policy_for_them(self, trusted: Trust, client: TestClient, backend: Backend) -> None:
        """A job that acts for a clerk is not the clerk: it lets no others in as them."""
        member(client, backend, "dora", *POLICY)
        trusted.set_policy(allow("personal", userLogin="dora"))
        token = trusted.given(scope="user:dora")["access_token"]

        assert (403, 403) == error_of(trusted.set_policy(allow("personal", userLogin="dora", rules={"sub": "*"}), token=token))[
            :2
        ]
