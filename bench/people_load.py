"""What lists take on MySQL in a large installation: many organizations, each with many stacks, members, teams and grants.

The database is filled straight into its tables, then the lists are asked of the application in this process, in turns.
`python -m bench people --orgs 5 --stacks 100 --members 20` is a small one.
"""

import asyncio
import statistics
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from bench import asgi, usage
from bench.people_rows import Size, fill, id_of, login_of, org_login, project_of, token_of
from common.backend import Backend
from common.config.settings import Settings
from common.core.clock import SystemClock
from common.core.compression import unpack
from common.core.paging import make_token, seal
from common.db.tables.metadata import METADATA
from functions.http.app import create_app
from functions.server import startup
from tests.counting import counted, open_counted_backend
from tools.mysql import PASSWORD, USER, Server, temporary_server

# The whole of the largest size fits, as it would on a server of that size.
_BUFFERS = "--innodb-buffer-pool-size=1G"
_DATABASE = "people"
# Who the caller is, the stack or team it is about, and the list in two parts at most. No request asks the database more often.
STATEMENTS = 4


@dataclass(frozen=True, slots=True)
class Ask:
    """A list, and who asks for it."""

    name: str
    who: str
    login: str
    path: str


@dataclass
class ListCost:
    """What the calls of a list took; `server_cpu_seconds` are MySQL's, over all calls."""

    ask: Ask
    statements: int = 0
    entries: int = 0
    seconds: list[float] = field(default_factory=list)
    server_cpu_seconds: float = 0.0

    @property
    def is_over(self) -> bool:
        """Tell whether a call needed more statements than any list should."""
        return self.statements > STATEMENTS


@dataclass(frozen=True, slots=True)
class People:
    """The results: how many rows there were, how long it took to insert them, and the lists."""

    size: Size
    rows: int
    fill_seconds: float
    lists: list[ListCost]


def measure(folder: Path, size: Size, rounds: int) -> People:
    """Return what every list takes on a server of its own."""
    with temporary_server(_BUFFERS) as server, _opened(server, folder) as backend:
        rows, seconds = fill(backend.db, size)
        with closing(server.connect(_DATABASE)) as connection, connection.cursor() as cursor:
            cursor.execute(f"ANALYZE TABLE {', '.join(METADATA.tables)}")
        return People(size, rows, seconds, asyncio.run(_ask_all(backend, server, asks(size), rounds)))


def asks(size: Size) -> list[Ask]:
    """Return every list, with the callers that make it search the most."""
    last, org = size.orgs - 1, f"/api/orgs/{org_login(0)}"
    admin, member = ("admin of one organization", login_of(0, 0)), ("member, by grants alone", login_of(0, 1))
    everywhere = ("admin of all organizations", "everywhere")
    tagged, rarely = ("custom role, every second stack", "tagged"), ("custom role, few stacks", "rarely")
    excluding, given = ("custom role, all but some tags", "excluding"), ("member of all, by grants alone", "given")
    stack = f"/api/stacks/{org_login(0)}/{project_of(0, size)}/stack00000"
    found = [Ask("stacks", *who, "/api/user/stacks") for who in (admin, member, everywhere, tagged, rarely, excluding, given)]
    found += [
        Ask(f"stacks, {name}", *who, f"/api/user/stacks?{query}")
        for name, query in (
            ("one organization", f"organization={org_login(last)}"),
            ("one project", f"project={project_of(0, size)}"),
            ("tag on every fourth", "tagName=env&tagValue=dev"),
            ("tag on few", "tagName=env&tagValue=rare"),
            ("500 a page", "maxResults=500"),
        )
        for who in (everywhere, tagged, given)
    ]
    found += [
        Ask("stacks, last page", *who, f"/api/user/stacks?continuationToken={_near_the_end(who[1], size)}")
        for who in (everywhere, tagged, rarely, given)
    ]
    found += [
        Ask("user", *admin, "/api/user"),
        Ask("user", *everywhere, "/api/user"),
        *(Ask(name, *admin, org + path) for name, path in _OF_ORGANIZATION.items()),
        Ask("own tokens", *admin, "/api/user/tokens"),
        Ask("assigned roles", *tagged, f"{org}/roles?assignedToMe=true"),
        Ask("teams of a stack", *admin, f"{stack}/teams"),
        Ask("collaborators of a stack", *admin, f"{stack}/collaborators"),
        Ask("metadata of a stack", *admin, f"{stack}/metadata"),
    ]
    return found


_OF_ORGANIZATION = {
    "organization": "",
    "metadata": "/metadata",
    "members": "/members",
    "invitations": "/invites",
    "teams": "/teams",
    "one team": "/teams/team00",
    "tokens of the organization": "/tokens",
    "tokens of a team": "/teams/team00/tokens",
    "roles": "/roles",
    "roles of a team": "/teams/team00/roles",
}


def _near_the_end(login: str, size: Size) -> str:
    """Return the token of a page that begins in the middle of the last organization."""
    # The server's own way to make one: walking there would take longer than all that is measured.
    sealed = seal(id_of("user", login), None, None, None, None)
    return make_token(sealed, org_login(size.orgs - 1), project_of(size.projects // 2, size), "")


@contextmanager
def _opened(server: Server, folder: Path) -> Iterator[Backend]:
    with closing(server.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {_DATABASE} CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin")
    settings = Settings(
        {
            "STACKHOLD_DATA": str(folder / "data"),
            "PULUMI_DATABASE_ENDPOINT": f"127.0.0.1:{server.port}",
            "PULUMI_DATABASE_NAME": _DATABASE,
            "PULUMI_DATABASE_USER_NAME": USER,
            "PULUMI_DATABASE_USER_PASSWORD": PASSWORD,
        }
    )
    startup.start(settings, may_migrate=True).close()
    with closing(open_counted_backend(settings, SystemClock())) as backend:
        yield backend


async def _ask_all(backend: Backend, server: Server, wanted: list[Ask], rounds: int) -> list[ListCost]:
    found = [ListCost(ask) for ask in wanted]
    app = create_app(backend)
    with counted(backend) as counter:
        for number in range(rounds + 1):
            for cost in found:
                ask, before = cost.ask, usage.read(server.pid)
                counter.reset()
                headers = [("authorization", f"token {token_of(ask.login)}"), ("accept", "application/vnd.pulumi+8")]
                answer = await asgi.call(app, "GET", ask.path, b"", headers)
                assert answer.status == 200, (ask, answer.status, answer.body[:300])
                cost.statements = max(cost.statements, counter.statements)
                cost.entries = _entries(answer.body)
                if number:  # the first call builds its part of the application
                    cost.seconds.append(answer.seconds)
                    cost.server_cpu_seconds += usage.read(server.pid).since(before).cpu_seconds
    return found


def _entries(body: bytes) -> int:
    """Return how long the longest list of an answer is."""
    answer = msgspec.json.decode(unpack(body))
    lists = [answer] if isinstance(answer, list) else [value for value in answer.values() if isinstance(value, list)]
    return max(map(len, lists), default=0)


def milliseconds(cost: ListCost) -> tuple[float, float, float]:
    """Return (median, 95th percentile, MySQL's CPU time a call)."""
    ordered = sorted(cost.seconds)
    late = ordered[max(0, -(-len(ordered) * 95 // 100) - 1)]
    return statistics.median(ordered) * 1000, late * 1000, cost.server_cpu_seconds / len(ordered) * 1000
