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
READS = "it answers a question and changes nothing"
RUNNING = "a part of a running update, which is recorded at its start and end"
PREVIEW = "a preview changes nothing; one that is canceled is recorded"
TRIAL = "an object of no meaning is written; nothing changes"
RESENT = "a message is sent again; nothing changes"
THEIRS = "what a caller encrypts is theirs and stays with them"
UPLOAD = "the upload is not complete yet; its completion is recorded"
S, O = "/api/stacks/{org}/{project}/{stack}", "/api/orgs/{org}"  # noqa: E741 - as upstream's documents abbreviate it
ENVIRONMENTS = ("/api/esc/environments/{org}/{project}/{environment}", "/api/preview/environments/{org}/{environment}")
_PARTS = ("POST {}/events", "POST {}/events/batch", "POST {}/log", "POST {}/renew_lease", "PATCH {}/journalentries")
_STATES = ("PATCH {}/checkpoint", "PATCH {}/checkpointverbatim", "PATCH {}/checkpointdelta")
_RUNS, _PREVIEWS = [f"{S}/{kind}/{{update_id}}" for kind in ("update", "refresh", "destroy")], f"{S}/preview/{{update_id}}"
# The name of a row of the table of permissions (method, route and case) → why the call is not recorded.
UNRECORDED: dict[str, str] = {
    "POST /api/console/orgs/{org}/stacks/search": READS,
    "POST /api/esc/environments/{org}/yaml/check": READS,
    "POST /api/preview/environments/{org}/yaml/check": READS,
    **{f"POST {path}/check": READS for path in ENVIRONMENTS},
    **{f"POST {path}/versions/{{version}}/check": READS for path in ENVIRONMENTS},
    f"POST {ENVIRONMENTS[0]}/encrypt-secrets": THEIRS,
    f"POST {ENVIRONMENTS[0]}/drafts/{{change_request_id}}/rebase": "the draft is of the newest revision; a merge is recorded",
    f"POST {O}/assignments/list": READS,
    f"POST {O}/policygroups/stackmatchrule/preview": READS,
    **{f"POST {O}/{issues}": READS for issues in ("policyresults/issues", "policy/findings")},
    **{f"POST {O}/policyresults/{name}": READS for name in ("issues/export", "issues/filters", "compliance", "policies")},
    **{f"POST {O}/policy/findings/{name}": READS for name in ("export", "filters", "compliance", "policies")},
    f"POST {O}/policypacks": UPLOAD,
    "POST /api/registry/policypacks": UPLOAD,
    "PUT /api/policy-archives/{signed}": UPLOAD,
    "PATCH /scim/v2/{org}/Users/{user_id}": "attributes that change no rights; the end and return of a membership are recorded",
    "POST /api/user/organizations/{org}/default": "a choice of the user's own, which changes no rights",
    **{f"POST {O}/auditlogs/export/config/{kind}/test": TRIAL for kind in ("azure", "s3-compatible")},
    **{f"POST {path}/hooks/{{hook}}/ping": RESENT for path in (O, S, *ENVIRONMENTS)},
    **{f"POST {path}/hooks/{{hook}}/deliveries/{{event}}/redeliver": RESENT for path in (O, S, *ENVIRONMENTS)},
    f"POST {O}/cmk/migration/retry": "the change that began the migration is recorded",
    f"POST {S}/workflow": READS,
    "POST /api/projects/{org}/{project}/encrypt": THEIRS,
    f"POST {S}/encrypt": THEIRS,
    f"POST {S}/batch-encrypt": THEIRS,
    **{f"POST {S}/{kind}": "the update is not started yet; its start is recorded" for kind in ("update", "refresh", "destroy")},
    f"POST {S}/preview": PREVIEW,
    **{f"POST {S}/{kind} (a dry run)": PREVIEW for kind in ("begin-update", "update", "preview", "refresh", "destroy")},
    f"POST {_PREVIEWS}": PREVIEW,
    f"POST {_PREVIEWS}/complete": PREVIEW,
    **{part.format(_PREVIEWS): PREVIEW for part in _PARTS},
    **{part.format(run): RUNNING for run in _RUNS for part in (*_PARTS, *_STATES)},
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
    """A call that is not GET or HEAD and can succeed leaves a record, but for those that are listed with a reason."""
    silent, recorded, refused = list[str](), list[str](), list[str]()
    with TestClient(create_loaded_app(world.backend), raise_server_exceptions=False) as client:
        for row in (row for row in ROWS if row.method not in ("GET", "HEAD") and row.ok is None):
            rewinder.rewind(row.moment)
            who, before = caller_of(world, row), count(world.backend)
            if who is None or not call(client, world, row, who):
                refused.append(row.name)
                continue
            (recorded if count(world.backend) > before else silent).append(row.name)

    assert sorted(UNRECORDED) == sorted(silent), "left: those with a reason; right: those that recorded nothing"
    assert [] == refused
    assert len(recorded) > 50
