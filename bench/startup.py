"""How long the program takes to start, and what finding a route costs.

The yardstick for routes is a FastAPI shell with a dispatcher mounted in it that knows 600 operations by the segments of their
addresses and does nothing else: a routed request that needs no caller should stay within three times of it.
"""

import asyncio
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from bench import asgi, budgets, servers
from functions.http.app import create_app

OPERATIONS = 600
_ROUNDS = 5
_CALLS, _BLOCKS = 200, 15
PROGRAMS = {
    "python, nothing imported": "pass",
    "the application (functions.http.app)": "import functions.http.app",
    "the application, every group built": (
        "from functions.http import app, groups\n"
        "dispatcher = app.Dispatcher(None)\nfor group in groups.GROUPS: dispatcher.load(group)"
    ),
    "the command line (stackhold version)": "import sys; from functions.server.cli import app; sys.argv[1:] = ['version']; app()",
}


@dataclass(frozen=True, slots=True)
class Start:
    """How long something takes to be there; `cpu_seconds` is None where it was not taken."""

    name: str
    seconds: float
    cpu_seconds: float | None


@dataclass(frozen=True, slots=True)
class Route:
    """What a call takes that asks for nothing."""

    name: str
    microseconds: float


def starts(folder: Path) -> list[Start]:
    """Return the medians of starting the program's parts, in turns, and of `stackhold serve` until it answers."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in PROGRAMS}
    for _ in range(_ROUNDS):
        for name, program in PROGRAMS.items():
            taken[name].append(run(program))
    found = [Start(name, statistics.median(t[0] for t in ts), statistics.median(t[1] for t in ts)) for name, ts in taken.items()]
    for name in ("serve on a fresh data folder, until it answers", "serve again, until it answers"):
        started = time.perf_counter()
        with ExitStack() as stack:
            stack.enter_context(servers.ours(folder))
            found.append(Start(name, time.perf_counter() - started, None))
    return found


def routes(folder: Path) -> list[Route]:
    """Return what a call takes without routes, through the yardstick and through our application, measured in turns."""
    with budgets.opened(folder) as backend:
        apps: dict[str, tuple[ASGIApp, str]] = {
            "a handler alone": (_answer, "/api/capabilities"),
            f"yardstick: segments of {OPERATIONS} operations": (_yardstick(), "/api/area7/any/op7"),
            "GET /api/capabilities": (create_app(backend), "/api/capabilities"),
            "GET /healthz": (create_app(backend), "/healthz"),
        }
        return asyncio.run(_timed(apps))


class Yardstick:
    """Finds a handler by walking a tree of segments; `*` stands for any."""

    def __init__(self, operations: int) -> None:
        self._tree: dict[str, Any] = {}
        for number in range(operations):
            node = self._tree
            for segment in ("api", f"area{number % 20}", "*", f"op{number}"):
                node = node.setdefault(segment, {})
            node["GET"] = _answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers."""
        node = self._tree
        for segment in scope["path"].split("/")[1:]:
            node = node.get(segment) or node["*"]
        await node[scope["method"]](scope, receive, send)


def _yardstick() -> ASGIApp:
    shell = FastAPI(openapi_url=None)
    shell.mount("/", Yardstick(OPERATIONS))
    return shell


async def _answer(_scope: Scope, _receive: Receive, send: Send) -> None:
    body = b'{"capabilities":[]}'
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _timed(apps: dict[str, tuple[ASGIApp, str]]) -> list[Route]:
    blocks: dict[str, list[float]] = {name: [] for name in apps}
    for number in range(_BLOCKS + 1):
        for name, (app, path) in apps.items():
            taken = [(await asgi.call(app, "GET", path)).seconds for _ in range(_CALLS)]
            if number:  # the first block warms up
                blocks[name].append(statistics.median(taken))
    return [Route(name, statistics.median(found) * 1e6) for name, found in blocks.items()]


def run(program: str) -> tuple[float, float]:
    """Run a program in a new interpreter and return its wall time and its CPU time in seconds; CalledProcessError if it fails."""
    before, started = _children_cpu(), time.perf_counter()
    command: Sequence[str] = (sys.executable, "-c", program)
    subprocess.run(command, cwd=Path(__file__).parents[1], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started, _children_cpu() - before


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
