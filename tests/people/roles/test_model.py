import pytest

from common.core.errors import BadRequest
from common.people.roles.model import Holders, composers_in_order, require_acyclic, require_texts


def graph(**edges: str) -> dict[str, frozenset[str]]:
    """Return who composes whom, a letter a record."""
    return {composer: frozenset(composed) for composer, composed in edges.items()}


class TestRequireAcyclic:
    def test_takes_what_leads_nowhere_back(self) -> None:
        """A record may be reached on several ways."""
        require_acyclic("a", "bc", graph(b="d", c="d"))

    @pytest.mark.parametrize("composed", ["a", "b", "cb"])
    def test_refuses_a_record_that_comes_back_to_itself(self, composed: str) -> None:
        """Whether directly or through others, nothing composes itself."""
        with pytest.raises(BadRequest, match="may not compose itself"):
            require_acyclic("a", composed, graph(b="c", c="da"))

    def test_ends_even_where_stored_records_go_in_circles(self) -> None:
        """A circle that does not touch the record is walked once."""
        require_acyclic("a", "b", graph(b="c", c="b"))


class TestComposersInOrder:
    def test_gives_each_after_what_it_composes(self) -> None:
        """A record is only worked out once everything beneath it is."""
        found = composers_in_order("a", graph(b="a", c="ab", d="cx", e="x", f="dbc"))

        assert ["b", "c", "d", "f"] == found
        assert [] == composers_in_order("f", graph(b="a"))


class TestHolders:
    def test_names_who_holds_a_record(self) -> None:
        """The sentence counts, in singular and plural."""
        several = Holders(2, 1, 1, 2, 2, 2, is_default=True)

        assert "" == Holders().sentence()
        assert "1 member, 1 record that composes it" == Holders(members=1, composers=1).sentence()
        assert (
            "2 members, 1 invitation, 1 team, 2 access tokens, 2 grants on a stack, 2 records that compose it,"
            " the organization's default" == several.sentence()
        )


class TestRequireTexts:
    def test_bounds_texts(self) -> None:
        """Names, descriptions and resource types fit their columns."""
        require_texts("n" * 255, "d" * 1024, "r" * 40)
        for texts in (("n" * 256, None, None), ("n", "d" * 1025, None), ("n", "d", "r" * 41), (" ", None, None)):
            with pytest.raises(BadRequest):
                require_texts(*texts)
