"""Teams are made, listed and deleted: who may, and what goes with one."""

import pytest
from sqlalchemy import Table, func, select

from common.access.authentication import TokenOwner
from common.access.tokens import issue_token
from common.backend import Backend
from common.core.errors import Conflict, Forbidden, NotFound, Unauthorized
from common.db.tables.access import stack_grants, team_roles
from common.db.tables.people import team_entities, team_members, teams
from common.people.teams import service
from common.people.teams.model import Team, TeamRole
from common.people.users import steps as users
from common.rights.caller import Caller
from common.rights.permissions import Permission, Role, StackLevel
from common.stacks.service import sharing
from tests.factories.people import caller_of, make_token, make_user
from tests.factories.roles import make_holder, make_role
from tests.factories.stacks import make_stack
from tests.factories.team_stacks import environment, get, stack
from tests.factories.teams import make_team


@pytest.fixture
def bob(backend: Backend, admin: Caller) -> str:
    """The token of a member of acme; who it belongs to is looked up when it is used, with what was given by then."""
    assert admin.login == "admin"
    return make_user(backend, "bob", org="acme")


class TestCreateTeam:
    def test_by_a_machine_has_no_members(self, backend: Backend, admin: Caller) -> None:
        """The token of an organization makes a team and is in none."""
        org_id = next(found.org_id for found in admin.memberships if found.login == "acme")
        with backend.db.begin() as tx:
            now = backend.clock.now()
            machine_id = users.create_machine(tx, org_login="acme", name="ci", now=now)
            owner = TokenOwner(machine_id, org_id, is_admin=True)
            token = issue_token(tx, owner, name="ci", description="", created_by=admin.user_id, now=now)
        made = service.create_team(backend, caller_of(backend, token.text), "acme", "ops")

        assert ((), TeamRole.NONE) == (made.members, made.team.role)
        assert ((), TeamRole.NONE) == (get(backend, admin).members, get(backend, admin).team.role)

    def test_of_a_taken_name(self, backend: Backend, admin: Caller) -> None:
        """A name is taken within its organization only."""
        service.create_team(backend, admin, "acme", "ops")
        with pytest.raises(Conflict, match="team 'ops' already exists"):
            service.create_team(backend, admin, "acme", "ops")

        assert "ops" == service.create_team(backend, admin, "admin", "ops").team.name

    def test_needs_a_permission(self, backend: Backend, admin: Caller) -> None:
        """No one makes teams where they are a stranger or may not."""
        mallory = caller_of(backend, make_user(backend, "mallory"))
        mary = caller_of(backend, make_user(backend, "mary", org="acme", role=Role.BILLING_MANAGER))

        with pytest.raises(NotFound):
            service.create_team(backend, mallory, "acme", "ops")
        with pytest.raises(Forbidden, match="lacks the permission team:create"):
            service.create_team(backend, mary, "acme", "ops")


class TestListTeams:
    def test_shows_what_a_role_lists(self, backend: Backend, admin: Caller) -> None:
        """A custom role without team:list lists nothing, and is told so."""
        make_team(backend, admins=["admin"])
        lister = make_holder(backend, "lister", Permission.TEAM_LIST)
        other = make_holder(backend, "other", Permission.TEAM_READ)

        assert ["ops"] == [team.name for team in service.list_teams(backend, lister, "acme")]
        with pytest.raises(Forbidden):
            service.list_teams(backend, other, "acme")


class TestDeleteTeam:
    def test_takes_all_with_it(self, backend: Backend, admin: Caller, bob: str) -> None:
        """Members, roles, grants, environments and tokens go; the token is refused at once."""
        team_id = make_team(backend, members=["bob"], role_ids=[make_role(backend, Permission.STACK_READ)])
        make_stack(backend, admin)
        for change in (stack(StackLevel.ADMIN), environment()):
            sharing.update_team(backend, admin, "acme", "ops", change)
        org_id = next(found.org_id for found in admin.memberships if found.login == "acme")
        with backend.db.begin() as tx:
            now = backend.clock.now()
            machine_id = users.create_machine(tx, org_login="acme", name="ci", now=now)
            token = issue_token(
                tx,
                TokenOwner(machine_id, org_id, team_id),
                name="ci",
                description="",
                created_by=admin.user_id,
                now=now,
            )
            other = make_token(tx, backend, admin.user_id)
        assert caller_of(backend, token.text).team_name == "ops"
        service.delete_team(backend, admin, "acme", "ops")

        assert [0] * 5 == [count(backend, table) for table in (teams, team_members, team_roles, team_entities, stack_grants)]
        assert ((), ()) == (caller_of(backend, bob).memberships[0].team_ids, caller_of(backend, bob).memberships[1].team_ids)
        with pytest.raises(Unauthorized):
            caller_of(backend, token.text)
        assert "admin" == caller_of(backend, other.text).login
        with pytest.raises(NotFound, match="Team 'ops' not found"):
            service.delete_team(backend, admin, "acme", "ops")

    def test_leaves_other_teams_alone(self, backend: Backend, admin: Caller, bob: str) -> None:
        """What belongs to another team stays."""
        assert bob
        make_team(backend, members=["bob"], admins=["admin"])
        make_team(backend, "web", members=["bob"], admins=["admin"])
        make_stack(backend, admin)
        for name in ("ops", "web"):
            for change in (stack(StackLevel.READ), environment()):
                sharing.update_team(backend, admin, "acme", name, change)
        service.delete_team(backend, admin, "acme", "ops")
        left = get(backend, admin, "web")

        assert (2, 1, 1) == (len(left.members), len(left.stacks), len(left.environments))


def count(backend: Backend, table: Table) -> int:
    """Return how many rows a table has."""
    with backend.db.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def test_a_team_knows_its_kind(backend: Backend, admin: Caller) -> None:
    """Every team made here is of upstream's kind `pulumi`."""
    made = service.create_team(backend, admin, "acme", "ops", display_name="Ops", description="d")

    assert Team(made.team.id, "pulumi", "ops", "Ops", "d", TeamRole.ADMIN) == made.team


class TestSearchTeams:
    def test_finds_by_text_with_the_number_of_members(self, backend: Backend, admin: Caller) -> None:
        """A text in the name, display name or description, in upper or lower case; no letter of it is a pattern."""
        make_user(backend, "bob", org="acme")
        make_team(backend, "ops", members=["bob"], admins=["admin"])
        make_team(backend, "web")
        found = [service.search_teams(backend, admin, "acme", text, size=1, number=1) for text in ("", "OPS", "%")]

        assert [["ops"], ["ops"], []] == [[row.team.name for row in rows] for rows, _ in found]
        assert [2, 1, 0] == [total for _, total in found]
        assert [2] == [row.members for row in found[1][0]]
        assert "admin" == found[1][0][0].team.role

    def test_shows_what_a_role_shows(self, backend: Backend, admin: Caller) -> None:
        """Without the permission to list teams there is no list."""
        carol = make_holder(backend, "carol", Permission.STACK_READ)
        assert admin.is_person

        with pytest.raises(Forbidden):
            service.search_teams(backend, carol, "acme", "", size=9, number=1)
