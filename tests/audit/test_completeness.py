"""Every route that writes records what it did, or is listed here with the reason why it does not."""

from collections.abc import Iterator

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from common.backend import Backend
from common.db.tables.audit import audit_events
from common.rights.permissions import StackLevel
from functions.http.app import create_loaded_app
from tests.authorization.callers import Who
from tests.authorization.expected import expected
from tests.authorization.needs import Row
from tests.authorization.rewinding import Rewinder
from tests.authorization.table import ROWS
from tests.authorization.world import World, build, start_updates

pytestmark = pytest.mark.dialects("sqlite")
# The beginning of a method and path → why such calls are not recorded.
_READS = "it answers a question and changes nothing"
_RUNNING = "a part of a running update, which is recorded at its start and end"
_NOT_YET = "not recorded yet"
S, O = "/api/stacks/{org}/{project}/{stack}", "/api/orgs/{org}"  # noqa: E741 - as upstream's documents abbreviate it
UNRECORDED: dict[str, str] = {
    "POST /api/console/orgs/{org}/stacks/search": _READS,
    "POST /api/esc/environments/{org}/": _READS,
    "POST /api/preview/environments/{org}/": _READS,
    f"POST {O}/policygroups/stackmatchrule/preview": _READS,
    f"POST {O}/assignments/list": _READS,
    f"POST {O}/policyresults/": _READS,
    f"POST {O}/policy/findings": _READS,
    f"POST {O}/policypacks": "the upload is not complete yet; its completion is recorded",
    "POST /api/registry/policypacks": "the upload is not complete yet; its completion is recorded",
    "PUT /api/policy-archives/": "the upload is not complete yet; its completion is recorded",
    "PATCH /scim/v2/{org}/Users": "attributes that change no rights; the end and return of a membership are recorded",
    f"PATCH {S}/tags": _NOT_YET,
    f"POST {S}/tags": _NOT_YET,
    f"DELETE {S}/tags": _NOT_YET,
    f"PUT {S}/config": _NOT_YET,
    f"DELETE {S}/config": _NOT_YET,
    f"POST {S}/encrypt": "what a caller encrypts is theirs and stays with them",
    f"POST {S}/batch-encrypt": "what a caller encrypts is theirs and stays with them",
    f"POST {S}/begin-update (a dry run)": "previews change nothing",
    f"POST {S}/update": _RUNNING,
    f"POST {S}/preview": "previews change nothing",
    f"POST {S}/refresh": _RUNNING,
    f"POST {S}/destroy": _RUNNING,
    f"PATCH {S}/update/": _RUNNING,
    f"PATCH {S}/preview/": "previews change nothing",
    f"PATCH {S}/refresh/": _RUNNING,
    f"PATCH {S}/destroy/": _RUNNING,
    "POST /api/user/organizations/{org}/default": "a choice of the user's own, which belongs to no organization",
    "POST /api/user/tokens": "a token of the user's own, which belongs to no organization",
    "DELETE /api/user/tokens/": "a token of the user's own, which belongs to no organization",
    f"POST {O}/hooks/": "a message is sent again; nothing changes",
    f"POST {S}/hooks/": "a message is sent again; nothing changes",
}


@pytest.fixture
def world(backend: Backend) -> World:
    """The organizations and their people."""
    return build(backend, ROWS)


@pytest.fixture
def rewinder(world: World) -> Iterator[Rewinder]:
    """The moments at which rows are called."""
    rewinder = Rewinder(world.backend)
    rewinder.remember("idle")
    start_updates(world)
    for level in (StackLevel.NONE, StackLevel.WRITE):
        world.set_level(level)
        rewinder.remember(level.name)
    yield rewinder
    rewinder.close()


def caller_of(world: World, row: Row) -> Who | None:
    """Return a caller who may make a call: an admin, unless the call is for the directory or a running update."""
    candidates = [*reversed(world.whos), *world.leaseholders(row)]
    return next((who for who in candidates if expected(row, who) is None), None)


def call(client: TestClient, world: World, row: Row, who: Who) -> bool:
    """Make a call and return whether it succeeded."""
    path = row.path
    for name, value in row.at.items():
        path = path.replace(f"{{{name}}}", world.filled(value))
    headers = {"Authorization": who.authorization} if who.authorization else {}
    body = {} if row.body is None else {"json": world.filled(row.body)}
    return client.request(row.method, path, params=row.query, headers=headers, **body).is_success


def count(backend: Backend) -> int:
    """Return how many records there are."""
    with backend.db.connect() as connection:
        return connection.scalar(select(func.count()).select_from(audit_events)) or 0


def test_every_route_that_writes_records_it(world: World, rewinder: Rewinder) -> None:
    """A call that is not GET or HEAD and succeeds leaves a record, but for those that are listed with a reason."""
    silent, recorded = list[str](), list[str]()
    with TestClient(create_loaded_app(world.backend), raise_server_exceptions=False) as client:
        for row in (row for row in ROWS if row.method not in ("GET", "HEAD")):
            rewinder.rewind(row.moment)
            who, before = caller_of(world, row), count(world.backend)
            if who is None or not call(client, world, row, who):
                continue
            (recorded if count(world.backend) > before else silent).append(row.name)

    reasons = [beginning for beginning in UNRECORDED if any(name.startswith(beginning) for name in silent)]
    assert [] == [name for name in silent if not name.startswith(tuple(UNRECORDED))]
    assert len(recorded) > 50
    assert sorted(UNRECORDED) == sorted(reasons), "a reason for a call that records, or does not exist"
