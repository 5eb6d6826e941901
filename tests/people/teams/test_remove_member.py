import pytest
from sqlalchemy import select

from common.backend import Backend
from common.core.errors import BadRequest, Forbidden, NotFound
from common.db.tables.people import users
from common.people.orgs.members import service as members
from common.people.teams import service as teams
from common.people.users import service as accounts
from common.rights.caller import Caller
from common.rights.permissions import Permission, Role, StackLevel
from common.stacks.model import StackPath
from common.stacks.service import lifecycle
from tests.factories.grants import grant
from tests.factories.orgs import grants_of, people_of, teams_of
from tests.factories.people import caller_of, make_org, make_user
from tests.factories.roles import make_holder
from tests.factories.stacks import make_stack
from tests.factories.teams import make_team
from tests.interleaving import Crash, crash, interleaved


class TestRemoveMember:
    def test_takes_everything_there_along(self, backend: Backend, admin: Caller) -> None:
        """Membership, teams, grants, also on deleted stacks, and the choice of this organization go; what is elsewhere stays."""
        token = make_user(backend, "bob", org="acme")
        make_org(backend, "beta", admin)
        admin = caller_of(backend, "pul-" + "a1" * 20)
        members.add_member(backend, admin, "beta", "bob", "member")
        for name, org in (("a", "acme"), ("gone", "acme"), ("b", "beta")):
            make_stack(backend, admin, name, org=org)
            grant(backend, name, "bob", StackLevel.ADMIN)
        make_team(backend, members=["bob"])
        make_team(backend, "ops", org="beta", members=["bob"])
        lifecycle.delete(backend, admin, StackPath("acme", "shop", "gone"), force=False)
        accounts.set_default_organization(backend, caller_of(backend, token), "acme")
        teams.remove_member(backend, admin, "acme", "bob")
        bob = caller_of(backend, token)

        assert ["beta", "bob"] == [membership.login for membership in bob.memberships]
        assert (["b"], 1, None) == (grants_of(backend, "bob"), teams_of(backend, "bob"), bob.default_org_id)
        assert "bob" not in people_of(backend)

    def test_leaves_another_choice(self, backend: Backend, admin: Caller) -> None:
        """A default organization that is another one stays chosen."""
        token = make_user(backend, "bob", org="acme")
        accounts.set_default_organization(backend, caller_of(backend, token), "bob")
        teams.remove_member(backend, admin, "acme", "bob")

        with backend.db.connect() as connection:
            assert connection.scalar(select(users.c.default_org_id).where(users.c.login == "bob")) is not None

    def test_gives_nothing_back_to_who_returns(self, backend: Backend, admin: Caller) -> None:
        """Who is added again holds what a new member holds."""
        make_user(backend, "bob", org="acme")
        make_stack(backend, admin, "a")
        grant(backend, "a", "bob", StackLevel.ADMIN)
        make_team(backend, members=["bob"])
        teams.remove_member(backend, admin, "acme", "bob")
        members.add_member(backend, admin, "acme", "bob", "member")

        assert ([], 0) == (grants_of(backend, "bob"), teams_of(backend, "bob"))

    def test_refuses_who_must_stay(self, backend: Backend, admin: Caller) -> None:
        """No one removes themselves, a stranger, or, with a role of their own, the last admin."""
        remover = make_holder(backend, "carol", Permission.ORG_MEMBER_DELETE)
        with pytest.raises(BadRequest, match="yourself"):
            teams.remove_member(backend, admin, "acme", "admin")
        with pytest.raises(BadRequest, match="last admin"):
            teams.remove_member(backend, remover, "acme", "admin")
        with pytest.raises(NotFound):
            teams.remove_member(backend, admin, "acme", "eve")

        assert {"admin", "carol"} == {*people_of(backend)}

    def test_is_for_those_who_may(self, backend: Backend, admin: Caller) -> None:
        """A plain member removes no one."""
        bob = caller_of(backend, make_user(backend, "bob", org="acme"))
        make_user(backend, "carol", org="acme", role=Role.BILLING_MANAGER)
        with pytest.raises(Forbidden, match="org_member:delete"):
            teams.remove_member(backend, bob, "acme", "carol")
        assert admin.login in people_of(backend)

    def test_is_all_or_nothing(self, backend: Backend, admin: Caller) -> None:
        """A crash in the middle leaves the member as they were."""
        make_user(backend, "bob", org="acme")
        make_team(backend, members=["bob"])
        with interleaved(backend, "UPDATE users", crash), pytest.raises(Crash):
            teams.remove_member(backend, admin, "acme", "bob")

        assert ("member", None) == people_of(backend)["bob"]
        assert 1 == teams_of(backend, "bob")
