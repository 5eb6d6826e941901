"""The hash chain of the audit log under eight writers, and what verification finds in logs that were tampered with.

`python -m bench audit` appends 100,000 records of one organization from eight processes, each record in a transaction of its own,
on SQLite and on MySQL, and verifies the log and its export. A shorter log, which the same processes write, is then changed 4,000
times in the database and 4,000 times in its export: each time verification has to name the record. `--records` and `--faults`
make it shorter.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select

from bench import audit_faults
from common.audit import integrity, steps
from common.audit.events import Actor, Event
from common.backend import Backend, open_backend
from common.config.settings import Settings
from common.db.retry import retry
from common.db.tables.audit import audit_events
from functions.server import startup
from tools.mysql import PASSWORD, USER, temporary_server

WRITERS = 8
LONG, SHORT = "organization-long", "organization-short"
SHORT_RECORDS = 400
_PATIENCE = 100
_SEED = 14
HEAD = ("database", "records", "writers", "seconds to append", "gaps", "seconds to verify", "changed", "found", "named wrongly")


@dataclass(frozen=True, slots=True)
class Plan:
    """How many records the long log gets, and how many changes of each kind are made to the short one."""

    records: int = 100_000
    faults: int = 1_000
    short_records: int = SHORT_RECORDS


@dataclass
class Figures:
    """The results on a database. `gaps` counts missing and repeated sequence numbers."""

    database: str
    records: int
    append_seconds: float
    gaps: int
    verify_seconds: float
    problems: list[str] = field(default_factory=list)
    faults: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Tell whether the chain has a gap, does not verify, or a change was not named."""
        return bool(self.gaps or self.problems or self.wrong)


def measure(folder: Path, plan: Plan, databases: tuple[str, ...] = ("SQLite", "MySQL")) -> list[Figures]:
    """Return the results on each database."""
    return [_measure(name, folder / name, plan) for name in databases]


def rows(figures: list[Figures]) -> list[tuple[object, ...]]:
    """Return the rows of a table."""
    return [
        (
            one.database,
            f"{one.records:,}",
            WRITERS,
            f"{one.append_seconds:.0f}",
            one.gaps,
            f"{one.verify_seconds:.1f}",
            one.faults,
            one.faults - len(one.wrong),
            len(one.wrong),
        )
        for one in figures
    ]


@contextmanager
def installation(database: str, folder: Path) -> Iterator[dict[str, str]]:
    """Yield the settings of an empty installation on a database."""
    folder.mkdir(parents=True)
    settings = {"STACKHOLD_DATA": str(folder / "data")}
    if database == "SQLite":
        startup.start(Settings(settings), may_migrate=True).close()
        yield settings
        return
    with temporary_server() as server:
        with closing(server.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE audit CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin")
        settings |= {
            "PULUMI_DATABASE_ENDPOINT": f"127.0.0.1:{server.port}",
            "PULUMI_DATABASE_NAME": "audit",
            "PULUMI_DATABASE_USER_NAME": USER,
            "PULUMI_DATABASE_USER_PASSWORD": PASSWORD,
        }
        startup.start(Settings(settings), may_migrate=True).close()
        yield settings


def _measure(database: str, folder: Path, plan: Plan) -> Figures:
    with installation(database, folder) as settings, closing(open_backend(Settings(settings))) as backend:
        seconds = _append(settings, LONG, plan.records)
        _append(settings, SHORT, plan.short_records)
        began = time.monotonic()
        result = integrity.verify_log(backend, LONG)
        figures = Figures(database, result.chained, seconds, _count_gaps(backend, plan.records), time.monotonic() - began)
        if result.fault is not None:
            figures.problems.append(result.fault.text)
        with tempfile.TemporaryFile() as file:
            file.writelines(integrity.export_log(backend, LONG))
            file.seek(0)
            exported = integrity.verify_export(file)
        if exported != result:
            figures.problems.append("the export differs from the log")
        noise = random.Random(_SEED)
        for outcome in audit_faults.in_database(backend, SHORT, plan.faults, noise):
            figures.faults += 1
            figures.wrong += [outcome] if outcome else []
        for outcome in audit_faults.in_export(list(integrity.export_log(backend, SHORT)), plan.faults, noise):
            figures.faults += 1
            figures.wrong += [outcome] if outcome else []
    return figures


def _append(settings: dict[str, str], org_id: str, count: int) -> float:
    """Append records from all writers at once, and return the seconds that it took."""
    began = time.monotonic()
    counts = [count // WRITERS + (number < count % WRITERS) for number in range(WRITERS)]
    command = [sys.executable, "-m", "bench.audit_chain", json.dumps(settings), org_id]
    writers = [subprocess.Popen([*command, str(number)]) for number in counts]
    codes = [writer.wait() for writer in writers]
    if any(codes):
        raise RuntimeError("a writer failed")
    return time.monotonic() - began


def _write(backend: Backend, org_id: str, count: int) -> None:
    actor = Actor("user-1", "alice", "token-1", "ci", "192.0.2.7")

    def append() -> None:
        with backend.db.begin() as tx:
            steps.record_as(tx, backend, actor, org_id, Event.TEAM_CREATED, description="Made team ops")

    for _ in range(count):
        retry(append, attempts=_PATIENCE)


def _count_gaps(backend: Backend, count: int) -> int:
    of_log = select(func.count(), func.count(func.distinct(audit_events.c.sequence)), func.max(audit_events.c.sequence))
    with backend.db.connect() as connection:
        records, numbers, last = connection.execute(of_log.where(audit_events.c.org_id == LONG)).one()
    return int(abs(count - records) + abs(records - numbers) + abs(last - count))


def main(settings: str, org_id: str, count: str) -> None:
    """Append records as one of the writers."""
    with closing(open_backend(Settings(json.loads(settings)))) as backend:
        _write(backend, org_id, int(count))


if __name__ == "__main__":
    main(*sys.argv[1:])
