import pytest

from common.backend import Backend
from common.core.compression import is_packed
from common.core.errors import BackendError, NotFound
from common.rights.caller import Caller
from common.rights.permissions import Role
from common.stacks.engine import document
from common.stacks.model import StackPath
from common.stacks.state import service as state
from common.stacks.updates.service import progress
from tests.factories.people import caller_of, make_user
from tests.factories.stacks import complete, creation, exported, import_state, make_running, make_stack, make_version, record
from tests.stacks.engine.builders import inner, make_resource, make_state, urn

DEV = StackPath("acme", "shop", "dev")
ROOT = {"urn": "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev", "custom": False, "type": "pulumi:pulumi:Stack"}


def reference(name: str) -> dict[str, object]:
    """Return a resource that refers to another stack."""
    return make_resource("ref", type="pulumi:pulumi:StackReference", inputs={"name": name})


class TestExport:
    def test_of_a_stack_without_state(self, backend: Backend, admin: Caller) -> None:
        """It is the empty container, as plain text."""
        make_stack(backend, admin)

        assert document.EMPTY == state.export(backend, admin, DEV)

    def test_is_served_as_stored(self, backend: Backend, admin: Caller) -> None:
        """A state is compressed in the store and passed on like that."""
        make_stack(backend, admin, state=make_state())

        assert is_packed(state.export(backend, admin, DEV))

    def test_during_an_update_is_its_base(self, backend: Backend, admin: Caller) -> None:
        """Journal indices refer to what was exported after the start, so that does not change while entries arrive."""
        make_stack(backend, admin, state=make_state(make_resource("old")))
        update = make_running(backend, admin, DEV)
        before = exported(backend, admin, DEV)
        record(backend, update, *creation("new", 1))

        assert before == exported(backend, admin, DEV) == exported(backend, admin, DEV, 1)
        complete(backend, update)
        assert before != exported(backend, admin, DEV)

    def test_of_versions(self, backend: Backend, admin: Caller) -> None:
        """Each version has the state that it left, also one that failed or changed nothing."""
        make_stack(backend, admin)
        make_version(backend, admin, DEV, "a")
        complete(backend, make_running(backend, admin, DEV))
        import_state(backend, admin, DEV, make_state())
        counts = [len(inner(exported(backend, admin, DEV, version)).get("resources", [])) for version in (1, 2, 3)]

        assert [1, 1, 0] == counts

    @pytest.mark.parametrize("version", [0, -1, 2, 1 << 31, 1 << 63, 1 << 64])
    def test_of_a_version_that_is_not_there(self, backend: Backend, admin: Caller, version: int) -> None:
        """An unknown version is 404, however large its number; the creation is not a version."""
        make_stack(backend, admin)
        make_version(backend, admin, DEV, "a")

        with pytest.raises(NotFound) as caught:
            state.export_version(backend, admin, DEV, version)
        assert f"Not Found: Stack 'acme/shop/dev' has no version {version}" == caught.value.message

    def test_needs_the_permission(self, backend: Backend, admin: Caller) -> None:
        """A billing manager sees no state."""
        make_stack(backend, admin)
        bob = caller_of(backend, make_user(backend, "bob", org="acme", role=Role.BILLING_MANAGER))

        with pytest.raises(NotFound):
            state.export(backend, bob, DEV)

    def test_of_a_state_that_was_lost(self, backend: Backend, admin: Caller) -> None:
        """A lost blob is an error that names it, for a restore from a backup."""
        make_stack(backend, admin, state=make_state())
        [(key, _)] = backend.checkpoints.page("checkpoints/", "", 10)
        backend.checkpoints.delete([key])

        with pytest.raises(BackendError) as caught:
            state.export(backend, admin, DEV)
        words = f"version 0 of stack '{DEV}' cannot be read: the stored document {key} is missing"
        assert (500, words) == (caught.value.status, caught.value.message.partition(": ")[2].partition(" from")[0])


class TestOutputs:
    def test_are_the_roots_byte_for_byte(self, backend: Backend, admin: Caller) -> None:
        """Outputs and the secrets provider are given in the state's own spelling, secrets sealed as they are."""
        make_stack(backend, admin)
        text = make_state(
            {**ROOT, "outputs": {"n": 1, "s": {"4dabf18193072939515e22adb298388d": "x", "ciphertext": "y"}}},
            secrets_providers={"type": "passphrase", "state": {"salt": "z"}},
        )
        import_state(backend, admin, DEV, text.replace(b'"n":1', b'"n": 1E5'))
        found = state.get_outputs(backend, admin, DEV)

        assert b'{"n": 1E5,"s":{"4dabf18193072939515e22adb298388d":"x","ciphertext":"y"}}' == found.outputs
        assert b'{"type":"passphrase","state":{"salt":"z"}}' == found.secrets_providers

    def test_are_absent_without_a_state_or_a_root(self, backend: Backend, admin: Caller) -> None:
        """A stack without state has neither member, one without root no outputs."""
        make_stack(backend, admin)
        without = state.get_outputs(backend, admin, DEV)
        import_state(backend, admin, DEV, make_state(make_resource("a")))

        assert (None, None) == (without.outputs, without.secrets_providers)
        assert state.get_outputs(backend, admin, DEV).outputs is None

    def test_are_those_that_are_stored(self, backend: Backend, admin: Caller) -> None:
        """While an update runs the last persisted outputs are shown, a whole checkpoint's as soon as it is stored."""
        make_stack(backend, admin, state=make_state({**ROOT, "outputs": {"v": "old"}}))
        update = make_running(backend, admin, DEV, journal=0)
        before = state.get_outputs(backend, admin, DEV).outputs
        progress.update_checkpoint(backend, update.lease, make_state({**ROOT, "outputs": {"v": "new"}}))

        assert (b'{"v":"old"}', b'{"v":"new"}') == (before, state.get_outputs(backend, admin, DEV).outputs)


class TestResources:
    def test_are_those_of_a_version_or_the_newest(self, backend: Backend, admin: Caller) -> None:
        """Resources come in order with the number of their version."""
        make_stack(backend, admin)
        make_version(backend, admin, DEV, "a")
        make_version(backend, admin, DEV, "b", "c")
        newest, found = state.list_resources(backend, admin, DEV, None)

        assert (2, [urn("b"), urn("c"), urn("a")]) == (newest, [one.urn for one in found])
        assert (1, [urn("a")]) == (
            state.list_resources(backend, admin, DEV, 1)[0],
            [one.urn for one in state.list_resources(backend, admin, DEV, 1)[1]],
        )
        assert (2, 3) == state.count_resources(backend, admin, DEV)


class TestReferences:
    def test_are_known_both_ways(self, backend: Backend, admin: Caller) -> None:
        """A state that refers to another stack is found from either end, with that stack's version."""
        make_stack(backend, admin)
        other = make_stack(backend, admin, "net", project="base")
        import_state(backend, admin, DEV, make_state(reference("acme/base/net"), reference("acme/base/none")))

        assert [(other, 0)] == state.list_upstream_references(backend, admin, DEV)
        assert [(DEV, 1)] == state.list_downstream_references(backend, admin, other)

    @pytest.mark.parametrize(
        "name", ["net", "base/net", "acme/base/net/x", "acme//net", "", "x" * 300 + "/base/net", "acme/b b/net"]
    )
    def test_are_full_names_only(self, backend: Backend, admin: Caller, name: str) -> None:
        """What is no full name of a stack is no reference, and no reason to refuse the state."""
        make_stack(backend, admin)
        make_stack(backend, admin, "net", project="base")
        import_state(backend, admin, DEV, make_state(reference(name)))

        assert [] == state.list_upstream_references(backend, admin, DEV)

    def test_go_when_the_state_does(self, backend: Backend, admin: Caller) -> None:
        """A reference that is not in the newest state is gone."""
        make_stack(backend, admin)
        make_stack(backend, admin, "net", project="base")
        import_state(backend, admin, DEV, make_state(reference("acme/base/net")))
        import_state(backend, admin, DEV, make_state())

        assert [] == state.list_upstream_references(backend, admin, DEV)

    def test_show_nobody_elses_stacks(self, backend: Backend, admin: Caller) -> None:
        """A stack that the reader may not see is left out."""
        make_stack(backend, admin, "own", org="admin", state=make_state(reference("acme/shop/dev")))
        make_stack(backend, admin)
        bob = caller_of(backend, make_user(backend, "bob", org="acme"))

        assert [] == state.list_downstream_references(backend, bob, DEV)
        assert 1 == len(state.list_downstream_references(backend, admin, DEV))
