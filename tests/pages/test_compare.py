"""Pages that compare versions of a stack and restore one."""

import pytest

from common.backend import Backend
from common.rights.caller import Caller
from common.stacks.model import StackPath
from tests.factories.stacks import exported, import_state, make_running, make_stack
from tests.pages.stack_pages import STACK
from tests.pages.visiting import Visit, shown
from tests.stacks.engine.builders import make_resource, make_state


@pytest.fixture
def path(backend: Backend, admin: Caller) -> StackPath:
    """acme/shop/dev with three versions."""
    path = make_stack(backend, admin)
    for size in (1, 2, 3):
        import_state(backend, admin, path, make_state(make_resource("a", inputs={"size": size}), make_resource("b")))
    return path


@pytest.mark.usefixtures("path")
class TestCompare:
    def test_newest_version(self, member: Visit) -> None:
        """Without a choice it is compared with the one before it."""
        text = shown(member.open(f"{STACK}/compare"))

        for part in ("version 2", "version 3", "1 changed", "1 unchanged", "2 + 3"):
            assert part in text

    def test_chosen_versions(self, member: Visit) -> None:
        """The address has the choice."""
        text = shown(member.open(f"{STACK}/compare", **{"from": "1", "to": "3"}))

        assert "1 + 3" in text

    def test_another_stack(self, member: Visit, backend: Backend, admin: Caller) -> None:
        """A name without its organization is one of the same organization."""
        other = make_stack(backend, admin, name="prod")
        import_state(backend, admin, other, make_state(make_resource("a", inputs={"size": 3})).replace(b":dev::", b":prod::"))
        text = shown(member.open(f"{STACK}/compare", **{"with": "shop/prod"}))

        assert "acme/shop/prod version 1" in text
        assert "1 added" in text

    @pytest.mark.parametrize(
        ("query", "problem"),
        [({"from": "x"}, "names no version"), ({"to": "9"}, "has no version 9"), ({"with": "a/b/c/d"}, "is not a stack")],
    )
    def test_bad_choice(self, member: Visit, query: dict[str, str], problem: str) -> None:
        """The form comes back with what is wrong."""
        reply = member.open(f"{STACK}/compare", **query)

        assert reply.status_code in (400, 404)
        assert problem in shown(reply)
        assert next(iter(query.values())) in reply.text

    def test_stack_without_versions(self, member: Visit, backend: Backend, admin: Caller) -> None:
        """It says so."""
        make_stack(backend, admin, name="new")

        assert "Nothing to compare yet" in shown(member.open("/acme/shop/new/compare"))


class TestRepair:
    def test_broken_state(self, member: Visit, backend: Backend, admin: Caller, path: StackPath) -> None:
        """The page names the error and the steps; its form makes a sound state, and the page says so."""
        import_state(backend, admin, path, make_state(make_resource("a", dependencies=["urn:gone"])))
        address = f"{STACK}/repair"
        text = shown(member.open(address))
        overview = shown(member.open(STACK))
        reply = member.submit(address, on=address)

        assert "Pulumi refuses to use version 4" in text
        assert "Version 3 is the last one that follows the rules" in text
        assert "Remove references to what does not exist: urn:gone" in text
        assert address == reply.headers["Location"]
        assert "Version 5 follows the rules" in shown(member.open(address))
        assert "The newest state breaks a rule of Pulumi: resource" in overview
        assert "breaks a rule" not in shown(member.open(STACK))
        assert "The state of this version breaks a rule of Pulumi" in shown(member.open(f"{STACK}/updates/4"))

    def test_what_needs_a_decision(self, member: Visit, backend: Backend, admin: Caller, path: StackPath) -> None:
        """There is no button where nothing can be repaired."""
        import_state(backend, admin, path, make_state(make_resource("a", id="1"), make_resource("a", id="2")))
        reply = member.open(f"{STACK}/repair")

        assert "Your decision" in shown(reply)
        assert "Repair state" not in shown(reply)


class TestRestore:
    def test_after_a_look_at_what_changes(self, member: Visit, backend: Backend, admin: Caller, path: StackPath) -> None:
        """The page shows the difference from the newest version; its form makes the next one."""
        address = f"{STACK}/updates/1/restore"
        text = shown(member.open(address))
        reply = member.submit(address, on=address)

        assert "becomes version 4" in text
        assert "3 + 1" in text
        assert f"{STACK}/updates" == reply.headers["Location"]
        assert exported(backend, admin, path, 1) == exported(backend, admin, path)

    def test_while_an_update_runs(self, member: Visit, backend: Backend, admin: Caller, path: StackPath) -> None:
        """Nothing happens, and the page says why."""
        address = f"{STACK}/updates/1/restore"
        make_running(backend, admin, path)
        reply = member.submit(address, on=address)

        assert 409 == reply.status_code
        assert "in progress" in shown(reply)
