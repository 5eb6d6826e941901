"""Two changes of one stack at the same time: the second one fails, or continues from the result of the first."""

from collections.abc import Callable

import pytest

from common.backend import Backend
from common.core.errors import BadRequest, Conflict, NotFound
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks import steps as stacks
from common.stacks.model import Kind, StackPath
from common.stacks.service import lifecycle
from common.stacks.updates.model import InProgress
from tests.factories.stacks import exported_names, import_state, make_running, make_stack, make_version
from tests.interleaving import interleaved
from tests.stacks.engine.builders import make_resource, make_state

DEV = StackPath("acme", "shop", "dev")
PROD = StackPath("acme", "shop", "prod")
ONE = make_state(make_resource("one"))
TWO = make_state(make_resource("two"))
# Before anything is locked: the statement that opens the transaction.
WRITE = "BEGIN"

Change = Callable[[Backend, Caller], object]
CHANGES: dict[str, Change] = {
    "import": lambda backend, caller: import_state(backend, caller, DEV, ONE),
    "rename": lambda backend, caller: lifecycle.rename(backend, caller, DEV, "prod", ""),
    "delete": lambda backend, caller: lifecycle.delete(backend, caller, DEV, force=True),
}


def newest(backend: Backend, caller: Caller, path: StackPath) -> tuple[int, Kind]:
    """Return number and kind of the newest version."""
    latest = stacks.get_stack(backend, caller, path, Permission.STACK_READ).latest
    return latest.version, latest.kind


@pytest.fixture(autouse=True)
def stack(backend: Backend, admin: Caller) -> None:
    """The stack acme/shop/dev."""
    make_stack(backend, admin)


class TestAgainstAnUpdate:
    @pytest.mark.parametrize("name", CHANGES)
    def test_that_starts_meanwhile(self, backend: Backend, admin: Caller, name: str) -> None:
        """An update that starts after a change looked and before it writes keeps the stack; the change is refused."""
        with (
            interleaved(backend, WRITE, lambda: make_running(backend, admin, DEV)),
            pytest.raises(InProgress) as caught,
        ):
            CHANGES[name](backend, admin)

        assert "admin has been running update of acme/shop/dev" in caught.value.warning
        assert (1, Kind.UPDATE) == newest(backend, admin, DEV)

    def test_that_ran_meanwhile(self, backend: Backend, admin: Caller) -> None:
        """An import that lost a number to a whole update takes the next one."""
        with interleaved(backend, WRITE, lambda: make_version(backend, admin, DEV, "made")):
            import_state(backend, admin, DEV, ONE)

        assert (2, Kind.IMPORT) == newest(backend, admin, DEV)

    def test_that_made_resources_meanwhile(self, backend: Backend, admin: Caller) -> None:
        """A deletion of an empty stack looks again when an update came between, and finds that it is not empty."""
        with interleaved(backend, WRITE, lambda: make_version(backend, admin, DEV, "made")), pytest.raises(BadRequest):
            lifecycle.delete(backend, admin, DEV, force=False)

        assert ["made"] == exported_names(backend, admin, DEV)

    def test_that_is_renamed_with_what_it_made(self, backend: Backend, admin: Caller) -> None:
        """A rename that looks again rewrites the state that is there by then."""
        with interleaved(backend, WRITE, lambda: make_version(backend, admin, DEV, "made")):
            lifecycle.rename(backend, admin, DEV, "prod", "")

        assert ["made"] == exported_names(backend, admin, PROD)
        assert (2, Kind.RENAME) == newest(backend, admin, PROD)


class TestAgainstAnother:
    def test_import(self, backend: Backend, admin: Caller) -> None:
        """Of two imports the later one is the newest state, and each has a version."""
        with interleaved(backend, WRITE, lambda: import_state(backend, admin, DEV, TWO)):
            import_state(backend, admin, DEV, ONE)

        assert ["one"] == exported_names(backend, admin, DEV)
        assert (2, Kind.IMPORT) == newest(backend, admin, DEV)

    @pytest.mark.parametrize("name", CHANGES)
    def test_deletion(self, backend: Backend, admin: Caller, name: str) -> None:
        """A stack that was deleted meanwhile is missing, in the words for one that never was."""
        with interleaved(backend, WRITE, lambda: CHANGES["delete"](backend, admin)), pytest.raises(NotFound) as caught:
            CHANGES[name](backend, admin)

        assert "Not Found: Stack 'acme/shop/dev' not found" == caught.value.message

    @pytest.mark.parametrize("name", CHANGES)
    def test_rename(self, backend: Backend, admin: Caller, name: str) -> None:
        """A stack that got another name meanwhile is not at the old one any more, and keeps what it has."""
        with interleaved(backend, WRITE, lambda: CHANGES["rename"](backend, admin)), pytest.raises(NotFound):
            CHANGES[name](backend, admin)

        assert (1, Kind.RENAME) == newest(backend, admin, PROD)

    def test_stack_of_the_new_name(self, backend: Backend, admin: Caller) -> None:
        """A stack that took the wanted name meanwhile keeps it, and the rename changes nothing."""
        with (
            interleaved(backend, WRITE, lambda: make_stack(backend, admin, "prod")),
            pytest.raises(Conflict) as caught,
        ):
            lifecycle.rename(backend, admin, DEV, "prod", "")

        assert "Conflict: Stack 'acme/shop/prod' already exists" == caught.value.message
        assert (0, Kind.CREATE) == newest(backend, admin, DEV) == newest(backend, admin, PROD)

    def test_again_and_again(self, backend: Backend, admin: Caller) -> None:
        """A change that always comes second gives up with a conflict instead of going on for ever."""

        def again() -> None:
            import_state(backend, admin, DEV, TWO)

        with interleaved(backend, WRITE, again, times=5), pytest.raises(InProgress):
            lifecycle.rename(backend, admin, DEV, "prod", "")

        assert ["two"] == exported_names(backend, admin, DEV)
