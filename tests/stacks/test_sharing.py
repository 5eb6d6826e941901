"""Grants of teams and users on stacks: who may create and delete which, and who can see them."""

import pytest

from common.backend import Backend
from common.core.errors import BadRequest, Conflict, Forbidden, NotFound
from common.people.teams import service
from common.people.teams.model import TeamChange, TeamRole
from common.people.users import steps as users
from common.rights.built_in import ADMIN
from common.rights.caller import Caller
from common.rights.permissions import STACK_READ, Permission, StackLevel
from common.stacks.model import StackPath
from common.stacks.service import lifecycle, sharing
from common.stacks.service.lifecycle import NewStack
from tests.factories.grants import grant
from tests.factories.people import caller_of, make_user, reloaded
from tests.factories.roles import make_holder, make_role
from tests.factories.stacks import make_stack
from tests.factories.team_stacks import environment, get, levels, member, roles, stack
from tests.factories.teams import make_team

DEV = StackPath("acme", "shop", "dev")


@pytest.fixture
def bob(backend: Backend, admin: Caller) -> str:
    """The token of a member of acme; who it belongs to is looked up when it is used, with what was given by then."""
    assert admin.login == "admin"
    return make_user(backend, "bob", org="acme")


class TestGetTeam:
    def test_leaves_out_stacks_that_the_caller_may_not_know(self, backend: Backend, admin: Caller, bob: str) -> None:
        """A user who can see no stack of the organization sees none in a team either, until they are in it."""
        reader = make_holder(backend, "reader", Permission.TEAM_READ, Permission.TEAM_LIST)
        make_team(backend, admins=["admin"])
        make_stack(backend, admin)
        sharing.update_team(backend, admin, "acme", "ops", stack(StackLevel.READ))
        before = levels(backend, reader)
        sharing.update_team(backend, admin, "acme", "ops", member("add", "reader"))

        assert {} == before
        assert {"dev": StackLevel.READ} == levels(backend, reloaded(backend, reader))
        assert {"dev": StackLevel.READ} == levels(backend, caller_of(backend, bob))

    def test_shows_those_that_a_grant_or_the_making_opens(self, backend: Backend, admin: Caller, bob: str) -> None:
        """Of a team's stacks each caller sees the ones that their own lists would show."""
        make_team(backend, admins=["admin"])
        maker = make_holder(backend, "maker", Permission.TEAM_READ, Permission.STACK_CREATE)
        make_stack(backend, maker, "made")
        make_stack(backend, admin, "other")
        for name in ("made", "other"):
            sharing.update_team(backend, admin, "acme", "ops", stack(StackLevel.READ, name))

        assert {"made": StackLevel.READ} == levels(backend, maker)
        assert {"made", "other"} == levels(backend, caller_of(backend, bob)).keys()


class TestUpdateTeam:
    def test_of_members(self, backend: Backend, admin: Caller, bob: str) -> None:
        """A user is added as a member, promoted, demoted, removed; a repeat changes nothing."""
        make_team(backend, admins=["admin"])
        seen = []
        for action in ("add", "promote", "promote", "demote", "demote"):
            sharing.update_team(backend, admin, "acme", "ops", member(action, "bob"))
            seen.append(roles(backend, admin)["bob"])
        sharing.update_team(backend, admin, "acme", "ops", member("remove", "bob"))

        assert [TeamRole.MEMBER, TeamRole.ADMIN, TeamRole.ADMIN, TeamRole.MEMBER, TeamRole.MEMBER] == seen
        assert {"admin": TeamRole.ADMIN} == roles(backend, admin)
        assert () == caller_of(backend, bob).memberships[0].team_ids

    def test_refuses_who_does_not_belong_there(self, backend: Backend, admin: Caller, bob: str) -> None:
        """Users of other organizations and machines cannot be in a team; a member cannot be in it twice."""
        make_team(backend, members=["bob"], admins=["admin"])
        make_user(backend, "mallory")
        with backend.db.begin() as tx:
            users.create_machine(tx, org_login="acme", name="ci", now=backend.clock.now())
        missing = {login: f"Not Found: User '{login}' not found" for login in ("acme/ci", "unknown", "")}
        for login, words in {"mallory": "Not Found: 'mallory' is not a member of organization acme", **missing}.items():
            with pytest.raises(NotFound) as refused:
                sharing.update_team(backend, admin, "acme", "ops", member("add", login))
            assert words == refused.value.message
        with pytest.raises(Conflict, match="bob is already a member"):
            sharing.update_team(backend, admin, "acme", "ops", member("add", "bob"))

        assert {"admin", "bob"} == roles(backend, admin).keys()

    def test_is_for_its_admins_too(self, backend: Backend, admin: Caller, bob: str) -> None:
        """A member of the organization may change and delete the teams that they administer, and no other."""
        make_user(backend, "eve", org="acme")
        make_team(backend, admins=["admin", "bob"])
        make_team(backend, "web", members=["bob"], admins=["admin"])
        caller = caller_of(backend, bob)
        sharing.update_team(backend, caller, "acme", "ops", member("add", "eve"))
        for change in (TeamChange(), member("add", "eve"), TeamChange(display_name="x")):
            with pytest.raises(Forbidden, match="lacks the permission team:update"):
                sharing.update_team(backend, caller, "acme", "web", change)
        with pytest.raises(Forbidden, match="lacks the permission team:delete"):
            service.delete_team(backend, caller, "acme", "web")
        service.delete_team(backend, caller, "acme", "ops")

        assert ["web"] == [team.name for team in service.list_teams(backend, admin, "acme")]

    def test_by_a_demoted_admin_is_refused_at_once(self, backend: Backend, admin: Caller, bob: str) -> None:
        """The next call of a former team admin fails."""
        make_team(backend, admins=["admin", "bob"])
        sharing.update_team(backend, admin, "acme", "ops", member("demote", "bob"))

        with pytest.raises(Forbidden):
            sharing.update_team(backend, caller_of(backend, bob), "acme", "ops", TeamChange(display_name="x"))

    def test_of_stacks_needs_the_right_to_share_them(self, backend: Backend, admin: Caller, bob: str) -> None:
        """Who administers a team gives it only stacks that they may share, and takes only those away."""
        make_team(backend, admins=["admin", "bob"])
        make_stack(backend, admin)
        make_stack(backend, caller_of(backend, bob), "own")
        caller = caller_of(backend, bob)
        for level in (StackLevel.READ, StackLevel.NONE, None):
            with pytest.raises(Forbidden, match="lacks the permission stack_access:update"):
                sharing.update_team(backend, caller, "acme", "ops", stack(level))
        sharing.update_team(backend, caller, "acme", "ops", stack(StackLevel.ADMIN, "own"))

        assert {"own": StackLevel.ADMIN} == levels(backend, admin)

    def test_of_stacks_does_not_need_the_whole_team_to_be_a_stacks(self, backend: Backend, admin: Caller, bob: str) -> None:
        """A stack's maker who may not change a team cannot change it by way of the team's own call either."""
        make_team(backend, admins=["admin"])
        make_stack(backend, caller_of(backend, bob), "own")
        caller = caller_of(backend, bob)
        with pytest.raises(Forbidden, match="team:update"):
            sharing.update_team(backend, caller, "acme", "ops", stack(StackLevel.READ, "own"))
        sharing.update_team_grant(backend, caller, StackPath("acme", "shop", "own"), "ops", StackLevel.READ)

        assert {"own": StackLevel.READ} == levels(backend, admin)

    def test_of_environments_needs_the_right_to_share_them(self, backend: Backend, admin: Caller, bob: str) -> None:
        """Who administers a team does not decide about environments by that."""
        make_team(backend, admins=["admin", "bob"])
        with pytest.raises(Forbidden, match="environment_access:update"):
            sharing.update_team(backend, caller_of(backend, bob), "acme", "ops", environment())
        sharing.update_team(backend, admin, "acme", "ops", environment())

        assert ["open"] == [grant.level for grant in get(backend, admin).environments]

    def test_makes_nobody_an_admin(self, backend: Backend, admin: Caller, bob: str) -> None:
        """Only an admin can add a user to a team that has the admin role, even if the team has other admins."""
        make_user(backend, "eve", org="acme")
        make_team(backend, "root", admins=["bob"], role_ids=[ADMIN.id])
        with pytest.raises(Forbidden, match="only an admin of organization acme may add someone"):
            sharing.update_team(backend, caller_of(backend, bob), "acme", "root", member("add", "eve"))
        sharing.update_team(backend, admin, "acme", "root", member("add", "eve"))

        assert {"bob", "eve"} == roles(backend, admin, "root").keys()

    def test_gives_nobody_more_than_the_caller_holds(self, backend: Backend, admin: Caller, bob: str) -> None:
        """A user who may change all teams cannot add users to a team that has more permissions; its own admins can."""
        make_user(backend, "eve", org="acme")
        auditor = make_role(backend, Permission.AUDIT_LOGS_READ)
        make_team(backend, "audit", admins=["bob"], role_ids=[auditor])
        keeper = make_holder(backend, "keeper", Permission.TEAM_READ, Permission.TEAM_UPDATE)
        with pytest.raises(Forbidden, match=r"do not have .*: audit_logs:read"):
            sharing.update_team(backend, keeper, "acme", "audit", member("add", "keeper"))
        sharing.update_team(backend, caller_of(backend, bob), "acme", "audit", member("add", "eve"))

        assert {"bob", "eve"} == roles(backend, admin, "audit").keys()

    def test_counts_the_grants_that_a_deleted_stack_would_restore(self, backend: Backend, admin: Caller) -> None:
        """A team without any now has them again once its stack is restored."""
        make_team(backend, admins=["admin"])
        make_stack(backend, admin)
        set_id = make_role(backend, Permission.STACK_EXPORT, name="exporters", purpose="set")
        grant(backend, DEV, get(backend, admin).team.id, StackLevel.NONE, is_team=True, set_id=set_id)
        keeper = make_holder(backend, "keeper", Permission.TEAM_READ, Permission.TEAM_UPDATE)
        lifecycle.delete(backend, admin, DEV, force=False)
        with pytest.raises(Forbidden, match=r"do not have .*: stack:export"):
            sharing.update_team(backend, keeper, "acme", "ops", member("add", "keeper"))

    def test_of_a_team_of_another_organization(self, backend: Backend, admin: Caller, bob: str) -> None:
        """A team is looked for in the organization of the address only."""
        service.create_team(backend, caller_of(backend, bob), "bob", "ops")

        with pytest.raises(NotFound, match="Team 'ops' not found"):
            sharing.update_team(backend, admin, "acme", "ops", TeamChange(display_name="x"))
        with pytest.raises(NotFound, match="Organization 'bob' not found"):
            sharing.get_team(backend, admin, "bob", "ops")

    def test_takes_away_only_what_is_there(self, backend: Backend, admin: Caller) -> None:
        """Removal of nothing is NotFound; level NONE is a state, so it may be set again."""
        make_team(backend, admins=["admin"])
        make_stack(backend, admin)
        for change in (stack(None), environment(None)):
            with pytest.raises(NotFound, match=r"has no grant|has no grant on environment"):
                sharing.update_team(backend, admin, "acme", "ops", change)
        for level in (StackLevel.WRITE, StackLevel.NONE, StackLevel.NONE):
            sharing.update_team(backend, admin, "acme", "ops", stack(level))

        assert {} == levels(backend, admin)


class TestSetTeamLevel:
    def test_tells_nothing_about_teams_to_those_without_rights(self, backend: Backend, admin: Caller, bob: str) -> None:
        """Who may not share a stack gets the same answer for a team that is there and for one that is not."""
        make_team(backend, admins=["admin"])
        make_stack(backend, admin)
        answers = []
        for name in ("ops", "none"):
            with pytest.raises(Forbidden) as found:
                sharing.update_team_grant(backend, caller_of(backend, bob), DEV, name, StackLevel.READ)
            answers.append(found.value.message)

        assert 1 == len(set(answers))

    def test_hides_teams_from_those_who_may_not_read_them(self, backend: Backend, admin: Caller) -> None:
        """Who may share a stack but read no team finds only their own teams."""
        make_team(backend, admins=["admin"])
        make_stack(backend, admin)
        sharer = make_holder(backend, "sharer", *STACK_READ, Permission.STACK_ACCESS_UPDATE)
        with pytest.raises(NotFound, match="Team 'ops' not found"):
            sharing.update_team_grant(backend, sharer, DEV, "ops", StackLevel.READ)
        sharing.update_team(backend, admin, "acme", "ops", member("add", "sharer"))
        sharer = reloaded(backend, sharer)
        with pytest.raises(Forbidden, match="you can only grant permissions that you have on the stack yourself"):
            sharing.update_team_grant(backend, sharer, DEV, "ops", StackLevel.WRITE)
        sharing.update_team_grant(backend, sharer, DEV, "ops", StackLevel.READ)

        assert {"dev": StackLevel.READ} == levels(backend, admin)


class TestGiveToTeams:
    def test_hides_teams_from_those_who_may_not_read_them(self, backend: Backend, admin: Caller) -> None:
        """Who may make stacks but read no team names only their own teams."""
        make_team(backend, admins=["admin"])
        maker = make_holder(backend, "maker", Permission.STACK_CREATE)
        new = NewStack("dev", {}, teams=("ops",))
        with pytest.raises(NotFound, match="Team 'ops' not found"):
            lifecycle.create(backend, maker, "acme", "shop", new)
        sharing.update_team(backend, admin, "acme", "ops", member("add", "maker"))
        lifecycle.create(backend, reloaded(backend, maker), "acme", "shop", new)

        assert {"dev": StackLevel.ADMIN} == levels(backend, admin)

    def test_finds_teams_of_the_organization_only(self, backend: Backend, admin: Caller) -> None:
        """A team of another organization is one that is not there."""
        service.create_team(backend, admin, "admin", "ops")

        with pytest.raises(NotFound, match="Team 'ops' not found"):
            lifecycle.create(backend, admin, "acme", "shop", NewStack("dev", {}, teams=("ops",)))
        with pytest.raises(BadRequest, match="at most 100 teams"):
            lifecycle.create(backend, admin, "acme", "shop", NewStack("dev", {}, teams=tuple(map(str, range(101)))))


class TestListTeamsOfAStack:
    def test_needs_the_stack(self, backend: Backend, admin: Caller) -> None:
        """Who may not know the stack does not learn who shares it."""
        make_stack(backend, admin)
        reader = make_holder(backend, "reader", Permission.STACK_ACCESS_READ)

        for call in (sharing.list_teams, sharing.list_collaborators):
            with pytest.raises(NotFound, match="Stack 'acme/shop/dev' not found"):
                call(backend, reader, DEV)


class TestRemoveCollaborator:
    def test_takes_what_a_person_was_given(self, backend: Backend, admin: Caller) -> None:
        """The person sees the stack no more; a team of the same stack keeps what it has."""
        make_team(backend, admins=["admin"])
        made = make_stack(backend, admin)
        sharing.update_team(backend, admin, "acme", "ops", stack(StackLevel.READ))
        make_holder(backend, "guest", Permission.TEAM_READ)
        grant(backend, "dev", "guest", StackLevel.READ)
        found, owner = sharing.list_collaborators(backend, admin, made)
        sharing.remove_collaborator(backend, admin, made, "guest")

        assert ([("guest", StackLevel.READ)], "admin") == (
            [(collaborator.person.login, collaborator.level) for collaborator in found],
            owner,
        )
        assert ([], "admin") == sharing.list_collaborators(backend, admin, made)
        assert {"dev": StackLevel.READ} == levels(backend, admin)
        for login in ("guest", "ops", "unknown"):
            with pytest.raises(NotFound, match="has no grant on stack"):
                sharing.remove_collaborator(backend, admin, made, login)
