"""Pages of a large installation: 10,000 stacks, 10,000 environments, 5,000 resources, an update of 20,000 events, 100,000 lines.

`python -m bench console`. Server time is the processor time of the application in this process, on SQLite, with that of its
client. What a browser takes until the page can be read is measured in Chromium against a server process, where Chromium and
its driver are installed. Each figure is the best of several rounds: other work on the machine only adds to it.
"""

import gzip
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Table, insert, select

from bench.servers import ORG, ours
from common.backend import Backend
from common.config.settings import Settings
from common.core.clock import SystemClock
from common.core.ids import new_id
from common.db.tables.environments import environment_tags, environments
from common.db.tables.stacks import stack_tags, stacks, updates
from common.environments.service import tags as tag_service
from common.rights.caller import Caller
from common.stacks.model import StackPath
from functions.server import startup
from tests.browser.chromium import BROWSERS, DRIVERS, Browser
from tests.counting import counted, open_counted_backend
from tests.factories import people
from tests.factories import stacks as factory
from tests.factories.environments import make_environment
from tests.pages.visiting import HTML, Visit
from tests.stacks.engine.builders import ROOT, make_resource, make_state, urn

STATEMENTS, SERVER_MILLISECONDS, BROWSER_MILLISECONDS, KILOBYTES = 6, 300, 1000, 100
_VERSIONS, _BATCH = 12, 1_000
_BIG, _EVENTS, _LOG = f"/{ORG}/big/state", f"/{ORG}/big/events", f"/{ORG}/big/log"
_OF_STATE = f"urn={urn('r25')}"
VIEWS = {
    "home": f"/{ORG}",
    "stacks": f"/{ORG}/stacks",
    "stacks, searched": f"/{ORG}/stacks?q=payments",
    "stacks, by tag": f"/{ORG}/stacks?tag=env%3Dprod",
    "stacks, newest update first": f"/{ORG}/stacks?sort=updated",
    "stacks, last page": f"/{ORG}/stacks?page=200",
    "environments": f"/{ORG}/esc",
    "environments, by tag": f"/{ORG}/esc?tag=team%3Dteam-7",
    "environments, a word in a name": f"/{ORG}/esc?q=00042",
    "environments, a word in a tag": f"/{ORG}/esc?q=team-7",
    "environments, two words": f"/{ORG}/esc?q=team-7+dev",
    "stack of 5,000 resources": _BIG,
    "its resources": f"{_BIG}/resources",
    "its resources, searched": f"{_BIG}/resources?q=r25",
    "its graph": f"{_BIG}/resources/graph",
    "a resource": f"{_BIG}/resource?{_OF_STATE}",
    "versions of a resource": f"{_BIG}/resource/versions?{_OF_STATE}",
    "comparison of two versions": f"{_BIG}/compare",
    "restore of the first version": f"{_BIG}/updates/1/restore",
    "check of the state": f"{_BIG}/repair",
    "policies": f"{_BIG}/policies",
    "settings": f"{_BIG}/settings",
    "compliance": f"/{ORG}/settings/policies/compliance",
    "audit log": f"/{ORG}/settings/audit-log",
    "configuration": f"{_EVENTS}/config",
    "updates": f"{_BIG}/updates",
    "update of 20,000 events": f"{_EVENTS}/updates/1",
    "its steps, all": f"{_EVENTS}/updates/1?steps=all",
    "its configuration and environment": f"{_EVENTS}/updates/1?view=details",
    "log of 100,000 lines, first page": f"{_LOG}/updates/1?view=log",
    "log of 100,000 lines, last page": f"{_LOG}/updates/1?view=log&page=100",
}


@dataclass(frozen=True, slots=True)
class Size:
    """How much the installation has; a step of an update is two events."""

    stacks: int = 10_000
    environments: int = 10_000
    resources: int = 5_000
    steps: int = 10_000
    lines: int = 100_000


_LARGE = Size()


@dataclass
class View:
    """A page, what the server took for it, how large it is, and when a browser showed it (None: no browser here)."""

    name: str
    path: str
    milliseconds: list[float] = field(default_factory=list)
    statements: int = 0
    bytes_packed: int = 0
    readable: list[float] = field(default_factory=list)

    @property
    def server(self) -> float:
        """Return the processor time of the server in milliseconds."""
        return min(self.milliseconds)

    @property
    def browser(self) -> float | None:
        """Return the time until the page can be read in a browser, in milliseconds."""
        return min(self.readable, default=None)

    @property
    def is_over(self) -> bool:
        """Tell whether the page is slower or larger than it may be."""
        too_late = (self.browser or 0) > BROWSER_MILLISECONDS or self.server > SERVER_MILLISECONDS
        return too_late or self.statements > STATEMENTS or self.bytes_packed > KILOBYTES * 1000


def measure(folder: Path, repeats: int, size: Size = _LARGE, *, in_browser: bool = True) -> list[View]:
    """Return what every page takes on a data folder of its own."""
    settings = Settings({"STACKHOLD_DATA": str(folder / "data")})
    startup.start(settings, may_migrate=True).close()
    with closing(open_counted_backend(settings, SystemClock())) as backend:
        admin = people.make_admin(backend)
        _fill(backend, admin, size)
        views = [View(name, path) for name, path in VIEWS.items()]
        _measure_server(backend, views, repeats)
    if in_browser and any(map(shutil.which, BROWSERS)) and any(map(shutil.which, DRIVERS)):
        _measure_browser(folder, views, repeats)
    return views


def rows(views: list[View]) -> list[tuple[object, ...]]:
    """Return the rows of the table."""
    return [
        (
            view.name,
            f"{view.server:.0f} ms",
            view.statements,
            f"{view.bytes_packed / 1000:.1f} kB",
            f"{view.browser:.0f} ms" if view.browser is not None else "",
            "over" if view.is_over else "",
        )
        for view in views
    ]


HEAD = ("page", "server", "statements", "compressed", "readable in Chromium", "")


def _measure_server(backend: Backend, views: list[View], repeats: int) -> None:
    visit = Visit(backend)
    visit.sign_in(people.ADMIN_TOKEN)
    for round_number in range(repeats + 1):
        for view in views:
            with counted(backend) as counter:
                started = time.process_time()
                reply = visit.client.get(view.path, headers=HTML)
                seconds = time.process_time() - started
            assert reply.status_code == 200, (view.path, reply.status_code)
            if round_number:
                view.milliseconds.append(seconds * 1000)
            view.statements = counter.cost[0]
            view.bytes_packed = len(gzip.compress(reply.content, 6))


def _measure_browser(folder: Path, views: list[View], repeats: int) -> None:
    with ours(folder, people.ADMIN_TOKEN) as target, closing(Browser(folder / "profile")) as browser:
        browser.open(f"{target.url}/signin")
        if not browser.find("input[name=token]").is_displayed():
            browser.press("With an access token")
        browser.fill("token", people.ADMIN_TOKEN)
        browser.press("Sign in with the token")
        browser.await_address("/settings")
        for _ in range(max(1, min(repeats, 5))):
            for view in views:
                browser.open(target.url + view.path)
                view.readable.append(float(browser.driver.execute_script(_READABLE)))


_READABLE = """
const page = performance.getEntriesByType("navigation")[0];
const paint = performance.getEntriesByName("first-contentful-paint")[0];
return Math.max(page.domContentLoadedEventEnd, paint ? paint.startTime : 0);
"""


def _fill(backend: Backend, admin: Caller, size: Size) -> None:
    # The copies come last: an organization has a limit, which only the services keep.
    first = factory.make_stack(backend, admin, "stack", project="first", org=ORG, tags={"env": "prod"})
    factory.make_version(backend, admin, first, "a", "b")
    big = factory.make_stack(backend, admin, "state", project="big", org=ORG)
    for version in range(_VERSIONS):
        factory.import_state(backend, admin, big, make_state(*_resources(version, size.resources)))
    _run(backend, admin, "events", _steps(size.steps))
    _run(backend, admin, "log", _lines(size.lines))
    _copy(backend, first, size.stacks)
    _copy_environment(backend, admin, size.environments)


def _copy(backend: Backend, path: StackPath, count: int) -> None:
    """Insert copies of a stack with its updates and tags: through the services it would take minutes."""
    with backend.db.begin() as tx:
        stack = dict(tx.execute(select(stacks).where(stacks.c.project == path.project)).mappings().one())
        history = [dict(row) for row in tx.execute(select(updates).where(updates.c.stack_id == stack["id"])).mappings()]
        tags = [dict(row) for row in tx.execute(select(stack_tags).where(stack_tags.c.stack_id == stack["id"])).mappings()]
        made: dict[Table, list[dict[str, Any]]] = {stacks: [], updates: [], stack_tags: []}
        for number in range(count):
            stack_id, project = new_id(), ("payments", "web", "data", "search", "mail")[number % 5]
            names = {"project": f"{project}-{number % 100:02}", "name": f"stack-{number:05}"}
            made[stacks].append({**stack, "id": stack_id, **names})
            made[updates] += [{**row, "id": new_id(), "stack_id": stack_id} for row in history]
            made[stack_tags] += [{**row, "stack_id": stack_id} for row in tags]
        for table, values in made.items():
            if values:
                tx.execute(insert(table), values)


def _copy_environment(backend: Backend, admin: Caller, count: int) -> None:
    """Insert copies of an environment, each with two tags of its own."""
    path = make_environment(backend, admin, "payments-00/service")
    for name in ("team", "cost-center"):
        tag_service.create_tag(backend, admin, path, name, "first")
    with backend.db.begin() as tx:
        environment = dict(tx.execute(select(environments)).mappings().one())
        tags = [dict(row) for row in tx.execute(select(environment_tags)).mappings()]
        made: dict[Table, list[dict[str, Any]]] = {environments: [], environment_tags: []}
        for number in range(count):
            environment_id, stage = new_id(), ("dev", "test", "prod")[number % 3]
            names = {"project": f"payments-{number % 40:02}", "name": f"service-{number:05}-{stage}"}
            made[environments].append({**environment, "id": environment_id, **names})
            values = {"team": f"team-{number % 50}", "cost-center": f"c{number % 200}"}
            made[environment_tags] += [
                {**row, "id": new_id(), "environment_id": environment_id, "value": values[row["name"]]} for row in tags
            ]
        for table, rows_made in made.items():
            tx.execute(insert(table), rows_made)


def _resources(version: int, count: int) -> Iterator[dict[str, Any]]:
    yield {"urn": ROOT, "custom": False, "type": "pulumi:pulumi:Stack", "outputs": {"url": "https://shop.example.com"}}
    for number in range(count - 1):
        parent = ROOT if number < 50 else urn(f"r{number // 50}")
        values = {"name": f"item-{number}", "size": version if number % 100 == 0 else 1, "text": "x" * 200}
        needs = [urn(f"r{number - 1}")] if number % 3 else []
        yield make_resource(
            f"r{number}", parent=parent, dependencies=needs, inputs=values, outputs={**values, "arn": f"a:{number}"}
        )


def _steps(count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        old, new = {"inputs": {"size": 1, "text": "x" * 100}}, {"inputs": {"size": 2, "text": "x" * 100}}
        metadata = {
            "op": "update" if number % 4 == 0 else "same",
            "urn": urn(f"r{number}"),
            "type": "test:m:Res",
            "old": old,
            "new": new,
        }
        yield {"timestamp": number, "resourcePreEvent": {"metadata": metadata}}
        yield {"timestamp": number + 1, "resOutputsEvent": {"metadata": metadata}}


def _lines(count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        yield {"timestamp": number, "stdoutEvent": {"message": f"line {number} of what the program prints\n", "color": "raw"}}


def _run(backend: Backend, admin: Caller, name: str, events: Iterator[dict[str, Any]]) -> None:
    path = factory.make_stack(backend, admin, name, project="big", org=ORG)
    config = {f"big:key{number}": {"string": "value", "secret": False} for number in range(30)}
    update = factory.start(backend, admin, path, factory.make_update(backend, admin, path, config=config))
    numbered = [{"sequence": number, **event} for number, event in enumerate(events, 1)]
    for begin in range(0, len(numbered), _BATCH):
        factory.record_events(backend, update, *numbered[begin : begin + _BATCH])
    factory.complete(backend, update)
