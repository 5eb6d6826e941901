from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from common.backend import Backend
from common.core.errors import BadRequest, Forbidden, NotFound
from common.people.orgs import service as orgs
from common.people.orgs import steps as org_steps
from common.rights.built_in import ADMIN, STACK_READ
from common.rights.caller import Caller
from common.rights.permissions import Permission, Role, StackLevel
from common.stacks.model import StackPath
from common.stacks.service import listing as contents
from tests.factories.grants import grant
from tests.factories.orgs import make_default, suspend
from tests.factories.people import caller_of, make_admin, make_user
from tests.factories.roles import make_holder, make_role
from tests.factories.stacks import make_stack, make_version
from tests.interleaving import interleaved


class TestGetOrganization:
    def test_counts(self, backend: Backend, admin: Caller) -> None:
        """Live stacks and members who may sign in are counted, those that the caller may not see among them."""
        make_stack(backend, admin)
        make_stack(backend, admin, "own", org="admin")
        manager = caller_of(backend, make_user(backend, "bob", org="acme", role=Role.BILLING_MANAGER))
        make_user(backend, "carol", org="acme")
        suspend(backend, "carol")
        found = orgs.get_organization(backend, manager, "acme")

        assert (2, 1) == (found.counts.members, found.counts.stacks)

    def test_is_for_members(self, backend: Backend, admin: Caller) -> None:
        """Strangers learn nothing."""
        eve = caller_of(backend, make_user(backend, "eve"))
        for read in (orgs.get_organization, contents.get_organization):
            with pytest.raises(NotFound, match="Organization 'acme' not found"):
                read(backend, eve, "acme")
        assert admin.membership("acme") is not None


class TestContents:
    def test_holds_what_the_caller_may_see(self, backend: Backend, admin: Caller) -> None:
        """Stacks come by project and name with their newest version; a member with a role of their own sees what was given."""
        for project, name in (("site", "b"), ("shop", "b"), ("shop", "a")):
            make_stack(backend, admin, name, project=project, tags={"env": name})
        make_version(backend, admin, StackPath("acme", "site", "b"), "one", "two")
        bob = make_holder(backend, "bob", Permission.TEAM_LIST)
        grant(backend, "a", "bob")
        _, everything = contents.get_organization(backend, admin, "acme")
        _, some = contents.get_organization(backend, bob, "acme")

        assert [("shop", "a", 0, 0), ("shop", "b", 0, 0), ("site", "b", 1, 2)] == [
            (stack.project, stack.name, stack.version, stack.resource_count) for stack in everything
        ]
        assert [("a", {"env": "a"})] == [(stack.name, stack.tags) for stack in some]


class TestUpdateSettings:
    def test_returns_what_is_then(self, backend: Backend, admin: Caller) -> None:
        """What is changed is in the reply and there at the next call; the rest stays."""
        role_id = make_role(backend, Permission.STACK_READ)
        make_default(backend, role_id)
        told = orgs.update_organization(backend, admin, "acme", {"default_stack_permission": StackLevel.READ})
        found = orgs.get_organization(backend, caller_of(backend, "pul-" + "a1" * 20), "acme")

        assert (StackLevel.READ, role_id) == (told.settings.default_stack_permission, told.settings.default_role_id)
        assert told.settings == found.settings

    def test_loses_none_of_two(self, backend: Backend, admin: Caller) -> None:
        """Two changes at the same moment are both kept."""
        with interleaved(backend, "BEGIN", lambda: orgs.update_organization(backend, admin, "acme", {"neo_enabled": True})):
            told = orgs.update_organization(backend, admin, "acme", {"members_can_create_teams": False})

        assert (True, False) == (told.settings.neo_enabled, told.settings.members_can_create_teams)

    @pytest.mark.parametrize(
        "changes",
        [
            {"max_access_token_expiry_days": 731},
            {"max_access_token_expiry_days": -1},
            {"ai_enablement": "x" * 101},
            {"default_deployment_role_id": STACK_READ.id},
            {"default_deployment_role_id": "x"},
        ],
    )
    def test_refuses_what_cannot_be(self, backend: Backend, admin: Caller, changes: dict[str, Any]) -> None:
        """A limit that is invalid, a text that is too long, and a role of deployments that is invalid."""
        with pytest.raises(BadRequest):
            orgs.update_organization(backend, admin, "acme", changes)

    def test_gives_nothing_that_the_caller_lacks(self, backend: Backend, admin: Caller) -> None:
        """A caller who is not an admin gives deployments neither the admin's role nor one that holds more than they do."""
        bob = make_holder(backend, "bob", Permission.ORGANIZATION_UPDATE, Permission.STACK_READ)
        over, fit = make_role(backend, Permission.STACK_WRITE, name="over"), make_role(backend, Permission.STACK_READ, name="fit")
        for role_id in (ADMIN.id, over):
            with pytest.raises(Forbidden):
                orgs.update_organization(backend, bob, "acme", {"default_deployment_role_id": role_id})
        told = orgs.update_organization(backend, bob, "acme", {"default_deployment_role_id": fit})

        assert fit == told.settings.default_deployment_role_id
        assert admin.login == "admin"

    def test_gives_members_no_more_than_the_caller_holds(self, backend: Backend, admin: Caller) -> None:
        """A user who may change settings alone can take from members and not give: no admin level, no toggle, no environments."""
        bob = make_holder(backend, "bob", Permission.ORGANIZATION_UPDATE)
        taken = {
            "default_stack_permission": StackLevel.NONE,
            "members_can_create_stacks": False,
            "members_can_delete_stacks": False,
        }
        orgs.update_organization(backend, bob, "acme", taken)
        more: list[dict[str, Any]] = [
            {"default_stack_permission": StackLevel.ADMIN},
            {"default_stack_permission": StackLevel.READ},
            {"members_can_create_stacks": True},
            {"members_can_delete_stacks": True},
            {"default_environment_permission": "read"},
            {"default_account_permission": 1},
        ]
        for changes in more:
            with pytest.raises(Forbidden, match="permissions that you do not have"):
                orgs.update_organization(backend, bob, "acme", changes)
        orgs.update_organization(backend, bob, "acme", {"preferred_vcs": "github"})

        assert admin.login == "admin"
        assert StackLevel.NONE == orgs.get_organization(backend, make_admin(backend), "acme").settings.default_stack_permission


class TestAddShared:
    def test_makes_its_maker_an_admin(self, backend: Backend) -> None:
        """The user that an organization is created for is its admin."""
        token = make_user(backend, "alice")
        user_id = caller_of(backend, token).user_id
        with backend.db.begin() as tx:
            org_steps.create_organization(tx, login="globex", admin_user_id=user_id, now=backend.clock.now())
        found = caller_of(backend, token).membership("globex")

        assert found is not None
        assert (Role.ADMIN, False) == (found.role, found.is_personal)

    @pytest.mark.parametrize("login", ["", "a", "a b", "../x", "x" * 41])
    def test_refuses_a_bad_name(self, backend: Backend, login: str) -> None:
        """A name that clients could not put into an address is refused."""
        with backend.db.begin() as tx, pytest.raises(BadRequest):
            org_steps.create_organization(tx, login=login, admin_user_id="u", now=backend.clock.now())

    def test_refuses_a_name_that_is_taken(self, backend: Backend) -> None:
        """A user's name is the name of their namespace, so no organization can have it."""
        make_user(backend, "alice")
        with pytest.raises(IntegrityError), backend.db.begin() as tx:
            org_steps.create_organization(tx, login="alice", admin_user_id="u", now=backend.clock.now())


class TestAddMember:
    def test_is_seen_at_the_next_call(self, backend: Backend) -> None:
        """A new member has the role from their next call on."""
        make_admin(backend)
        found = caller_of(backend, make_user(backend, "alice", org="acme", role=Role.BILLING_MANAGER)).membership("acme")

        assert found is not None
        assert Role.BILLING_MANAGER == found.role
