"""Whom a stack belongs to."""

import pytest

from common.backend import Backend
from common.core.errors import Forbidden, NotFound
from common.rights.caller import Caller
from common.rights.org_settings import OrgSettings
from common.rights.permissions import Permission, StackLevel
from common.stacks import steps as stacks
from common.stacks.model import StackPath
from common.stacks.service import ownership
from tests.factories.orgs import set_settings, suspend
from tests.factories.people import caller_of, make_user
from tests.factories.stacks import make_stack
from tests.interleaving import interleaved

DEV = StackPath("acme", "shop", "dev")


@pytest.fixture(autouse=True)
def stack(backend: Backend, admin: Caller) -> None:
    """A stack of the administrator's, in an organization that gives its members nothing."""
    make_stack(backend, admin)
    set_settings(backend, "acme", OrgSettings(default_stack_permission=StackLevel.NONE))


class TestReassign:
    def test_makes_a_member_the_owner(self, backend: Backend, admin: Caller) -> None:
        """The new owner administers the stack, and the one before is the answer."""
        token = make_user(backend, "bob", org="acme")
        previous = ownership.update_owner(backend, admin, DEV, "bob")
        bob = caller_of(backend, token)

        assert ("admin", "Administrator") == (previous.login, previous.name)
        assert "bob" == ownership.get_owner(backend, admin, DEV)[1].login
        assert DEV == stacks.get_stack(backend, bob, DEV, Permission.STACK_DELETE).path

    def test_takes_the_stack_from_the_owner_before(self, backend: Backend, admin: Caller) -> None:
        """Who owned the stack holds on it what other members do."""
        make_user(backend, "carol", org="acme")
        bob = caller_of(backend, make_user(backend, "bob", org="acme"))
        ownership.update_owner(backend, admin, DEV, "bob")
        assert "bob" == ownership.update_owner(backend, bob, DEV, "carol").login

        with pytest.raises(NotFound):
            stacks.get_stack(backend, bob, DEV, Permission.STACK_READ)

    @pytest.mark.parametrize("login", ["stranger", "unknown", "", "suspended", "BOB", "é\x00", "x" * 500])
    def test_needs_a_member(self, backend: Backend, admin: Caller, login: str) -> None:
        """Only members can own a stack of the organization: not other users, and not suspended members."""
        for name, org in (("stranger", None), ("bob", "acme"), ("suspended", "acme")):
            make_user(backend, name, org=org)
        suspend(backend, "suspended")

        with pytest.raises(NotFound) as caught:
            ownership.update_owner(backend, admin, DEV, login)
        is_there = login in ("stranger", "suspended")
        assert ("is not a member of organization acme" if is_there else "not found") in caught.value.message
        assert "admin" == ownership.get_owner(backend, admin, DEV)[1].login

    def test_needs_the_right(self, backend: Backend) -> None:
        """Who may write to the stack may not give it to himself."""
        set_settings(backend, "acme", OrgSettings(default_stack_permission=StackLevel.WRITE))
        bob = caller_of(backend, make_user(backend, "bob", org="acme"))

        with pytest.raises(Forbidden):
            ownership.update_owner(backend, bob, DEV, "bob")

    def test_goes_on_from_what_another_did_first(self, backend: Backend, admin: Caller) -> None:
        """Of two at the same moment both succeed, and each is told the owner that it replaced."""
        for name in ("bob", "carol"):
            make_user(backend, name, org="acme")
        with interleaved(backend, "BEGIN", lambda: ownership.update_owner(backend, admin, DEV, "carol")):
            previous = ownership.update_owner(backend, admin, DEV, "bob")

        assert "carol" == previous.login
        assert "bob" == ownership.get_owner(backend, admin, DEV)[1].login
