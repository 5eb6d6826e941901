import pytest

from common.access.caller import Caller, Membership
from common.access.permissions import ROLES, STACK_CREATOR, STACK_READER, STACK_WRITER, Permission, Role
from common.errors import Forbidden, NotFound

MISSING = "Stack 'acme/shop/dev' not found"


def caller(role: Role) -> Caller:
    """Returns alice, who has a role in acme."""
    membership = Membership("o1", "acme", "Acme", "", role, is_personal=False)
    return Caller("u1", "alice", "Alice", "", "", False, None, (membership,), "t1")


class TestRequire:
    @pytest.mark.parametrize("permission", Permission)
    def test_gives_an_admin_everything(self, permission: Permission) -> None:
        """An admin of an organization holds every permission in it."""
        assert "o1" == caller(Role.ADMIN).require(permission, "acme", missing=MISSING).org_id

    @pytest.mark.parametrize("permission", Permission)
    def test_hides_what_is_not_the_callers(self, permission: Permission) -> None:
        """In an organization of others everything is missing, in the words for what does not exist."""
        with pytest.raises(NotFound) as caught:
            caller(Role.ADMIN).require(permission, "globex", missing=MISSING)

        assert f"Not Found: {MISSING}" == caught.value.message

    def test_refuses_a_member_what_is_not_theirs(self) -> None:
        """A member may not delete the stack of a colleague, and is told which permission that takes."""
        with pytest.raises(Forbidden) as caught:
            caller(Role.MEMBER).require(Permission.STACK_DELETE, "acme", missing=MISSING, created_by="u2")

        assert "Forbidden: alice is member of organization acme and lacks the permission stack:delete" == caught.value.message

    def test_gives_creators_more_on_their_own_stacks(self) -> None:
        """A member may delete, rename and transfer a stack that they made."""
        for permission in STACK_CREATOR - STACK_WRITER:
            assert "o1" == caller(Role.MEMBER).require(permission, "acme", missing=MISSING, created_by="u1").org_id

    def test_gives_billing_managers_no_stacks(self) -> None:
        """A billing manager sees no stack, not even one they made before."""
        with pytest.raises(Forbidden):
            caller(Role.BILLING_MANAGER).require(Permission.STACK_READ, "acme", missing=MISSING)


class TestMay:
    def test_agrees_with_require(self) -> None:
        """What `may` allows is what `require` lets pass."""
        member = caller(Role.MEMBER)

        assert member.may(Permission.STACK_READ, "acme")
        assert not member.may(Permission.STACK_DELETE, "acme")
        assert member.may(Permission.STACK_DELETE, "acme", created_by="u1")
        assert not member.may(Permission.STACK_READ, "globex", created_by="u1")


class TestRoles:
    def test_are_all_defined(self) -> None:
        """Every role has a set, and the levels of stacks contain each other."""
        assert set(Role) == set(ROLES)
        assert STACK_READER < STACK_WRITER < STACK_CREATOR
