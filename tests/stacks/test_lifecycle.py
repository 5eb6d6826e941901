import pytest

from common.backend import Backend
from common.core.errors import BadRequest, Conflict, Forbidden, NotFound
from common.rights.caller import Caller
from common.rights.permissions import Permission, Role
from common.stacks import steps as stacks
from common.stacks.model import Kind, StackPath, Status
from common.stacks.service import lifecycle, secrets
from common.stacks.service.lifecycle import NewStack
from common.stacks.state import service as state
from common.stacks.updates.model import InProgress
from tests.clocks import FrozenClock
from tests.counting import Counter
from tests.factories.people import caller_of, make_user
from tests.factories.stacks import (
    beginning,
    creation,
    exported,
    exported_names,
    import_state,
    make_ciphertext,
    make_running,
    make_stack,
    make_version,
    record,
)
from tests.stacks.engine.builders import inner, make_resource, make_state

DEV = StackPath("acme", "shop", "dev")
PROD = StackPath("acme", "shop", "prod")
ODD = b'{ "version" : 3,\n "deployment":{"manifest":{},"futureSection":{"n":1E5},"resources":[{"urn":"u", "type":"t"}]}, "extra":[1.0] }'


def latest_kind(backend: Backend, caller: Caller, path: StackPath) -> tuple[int, Kind, Status]:
    """Return (number, kind, status) of a stack's newest version."""
    latest = stacks.get_stack(backend, caller, path, Permission.STACK_READ).latest
    return latest.version, latest.kind, latest.status


class TestCreate:
    def test_begins_at_version_zero(self, backend: Backend, admin: Caller) -> None:
        """Creation is version 0, which no history shows."""
        make_stack(backend, admin)

        assert (0, Kind.CREATE, Status.SUCCEEDED) == latest_kind(backend, admin, DEV)

    def test_counts_the_resources_of_its_state(self, backend: Backend, admin: Caller) -> None:
        """A state given at creation is stored as it came and counted."""
        make_stack(backend, admin, state=ODD)

        assert ODD == exported(backend, admin, DEV)
        assert (0, 1) == state.count_resources(backend, admin, DEV)

    def test_stores_nothing_when_the_name_is_taken(self, backend: Backend, admin: Caller) -> None:
        """A second stack of the same name changes nothing about the first."""
        make_stack(backend, admin, tags={"a": "1"})

        with pytest.raises(Conflict) as caught:
            make_stack(backend, admin, tags={"a": "2"})
        assert "Conflict: Stack 'acme/shop/dev' already exists" == caught.value.message
        assert {"a": "1"} == stacks.get_stack(backend, admin, DEV, Permission.STACK_READ).tags

    def test_needs_the_permission(self, backend: Backend, admin: Caller) -> None:
        """A billing manager is known and may not create a stack."""
        bob = caller_of(backend, make_user(backend, "bob", org="acme", role=Role.BILLING_MANAGER))

        with pytest.raises(Forbidden):
            lifecycle.create(backend, bob, "acme", "shop", NewStack("dev", {}))


class TestImport:
    def test_is_a_version_of_its_own(self, backend: Backend, admin: Caller) -> None:
        """An import is kept byte for byte as the next version; the one before can still be exported."""
        make_stack(backend, admin)
        import_state(backend, admin, DEV, ODD)
        import_state(backend, admin, DEV, make_state())

        assert (2, Kind.IMPORT, Status.SUCCEEDED) == latest_kind(backend, admin, DEV)
        assert (ODD, make_state()) == (exported(backend, admin, DEV, 1), exported(backend, admin, DEV))

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"[]",
            b"{",
            b'{"version":3}',
            b'{"deployment":{}}',
            b'{"version":5,"deployment":{}}',
            b'{"version":"3","deployment":{}}',
            b'{"version":3,"deployment":null}',
            b'{"version":3,"deployment":{"resources":{}}}',
            b'{"version":3,"deployment":{"a":"\xff"}}',
        ],
    )
    def test_refuses_what_no_client_could_open(self, backend: Backend, admin: Caller, text: bytes) -> None:
        """A state that a client could not read back is refused, and the stack stays at its version."""
        make_stack(backend, admin)

        with pytest.raises(BadRequest):
            import_state(backend, admin, DEV, text)
        assert 0 == latest_kind(backend, admin, DEV)[0]

    def test_waits_for_nobody(self, backend: Backend, admin: Caller) -> None:
        """While an update runs an import is refused in the words of a second update."""
        make_stack(backend, admin)
        make_running(backend, admin, DEV)

        with pytest.raises(InProgress) as caught:
            import_state(backend, admin, DEV, ODD)
        assert "Conflict: Another update is currently in progress." == caught.value.message

    def test_after_an_abandoned_update_ends_that_first(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """An import finishes an abandoned update first, which keeps its recorded state as a version of its own."""
        make_stack(backend, admin)
        record(backend, make_running(backend, admin, DEV), beginning("half", 1))
        clock.pass_seconds(301)
        import_state(backend, admin, DEV, ODD)

        assert (2, Kind.IMPORT, Status.SUCCEEDED) == latest_kind(backend, admin, DEV)
        assert "half" in exported(backend, admin, DEV, 1).decode()

    def test_costs_no_key_and_one_write(self, backend: Backend, admin: Caller, counter: Counter) -> None:
        """A foreign state is opaque: nothing in it is decrypted."""
        make_stack(backend, admin)
        counter.reset()
        import_state(backend, admin, DEV, ODD)

        assert (0, 1, 0) == (counter.gets, counter.puts, counter.keys)


class TestRename:
    def test_rewrites_the_state_and_keeps_the_rest(self, backend: Backend, admin: Caller) -> None:
        """A rename is a version; the state names the stack anew, unknown members and numbers stay as they were."""
        make_stack(backend, admin, tags={"pulumi:project": "shop", "env": "x"})
        import_state(backend, admin, DEV, make_state(make_resource("a", inputs={"n": 1}, future={"x": 2})))
        lifecycle.rename(backend, admin, DEV, "prod", "web")
        moved = StackPath("acme", "web", "prod")
        resource = inner(exported(backend, admin, moved))["resources"][0]

        assert (2, Kind.RENAME, Status.SUCCEEDED) == latest_kind(backend, admin, moved)
        assert ("urn:pulumi:prod::web::test:m:Res::a", {"x": 2}) == (resource["urn"], resource["future"])
        assert {"pulumi:project": "web", "env": "x"} == stacks.get_stack(backend, admin, moved, Permission.STACK_READ).tags

    def test_rewrites_old_versions_when_they_are_read(self, backend: Backend, admin: Caller) -> None:
        """Every version is exported under the present names, whatever they were when it was written."""
        make_stack(backend, admin)
        for number in ("one", "two"):
            import_state(backend, admin, DEV, make_state(make_resource(number)))
        lifecycle.rename(backend, admin, DEV, "prod", "")
        lifecycle.rename(backend, admin, PROD, "final", "")
        final = StackPath("acme", "shop", "final")
        urns = [inner(exported(backend, admin, final, version))["resources"][0]["urn"] for version in (1, 2, 3, 4)]

        assert {"urn:pulumi:final::shop::test:m:Res"} == {urn.rpartition("::")[0] for urn in urns}

    def test_moves_the_secrets_provider_and_keeps_ciphertexts(self, backend: Backend, admin: Caller) -> None:
        """Clients decrypt where the state says, and a value sealed before opens under the new name and the old."""
        make_stack(backend, admin)
        sealed = make_ciphertext(backend, admin, DEV, b"hunter2")
        provider = {
            "type": "service",
            "state": {"url": "https://api.example.com", "owner": "acme", "project": "shop", "stack": "dev"},
        }
        import_state(backend, admin, DEV, make_state(secrets_providers=provider))
        lifecycle.rename(backend, admin, DEV, "prod", "web")
        moved = StackPath("acme", "web", "prod")

        assert {"url": "https://api.example.com", "owner": "acme", "project": "web", "stack": "prod"} == inner(
            exported(backend, admin, moved)
        )["secrets_providers"]["state"]
        for path in (moved, DEV):
            assert b"hunter2" == secrets.decrypt(backend, admin, path, sealed)

    def test_back_to_an_earlier_name(self, backend: Backend, admin: Caller) -> None:
        """A stack may go back to a name it had, as often as it likes."""
        make_stack(backend, admin)
        for old, new in ((DEV, "prod"), (PROD, "dev"), (DEV, "prod")):
            lifecycle.rename(backend, admin, old, new, "")

        assert (3, Kind.RENAME, Status.SUCCEEDED) == latest_kind(backend, admin, PROD)

    @pytest.mark.parametrize(("name", "project"), [("prod", ""), ("dev", ""), ("", ""), ("prod", "shop")])
    def test_to_a_name_that_is_taken(self, backend: Backend, admin: Caller, name: str, project: str) -> None:
        """A name that exists, the stack's own included, is a conflict and changes nothing."""
        make_stack(backend, admin)
        make_stack(backend, admin, "prod")

        with pytest.raises(Conflict) as caught:
            lifecycle.rename(backend, admin, DEV, name, project)
        assert f"Conflict: Stack 'acme/shop/{name or 'dev'}' already exists" == caught.value.message
        assert 0 == latest_kind(backend, admin, DEV)[0] == latest_kind(backend, admin, PROD)[0]

    @pytest.mark.parametrize(("name", "project"), [("a b", ""), ("..", ""), ("", "a/b"), ("x" * 101, "")])
    def test_to_a_bad_name(self, backend: Backend, admin: Caller, name: str, project: str) -> None:
        """A name that no stack may have is refused."""
        make_stack(backend, admin)

        with pytest.raises(BadRequest):
            lifecycle.rename(backend, admin, DEV, name, project)

    def test_of_a_state_that_cannot_be_rewritten(self, backend: Backend, admin: Caller) -> None:
        """A state with what is no URN keeps its stack's name, with a reason."""
        make_stack(backend, admin)
        import_state(backend, admin, DEV, ODD)

        with pytest.raises(BadRequest) as caught:
            lifecycle.rename(backend, admin, DEV, "prod", "")
        assert (
            "the state of stack 'acme/shop/dev' cannot be rewritten to the new name: 'u' is not a valid URN"
            in caught.value.message
        )
        assert (1, Kind.IMPORT, Status.SUCCEEDED) == latest_kind(backend, admin, DEV)

    def test_leaves_an_old_version_readable_that_cannot_be_rewritten(self, backend: Backend, admin: Caller) -> None:
        """An old version that does not follow the rename is exported as it was written: it is all that a person has."""
        make_stack(backend, admin)
        import_state(backend, admin, DEV, ODD)
        import_state(backend, admin, DEV, make_state())
        lifecycle.rename(backend, admin, DEV, "prod", "")

        assert ODD == exported(backend, admin, PROD, 1)

    def test_during_an_update(self, backend: Backend, admin: Caller) -> None:
        """An update in progress keeps its stack's name."""
        make_stack(backend, admin)
        make_running(backend, admin, DEV)

        with pytest.raises(InProgress):
            lifecycle.rename(backend, admin, DEV, "prod", "")


class TestDelete:
    def test_frees_the_name_for_another_stack(self, backend: Backend, admin: Caller) -> None:
        """A new stack of the name has nothing of the old one: not its state, history, key or former names."""
        make_stack(backend, admin)
        import_state(backend, admin, DEV, make_state(make_resource("old")))
        sealed = make_ciphertext(backend, admin, DEV, b"x")
        lifecycle.delete(backend, admin, DEV, force=True)
        make_stack(backend, admin)

        assert [] == exported_names(backend, admin, DEV)
        assert 0 == latest_kind(backend, admin, DEV)[0]
        with pytest.raises(BadRequest):
            secrets.decrypt(backend, admin, DEV, sealed)

    def test_of_a_stack_with_resources(self, backend: Backend, admin: Caller) -> None:
        """Without force any resource, or what an abandoned update created, keeps the stack."""
        make_stack(backend, admin)
        make_version(backend, admin, DEV, "a")

        with pytest.raises(BadRequest) as caught:
            lifecycle.delete(backend, admin, DEV, force=False)
        assert "Bad Request: Stack still contains resources." == caught.value.message

    def test_looks_at_what_an_abandoned_update_created(self, backend: Backend, admin: Caller, clock: FrozenClock) -> None:
        """Resources that only the journal of an expired update knows of are resources."""
        make_stack(backend, admin)
        record(backend, make_running(backend, admin, DEV), *creation("a", 1))
        clock.pass_seconds(301)

        with pytest.raises(BadRequest):
            lifecycle.delete(backend, admin, DEV, force=False)
        lifecycle.delete(backend, admin, DEV, force=True)
        with pytest.raises(NotFound):
            stacks.get_stack(backend, admin, DEV, Permission.STACK_READ)

    def test_of_a_renamed_stack_frees_its_former_name(self, backend: Backend, admin: Caller) -> None:
        """The former name of a deleted stack leads nowhere."""
        make_stack(backend, admin)
        lifecycle.rename(backend, admin, DEV, "prod", "")
        lifecycle.delete(backend, admin, PROD, force=False)

        with pytest.raises(NotFound):
            stacks.get_stack(backend, admin, DEV, Permission.STACK_DECRYPT, former_names=True)
