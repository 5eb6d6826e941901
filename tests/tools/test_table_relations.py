"""docs/tables.md shows every table and what refers to what."""

import re
from pathlib import Path

import pytest
from sqlalchemy import Column, MetaData, String, Table

from common.db.tables.metadata import METADATA
from tools import table_relations

ROOT = Path(__file__).parents[2]


class TestRelations:
    def test_cover_every_table_and_id(self) -> None:
        """Every column named `…_id` refers to tables that exist, or is listed with what it holds instead."""
        relations = table_relations.relations()
        columns = {(table.name, column.name) for table in METADATA.tables.values() for column in table.columns}
        ids = {(table, column) for table, column in columns if column.endswith("_id")}
        other = {(table, column) for table, column in ids if column.removesuffix("_id") in table_relations.OTHER_IDS}

        assert set(relations) == set(METADATA.tables)
        assert {(table, column) for table, found in relations.items() for column in found} == ids - other

    def test_follow_the_names_of_columns(self) -> None:
        """A batch belongs to an update, and a grant to a team or a person."""
        relations = table_relations.relations()

        assert ("updates",) == relations["journal_batches"]["update_id"]
        assert ("teams", "users") == relations["stack_grants"]["principal_id"]

    def test_list_no_name_in_vain(self) -> None:
        """A name that no column has any more is taken off the lists."""
        nouns = {column.name.removesuffix("_id") for table in METADATA.tables.values() for column in table.columns}

        assert {*table_relations.NAMED_OTHERWISE, *table_relations.OTHER_IDS} - nouns == set()

    def test_name_a_column_that_is_not_known(self) -> None:
        """A new column that fits no table stops `make docs` with its name and the place to mend."""
        tables = MetaData()
        Table("notes", tables, Column("id", String(36), primary_key=True), Column("shelf_id", String(36)))

        with pytest.raises(LookupError, match=r"notes\.shelf_id.*tools/table_relations"):
            table_relations.relations(tables)


def test_the_page_shows_every_table() -> None:
    """Every table has a row on the page, and every reference that is not to a person or an organization an arrow."""
    text = (ROOT / "docs" / "tables.md").read_text("utf-8")

    assert [name for name in METADATA.tables if f"| `{name}` |" not in text] == []
    assert "    journal_batches --> updates" in text
    assert "    updates --> stacks" in text


def test_the_architecture_page_draws_what_is_there() -> None:
    """Every arrow between tables on the page about the architecture is a reference in the database."""
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8").partition("## The tables")[2]
    relations = table_relations.relations()
    arrows = re.findall(r"^ +(\w+) --> (\w+)$", text, re.MULTILINE)

    assert len(arrows) > 3
    assert [arrow for arrow in arrows if not any(arrow[1] in targets for targets in relations[arrow[0]].values())] == []
