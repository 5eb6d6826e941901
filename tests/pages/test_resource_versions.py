"""The versions in which a resource changed, and the configuration of each version."""

import pytest

from common.backend import Backend
from common.rights.caller import Caller
from common.stacks.model import StackPath
from common.stacks.service import lifecycle
from common.stacks.state import service as state
from tests.counting import Counter
from tests.factories.stacks import complete, import_state, make_stack, make_update, make_version, start
from tests.pages.stack_pages import STACK
from tests.pages.visiting import HTML, Visit, shown
from tests.stacks.engine.builders import make_resource, make_state, urn

VERSIONS = f"{STACK}/resource/versions"


def import_input(backend: Backend, admin: Caller, path: StackPath, value: int) -> None:
    """Make a version in which the resource `a` has an input."""
    import_state(backend, admin, path, make_state(make_resource("a", inputs={"n": value}), make_resource("b")))


@pytest.fixture
def path(backend: Backend, admin: Caller) -> StackPath:
    """acme/shop/dev with five versions, of which 1, 3 and 5 changed the resource `a`."""
    path = make_stack(backend, admin)
    for value in (1, 1, 2, 2, 3):
        import_input(backend, admin, path, value)
    return path


@pytest.mark.usefixtures("path")
class TestVersions:
    def test_lead_to_updates_and_to_the_resource(self, member: Visit) -> None:
        """Each version that changed the resource has its number, what is different, and links."""
        reply = member.open(VERSIONS, urn=urn("a"))
        text = shown(reply)

        for part in ("Version 5 Changed", "Version 3 Changed", "Version 1 Created"):
            assert part in text
        assert "Version 4" not in text
        assert f'href="{STACK}/updates/3"' in reply.text
        assert "&amp;version=3" in reply.text

    def test_of_a_resource_without_changes(self, member: Visit) -> None:
        """The creation is the one change."""
        text = shown(member.open(VERSIONS, urn=urn("b")))

        assert "Version 1 Created" in text
        assert "Changed" not in text

    def test_come_in_pages(self, member: Visit, backend: Backend, admin: Caller, path: StackPath) -> None:
        """Ten versions are compared at a time; the next page goes on before them, also where nothing changed."""
        for _ in range(state.COMPARED_VERSIONS):
            import_input(backend, admin, path, 3)
        newest = member.open(VERSIONS, urn=urn("a"))

        assert "No change in versions 6 to 15." in shown(newest)
        assert "before=6" in newest.text
        older = member.open(VERSIONS, urn=urn("a"), before="6")
        assert "Version 5 Changed" in shown(older)
        assert "before=" not in older.text

    def test_know_former_names(self, member: Visit, backend: Backend, admin: Caller, path: StackPath) -> None:
        """A version from before a rename is read with the stack's present name."""
        lifecycle.rename(backend, admin, path, "prod", "")
        renamed = urn("a").replace(":dev::", ":prod::")

        assert "Version 3 Changed" in shown(member.open("/acme/shop/prod/resource/versions", urn=renamed))

    def test_as_a_part_of_the_page(self, member: Visit) -> None:
        """A script gets the list alone."""
        part = member.client.get(VERSIONS, params={"urn": urn("a")}, headers={**HTML, "HX-Request": "true"})

        assert "Version 5" in part.text
        assert "<html" not in part.text

    @pytest.mark.parametrize("query", [{}, {"urn": "none"}, {"urn": "x" * 3000}, {"urn": urn("a"), "before": "x"}])
    def test_of_what_is_not_there(self, member: Visit, query: dict[str, str]) -> None:
        """A URN that no compared version has is a page that is missing."""
        assert 404 == member.open(VERSIONS, **query).status_code

    def test_cost_few_statements(self, member: Visit, counter: Counter) -> None:
        """The visitor, the stack and a page of versions; a state that several versions share is read once."""
        member.open(VERSIONS, urn=urn("a"))
        counter.reset()
        member.open(VERSIONS, urn=urn("a"))

        assert counter.cost[0] <= 4
        assert counter.cost[1] <= 5


class TestConfig:
    def run(self, backend: Backend, admin: Caller, path: StackPath, config: dict[str, object]) -> None:
        """Run an update with a configuration."""
        complete(backend, start(backend, admin, path, make_update(backend, admin, path, config=config)))

    def test_of_each_version(self, member: Visit, backend: Backend, admin: Caller) -> None:
        """Keys that are new, different or gone are marked; a secret is hidden; the newest version comes first."""
        path = make_stack(backend, admin)
        plain, secret = {"string": "1", "secret": False}, {"string": "AAAA", "secret": True}
        self.run(backend, admin, path, {"shop:a": plain, "shop:gone": plain, "shop:same": plain})
        self.run(backend, admin, path, {"shop:a": {"string": "2", "secret": False}, "shop:same": plain, "shop:key": secret})
        newest, first = shown(member.open(f"{STACK}/config")), shown(member.open(f"{STACK}/config", version="1"))

        for part in ("Configuration of version 2", "shop:a 2 Changed", "shop:key [secret] Added", "since version 1: shop:gone"):
            assert part in newest
        assert "AAAA" not in newest
        assert "shop:a 1" in first
        assert "Newest version" in first
        assert 404 == member.open(f"{STACK}/config", version="3").status_code

    def test_is_that_of_the_newest_run(self, member: Visit, backend: Backend, admin: Caller) -> None:
        """An import has no configuration: the page shows that of the update before it."""
        path = make_stack(backend, admin)
        assert "No configuration yet" in shown(member.open(f"{STACK}/config"))
        make_version(backend, admin, path, "a")
        import_input(backend, admin, path, 1)

        assert "Configuration of version 1" in shown(member.open(f"{STACK}/config"))
        assert "made by an import" in shown(member.open(f"{STACK}/config", version="2"))

    def test_costs_few_statements(self, member: Visit, backend: Backend, admin: Caller, counter: Counter) -> None:
        """The visitor, the stack, and two updates in one statement."""
        make_version(backend, admin, make_stack(backend, admin), "a")
        member.open(f"{STACK}/config")
        counter.reset()
        member.open(f"{STACK}/config")

        assert counter.cost[:2] <= (4, 0)
