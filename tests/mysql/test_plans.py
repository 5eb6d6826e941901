"""How MySQL finds the rows of the queries that every command of a client asks: by an index, whatever else is in the tables."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert

from common.access.repository import tokens as access
from common.db.engine import Database, open_database
from common.db.tables.access import access_tokens
from common.db.tables.people import members, organizations, users
from common.db.tables.stacks import stack_tags, stacks, updates
from common.rights.membership import StackScope
from common.rights.predicate import ALWAYS
from common.stacks.model import StackPath
from common.stacks.repository import deleted as deleted_rows
from common.stacks.repository import listing as page_rows
from common.stacks.repository import stacks as stack_rows
from common.stacks.repository import transfer as moving_rows
from common.stacks.repository.listing import Filter
from common.stacks.updates.repository import finishing as state
from common.stacks.updates.repository import history
from common.stacks.updates.repository import updates as update_rows
from common.stacks.updates.repository.progress import Batch, Guard, add_journal_batch
from tests.mysql.shared import SharedServer

STACKS, VERSIONS, OLD_VERSIONS = 300, 3, 3000
LARGE = {"stacks", "updates", "stack_tags", "access_tokens", "newest", "newer", "asked"}


def update_row(update_id: str, stack_id: str, version: int | None) -> dict[str, Any]:
    """A row of an update that has ended."""
    texts = dict.fromkeys(("origin", "cli_version", "state_owner", "state_project", "state_name"), "x")
    numbers = dict.fromkeys(
        ("created_at", "started_at", "ended_at", "checkpoint_sequence", "resource_count", "journal_version"), 1
    )
    ids = {"id": update_id, "stack_id": stack_id, "version": version, "after_version": 0, "requested_by": "u"}
    return {**texts, **numbers, **ids, "kind": "update", "dry_run": version is None, "status": "succeeded", "program": "{}"}


@pytest.fixture(scope="module")
def database(mysql_server: SharedServer) -> Iterator[Database]:
    """Some hundred stacks, one of them with a long history."""
    with mysql_server.migrated() as name, closing(open_database(mysql_server.place(name), pool_size=1)) as opened:
        with opened.begin() as tx:
            fill(tx)
        mysql_server.run(
            *(f"ANALYZE TABLE {table}" for table in ("stacks", "updates", "stack_tags", "access_tokens")), database=name
        )
        yield opened


def fill(tx: Connection) -> None:
    """Insert the rows."""
    person = {"is_machine": False, "login": "u", "name": "", "email": "", "avatar_url": "", "site_admin": False, "created_at": 1}
    tx.execute(insert(users), [{**person, "id": f"u{number or ''}", "login": f"u{number}"} for number in range(50)])
    tx.execute(
        insert(organizations),
        [
            {"id": f"o{number}", "login": f"org{number}", "name": "", "avatar_url": "", "settings": "{}", "created_at": 1}
            for number in range(3)
        ],
    )
    tx.execute(
        insert(members),
        [{"org_id": f"o{number}", "user_id": "u", "role": "admin", "suspended": False, "created_at": 1} for number in range(3)],
    )
    token = {
        "user_id": "u",
        "kind": "personal",
        "is_admin": False,
        "created_by": "u",
        "name": "",
        "description": "",
        "created_at": 1,
    }
    tx.execute(insert(access_tokens), [{**token, "id": f"t{number}", "token_hash": f"h{number}"} for number in range(200)])
    stack = {"live": 1, "tags": "{}", "wrapped_key": b"x", "created_by": "u", "created_at": 1}
    tx.execute(
        insert(stacks),
        [{**stack, "id": f"s{n}", "org_id": f"o{n % 3}", "project": f"p{n % 20}", "name": f"n{n}"} for n in range(STACKS)],
    )
    tx.execute(insert(stack_tags), [{"stack_id": f"s{n}", "name": "env", "value": f"v{n % 50}"} for n in range(STACKS)])
    tx.execute(insert(updates), [update_row(f"u{n}-{v}", f"s{n}", v) for n in range(STACKS) for v in range(VERSIONS)])
    tx.execute(insert(updates), [update_row(f"old{v}", "s0", v) for v in range(VERSIONS, OLD_VERSIONS)])
    tx.execute(insert(updates), [update_row(f"dry{v}", "s0", None) for v in range(500)])


ALL_OF_IT = {"org0": StackScope("o0", ALWAYS, "u", ("u",))}
QUERIES: dict[str, Callable[[Connection], object]] = {
    "caller": lambda connection: access.find_caller(connection, "h7", 1),
    "stack": lambda connection: stack_rows.find(connection, "o0", "p0", "n0", ["u", "team"]),
    "stack by id": lambda connection: stack_rows.find_by_id(connection, "s0", ["u", "team"]),
    "stack by a former name": lambda connection: stack_rows.find_by_former_name(connection, StackPath("org0", "p0", "old")),
    "deleted stacks": lambda connection: deleted_rows.find_newest(connection, "o0", 25),
    "stacks to move": lambda connection: moving_rows.find_of_organization(connection, "o0", 101, ["u"]),
    "names in both": lambda connection: moving_rows.find_names_in_both(connection, "o0", "o1", 1),
    "stacks with a tag": lambda c: page_rows.page(c, ALL_OF_IT, Filter(tag=("env", "v3")), limit=11, now_millis=1),
    "stacks of a project": lambda c: page_rows.page(c, ALL_OF_IT, Filter(project="p0"), limit=11, now_millis=1),
    "stacks of an organization": lambda c: page_rows.page(
        c, ALL_OF_IT, Filter(after=("org0", "p1", "n1")), limit=11, now_millis=1
    ),
    "update and stack": lambda c: update_rows.find_with_stack(c, "o0", StackPath("org0", "p0", "n0"), "old7", ["u"]),
    "update": lambda connection: update_rows.find(connection, "old7"),
    "abandoned updates": lambda c: update_rows.list_abandoned(c, lease_before=1, finishing_before=1, limit=20),
    "newest updates": lambda connection: history.page_versions(connection, "s0", 10, 0),
    "activity": lambda connection: history.page_activity(connection, "s0", 10, 0),
    "previews": lambda connection: history.page_previews(connection, "s0", 0, 10, 0, ascending=False),
    "events": lambda connection: history.event_batches_from(connection, "old7", 0, 10),
    "journal": lambda connection: state.journal_of(connection, "old7"),
    "journal batch": lambda c: add_journal_batch(c, Guard("old7", 1), Batch("b", 1, 2, 2, 1, 10), b"x", None),
}


def plan(database: Database, query: Callable[[Connection], object]) -> list[dict[str, Any]]:
    """How MySQL would run what the query sends: one row a table."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_rest: object) -> None:
        sent.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        with database.connect() as connection:
            query(connection)
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
    ((statement, parameters),) = sent
    with database.connect() as connection:
        return [dict(row) for row in connection.exec_driver_sql(f"EXPLAIN FORMAT=TRADITIONAL {statement}", parameters).mappings()]


@pytest.mark.parametrize("name", QUERIES)
def test_reads_large_tables_by_an_index(database: Database, name: str) -> None:
    """No query of a command walks through a table that grows with use."""
    rows = plan(database, QUERIES[name])

    assert rows
    assert [] == [row for row in rows if row["table"] in LARGE and row["type"] in ("ALL", "index")]


@pytest.mark.parametrize("name", ["newest updates", "previews"])
def test_reads_a_page_of_a_long_history_in_its_order(database: Database, name: str) -> None:
    """The newest of thousands of updates are read off the end of an index, not sorted out of all of them."""
    rows = plan(database, QUERIES[name])

    assert [] == [row for row in rows if "filesort" in (row["Extra"] or "")]
    assert "Backward index scan" in rows[0]["Extra"]


@pytest.mark.parametrize("name", ["stack", "update and stack", "update"])
def test_finds_the_newest_version_without_reading_the_others(database: Database, name: str) -> None:
    """The version that holds the lock costs the same however many there were before."""
    rows = plan(database, QUERIES[name])

    assert [] == [row for row in rows if (row["rows"] or 0) > 10]


def test_pages_of_stacks_look_up_their_own_versions_only(database: Database) -> None:
    """Of the stacks that do not make it onto the page, no version is read."""
    rows = plan(database, QUERIES["stacks of an organization"])

    assert ["<derived2>"] == [row["table"] for row in rows if row["select_type"] == "PRIMARY"][:1]
    assert all(row["rows"] <= 11 for row in rows if row["table"] == "<derived2>")
