"""Many calls on one stack in the same instant: those that do not contradict each other all succeed, on every database."""

from collections import Counter
from collections.abc import Callable

import pytest

from common.backend import Backend
from common.core.errors import BackendError
from common.rights.built_in import LEVEL_SETS
from common.rights.caller import Caller
from common.rights.permissions import Permission, StackLevel
from common.rights.predicate import EntityKind
from common.stacks import steps as stack_steps
from common.stacks.model import StackPath
from common.stacks.service import attributes, ownership, permission_sets
from common.stacks.service import listing as stacks
from common.stacks.state import service as state_service
from tests.factories.people import make_user
from tests.factories.stacks import import_state, make_stack
from tests.server.serving import at_once
from tests.stacks.engine.builders import make_resource, make_state

MANY = 20
DEV = StackPath("acme", "shop", "dev")
READ = LEVEL_SETS[StackLevel.READ].id


@pytest.fixture(autouse=True)
def stack(backend: Backend, admin: Caller) -> None:
    """A stack with a tag that no call touches."""
    make_stack(backend, admin, tags={"kept": "x"})


def outcomes(count: int, work: Callable[[int], object]) -> Counter[str]:
    """Return how often each outcome came of calls that begin in the same instant: `done`, or the error's text."""

    def attempt(number: int) -> str:
        try:
            work(number)
        except BackendError as error:
            return f"{type(error).__name__}: {error.message}"
        return "done"

    return Counter(at_once(count, attempt))


def tags_of(backend: Backend, caller: Caller) -> dict[str, str]:
    """Return the stack's tags."""
    return stack_steps.get_stack(backend, caller, DEV, Permission.STACK_READ).tags


class TestTags:
    @pytest.mark.parametrize("repetitions", [20])
    def test_of_different_names_all_succeed_and_survive_each_other(
        self, backend: Backend, admin: Caller, repetitions: int
    ) -> None:
        """Twenty single tags are added, changed and removed at once, again and again, without one refusal."""
        names = [f"k{number}" for number in range(MANY)]
        for _ in range(repetitions if backend.db.dialect == "mysql" else 2):
            added = outcomes(MANY, lambda n: attributes.create_tag(backend, admin, DEV, names[n], "1"))
            assert ({"done": MANY}, {"kept": "x", **dict.fromkeys(names, "1")}) == (added, tags_of(backend, admin))
            changed = outcomes(MANY, lambda n: attributes.update_tag(backend, admin, DEV, names[n], "2"))
            assert ({"done": MANY}, {"kept": "x", **dict.fromkeys(names, "2")}) == (changed, tags_of(backend, admin))
            removed = outcomes(MANY, lambda n: attributes.delete_tag(backend, admin, DEV, names[n]))
            assert ({"done": MANY}, {"kept": "x"}) == (removed, tags_of(backend, admin))

    def test_of_one_new_name_are_added_once(self, backend: Backend, admin: Caller) -> None:
        """Of two that add the same name, one does, and the other is told that it exists."""
        found = outcomes(2, lambda n: attributes.create_tag(backend, admin, DEV, "new", str(n)))

        assert 1 == found["done"]
        assert [1] == [count for text, count in found.items() if text.startswith("BadRequest") and "already" in text]

    def test_beside_whole_maps(self, backend: Backend, admin: Caller) -> None:
        """Whole maps and single tags at once: no request fails, and a list by tag finds the same tags."""

        def change(number: int) -> None:
            if number % 4:
                attributes.create_tag(backend, admin, DEV, f"k{number}", "1")
            else:
                attributes.replace_tags(backend, admin, DEV, {"kept": "x", "whole": str(number)})

        assert {"done": MANY} == outcomes(MANY, change)
        for name in tags_of(backend, admin):
            filters = stacks.Filters(organization="acme", tag_name=name)
            assert 1 == len(stacks.page_stacks(backend, admin, filters, token=None, limit=None)[0])


class TestImports:
    def test_into_an_idle_stack_all_succeed(self, backend: Backend, admin: Caller) -> None:
        """Twenty imports at once make twenty versions; none hears of an update that runs."""
        state = make_state(make_resource("a"))
        found = outcomes(MANY, lambda _: import_state(backend, admin, DEV, state))

        assert {"done": MANY} == found
        assert MANY == stack_steps.get_stack(backend, admin, DEV, Permission.STACK_READ).latest.version
        assert state_service.export(backend, admin, DEV)


class TestPeople:
    @pytest.fixture
    def logins(self, backend: Backend) -> list[str]:
        """Return the logins of members of the organization."""
        logins = [f"user{number}" for number in range(MANY)]
        for login in logins:
            make_user(backend, login, org="acme")
        return logins

    def test_are_given_a_permission_set_at_once(self, backend: Backend, admin: Caller, logins: list[str]) -> None:
        """Twenty people each get one, and one person who is named twenty times has one."""
        stack_id = stack_steps.get_stack(backend, admin, DEV, Permission.STACK_READ).id

        def give(login: str) -> object:
            return permission_sets.update_assignment(
                backend, admin, "acme", EntityKind.STACK, stack_id, member=login, set_id=READ
            )

        assert {"done": MANY} == outcomes(MANY, lambda n: give(logins[n]))
        assert {"done": MANY} == outcomes(MANY, lambda _: give(logins[0]))
        held, _ = permission_sets.list_assignments(backend, admin, "acme", EntityKind.STACK, stack_id)
        assert MANY == len(held)

    def test_are_made_the_owner_at_once(self, backend: Backend, admin: Caller, logins: list[str]) -> None:
        """Each change succeeds; the stack belongs to the user of the last one."""
        assert {"done": MANY} == outcomes(MANY, lambda n: ownership.update_owner(backend, admin, DEV, logins[n]))
        assert ownership.get_owner(backend, admin, DEV)[1].login in logins
