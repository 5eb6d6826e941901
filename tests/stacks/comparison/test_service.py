"""Comparing stored versions: which version is meant, who may compare, whose secrets are opened."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from common.audit.events import Event
from common.backend import Backend
from common.core.errors import BadRequest, Forbidden, NotFound
from common.db.tables.audit import audit_events
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks.comparison import service
from common.stacks.comparison.model import Change
from common.stacks.model import StackPath, VersionReference
from common.stacks.service import lifecycle
from common.stacks.state import service as state
from common.stacks.updates.model import InProgress
from tests.clocks import FrozenClock
from tests.factories.roles import make_holder
from tests.factories.stacks import (
    complete,
    exported,
    import_state,
    make_ciphertext,
    make_running,
    make_stack,
    make_update,
    start,
)
from tests.stacks.engine.builders import make_resource, make_state

SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}


@pytest.fixture
def path(backend: Backend, admin: Caller) -> StackPath:
    """acme/shop/dev with three versions: the resource a, a changed, and b beside it."""
    path = make_stack(backend, admin)
    for resources in ([("a", 1)], [("a", 2)], [("a", 2), ("b", 1)]):
        import_state(backend, admin, path, make_state(*(make_resource(name, inputs={"n": n}) for name, n in resources)))
    return path


def changes(comparison: service.Comparison) -> list[tuple[str, str]]:
    """Return what is different as (change, name)."""
    return [(item.change.value, item.name) for item in comparison.states.resources]


def recorded(backend: Backend) -> list[tuple[str, str]]:
    """Return what the audit log has, as (event, description)."""
    with backend.db.connect() as connection:
        rows = connection.execute(select(audit_events.c.event, audit_events.c.description))
        return [(row.event, row.description) for row in rows]


class TestCompare:
    def test_the_newest_with_the_one_before_it(self, backend: Backend, admin: Caller, path: StackPath) -> None:
        """That is so without a choice."""
        found = service.compare(backend, admin, path, VersionReference(), before=None)

        assert (2, 3) == (found.before.number, found.after.number)
        assert [("added", "b")] == changes(found)

    def test_any_two_versions(self, backend: Backend, admin: Caller, path: StackPath) -> None:
        """Also the later one first: then what was added is removed."""
        found = service.compare(backend, admin, path, VersionReference(1), before=VersionReference(3))

        assert [("changed", "a"), ("removed", "b")] == changes(found)

    def test_a_version_from_before_a_rename(self, backend: Backend, admin: Caller, path: StackPath) -> None:
        """It is read with the present name: nothing was moved."""
        lifecycle.rename(backend, admin, path, "prod", "")
        renamed = StackPath("acme", "shop", "prod")
        found = service.compare(backend, admin, renamed, VersionReference(), before=VersionReference(2))

        assert [("added", "b")] == changes(found)

    def test_two_stacks(self, backend: Backend, admin: Caller, path: StackPath) -> None:
        """Their newest versions, without what each stack has of its own."""
        other = make_stack(backend, admin, name="prod")
        text = make_state(make_resource("a", inputs={"n": 5}, id="other")).replace(b":dev::", b":prod::")
        import_state(backend, admin, other, text)
        found = service.compare(backend, admin, path, VersionReference(), before=None, other=other)

        assert [("changed", "a"), ("added", "b")] == changes(found)
        assert not found.states.is_of_one_stack

    def test_the_configuration_of_updates(self, backend: Backend, admin: Caller, path: StackPath) -> None:
        """It is that of the newest update up to each version; values of secrets are hidden."""
        before = {"shop:size": {"string": "1", "secret": False}, "shop:pin": {"string": "AAAA", "secret": True}}
        after = {"shop:size": {"string": "2", "secret": False}, "shop:pin": {"string": "BBBB", "secret": True}}
        for config in (before, after):
            complete(backend, start(backend, admin, path, make_update(backend, admin, path, config=config)))
        found = service.compare(backend, admin, path, VersionReference(), before=None).config

        assert [("shop:pin", "[secret]", "[secret]"), ("shop:size", "1", "2")] == [(i.path, i.before, i.after) for i in found]

    def test_a_version_that_does_not_exist(self, backend: Backend, admin: Caller, path: StackPath) -> None:
        """It is named."""
        with pytest.raises(NotFound, match="has no version 9"):
            service.compare(backend, admin, path, VersionReference(9), before=None)

    def test_a_stack_that_is_hidden(self, backend: Backend, admin: Caller, path: StackPath) -> None:
        """Both stacks have to be readable."""
        reader = make_holder(backend, "reader", Permission.STACK_READ)
        with pytest.raises(NotFound):
            service.compare(backend, reader, path, VersionReference(), before=None, other=StackPath("example", "shop", "dev"))


class TestSecrets:
    @pytest.fixture
    def versions(self, backend: Backend, admin: Caller, path: StackPath) -> StackPath:
        """Versions 4 and 5 of the stack: the same secret, encrypted again; and 6, with another one."""
        for plain in (b'"x"', b'"x"', b'"y"'):
            sealed = {**SECRET, "ciphertext": make_ciphertext(backend, admin, path, plain)}
            import_state(backend, admin, path, make_state(make_resource("a", inputs={"p": sealed})))
        return path

    def test_are_compared_in_clear_for_those_who_may_decrypt(self, backend: Backend, admin: Caller, versions: StackPath) -> None:
        """The same secret with another ciphertext is no difference; that secrets were opened is recorded."""
        same = service.compare(backend, admin, versions, VersionReference(5), before=VersionReference(4))
        other = service.compare(backend, admin, versions, VersionReference(6), before=VersionReference(5))

        assert [] == same.states.resources
        assert [(Change.CHANGED, "[secret]")] == [(i.change, i.after) for i in other.states.resources[0].inputs]
        assert 2 == [event for event, _ in recorded(backend)].count(Event.SECRETS_DECRYPTED)

    def test_are_compared_by_ciphertext_for_others(self, backend: Backend, versions: StackPath) -> None:
        """A user who may only read does not learn that two secrets are equal."""
        reader = make_holder(backend, "reader", Permission.STACK_READ)
        same = service.compare(backend, reader, versions, VersionReference(5), before=VersionReference(4))

        assert [("changed", "a")] == changes(same)

    def test_of_another_provider_are_compared_by_ciphertext(self, backend: Backend, admin: Caller, path: StackPath) -> None:
        """What this server cannot decrypt is no error."""
        for text in ("v1:abc", "v1:def"):
            sealed = {**SECRET, "ciphertext": text}
            import_state(backend, admin, path, make_state(make_resource("a", inputs={"p": sealed})))

        assert [("changed", "a")] == changes(service.compare(backend, admin, path, VersionReference(), before=None))


class TestVersions:
    def test_by_time_and_by_update(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """A time names the newest version that had ended by then."""
        path = make_stack(backend, admin)
        clock.pass_seconds(3600)
        update_id = import_state(backend, admin, path, make_state())
        between = datetime.fromtimestamp(clock.now().timestamp() + 1800, UTC).isoformat()
        clock.pass_seconds(3600)
        import_state(backend, admin, path, make_state())

        for text, number in ((between, 1), (update_id, 1), ("latest", 2), ("2", 2), ("2099-01-01", 2)):
            assert number == service.find_version(backend, admin, path, VersionReference.parse(text)).number
        with pytest.raises(NotFound, match="no version at that time"):
            service.find_version(backend, admin, path, VersionReference.parse("2001-01-01T00:00:00Z"))

    @pytest.mark.parametrize("text", ["x", "-1", "1.5", "2030-13-01", "²", "latest "])
    def test_that_nothing_names(self, text: str) -> None:
        """The error says what does."""
        with pytest.raises(BadRequest, match="names no version"):
            VersionReference.parse(text)

    @pytest.mark.parametrize("text", ["0", "9" * 30])
    def test_that_cannot_be(self, backend: Backend, admin: Caller, path: StackPath, text: str) -> None:
        """A number that no version can have is looked for in vain."""
        with pytest.raises(NotFound):
            service.find_version(backend, admin, path, VersionReference.parse(text))


class TestRestore:
    def test_makes_the_next_version(self, backend: Backend, admin: Caller, path: StackPath) -> None:
        """It has the state of the earlier one byte for byte, and every version stays."""
        state.restore_version(backend, admin, path, 1)

        assert exported(backend, admin, path, 1) == exported(backend, admin, path) == exported(backend, admin, path, 4)
        assert "Restored version 1 of stack acme/shop/dev" in [description for _, description in recorded(backend)]

    def test_while_an_update_runs(self, backend: Backend, admin: Caller, path: StackPath) -> None:
        """It is refused, as an import is."""
        make_running(backend, admin, path)
        with pytest.raises(InProgress):
            state.restore_version(backend, admin, path, 1)

    def test_needs_the_permission_to_import(self, backend: Backend, admin: Caller, path: StackPath) -> None:
        """Reading is not enough."""
        reader = make_holder(backend, "reader", Permission.STACK_READ, Permission.STACK_EXPORT)
        with pytest.raises(Forbidden):
            state.restore_version(backend, reader, path, 1)
