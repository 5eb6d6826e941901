import pytest

from common.core.errors import Forbidden, NotFound
from common.rights import descriptor as d
from common.rights.caller import Caller
from common.rights.membership import Grant, Membership
from common.rights.org_settings import OrgSettings
from common.rights.permissions import ROLES, STACK_ADMIN, STACK_READ, STACK_VISIBLE, STACK_WRITE, Permission, Role, StackLevel
from common.rights.predicate import Entity, EntityKind

MISSING = "Organization 'acme' not found"
STACK = Entity(EntityKind.STACK, "s1", {"env": "prod"})
NO_DEFAULT = OrgSettings(default_stack_permission=StackLevel.NONE)


def member(role: Role = Role.MEMBER, **members: object) -> Membership:
    """Return a place in acme."""
    return Membership("o1", "acme", "Acme", "", role, is_personal=False, **members)  # type: ignore[arg-type]


def caller(membership: Membership) -> Caller:
    """Return alice with a place in acme."""
    return Caller("u1", "alice", "Alice", "", "", False, None, (membership,), "t1")


class TestRequire:
    @pytest.mark.parametrize("permission", Permission)
    def test_gives_an_admin_everything(self, permission: Permission) -> None:
        """An admin of an organization holds every permission in it."""
        assert "o1" == caller(member(Role.ADMIN)).require(permission, "acme", missing=MISSING).org_id

    @pytest.mark.parametrize("permission", Permission)
    def test_hides_what_is_not_the_callers(self, permission: Permission) -> None:
        """An organization of others is missing, in the words for what does not exist."""
        with pytest.raises(NotFound) as caught:
            caller(member(Role.ADMIN)).require(permission, "globex", missing=MISSING)

        assert f"Not Found: {MISSING}" == caught.value.message

    def test_names_the_permission_that_lacks(self) -> None:
        """A member may not read the audit log, and is told which permission that takes."""
        with pytest.raises(Forbidden) as caught:
            caller(member()).require(Permission.AUDIT_LOGS_READ, "acme", missing=MISSING)

        assert "Forbidden: alice, member of organization acme, lacks the permission audit_logs:read" == caught.value.message

    def test_refuses_a_token_that_the_organization_bars(self) -> None:
        """A token that lives longer than the organization takes is refused with the reason, whatever its owner holds."""
        with pytest.raises(Forbidden) as caught:
            caller(member(Role.ADMIN, barred="too long")).require(Permission.STACK_CREATE, "acme", missing=MISSING)

        assert "Forbidden: too long" == caught.value.message

    def test_agrees_with_may(self) -> None:
        """What `may` allows is what `require` lets pass."""
        alice = caller(member())

        assert alice.may(Permission.STACK_CREATE, "acme")
        assert not alice.may(Permission.ROLE_CREATE, "acme")
        assert not alice.may(Permission.STACK_CREATE, "globex")
        assert not caller(member(barred="too long")).may(Permission.STACK_CREATE, "acme")


class TestHeld:
    def test_follows_the_toggles_of_the_organization(self) -> None:
        """Making stacks and teams is the members' as long as the organization says so."""
        closed = OrgSettings(members_can_create_stacks=False, members_can_create_teams=False)

        assert {Permission.STACK_CREATE, Permission.TEAM_CREATE} <= member().permissions()
        assert not {Permission.STACK_CREATE, Permission.TEAM_CREATE} & member(settings=closed).permissions()

    def test_of_a_custom_role_is_that_role_alone(self) -> None:
        """Who holds a custom role has neither the built-in role's permissions nor the toggles'."""
        rules = (d.Allow(permissions=[Permission.AUDIT_LOGS_READ]),)

        assert {Permission.AUDIT_LOGS_READ} == member(custom_role_id="r1", rules=rules).permissions()

    def test_adds_the_roles_of_teams(self) -> None:
        """The roles of a member's teams are added to the built-in role."""
        rules = (d.Allow(permissions=[Permission.AUDIT_LOGS_READ]),)

        assert member().permissions() | {Permission.AUDIT_LOGS_READ} == member(rules=rules).permissions()

    def test_of_a_custom_role_shown_as_admin_is_not_everything(self) -> None:
        """The role that the wire shows gives nothing while a custom role stands in for it."""
        assert frozenset() == member(Role.ADMIN, custom_role_id="r1").permissions()


class TestHeldOnStack:
    @pytest.mark.parametrize(
        ("level", "expected"),
        [
            (StackLevel.NONE, frozenset()),
            (StackLevel.READ, STACK_READ),
            (StackLevel.WRITE, STACK_WRITE),
            (StackLevel.ADMIN, STACK_ADMIN),
        ],
    )
    def test_gives_members_what_the_organization_gives(self, level: StackLevel, expected: frozenset[Permission]) -> None:
        """The default stack permission of the organization is every member's on every stack."""
        membership = member(settings=OrgSettings(default_stack_permission=level))

        assert expected & STACK_VISIBLE == membership.permissions_on_stack(STACK, (), is_creator=False) & STACK_VISIBLE

    def test_gives_creators_more_on_their_own_stacks(self) -> None:
        """A member administers a stack that they made."""
        assert STACK_ADMIN <= member(settings=NO_DEFAULT).permissions_on_stack(STACK, (), is_creator=True)

    def test_withholds_what_the_organization_withholds(self) -> None:
        """Where members may not delete or transfer stacks, neither their own stacks nor an admin grant change that."""
        closed = OrgSettings(members_can_delete_stacks=False, members_can_transfer_stacks=False)
        held = member(settings=closed).permissions_on_stack(STACK, (Grant(StackLevel.ADMIN),), is_creator=True)

        assert STACK_ADMIN - {Permission.STACK_DELETE, Permission.STACK_TRANSFER} == held & STACK_ADMIN

    def test_adds_grants(self) -> None:
        """What a team or the member was given on the stack is added, levels and custom sets alike."""
        grants = (Grant(StackLevel.READ), Grant(rules=d.Allow(permissions=[Permission.STACK_IMPORT])))

        assert {*STACK_READ, Permission.STACK_IMPORT} <= member(settings=NO_DEFAULT).permissions_on_stack(
            STACK, grants, is_creator=False
        )

    def test_asks_custom_roles_about_the_stack(self) -> None:
        """A custom role's condition on a tag counts for the stacks that have it."""
        prod = d.Equal(d.Tag(d.Stack(), "env"), d.LiteralString("prod"))
        rules = (d.Condition(prod, d.Allow(permissions=[Permission.STACK_READ])),)
        role = member(custom_role_id="r1", rules=rules)

        assert {Permission.STACK_READ} == role.permissions_on_stack(STACK, (), is_creator=False)
        assert frozenset() == role.permissions_on_stack(Entity(EntityKind.STACK, "s2", {}), (), is_creator=False)

    def test_leaves_billing_managers_out(self) -> None:
        """The organization's default for members is not the billing managers'."""
        assert not STACK_ADMIN & member(Role.BILLING_MANAGER).permissions_on_stack(STACK, (), is_creator=False)


class TestRoles:
    def test_are_all_defined(self) -> None:
        """Every role has its set of permissions."""
        assert set(Role) == set(ROLES)
