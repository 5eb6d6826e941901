"""How the databases find the tokens of a list: by an index, whatever else is in the table."""

from typing import Any

import pytest
from sqlalchemy import event, insert

from common.backend import Backend
from common.db.tables.access import access_tokens
from common.people.tokens import repository
from common.people.tokens.model import Owner, SortField, TokenFilter, TokenQuery
from common.rights.caller import TokenKind

OWNERS, EACH = 40, 50
LISTS: dict[TokenKind, Owner] = {kind: Owner(kind, f"{kind}7") for kind in TokenKind if kind is not TokenKind.SESSION}


def fill(backend: Backend) -> None:
    """Create some thousands of tokens: of people, of organizations, of teams."""
    fixed = {"is_admin": False, "description": "", "created_by": "u", "created_at": 1}
    rows = [
        {
            **fixed,
            "id": f"{kind}{owner}-{number}",
            "token_hash": f"{kind}{owner}-{number}",
            "kind": kind,
            "name": f"{kind}{number}",
            "user_id": f"{kind}{owner}",
            "org_id": None if kind is TokenKind.PERSONAL else f"organization{owner}",
            "team_id": f"team{owner}" if kind is TokenKind.TEAM else None,
        }
        for kind in TokenKind
        for owner in range(OWNERS)
        for number in range(EACH)
    ]
    with backend.db.begin() as tx:
        tx.execute(insert(access_tokens), rows)
    with backend.db.connect() as connection:
        connection.exec_driver_sql("ANALYZE" if backend.db.dialect == "sqlite" else "ANALYZE TABLE access_tokens")


@pytest.fixture
def sent(backend: Backend) -> list[tuple[str, Any]]:
    """The statements that were sent, with their values."""
    fill(backend)
    found: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_rest: object) -> None:
        if statement.startswith("SELECT"):
            found.append((statement, parameters))

    event.listen(backend.db.engine, "before_cursor_execute", note)
    return found


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("listing", [TokenQuery(), TokenQuery(TokenFilter.ALL, "x", SortField.NAME)])
def test_reads_the_owners_tokens_only(
    backend: Backend, sent: list[tuple[str, Any]], kind: TokenKind, listing: TokenQuery
) -> None:
    """A list reads the tokens of its owner, not everyone's."""
    with backend.db.connect() as connection:
        repository.page(connection, LISTS[kind], listing, after=(1, "x"), limit=11, now_millis=1)
        ((statement, parameters),) = sent[:1]
        explain = "EXPLAIN QUERY PLAN" if backend.db.dialect == "sqlite" else "EXPLAIN FORMAT=TRADITIONAL"
        plan = [dict(row) for row in connection.exec_driver_sql(f"{explain} {statement}", parameters).mappings()]

    if backend.db.dialect == "sqlite":
        (step,) = [row["detail"] for row in plan if "access_tokens" in row["detail"]]
        assert step.startswith("SEARCH access_tokens USING INDEX")
    else:
        (step,) = [row for row in plan if row["table"] == "access_tokens"]
        assert step["type"] in ("ref", "range", "index_merge")
        assert step["rows"] <= 3 * EACH
