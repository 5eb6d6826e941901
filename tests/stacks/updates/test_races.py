"""Two starts of updates at the same moment, and starts against other changes of the stack."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from common.backend import Backend
from common.core.errors import Conflict, NotFound
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks import steps as stack_steps
from common.stacks.model import Kind, StackPath
from common.stacks.service import attributes, lifecycle
from common.stacks.updates.model import InProgress, StartedUpdate, StartRequest
from common.stacks.updates.service import progress
from common.stacks.updates.service import start as updates
from tests.clocks import FrozenClock
from tests.factories.stacks import (
    CLIENT,
    creation,
    exported_names,
    import_state,
    make_program,
    make_running,
    make_stack,
    make_update,
    record,
    start,
    update_row,
)
from tests.interleaving import interleaved
from tests.stacks.engine.builders import make_resource, make_state

DEV = StackPath("acme", "shop", "dev")
PROD = StackPath("acme", "shop", "prod")
TAGS = {"pulumi:project": "shop"}
# The statement before which a start has decided and written nothing.
DECIDED = "BEGIN"


@dataclass(frozen=True)
class Way:
    """A way to start an update."""

    name: str
    run: Callable[[Backend, Caller, str, dict[str, str] | None], StartedUpdate]


def _start(backend: Backend, caller: Caller, update_id: str, tags: dict[str, str] | None) -> StartedUpdate:
    return start(backend, caller, DEV, update_id, tags=tags).started


def _begin(backend: Backend, caller: Caller, _update_id: str, tags: dict[str, str] | None) -> StartedUpdate:
    return updates.begin(
        backend, caller, DEV, kind=Kind.UPDATE, program=make_program(), request=StartRequest(tags, 2), client=CLIENT
    )


@pytest.fixture(params=[Way("start", _start), Way("begin", _begin)], ids=lambda w: w.name)
def way(request: pytest.FixtureRequest) -> Way:
    """Both ways: create and start apart, and both in one call."""
    found: Way = request.param
    return found


@pytest.fixture
def created(backend: Backend, admin: Caller) -> str:
    """An update of stack acme/shop/dev that is not started."""
    make_stack(backend, admin)
    return make_update(backend, admin, DEV)


class TestAgainstAnotherStart:
    @pytest.mark.parametrize("tags", [None, TAGS], ids=["plain", "with-tags"])
    def test_one_wins(self, backend: Backend, admin: Caller, created: str, way: Way, tags: dict[str, str] | None) -> None:
        """Of two starts that both found the stack free one gets it, and the other the text that clients compare."""
        rival = make_update(backend, admin, DEV)
        with (
            interleaved(backend, DECIDED, lambda: start(backend, admin, DEV, rival, tags=tags)),
            pytest.raises(InProgress) as caught,
        ):
            way.run(backend, admin, created, tags)

        assert "Conflict: Another update is currently in progress." == caught.value.message
        assert rival == stack_steps.get_stack(backend, admin, DEV, Permission.STACK_READ).latest.update_id

    def test_of_the_same_update(self, backend: Backend, admin: Caller, created: str) -> None:
        """An update that was started twice at once runs once; a repeated start is refused as one."""
        with (
            interleaved(backend, DECIDED, lambda: start(backend, admin, DEV, created)),
            pytest.raises(Conflict),
        ):
            start(backend, admin, DEV, created)

        assert ("running", 1) == (update_row(backend, created).status, update_row(backend, created).version)

    def test_of_a_dry_run(self, backend: Backend, admin: Caller, created: str, way: Way) -> None:
        """A dry run in between takes no version number and locks nothing."""
        with interleaved(backend, DECIDED, lambda: make_running(backend, admin, DEV, dry_run=True)):
            started = way.run(backend, admin, created, None)

        assert 1 == started.version


class TestAgainstAChange:
    def test_import(self, backend: Backend, admin: Caller, created: str, way: Way) -> None:
        """A start that lost its number to an import takes the next one, on the state that was imported."""
        text = make_state(make_resource("imported"))
        with interleaved(backend, DECIDED, lambda: import_state(backend, admin, DEV, text)):
            started = way.run(backend, admin, created, None)

        assert 2 == started.version
        assert ["imported"] == exported_names(backend, admin, DEV)

    @pytest.mark.parametrize("name", ["rename", "delete"])
    def test_after_which_the_stack_is_gone(self, backend: Backend, admin: Caller, created: str, way: Way, name: str) -> None:
        """A stack that was renamed or deleted meanwhile is missing, and nothing runs on it."""
        gone = {
            "rename": lambda: lifecycle.rename(backend, admin, DEV, "prod", ""),
            "delete": lambda: lifecycle.delete(backend, admin, DEV, force=True),
        }
        with interleaved(backend, DECIDED, gone[name]), pytest.raises(NotFound) as caught:
            way.run(backend, admin, created, None)

        assert "Not Found: Stack 'acme/shop/dev' not found" == caught.value.message
        if name == "rename":
            assert Kind.RENAME is stack_steps.get_stack(backend, admin, PROD, Permission.STACK_READ).latest.kind

    def test_of_the_tags(self, backend: Backend, admin: Caller, created: str, way: Way) -> None:
        """A start with tags succeeds while another request changes a tag; the tags of the start are kept."""
        with interleaved(backend, "BEGIN", lambda: attributes.replace_tags(backend, admin, DEV, {"env": "x"})):
            started = way.run(backend, admin, created, TAGS)

        assert 1 == started.version
        assert TAGS == stack_steps.get_stack(backend, admin, DEV, Permission.STACK_READ).tags

    def test_that_comes_first_again_and_again(self, backend: Backend, admin: Caller, created: str, way: Way) -> None:
        """A start that always comes second gives up with a conflict instead of going on for ever."""
        text = make_state()
        with (
            interleaved(backend, DECIDED, lambda: import_state(backend, admin, DEV, text), times=5),
            pytest.raises(Conflict),
        ):
            way.run(backend, admin, created, None)


class TestAgainstAnAbandonedUpdate:
    def test_finishes_it_first(self, backend: Backend, admin: Caller, created: str, way: Way, clock: FrozenClock) -> None:
        """A start after an abandoned update keeps its recorded state, as a failed version."""
        abandoned = make_running(backend, admin, DEV)
        record(backend, abandoned, *creation("a", 1))
        clock.pass_seconds(301)
        started = way.run(backend, admin, created, None)
        row = update_row(backend, abandoned.id)

        assert 2 == started.version
        assert ("failed", "expired", 1) == (row.status, row.outcome, row.version)
        assert ["a"] == exported_names(backend, admin, DEV)

    def test_waits_for_a_holder_that_came_back(
        self, backend: Backend, admin: Caller, created: str, way: Way, clock: FrozenClock
    ) -> None:
        """A holder who renews just before their update would be ended keeps the stack."""
        abandoned = make_running(backend, admin, DEV)
        clock.pass_seconds(301)
        with (
            interleaved(backend, "UPDATE updates SET", lambda: progress.renew(backend, abandoned.lease, DEV)),
            pytest.raises(InProgress),
        ):
            way.run(backend, admin, created, None)

        assert "running" == update_row(backend, abandoned.id).status
