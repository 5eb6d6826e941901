"""Every route, called by every kind of caller, answers as the table says; and anyone who is refused has changed nothing.

SQLite only: rewinding a database after each call is cheap there alone. Who may do what is decided by values that both
databases return alike (tests/access), and lists are filtered on both in tests/stacks.
"""

from collections import Counter
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.rights.permissions import StackLevel
from functions.http.app import create_loaded_app
from tests.authorization.callers import Who
from tests.authorization.expected import expected
from tests.authorization.needs import Row
from tests.authorization.rewinding import Rewinder
from tests.authorization.table import ROWS
from tests.authorization.world import World, build, start_updates
from tests.counting import counted
from tools.operations import routes

LEVELS = (StackLevel.NONE, StackLevel.WRITE)


class TestTable:
    def test_names_every_route(self) -> None:
        """A route that no one wrote a row for fails here, and so does a row whose route is gone."""
        assert {(route.method, route.path) for route in routes()} == {(row.method, row.path) for row in ROWS}

    def test_names_every_case_once(self) -> None:
        """Where a route has several rows, each says which case it is."""
        assert [] == [name for name, count in Counter(row.name for row in ROWS).items() if count > 1]


@pytest.fixture(scope="module")
def world(shared_backend: Backend) -> World:
    """The organizations and their people."""
    return build(shared_backend, ROWS)


@pytest.fixture(scope="module")
def rewinder(world: World) -> Iterator[Rewinder]:
    """The moments: no update runs yet (`idle`); updates run, and members are given no stack (`NONE`) or all (`WRITE`)."""
    rewinder = Rewinder(world.backend)
    rewinder.remember("idle")
    start_updates(world)
    for level in LEVELS:
        world.set_level(level)
        rewinder.remember(level.name)
    yield rewinder
    rewinder.close()


@pytest.fixture(scope="module")
def client(world: World) -> Iterator[TestClient]:
    """A client of the whole application, with all groups loaded."""
    with TestClient(create_loaded_app(world.backend), raise_server_exceptions=False) as client:
        yield client


# As many tests as there are routes, so that a run in several processes has something to share out and a failure names its route.
@pytest.mark.parametrize("route", sorted({f"{row.method} {row.path}" for row in ROWS}))
def test_every_caller_of_every_route(route: str, world: World, rewinder: Rewinder, client: TestClient) -> None:
    """Every pair of a route and a caller ends as the table says: done, 401, 403 or 404; a refusal changes nothing."""
    deviations: list[str] = []
    count = 0
    with counted(world.backend) as counter:
        for moment, row, whos in cases(world, route):
            rewinder.rewind(moment)
            commits, digest = rewinder.commits(), rewinder.digest()
            for who in whos:
                count += 1
                counter.reset()
                status, wanted = call(client, world, row, who), expected(row, who)
                if not is_as(status, wanted, row):
                    deviations.append(f"{row.name} as {who.name}: {status} instead of {wanted or row.ok or '2xx'}")
                is_new = rewinder.commits() != commits
                if wanted is not None and (counter.puts or (is_new and rewinder.digest() != digest)):
                    deviations.append(f"{row.name} as {who.name}: refused, and something changed")
                if is_new:
                    rewinder.rewind(moment)
                    commits = rewinder.commits()

    assert count > 0
    assert [] == deviations


def cases(world: World, route: str) -> Iterator[tuple[str, Row, list[Who]]]:
    """Yield each row of a route with its callers, those who are refused first, and the moment at which they call."""
    for row in (row for row in ROWS if f"{row.method} {row.path}" == route):
        at_first = [*world.whos, *world.of_level(StackLevel.NONE), *world.clerks_of(row), *world.leaseholders(row)]
        yield row.moment, row, sorted(at_first, key=lambda who: expected(row, who) is None)
        if row.moment == StackLevel.NONE.name:
            yield StackLevel.WRITE.name, row, world.of_level(StackLevel.WRITE)


def call(client: TestClient, world: World, row: Row, who: Who) -> int:
    """Make a call and return its status."""
    path = row.path
    for name, value in row.at.items():
        path = path.replace(f"{{{name}}}", world.filled(value))
    assert "{" not in path, path
    headers = {"Authorization": who.authorization} if who.authorization else {}
    body = {} if row.body is None else {"json": world.filled(row.body)}
    return client.request(row.method, path, params=row.query, headers=headers, **body).status_code


def is_as(found: int, wanted: int | None, row: Row) -> bool:
    """Whether a status is the one that a row and a caller lead to."""
    if wanted is None and row.ok is None:
        return found // 100 == 2
    return found == (wanted or row.ok)
