from concurrent.futures import ThreadPoolExecutor

import pytest

from common.backend import Backend
from common.core.errors import BadRequest, Forbidden, NotFound
from common.core.ids import new_id
from common.people.roles.model import Purpose
from common.rights.built_in import ADMIN, ENVIRONMENT, STACK_ADMIN, STACK_READ, STACK_WRITE
from common.rights.caller import Caller
from common.rights.permissions import Permission, StackLevel
from common.rights.predicate import EntityKind
from common.stacks.service import permission_sets
from common.stacks.service.permission_sets import Assignment
from tests.factories.grants import grant
from tests.factories.people import ORG, caller_of, make_user
from tests.factories.roles import allow, create_role, make_holder
from tests.factories.stacks import make_stack, stack_id_of
from tests.factories.teams import make_team

STACK = EntityKind.STACK


@pytest.fixture(autouse=True)
def stack_id(backend: Backend, admin: Caller) -> str:
    """The id of a stack that the administrator made."""
    make_stack(backend, admin)
    return stack_id_of(backend, "dev")


def give(backend: Backend, caller: Caller, stack_id: str, named: str, set_id: str | None) -> Assignment | None:
    """Change what a member holds on a stack of acme."""
    return permission_sets.update_assignment(backend, caller, ORG, STACK, stack_id, member=named, set_id=set_id)


def held(backend: Backend, admin: Caller, stack_id: str) -> list[tuple[str, str]]:
    """Return who holds which set on a stack."""
    found, _ = permission_sets.list_assignments(backend, admin, ORG, STACK, stack_id)
    return [(one.person.login if one.person else f"team {one.team_name}", one.permission_set.name) for one in found]


class TestUpdateAssignment:
    def test_gives_a_built_in_or_custom_set_in_place_of_another(self, backend: Backend, admin: Caller, stack_id: str) -> None:
        """A person holds one set on a stack; null takes it; a repeat changes nothing."""
        custom = create_role(backend, admin, "deleters", allow("stack:delete"), Purpose.SET, resource_type="stack")
        make_user(backend, "bob", org=ORG)
        seen = []
        for set_id in (STACK_READ.id, STACK_WRITE.id, custom.id, custom.id, STACK_ADMIN.id, None, None):
            found = give(backend, admin, stack_id, "bob", set_id)
            assert (set_id or None) == (found.permission_set.id if found else None)
            seen.append(held(backend, admin, stack_id))

        wanted = ["Stack Read", "Stack Write", "deleters", "deleters", "Stack Admin"]
        assert [*([("bob", name)] for name in wanted), [], []] == seen

    def test_counts_at_once(self, backend: Backend, admin: Caller, stack_id: str) -> None:
        """What was given, by login or by id, can be used."""
        custom = create_role(
            backend, admin, "sharers", allow("stack:read", "stack_access:update"), Purpose.SET, resource_type="stack"
        )
        bob = make_holder(backend, "bob")
        with pytest.raises(NotFound):
            give(backend, bob, stack_id, "bob", STACK_READ.id)
        give(backend, admin, stack_id, bob.user_id, custom.id)

        readers = create_role(backend, admin, "readers", allow("stack:read"), Purpose.SET, resource_type="stack")
        with pytest.raises(
            Forbidden, match="you can only grant permissions that you have on the stack yourself; you lack stack:decrypt"
        ):
            give(backend, bob, stack_id, "bob", STACK_READ.id)
        assert give(backend, bob, stack_id, "bob", readers.id) is not None
        with pytest.raises(Forbidden, match="stack_access:update"):
            give(backend, bob, stack_id, "bob", custom.id)

    def test_refuses_what_cannot_be_given(self, backend: Backend, admin: Caller, stack_id: str) -> None:
        """Roles, sets for other things, unknown ids and people from outside are the caller's mistake."""
        make_user(backend, "bob", org=ORG)
        make_user(backend, "eve")
        role = create_role(backend, admin, "role", allow("stack:read"))
        other = create_role(backend, admin, "other", allow("environment:read"), Purpose.SET, resource_type=ENVIRONMENT)

        for set_id in (role.id, other.id, ADMIN.id, new_id(), "nonsense"):
            with pytest.raises(BadRequest, match=r"permission set .* not found"):
                give(backend, admin, stack_id, "bob", set_id)
        with pytest.raises(NotFound, match="'eve' is not a member of organization acme"):
            give(backend, admin, stack_id, "eve", STACK_READ.id)
        for named in ("unknown", "", new_id()):
            with pytest.raises(NotFound, match=f"User '{named}' not found"):
                give(backend, admin, stack_id, named, STACK_READ.id)

    def test_gives_nobody_more_than_the_giver_has(self, backend: Backend, admin: Caller, stack_id: str) -> None:
        """A custom set holds no more than its giver holds on the stack."""
        strong = create_role(
            backend, admin, "strong", allow("stack_access:update", "role:delete"), Purpose.SET, resource_type="stack"
        )
        weak = create_role(backend, admin, "weak", allow("stack:read"), Purpose.SET, resource_type="stack")
        bob = make_holder(backend, "bob", Permission.STACK_READ, Permission.STACK_ACCESS_UPDATE)
        make_user(backend, "carol", org=ORG)

        assert give(backend, bob, stack_id, "carol", weak.id) is not None
        with pytest.raises(Forbidden, match="role:delete"):
            give(backend, bob, stack_id, "carol", strong.id)

    def test_hides_stacks_that_the_caller_may_not_know(self, backend: Backend, admin: Caller, stack_id: str) -> None:
        """Another organization's stack, a hidden one and none are the same; other kinds of things are not there at all."""
        make_stack(backend, admin, "own", org="admin")
        blind = make_holder(backend, "bob")
        foreign = stack_id_of(backend, "own")
        for caller, asked in ((admin, foreign), (admin, new_id()), (blind, stack_id), (admin, "x"), (admin, "")):
            for call in (
                lambda caller=caller, asked=asked: give(backend, caller, asked, "bob", None),
                lambda caller=caller, asked=asked: held(backend, caller, asked),
            ):
                with pytest.raises(NotFound) as caught:
                    call()
                assert f"Not Found: stack {asked!r} not found" == caught.value.message
        with pytest.raises(NotFound, match="environment"):
            permission_sets.list_assignments(backend, admin, ORG, EntityKind.ENVIRONMENT, stack_id)
        with pytest.raises(NotFound, match="Organization"):
            held(backend, caller_of(backend, make_user(backend, "eve")), stack_id)

    def test_lets_two_at_once_both_succeed(self, backend: Backend, admin: Caller, stack_id: str) -> None:
        """One of two changes for the same person wins, and none fails."""
        make_user(backend, "bob", org=ORG)
        ids = (STACK_READ.id, STACK_WRITE.id)
        with ThreadPoolExecutor(2) as pool:
            for _ in range(5):
                assert all(pool.map(lambda set_id: give(backend, admin, stack_id, "bob", set_id), ids))
                give(backend, admin, stack_id, "bob", None)
        assert [] == held(backend, admin, stack_id)


class TestListAssignments:
    def test_lists_people_and_teams(self, backend: Backend, admin: Caller, stack_id: str) -> None:
        """People come first, then teams, each by name."""
        for login in ("carol", "bob"):
            make_user(backend, login, org=ORG)
            give(backend, admin, stack_id, login, STACK_READ.id)
        for name in ("ops", "dev"):
            grant(backend, "dev", make_team(backend, name), StackLevel.ADMIN, is_team=True)

        expected = [("bob", "Stack Read"), ("carol", "Stack Read"), ("team dev", "Stack Admin"), ("team ops", "Stack Admin")]
        assert expected == held(backend, admin, stack_id)

    def test_lists_what_can_be_given(self, backend: Backend, admin: Caller, stack_id: str) -> None:
        """The built-in sets for stacks, and the organization's own for stacks or for anything."""
        for name, kind in (("b", "stack"), ("a", "global"), ("e", "environment")):
            create_role(backend, admin, name, allow("stack:read"), Purpose.SET, resource_type=kind)
        _, available = permission_sets.list_assignments(backend, admin, ORG, STACK, stack_id)

        assert ["Stack Read", "Stack Write", "Stack Admin", "a", "b"] == [found.name for found in available]
        assert ["stack-read", "stack-write", "stack-admin", "", ""] == [found.identifier for found in available]

    def test_needs_the_permission(self, backend: Backend, admin: Caller, stack_id: str) -> None:
        """Seeing a stack is not seeing who may use it."""
        bob = make_holder(backend, "bob", Permission.STACK_READ)

        with pytest.raises(Forbidden, match="stack_access:read"):
            held(backend, bob, stack_id)
