import json

import pytest
from sqlalchemy import func, select

from common.backend import Backend
from common.core.errors import BadRequest, Conflict, Forbidden, NotFound
from common.core.ids import new_id
from common.db.tables.access import roles, stack_grants, team_roles
from common.people.roles import steps
from common.people.roles.model import Purpose, RoleChange
from common.people.roles.service import roles as role_service
from common.people.roles.service import teams
from common.rights.built_in import ADMIN, MEMBER, STACK_READ, STACK_WRITE
from common.rights.caller import Caller
from common.rights.permissions import Permission, StackLevel
from common.stacks import steps as stacks
from common.stacks.model import StackPath
from tests.factories.grants import grant
from tests.factories.people import ORG, caller_of, make_user
from tests.factories.roles import allow, compose, create_role, hold, make_holder, new_record, stored_rules
from tests.factories.stacks import make_stack, stack_id_of
from tests.factories.teams import make_team

READ = allow("stack:read")


def rows(backend: Backend) -> tuple[int, int]:
    """Return how many teams' roles and grants on stacks there are."""
    with backend.db.connect() as connection:
        return (
            int(connection.scalar(select(func.count()).select_from(team_roles)) or 0),
            int(connection.scalar(select(func.count()).select_from(stack_grants)) or 0),
        )


def may(backend: Backend, token: str, stack: str, permission: Permission) -> bool:
    """Tell whether a user who has the token may do something to a stack of project shop."""
    try:
        stacks.get_stack(backend, caller_of(backend, token), StackPath(ORG, "shop", stack), permission)
    except (Forbidden, NotFound):
        return False
    return True


class TestGiveRole:
    def test_lets_all_members_hold_it(self, backend: Backend, admin: Caller) -> None:
        """A role of a team adds to what its members hold, built-in roles too; a repeat changes nothing."""
        role = create_role(backend, admin, "ops", allow("audit_logs:read"))
        token = make_user(backend, "bob", org=ORG)
        make_team(backend, "ops", members=["bob"])
        for role_id in (role.id, role.id, ADMIN.id):
            teams.add_team_role(backend, admin, ORG, "ops", role_id)

        assert ["Admin", "ops"] == [found.name for found in teams.list_team_roles(backend, admin, ORG, "ops")]
        assert {Permission.AUDIT_LOGS_READ, Permission.ROLE_DELETE} <= caller_of(backend, token).memberships[0].permissions()

    def test_refuses_what_is_no_role(self, backend: Backend, admin: Caller) -> None:
        """Permission sets and policies are not held."""
        make_team(backend, "ops")
        some = create_role(backend, admin, "some", READ, Purpose.SET)
        policy = create_role(backend, admin, "policy", READ, Purpose.POLICY)

        for role_id in (some.id, policy.id, STACK_READ.id):
            with pytest.raises(BadRequest, match="a team can only have roles"):
                teams.add_team_role(backend, admin, ORG, "ops", role_id)

    def test_gives_nobody_more_than_the_giver_has(self, backend: Backend, admin: Caller) -> None:
        """A user who may change roles cannot give their own team more than they hold, least of all make it admins."""
        make_team(backend, "ops", members=["bob"])
        bob = make_holder(backend, "bob", Permission.ROLE_UPDATE, Permission.STACK_READ)
        weak, strong = create_role(backend, admin, "weak", READ), create_role(backend, admin, "strong", allow("stack:delete"))
        everything = make_holder(backend, "carol", *Permission)
        teams.add_team_role(backend, bob, ORG, "ops", weak.id)

        with pytest.raises(Forbidden, match="stack:delete"):
            teams.add_team_role(backend, bob, ORG, "ops", strong.id)
        with pytest.raises(Forbidden, match="permissions that you do not have"):
            teams.add_team_role(backend, bob, ORG, "ops", MEMBER.id)
        with pytest.raises(Forbidden, match="only an admin"):
            teams.add_team_role(backend, everything, ORG, "ops", ADMIN.id)

    def test_refuses_what_is_not_there(self, backend: Backend, admin: Caller) -> None:
        """A team or role of another organization is as missing as one that never was."""
        make_team(backend, "ops")
        foreign = role_service.create_role(backend, admin, "admin", new_record("own", READ), with_policy=False)

        for role_id in (foreign.id, new_id(), "x" * 300):
            with pytest.raises(NotFound, match=r"role .* not found"):
                teams.add_team_role(backend, admin, ORG, "ops", role_id)
        for team, org in (("none", ORG), ("ops", "admin"), ("Ops", ORG)):
            with pytest.raises(NotFound, match=r"Team .* not found"):
                teams.list_team_roles(backend, admin, org, team)
        with pytest.raises(NotFound, match="Organization"):
            teams.list_team_roles(backend, caller_of(backend, make_user(backend, "eve")), ORG, "ops")


class TestTakeRole:
    def test_takes_it_once(self, backend: Backend, admin: Caller) -> None:
        """What a team does not hold cannot be taken."""
        make_team(backend, "ops")
        role = create_role(backend, admin, "ops", READ)
        teams.add_team_role(backend, admin, ORG, "ops", role.id)
        teams.remove_team_role(backend, admin, ORG, "ops", role.id)

        with pytest.raises(NotFound, match="team 'ops' does not have role"):
            teams.remove_team_role(backend, admin, ORG, "ops", role.id)
        assert [] == teams.list_team_roles(backend, admin, ORG, "ops")

    def test_needs_the_permission(self, backend: Backend, admin: Caller) -> None:
        """Plain members see a team's roles and change none."""
        make_team(backend, "ops")
        bob = caller_of(backend, make_user(backend, "bob", org=ORG))

        assert [] == teams.list_team_roles(backend, bob, ORG, "ops")
        for call in (teams.remove_team_role, teams.add_team_role):
            with pytest.raises(Forbidden, match="role:update"):
                call(backend, bob, ORG, "ops", MEMBER.id)
        with pytest.raises(Forbidden, match="role:update"):
            teams.enable_team_roles(backend, bob, ORG, "ops")


class TestEnableTeamRoles:
    def test_turns_grants_into_a_private_role(self, backend: Backend, admin: Caller) -> None:
        """Levels and custom sets count as before on the stacks they were given on; the grants themselves are gone."""
        for name in ("a", "b", "c", "d"):
            make_stack(backend, admin, name)
        custom = create_role(backend, admin, "deleters", allow("stack:read", "stack:delete"), Purpose.SET, resource_type="stack")
        token = make_user(backend, "bob", org=ORG)
        nothing = create_role(backend, admin, "nothing", allow())
        hold(backend, "bob", nothing.id)
        team_id = make_team(backend, "dev", members=["bob"])
        for name, level in (("a", StackLevel.READ), ("b", StackLevel.WRITE), ("d", StackLevel.WRITE)):
            grant(backend, name, team_id, level, is_team=True)
        grant(backend, "c", team_id, StackLevel.NONE, set_id=custom.id, is_team=True)
        wanted = [
            (stack, found)
            for stack in "abcd"
            for found in (Permission.STACK_READ, Permission.STACK_WRITE, Permission.STACK_DELETE)
        ]
        before = [may(backend, token, *one) for one in wanted]
        made = teams.enable_team_roles(backend, admin, ORG, "dev")

        assert before == [may(backend, token, *one) for one in wanted]
        assert [True, False, False, True, True, False, True, False, True, True, True, False] == before
        assert (Purpose.ROLE_PRIVATE, "dev") == (made.purpose, made.name)
        composed = [entry["subNode"]["permissionDescriptors"] for entry in json.loads(made.details)["entries"]]
        assert sorted([[STACK_READ.id], [STACK_WRITE.id], [custom.id]]) == sorted(composed)
        assert [made.id] == [found.id for found in teams.list_team_roles(backend, admin, ORG, "dev")]
        assert (1, 0) == rows(backend)

    def test_finds_it_again(self, backend: Backend, admin: Caller) -> None:
        """A repeat returns the same record and makes nothing."""
        make_team(backend, "ops")
        first = teams.enable_team_roles(backend, admin, ORG, "ops")

        assert first == teams.enable_team_roles(backend, admin, ORG, "ops")
        assert (1, 0) == rows(backend)

    def test_follows_the_set_that_was_given(self, backend: Backend, admin: Caller) -> None:
        """A custom set that changes later changes the private role, and cannot be deleted under it."""
        make_stack(backend, admin)
        custom = create_role(backend, admin, "some", READ, Purpose.SET, resource_type="stack")
        grant(backend, "dev", make_team(backend, "ops"), StackLevel.NONE, set_id=custom.id, is_team=True)
        made = teams.enable_team_roles(backend, admin, ORG, "ops")
        role_service.update_role(backend, admin, ORG, custom.id, RoleChange(details=json.dumps(allow("stack:delete"))))

        assert "stack:delete" in stored_rules(backend, made.id)
        assert stack_id_of(backend, "dev") in stored_rules(backend, made.id)
        with pytest.raises(Conflict, match="1 record that composes it"):
            role_service.delete_role(backend, admin, ORG, custom.id, force=False)

    def test_needs_nothing_that_the_team_has_already(self, backend: Backend, admin: Caller) -> None:
        """A user who may change roles may convert a team that holds more than they do."""
        make_stack(backend, admin)
        grant(backend, "dev", make_team(backend, "ops"), StackLevel.ADMIN, is_team=True)
        bob = make_holder(backend, "bob", Permission.ROLE_UPDATE)

        assert Purpose.ROLE_PRIVATE is teams.enable_team_roles(backend, bob, ORG, "ops").purpose


class TestTakeAllFrom:
    def test_leaves_nothing_of_a_team(self, backend: Backend, admin: Caller) -> None:
        """The roles of a team that goes away go with it, and the private one is deleted unless others use it."""
        role = create_role(backend, admin, "ops", READ)
        team_id, other_id = make_team(backend, "ops"), make_team(backend, "dev")
        teams.add_team_role(backend, admin, ORG, "ops", role.id)
        teams.enable_team_roles(backend, admin, ORG, "ops")
        kept = teams.enable_team_roles(backend, admin, ORG, "dev")
        create_role(backend, admin, "user", compose(kept.id))
        with backend.db.begin() as tx:
            steps.delete_of_team(tx, team_id)
            steps.delete_of_team(tx, other_id)

        assert (0, 0) == rows(backend)
        with backend.db.connect() as connection:
            assert ["dev", "ops", "user"] == sorted(connection.scalars(select(roles.c.name)))
