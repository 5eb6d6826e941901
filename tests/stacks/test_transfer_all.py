"""Moving all stacks of an organization at once."""

import pytest

from common.backend import Backend
from common.core.errors import BadRequest, Conflict, Forbidden, NotFound
from common.rights.caller import Caller
from common.rights.permissions import Permission, Role, StackLevel
from common.stacks import steps as stacks
from common.stacks.model import StackPath
from common.stacks.service import lifecycle, transfer
from common.stacks.updates.model import InProgress
from tests.factories.grants import grant
from tests.factories.orgs import make_member
from tests.factories.people import ADMIN_TOKEN, caller_of, make_org, make_user
from tests.factories.roles import allow, give_role
from tests.factories.stacks import exported, make_running, make_stack
from tests.interleaving import interleaved
from tests.stacks.engine.builders import make_resource, make_state


@pytest.fixture
def admin(backend: Backend, admin: Caller) -> Caller:
    """The administrator, of beta as well."""
    make_org(backend, "beta", admin)
    return caller_of(backend, ADMIN_TOKEN)


class TestTransferAll:
    @pytest.fixture
    def several(self, backend: Backend, admin: Caller) -> list[StackPath]:
        """Three stacks of acme."""
        return [make_stack(backend, admin, name, state=make_state(make_resource(name))) for name in "abc"]

    def test_moves_every_stack(self, backend: Backend, admin: Caller, several: list[StackPath]) -> None:
        """All stacks are in the other organization then, and a repeat finds none."""
        assert 3 == transfer.transfer_all(backend, admin, "acme", "beta")
        assert 0 == transfer.transfer_all(backend, admin, "acme", "beta")
        for path in several:
            assert f"{path.name}-id".encode() in exported(backend, admin, StackPath("beta", "shop", path.name))

    def test_moves_nothing_while_one_cannot(self, backend: Backend, admin: Caller, several: list[StackPath]) -> None:
        """A stack that is held, or a name that is taken, is found before the first one moves."""
        update = make_running(backend, admin, several[2])
        with pytest.raises(InProgress):
            transfer.transfer_all(backend, admin, "acme", "beta")
        assert update.path == stacks.get_stack(backend, admin, several[2], Permission.STACK_READ).path
        make_stack(backend, admin, "b", org="beta")
        lifecycle.delete(backend, admin, make_stack(backend, admin, "z"), force=True)

        with pytest.raises(Conflict):
            transfer.transfer_all(backend, admin, "acme", "beta")
        assert several[0] == stacks.get_stack(backend, admin, several[0], Permission.STACK_READ).path

    def test_says_how_far_it_came(self, backend: Backend, admin: Caller, several: list[StackPath]) -> None:
        """If an update starts after the first check, its stack stays; the others move, and a repeat moves the rest."""
        held: list[object] = []
        with (
            interleaved(backend, "BEGIN", lambda: held.append(make_running(backend, admin, several[1]))),
            pytest.raises(Conflict) as caught,
        ):
            transfer.transfer_all(backend, admin, "acme", "beta")

        assert caught.value.message.startswith("Conflict: 2 of 3 stacks have moved, and 'acme/shop/b' cannot: ")
        assert [True, False, True] == [is_there(backend, admin, StackPath("beta", "shop", name)) for name in "abc"]

    def test_passes_over_a_stack_that_is_gone(self, backend: Backend, admin: Caller, several: list[StackPath]) -> None:
        """A stack that is deleted meanwhile does not stop the transfer."""
        with interleaved(backend, "BEGIN", lambda: lifecycle.delete(backend, admin, several[1], force=True)):
            assert 2 == transfer.transfer_all(backend, admin, "acme", "beta")

        assert [True, False, True] == [is_there(backend, admin, StackPath("beta", "shop", name)) for name in "abc"]

    def test_has_a_limit(self, backend: Backend, admin: Caller, several: list[StackPath]) -> None:
        """More stacks than one request can move are refused before anything moves."""
        for number in range(transfer.BULK_LIMIT - 2):
            make_stack(backend, admin, f"s{number}")

        with pytest.raises(BadRequest) as caught:
            transfer.transfer_all(backend, admin, "acme", "beta")
        assert "more than 100 stacks" in caught.value.message
        assert is_there(backend, admin, several[0])

    @pytest.mark.parametrize("role", [Role.MEMBER, Role.BILLING_MANAGER])
    def test_is_for_admins(self, backend: Backend, admin: Caller, several: list[StackPath], role: Role) -> None:
        """Members may not, whatever they are in the other organization."""
        bob = make_member(backend, make_user(backend, "bob", org="acme", role=role), "beta", Role.ADMIN)

        with pytest.raises(Forbidden):
            transfer.transfer_all(backend, bob, "acme", "beta")
        assert is_there(backend, admin, several[0])

    def test_needs_the_right_on_each_stack(self, backend: Backend, admin: Caller, several: list[StackPath]) -> None:
        """A custom role that allows the call as such gives no stack that the caller could not transfer alone."""
        token = make_user(backend, "bob", org="acme")
        give_role(backend, caller_of(backend, token), allow("organization:transfer_stacks"))
        bob = make_member(backend, token, "beta", Role.ADMIN)
        for path in several[:2]:
            grant(backend, path, bob.user_id, StackLevel.ADMIN)

        with pytest.raises(Forbidden) as caught:
            transfer.transfer_all(backend, bob, "acme", "beta")
        assert "stack:transfer" in caught.value.message
        grant(backend, several[2], bob.user_id, StackLevel.ADMIN)
        assert 3 == transfer.transfer_all(backend, bob, "acme", "beta")

    @pytest.mark.parametrize(
        ("source", "target", "refusal"), [("acme", "acme", BadRequest), ("acme", "nope", NotFound), ("nope", "beta", NotFound)]
    )
    def test_needs_two_organizations(
        self, backend: Backend, admin: Caller, source: str, target: str, refusal: type[Exception]
    ) -> None:
        """Both have to be the caller's, and not the same."""
        with pytest.raises(refusal):
            transfer.transfer_all(backend, admin, source, target)


def is_there(backend: Backend, caller: Caller, path: StackPath) -> bool:
    """Whether a stack exists."""
    try:
        stacks.get_stack(backend, caller, path, Permission.STACK_READ)
    except NotFound:
        return False
    return True
