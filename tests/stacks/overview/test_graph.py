"""The part of a state that a graph shows."""

from common.stacks.engine.document import StoredResource
from common.stacks.overview.graph import NODES_LIMIT, Graph, around
from tests.stacks.engine.builders import ROOT, dump, make_resource, urn


def stored(*resources: dict[str, object]) -> list[StoredResource]:
    """Return resources as a state has them."""
    return [StoredResource(str(item["urn"]), dump(item)) for item in resources]


def names(graph: Graph | None) -> list[str]:
    """Return the names of the nodes."""
    assert graph is not None
    return [node.resource.name for node in graph.nodes]


ROOT_RESOURCE = {"urn": ROOT, "type": "pulumi:pulumi:Stack", "custom": False}
STATE = stored(
    ROOT_RESOURCE,
    make_resource("a", parent=ROOT),
    make_resource("b", parent=ROOT, dependencies=[urn("a")]),
    make_resource("c", parent=urn("b"), propertyDependencies={"x": [urn("a"), urn("b")]}),
)


class TestAround:
    def test_begins_at_the_root(self) -> None:
        """Without a resource it begins with the stack itself, and nearer ones come first."""
        assert ["shop-dev", "a", "b", "c"] == names(around(STATE, ""))

    def test_begins_at_a_resource(self) -> None:
        """Parents, children, dependencies and dependents are neighbours."""
        graph = around(STATE, urn("c"))

        assert graph is not None
        assert ["c", "b", "a", "shop-dev"] == names(graph)
        assert (1, [2, 1]) == (graph.nodes[0].parent, graph.nodes[0].needs)
        assert (None, []) == (graph.nodes[3].parent, graph.nodes[3].needs)

    def test_has_a_limit(self) -> None:
        """A graph has so many nodes, and says how many resources there are."""
        many = stored(ROOT_RESOURCE, *(make_resource(f"r{index}", parent=ROOT) for index in range(NODES_LIMIT + 50)))
        graph = around(many, urn("r340"))

        assert graph is not None
        assert (NODES_LIMIT, NODES_LIMIT + 51) == (len(graph.nodes), graph.total)
        assert ["r340", "shop-dev", "r0"] == names(graph)[:3]

    def test_of_damaged_states(self) -> None:
        """A resource that is its own parent, depends on itself or on what is not there is shown without that."""
        odd = stored(make_resource("a", parent=urn("a"), dependencies=[urn("a"), urn("gone")]))
        graph = around(odd, "")

        assert graph is not None
        assert [] == graph.nodes[0].needs

    def test_of_what_is_not_there(self) -> None:
        """A URN that the state does not have is no graph, and a state without resources an empty one."""
        assert around(STATE, urn("gone")) is None
        assert Graph([], 0) == around([], "")
        assert around([], urn("a")) is None
