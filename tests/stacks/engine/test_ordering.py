import pytest

from common.backend import Backend
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks import steps as stacks
from common.stacks.engine import document, ordering
from common.stacks.model import Stack, StackPath
from common.stacks.service import lifecycle
from common.stacks.updates import stored_state as state
from common.stacks.updates.model import Completion
from common.stacks.updates.service import progress
from tests.counting import Counter
from tests.factories.stacks import (
    complete,
    creation,
    exported,
    exported_names,
    make_running,
    make_stack,
    make_version,
    record,
    update_row,
)
from tests.stacks.engine.builders import entry, make_resource, make_state, names

DEV = StackPath("acme", "shop", "dev")


def newest(backend: Backend, admin: Caller) -> Stack:
    """Return the stack as it is."""
    return stacks.get_stack(backend, admin, DEV, Permission.STACK_READ)


def run_same(backend: Backend, admin: Caller, *names_in_order: str) -> str:
    """Run an update that finds every resource as it was, finishing in the given order, and returns its id."""
    base = exported_names(backend, admin, DEV)
    found = make_running(backend, admin, DEV)
    record(
        backend,
        found,
        *(
            one
            for step, name in enumerate(names_in_order, 1)
            for one in (
                entry(2 * step - 1, 0, step),
                entry(2 * step, 1, step, removeOld=base.index(name), state=make_resource(name)),
            )
        ),
    )
    complete(backend, found)
    return found.id


@pytest.fixture
def stack(backend: Backend, admin: Caller) -> StackPath:
    """A stack with the resources a, b and c in its first version."""
    make_stack(backend, admin)
    make_version(backend, admin, DEV, "a", "b", "c")
    return DEV


class TestAnotherOrder:
    def test_costs_no_checkpoint(self, backend: Backend, admin: Caller, stack: StackPath, counter: Counter) -> None:
        """An update that changed nothing but the order stores no state again, and its export has the new order."""
        before = newest(backend, admin).latest.checkpoint
        counter.reset()
        run_same(backend, admin, "c", "a", "b")

        assert (0, before) == (counter.puts, newest(backend, admin).latest.checkpoint)
        assert ["c", "a", "b"] == exported_names(backend, admin, stack)
        assert ["a", "b", "c"] == names(exported(backend, admin, stack, 1))

    def test_is_what_the_next_update_starts_from(self, backend: Backend, admin: Caller, stack: StackPath) -> None:
        """Indices of the next journal refer to the order that was exported, however many orders came before."""
        run_same(backend, admin, "c", "a", "b")
        run_same(backend, admin, "b", "c", "a")
        found = make_running(backend, admin, DEV)
        record(backend, found, entry(1, 0, 1), entry(2, 1, 1, removeOld=0), *creation("d", 2))
        complete(backend, found)

        assert ["d", "c", "a"] == exported_names(backend, admin, stack)
        assert [["c", "a", "b"], ["b", "c", "a"]] == [names(exported(backend, admin, stack, version)) for version in (2, 3)]

    def test_that_comes_back_is_none(self, backend: Backend, admin: Caller, stack: StackPath) -> None:
        """The stored order again needs nothing beside the state."""
        moved = run_same(backend, admin, "c", "a", "b")
        back = run_same(backend, admin, "a", "b", "c")

        assert ["[2,0,1]", None] == [update_row(backend, one).resource_order for one in (moved, back)]

    def test_is_kept_by_an_update_without_entries(self, backend: Backend, admin: Caller, stack: StackPath) -> None:
        """An update that sent nothing leaves the state in the order it found."""
        run_same(backend, admin, "c", "a", "b")
        complete(backend, make_running(backend, admin, DEV), Completion.FAILED)

        assert ["c", "a", "b"] == exported_names(backend, admin, stack)

    def test_follows_a_rename(self, backend: Backend, admin: Caller, stack: StackPath) -> None:
        """The order is that of the state that a rename rewrites, and of the older versions read afterwards."""
        run_same(backend, admin, "c", "a", "b")
        lifecycle.rename(backend, admin, stack, "prod", "")
        prod = StackPath("acme", "shop", "prod")

        assert ["c", "a", "b"] == exported_names(backend, admin, prod)
        assert ["c", "a", "b"] == names(exported(backend, admin, prod, 2))

    def test_gives_way_to_a_whole_checkpoint(self, backend: Backend, admin: Caller, stack: StackPath) -> None:
        """A client without a journal replaces the state, and with it the order."""
        run_same(backend, admin, "c", "a", "b")
        found = make_running(backend, admin, DEV, journal=0)
        progress.update_checkpoint(backend, found.lease, make_state(make_resource("x"), make_resource("y")))
        complete(backend, found)

        assert ["x", "y"] == exported_names(backend, admin, stack)

    def test_leaves_a_base_half_the_room(self, backend: Backend, admin: Caller, stack: StackPath) -> None:
        """A base is left out over the limit; in another order it may take more than it did, so half of the limit counts."""
        size = len(backend.checkpoints.get_stored(newest(backend, admin).latest.checkpoint or ""))
        stored = [state.base_text(backend, newest(backend, admin), limit) for limit in (size - 1, size)]
        run_same(backend, admin, "c", "a", "b")
        moved = [state.base_text(backend, newest(backend, admin), limit) for limit in (2 * size - 1, 2 * size)]

        assert [None, ["a", "b", "c"]] == [text and names(text) for text in stored]
        assert [None, ["c", "a", "b"]] == [text and names(text) for text in moved]


class TestOrdering:
    def test_of_many_resources_is_not_worth_a_row(self) -> None:
        """A list longer than ten thousand is kept as a state of its own."""
        assert [True, False] == [ordering.is_short(range(size)) for size in (10_000, 10_001)]

    def test_keeps_every_byte(self) -> None:
        """Another order leaves the spelling of resources and other members alone."""
        text = (
            b'{"version":3,"x":1.0,"deployment":{"resources":[{"urn":"a","n":1E5},{"urn":"b","s":"\\ud83d"}],"future":{"k" :1}}}'
        )

        moved = document.reordered(text, [1, 0])

        assert b'[{"urn":"b","s":"\\ud83d"},{"urn":"a","n":1E5}]' in moved
        assert b'{"k" :1}' in moved
        assert b'"x":1.0' in moved

    @pytest.mark.parametrize("listed", [b"[]", b'[{"urn":"a"}]'])
    def test_takes_short_lists(self, listed: bytes) -> None:
        """None or one resource leave nothing to move."""
        text = b'{"version":3,"deployment":{"resources":' + listed + b"}}"

        assert text == document.reordered(text, range(listed.count(b"{")))
