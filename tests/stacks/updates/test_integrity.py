"""A state that breaks a rule of Pulumi's engine is stored, and marked in the transaction that stores it."""

from common.backend import Backend
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks import steps as stacks
from common.stacks.model import StackPath
from common.stacks.retention import service as retention
from common.stacks.retention.model import Keep, RetentionPolicy
from common.stacks.service import lifecycle
from common.stacks.state import service as state
from common.stacks.updates.service import history, progress
from common.stacks.updates.service.history import Page
from tests.factories.stacks import complete, creation, import_state, make_running, make_stack, make_version, record
from tests.stacks.engine.builders import make_resource, make_state, urn

DEV = StackPath("acme", "shop", "dev")
BROKEN = make_state(make_resource("a", dependencies=[urn("gone")]))
RULE = "refers to missing dependency urn:pulumi:"


def marks(backend: Backend, caller: Caller, path: StackPath = DEV) -> list[str | None]:
    """Return what is wrong with the state of each version, the oldest first."""
    entries = history.page_updates(backend, caller, path, Page(None))[1]
    return [entry.integrity_error for entry in reversed(entries)]


def test_journal_that_leads_to_a_broken_state(backend: Backend, admin: Caller) -> None:
    """The client's `complete` succeeds, and the version has the mark."""
    make_stack(backend, admin)
    make_version(backend, admin, DEV, "first")
    update = make_running(backend, admin, DEV)
    record(backend, update, *creation("second", 1, dependencies=[urn("gone")]))
    complete(backend, update)
    first, second = marks(backend, admin)

    assert first is None
    assert RULE in str(second)


def test_long_error_is_shortened(backend: Backend, admin: Caller) -> None:
    """A URN may be as long as a request, and every page of the stack reads the mark."""
    make_stack(backend, admin)
    import_state(backend, admin, DEV, make_state(make_resource("a", dependencies=[urn("x" * 100_000)])))
    update = make_running(backend, admin, DEV)
    record(backend, update, *creation("b", 1, dependencies=[urn("y" * 100_000)]))
    complete(backend, update)

    assert [len(mark or "") for mark in marks(backend, admin)] == [2000, 2000]


def test_update_that_changes_nothing_keeps_the_mark(backend: Backend, admin: Caller) -> None:
    """Its state is the broken one that it began with; a rename carries it on too, and a repair ends it."""
    make_stack(backend, admin)
    import_state(backend, admin, DEV, BROKEN)
    complete(backend, make_running(backend, admin, DEV))
    lifecycle.rename(backend, admin, DEV, "prod", "")
    prod = StackPath("acme", "shop", "prod")

    assert [RULE in str(mark) for mark in marks(backend, admin, prod)] == [True, True, True]

    assert "urn:pulumi:prod::" in str(marks(backend, admin, prod)[-1])

    state.repair_state(backend, admin, prod)

    assert marks(backend, admin, prod)[-1] is None


def test_checkpoint_that_is_broken(backend: Backend, admin: Caller) -> None:
    """Older clients send whole states."""
    make_stack(backend, admin)
    update = make_running(backend, admin, DEV, journal=0)
    progress.update_checkpoint(backend, update.lease, BROKEN)
    complete(backend, update)

    assert RULE in str(marks(backend, admin)[0])


def test_last_good_version_is_found_and_kept(backend: Backend, admin: Caller) -> None:
    """A retention policy keeps the newest version that breaks no rule."""
    make_stack(backend, admin)
    for text in (make_state(make_resource("a")), make_state(make_resource("b")), BROKEN, BROKEN):
        import_state(backend, admin, DEV, text)

    assert state.find_last_good(backend, admin, DEV) == 2

    retention.update_policy(backend, admin, "acme", RetentionPolicy(Keep.VERSIONS, 1))
    retention.delete_old_versions(backend, "")
    entries = history.page_updates(backend, admin, DEV, Page(None))[1]

    assert [entry.version for entry in entries if entry.state_deleted_at is None] == [4, 2]
    assert stacks.get_stack(backend, admin, DEV, Permission.STACK_READ).latest.version == 4
