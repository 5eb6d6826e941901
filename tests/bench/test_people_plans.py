"""How MySQL answers every list of people and access in an installation with many organizations: by indexes alone."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event
from starlette.types import ASGIApp

from bench import asgi, people_load
from bench.people_rows import ROAMERS, Size, fill, login_of, token_of
from common.access.repository import tokens as access
from common.backend import Backend, open_backend
from common.config.settings import Settings
from common.db.migrate import migrate
from common.db.tables.metadata import METADATA
from common.ports.keys.local import create_key
from functions.http.app import create_app
from tests.mysql.shared import SharedServer

SIZE = Size(orgs=60, stacks=100, members=20, teams=10)
LISTS = {f"{ask.name}, {ask.who}": ask for ask in people_load.asks(SIZE)}
PAGE = 10
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scene:
    """The installation, opened, and its application."""

    backend: Backend
    app: ASGIApp

    def get(self, login: str, path: str) -> list[tuple[str, Any]]:
        """Return the statements that a request of a user takes."""
        headers = [("authorization", f"token {token_of(login)}"), ("accept", "application/vnd.pulumi+8")]
        answers: list[asgi.Answer] = []
        sent = self.noted(lambda: answers.append(asyncio.run(asgi.call(self.app, "GET", path, b"", headers))))
        assert [200] == [answer.status for answer in answers]
        return sent

    def noted(self, act: Callable[[], object]) -> list[tuple[str, Any]]:
        """Return the statements that are sent meanwhile, with their parameters."""
        sent: list[tuple[str, Any]] = []

        def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_rest: object) -> None:
            sent.append((statement, parameters))

        event.listen(self.backend.db.engine, "before_cursor_execute", note)
        try:
            act()
        finally:
            event.remove(self.backend.db.engine, "before_cursor_execute", note)
        return sent

    def plan(self, statement: str, parameters: object) -> list[Row]:
        """Return how MySQL would run a statement: one row a table."""
        with self.backend.db.connect() as connection:
            found = connection.exec_driver_sql(f"EXPLAIN FORMAT=TRADITIONAL {statement}", parameters)  # type: ignore[arg-type]
            return [dict(row) for row in found.mappings()]

    def rows_read(self, statements: list[tuple[str, Any]]) -> int:
        """Return how many rows or index entries of the tables MySQL reads for some statements."""
        with self.backend.db.connect() as connection:
            before = _reads(connection)
            for statement, parameters in statements:
                connection.exec_driver_sql(statement, parameters).all()
            return _reads(connection) - before


def _reads(connection: Connection) -> int:
    rows = connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Handler_read%%'").all()
    # `rnd` and `rnd_next` are those of temporary tables too.
    return sum(int(value) for name, value in rows if "rnd" not in name)


@pytest.fixture(scope="module")
def scene(mysql_server: SharedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Sixty organizations; five people are members of all of them."""
    folder: Path = tmp_path_factory.mktemp("people")
    (folder / "objects").mkdir()
    create_key(folder / "keys")
    with mysql_server.fresh() as name:
        backend = open_backend(Settings({"STACKHOLD_DATA": str(folder), **mysql_server.settings(name)}))
        migrate(backend.db)
        fill(backend.db, SIZE)
        mysql_server.run(f"ANALYZE TABLE {', '.join(METADATA.tables)}", database=name)
        yield Scene(backend, create_app(backend))
        backend.close()


@pytest.mark.parametrize("name", LISTS)
def test_answers_a_list_by_indexes(scene: Scene, name: str) -> None:
    """No statement of a list walks through a table, and none takes more than a few statements."""
    ask = LISTS[name]
    scene.get(ask.login, ask.path)  # the first one loads what serves it

    sent = scene.get(ask.login, ask.path)

    assert people_load.STATEMENTS >= len(sent) > 0
    walked = [row for statement in sent for row in scene.plan(*statement) if row["type"] in ("ALL", "index")]
    assert [] == [row for row in walked if not str(row["table"]).startswith("<")]


class TestCaller:
    def test_is_found_without_a_temporary_table(self, scene: Scene) -> None:
        """The query of every request sends its three parts on as they are found."""
        token_hash = sha256(token_of("tagged").encode()).hexdigest()

        with scene.backend.db.connect() as connection:
            [sent] = scene.noted(lambda: access.find_caller(connection, token_hash, 1))

        plan = scene.plan(*sent)
        assert {"PRIMARY", "UNION"} == {row["select_type"] for row in plan}
        assert [] == [row for row in plan if "temporary" in (row["Extra"] or "")]


class TestPageOfStacks:
    @pytest.mark.parametrize("login", [login_of(0, 0), login_of(0, 1), *ROAMERS])
    def test_reads_the_first_organizations_alone(self, scene: Scene, login: str) -> None:
        """Whatever shows stacks to the caller: if the first organizations fill the page, nothing is read of the others."""
        path = f"/api/user/stacks?maxResults={PAGE}"
        scene.get(login, path)

        _caller, *lists = scene.get(login, path)

        assert 1 == len(lists)
        assert scene.rows_read(lists) < SIZE.orgs * SIZE.stacks

    @pytest.mark.parametrize("login", ROAMERS)
    @pytest.mark.parametrize("query", ["project=project003", "tagName=env&tagValue=rare", "tagName=env&tagValue=none"])
    def test_asks_all_others_at_once(self, scene: Scene, login: str, query: str) -> None:
        """A page that takes more organizations is found in two statements, however many there are."""
        path = f"/api/user/stacks?maxResults=200&{query}"
        scene.get(login, path)

        _caller, *lists = scene.get(login, path)

        assert 2 == len(lists)
        walked = [row for statement in lists for row in scene.plan(*statement) if row["type"] in ("ALL", "index")]
        assert [] == [row for row in walked if not str(row["table"]).startswith("<")]
