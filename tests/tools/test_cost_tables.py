"""The tables of costs in docs/ are those of `stackhold cost`."""

import pytest

from tools import cost_tables


class TestDocument:
    def test_writes_its_tables_anew(self) -> None:
        """Each table of a document is between marks, and ends with its sum."""
        lines = list(cost_tables.document("docs/deploy-aws.md"))
        begins = [number for number, line in enumerate(lines) if line.startswith("<!-- Costs, ")]

        assert 2 == len(begins)
        assert all(lines[number + 1] == "| what | arithmetic | $ |" for number in begins)
        assert 2 == sum(line.startswith("| **together** |") for line in lines)

    def test_is_not_silent_about_a_lost_mark(self) -> None:
        """A document without any mark stops `make docs`."""
        with pytest.raises(LookupError, match=r"docs/keys\.md has no table of costs"):
            list(cost_tables.document("docs/keys.md"))


def test_every_number_of_updates_has_its_column() -> None:
    """The overview has a row for each way to run an installation, and a column for each number of updates."""
    head, _, *rows = cost_tables.overview()

    assert "| | 0 updates | 1,000 updates | 100,000 updates |" == head
    assert [5] * 4 == [row.count("|") for row in rows]
