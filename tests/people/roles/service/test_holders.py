from collections.abc import Callable

import pytest

from common.backend import Backend
from common.core.errors import Forbidden, NotFound
from common.core.ids import new_id
from common.people.roles.model import RoleChange
from common.people.roles.service import holders, teams
from common.people.roles.service import roles as role_service
from common.rights.built_in import ADMIN, MEMBER
from common.rights.caller import Caller
from common.rights.permissions import Permission
from tests.factories.people import ORG, caller_of, make_user
from tests.factories.roles import allow, create_role, hold, make_holder, make_machine, new_record
from tests.factories.teams import make_team

READ = allow("stack:read")


class TestHolders:
    def test_lists_who_holds_a_role(self, backend: Backend, admin: Caller) -> None:
        """Members by login, teams and tokens by name; built-in roles are held by a user who has nothing else."""
        role = create_role(backend, admin, "ops", READ)
        for login in ("carol", "bob", "dave"):
            make_user(backend, login, org=ORG)
        hold(backend, "bob", role.id)
        make_team(backend, "ops")
        teams.add_team_role(backend, admin, ORG, "ops", role.id)
        make_machine(backend, admin, role.id)

        assert ["bob"] == [found.login for found in holders.list_people(backend, admin, ORG, role.id)]
        assert ["carol", "dave"] == [found.login for found in holders.list_people(backend, admin, ORG, MEMBER.id)]
        assert ["admin"] == [found.login for found in holders.list_people(backend, admin, ORG, ADMIN.id)]
        assert ["ops"] == [found.name for found in holders.list_teams(backend, admin, ORG, role.id)]
        assert ["robot"] == [found.name for found in holders.list_tokens(backend, admin, ORG, role.id)[1]]
        assert [] == holders.list_tokens(backend, admin, ORG, ADMIN.id)[1]

    def test_knows_no_role_of_others(self, backend: Backend, admin: Caller) -> None:
        """Another organization's role and one that does not exist are the same."""
        foreign = role_service.create_role(backend, admin, "admin", new_record("own", READ), with_policy=False)
        for listing in (holders.list_people, holders.list_teams, holders.list_tokens):
            for role_id in (foreign.id, new_id(), "rubbish"):
                with pytest.raises(NotFound, match=f"role {role_id!r} not found"):
                    listing(backend, admin, ORG, role_id)


class TestPermissions:
    @pytest.mark.parametrize(
        ("call", "permission"),
        [
            (lambda backend, caller, role: role_service.list_roles(backend, caller, ORG, None), Permission.ROLE_READ),
            (lambda backend, caller, role: role_service.get_role(backend, caller, ORG, role), Permission.ROLE_READ),
            (lambda backend, caller, role: create_role(backend, caller, "x", READ), Permission.ROLE_CREATE),
            (
                lambda backend, caller, role: role_service.update_role(backend, caller, ORG, role, RoleChange(name="y")),
                Permission.ROLE_UPDATE,
            ),
            (
                lambda backend, caller, role: role_service.delete_role(backend, caller, ORG, role, force=True),
                Permission.ROLE_DELETE,
            ),
            (lambda backend, caller, role: role_service.set_default_role(backend, caller, ORG, role), Permission.ROLE_UPDATE),
            (
                lambda backend, caller, role: role_service.set_default_role(backend, caller, ORG, role),
                Permission.ORGANIZATION_UPDATE,
            ),
            (lambda backend, caller, role: holders.list_people(backend, caller, ORG, role), Permission.ROLE_READ),
            (lambda backend, caller, role: holders.list_teams(backend, caller, ORG, role), Permission.ROLE_READ),
            (lambda backend, caller, role: holders.list_tokens(backend, caller, ORG, role), Permission.ROLE_READ),
        ],
    )
    def test_each_call_needs_its_own(
        self, backend: Backend, admin: Caller, call: Callable[[Backend, Caller, str], object], permission: Permission
    ) -> None:
        """All other permissions together do not replace the one; a stranger hears of no organization."""
        role = create_role(backend, admin, "target", READ)
        everything_else = make_holder(backend, "bob", *(found for found in Permission if found is not permission))
        everything = make_holder(backend, "carol", *Permission)
        stranger = caller_of(backend, make_user(backend, "eve"))

        with pytest.raises(Forbidden, match=str(permission)):
            call(backend, everything_else, role.id)
        with pytest.raises(NotFound, match="Organization 'acme' not found"):
            call(backend, stranger, role.id)
        call(backend, everything, role.id)
