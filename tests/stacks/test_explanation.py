"""Whether a member may do something, and why, on each database: the answer is that of the member's own request."""

import pytest

from common.backend import Backend
from common.core.errors import Forbidden, NotFound
from common.rights.caller import Caller
from common.rights.org_settings import OrgSettings
from common.rights.permissions import Permission, StackLevel
from common.stacks.model import StackPath
from common.stacks.service import explanation, sharing
from common.stacks.steps import load_stack, may_on_stack
from tests.counting import Counter
from tests.factories.grants import grant
from tests.factories.orgs import set_settings, suspend
from tests.factories.people import caller_of, make_user
from tests.factories.roles import hold, make_holder, make_role, tagged
from tests.factories.stacks import make_stack
from tests.factories.teams import make_team


@pytest.fixture
def path(backend: Backend, admin: Caller) -> StackPath:
    """Stack acme/shop/prod, which members may read."""
    set_settings(backend, "acme", OrgSettings(default_stack_permission=StackLevel.READ))
    return make_stack(backend, admin, "prod", tags={"env": "prod"})


class TestExplain:
    def test_is_what_the_members_own_request_gets(self, backend: Backend, admin: Caller, path: StackPath) -> None:
        """For a role with a condition, a grant, a team's grant and the settings, every permission has the same answer."""
        tokens = {login: make_user(backend, login, org="acme") for login in ("alice", "bob", "carol", "dave")}
        hold(backend, "bob", make_role(backend, name="Releaser", rules=tagged("env", "prod", "stack:read", "stack:write")))
        grant(backend, path, "carol", StackLevel.ADMIN)
        grant(backend, path, make_team(backend, "ops", members=["dave"]), StackLevel.WRITE, is_team=True)
        for login, token in tokens.items():
            caller = caller_of(backend, token)
            with backend.db.connect() as connection:
                stack = load_stack(connection, caller, path, Permission.STACK_READ)
            for permission in (item for item in Permission if item.startswith("stack")):
                answer = explanation.explain(backend, admin, "acme", login, permission, path=path)
                assert may_on_stack(caller, stack, permission) is answer.is_allowed, (login, permission)
                assert answer.reasons

    def test_names_every_reason(self, backend: Backend, admin: Caller, path: StackPath) -> None:
        """What allows it is named once each: a role of a team, a grant with a permission set, ownership."""
        olga = caller_of(backend, make_user(backend, "olga", org="acme"))
        own = make_stack(backend, olga, "own")
        role_id = make_role(backend, Permission.STACK_WRITE, name="Writer")
        make_team(backend, "ops", members=["olga"], role_ids=[role_id])
        set_id = make_role(backend, Permission.STACK_WRITE, name="Touch", purpose="set")
        grant(backend, path, "olga", StackLevel.NONE, set_id=set_id)
        reasons = {
            stack: explanation.explain(backend, admin, "acme", "olga", Permission.STACK_WRITE, path=stack).reasons
            for stack in (path, own)
        }

        assert ["role Writer of team ops allows it", "olga was given Touch on the stack"] == reasons[path]
        assert ["role Writer of team ops allows it", "olga owns the stack"] == reasons[own]

    def test_names_teams_with_the_same_grant_once(self, backend: Backend, admin: Caller, path: StackPath) -> None:
        """Two teams that were given the same level are two reasons."""
        make_user(backend, "olga", org="acme")
        for team in ("ops", "web"):
            grant(backend, path, make_team(backend, team, members=["olga"]), StackLevel.WRITE, is_team=True)
        reasons = explanation.explain(backend, admin, "acme", "olga", Permission.STACK_WRITE, path=path).reasons

        assert [f"team {team}, which olga belongs to, was given write on the stack" for team in ("ops", "web")] == reasons

    def test_says_what_is_withheld(self, backend: Backend, admin: Caller, path: StackPath) -> None:
        """Settings that withhold a permission are among the reasons of a refusal; a suspended member may do nothing."""
        for login in ("alice", "erin"):
            make_user(backend, login, org="acme")
        set_settings(backend, "acme", OrgSettings(members_can_delete_stacks=False))
        grant(backend, path, "alice", StackLevel.ADMIN)
        suspend(backend, "erin")
        answer = explanation.explain(backend, admin, "acme", "alice", Permission.STACK_DELETE, path=path)
        suspended = explanation.explain(backend, admin, "acme", "erin", Permission.STACK_READ, path=path)

        assert not answer.is_allowed
        assert "the settings of acme withhold it from members" in answer.reasons
        assert (False, ["erin is suspended"]) == (suspended.is_allowed, suspended.reasons)

    def test_is_for_those_who_may_see_roles_and_members(self, backend: Backend, path: StackPath) -> None:
        """A plain member is refused, and someone who may not see the stack learns nothing of it."""
        bob = caller_of(backend, make_user(backend, "bob", org="acme"))
        reader = make_holder(backend, "carol", Permission.ROLE_READ, Permission.ORG_MEMBER_READ)
        for caller, error in ((bob, Forbidden), (reader, NotFound)):
            with pytest.raises(error):
                explanation.explain(backend, caller, "acme", "admin", Permission.STACK_READ, path=path)

    def test_costs_few_statements(self, backend: Backend, admin: Caller, path: StackPath, counter: Counter) -> None:
        """The member, their teams, the stack and the grants."""
        counter.reset()
        explanation.explain(backend, admin, "acme", "admin", Permission.STACK_READ, path=path)

        assert 4 == counter.statements


class TestStacksOfMember:
    def test_are_owned_or_granted(self, backend: Backend, admin: Caller, path: StackPath) -> None:
        """Owned stacks and grants, the member's own and those of their teams, in order; hidden ones only for those who see them."""
        olga = caller_of(backend, make_user(backend, "olga", org="acme"))
        make_stack(backend, olga, "own")
        grant(backend, path, "olga", StackLevel.WRITE)
        grant(backend, path, make_team(backend, "ops", members=["olga"]), StackLevel.ADMIN, is_team=True)
        set_settings(backend, "acme", OrgSettings(default_stack_permission=StackLevel.NONE))
        bob = caller_of(backend, make_user(backend, "bob", org="acme"))
        rows = sharing.list_stacks_of_member(backend, admin, "acme", olga.user_id, limit=9)

        assert [("own", True, ""), ("prod", False, ""), ("prod", False, "ops")] == [
            (row.name, row.is_owner, row.team) for row in rows
        ]
        assert [StackLevel.ADMIN, StackLevel.WRITE, StackLevel.ADMIN] == [row.level for row in rows]
        assert [] == sharing.list_stacks_of_member(backend, bob, "acme", olga.user_id, limit=9)
