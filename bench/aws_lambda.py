"""The packed Lambda function under the platform's own runtime client: how it starts, and what a warm call takes.

The yardsticks are a function that does nothing, for the start, and one FastAPI route that returns the same text, for the call.
MySQL, S3 and KMS are stand-ins on this machine, so network distances are not in the figures. `python -m bench.aws_lambda`.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.aws.artifact import Artifact, artifact
from tests.aws.gateway_front import event_of
from tests.aws.installation import Installation, installed
from tests.aws.moto_process import running_moto
from tests.aws.runtime_api import Code, Environment
from tests.mysql.shared import shared_server
from tools.packaging import size_of

_STARTS, _CALLS, _WARM_UP = 9, 600, 30
_NOTHING = "def handler(event, context):\n    return {}\n"
_BARE = """
import sys
sys.path.append({packed!r})
from fastapi import FastAPI
from mangum import Mangum
app = FastAPI()
@app.get("/api/user")
def user():
    return {reply!r}
handler = Mangum(app, lifespan="off")
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """Medians; the start's CPU time is what it takes beyond a function that does nothing."""

    artifact_bytes: int
    python: str
    start_cpu_seconds: float
    start_seconds: float
    first_call_seconds: float
    call_seconds: float
    bare_call_seconds: float


def measure(folder: Path) -> Figures:
    """Return what the artifact of this machine's kind takes."""
    (folder / "mysql").mkdir()
    packed = artifact(folder)
    with running_moto() as moto, shared_server(folder / "mysql") as server, installed(packed, moto, server, folder) as made:
        ours = packed.code(made.environment)
        event = _event(made)
        with closing(Environment(ours, "aws.lambda_api.handler", folder / "ours.log")) as environment:
            first = _first_call(environment, event)
            reply = json.loads(environment.invoke(event)["body"])
            bare = _function(folder / "bare", packed, _BARE.format(packed=str(packed.folder), reply=reply))
            with closing(Environment(bare, "function.handler", folder / "bare.log")) as yardstick:
                calls = _in_turns([lambda: environment.invoke(event), lambda: yardstick.invoke(event)])
        nothing = _function(folder / "nothing", packed, _NOTHING)
        starts = [
            _start(code, handler, folder)
            for _ in range(_STARTS)
            for code, handler in ((ours, "aws.lambda_api.handler"), (nothing, "function.handler"))
        ]
        own, none = starts[::2], starts[1::2]
    return Figures(
        size_of(packed.folder),
        packed.version,
        statistics.median(cpu for cpu, _ in own) - statistics.median(cpu for cpu, _ in none),
        statistics.median(wall for _, wall in own),
        first,
        *calls,
    )


def rows(found: Figures) -> list[tuple[str, str]]:
    """Return (what, how much)."""
    return [
        (f"size of the artifact, Python {found.python}", f"{found.artifact_bytes / 2**20:.1f} MiB"),
        ("start, CPU beyond an empty function", f"{found.start_cpu_seconds * 1000:.0f} ms"),
        ("start, until it asks for the first call", f"{found.start_seconds * 1000:.0f} ms"),
        ("first call, `GET /api/user`", f"{found.first_call_seconds * 1000:.0f} ms"),
        ("warm call, `GET /api/user`", f"{found.call_seconds * 1000:.2f} ms"),
        ("warm call of one bare FastAPI route", f"{found.bare_call_seconds * 1000:.2f} ms"),
        ("ratio of the two", f"{found.call_seconds / found.bare_call_seconds:.2f}"),
    ]


def _event(made: Installation) -> dict[str, object]:
    headers = {"host": "api.example.com", "authorization": f"token {made.token}"}
    return event_of("GET", "/api/user", headers, b"", "192.0.2.1")


def _function(folder: Path, packed: Artifact, source: str) -> Code:
    folder.mkdir()
    (folder / "function.py").write_text(source, encoding="utf-8")
    return Code(folder, packed.python, packed.runtime, {"AWS_EXECUTION_ENV": f"AWS_Lambda_python{packed.version}"})


def _first_call(environment: Environment, event: dict[str, object]) -> float:
    environment.start()
    began = time.perf_counter()
    environment.invoke(event)
    return time.perf_counter() - began


def _in_turns(calls: list[Callable[[], object]]) -> list[float]:
    """Return the median seconds of each call; they take turns, so that both meet the same load of the machine."""
    taken: list[list[float]] = [[] for _ in calls]
    for number in range(_CALLS + _WARM_UP):
        for times, call in zip(taken, calls, strict=True):
            began = time.perf_counter()
            call()
            if number >= _WARM_UP:
                times.append(time.perf_counter() - began)
    return [statistics.median(times) for times in taken]


def _start(code: Code, handler: str, folder: Path) -> tuple[float, float]:
    with closing(Environment(code, handler, folder / "start.log")) as environment:
        wall = environment.start()
        # Of the process alone, at the moment it asked for its first call (proc_pid_stat(5), fields 14 and 15).
        fields = Path(f"/proc/{environment.process_id}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), wall


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="stackhold-bench-") as name:
        sys.stdout.writelines(f"{what}: {value}\n" for what, value in rows(measure(Path(name))))
