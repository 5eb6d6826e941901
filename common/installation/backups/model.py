"""What a backup consists of: a manifest, which names the parts of each table and the lists of documents, with their hashes.

Places of a backup in its folder or bucket:

    manifests/<id>                 written last: a backup without it does not exist
    tables/<id>/<table>/<number>   rows, one JSON array a line, gzip
    lists/<id>/<number>            the documents of the backup, one JSON array a line, gzip
    documents/<key>                each document once, shared by all backups in the place, as it is stored
    unfinished/<id>                documents that a backup has copied so far; removed at its end
    keys/<id>                      the local master key, only where the operator asked for it
"""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import msgspec

from common.core.clock import from_millis

FORMAT = 1
_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}")
MANIFESTS, TABLES, LISTS, DOCUMENTS, UNFINISHED, KEYS = (
    "manifests/",
    "tables/",
    "lists/",
    "documents/",
    "unfinished/",
    "keys/",
)

# Tables that a backup leaves out, with the reason.
LEFT_OUT = {
    "backup_runs": "runs of this command, of the installation that they are of",
    "environment_sessions": "opened environments, which clients open again",
    "jobs": "when the scheduled jobs are due",
    "one_time_links": "links that sign in or confirm an address, good for an hour",
    "saml_answers": "sign-ins under way",
    "sign_ins": "sign-ins under way",
    "throttles": "failed sign-ins of the last minutes",
}
# The service's key that a backup leaves out: what it signed is not good in a restored installation, which makes a new one.
LEASE_KEY = "lease"
ADVICE = "Run `stackhold backup` (docs/backup.md), or set STACKHOLD_BACKUP_DAYS=0 if backups are made in another way."
_DAY_MILLIS = 86_400_000
LEASES = {"leases": "of running updates, which end as interrupted ones"}


class Column(msgspec.Struct, frozen=True):
    """A column: its name, and how its values are written."""

    name: str
    type: str


class Part(msgspec.Struct, frozen=True):
    """A file of a backup: its key, its SHA-256 in hexadecimal, and how many lines and bytes it has."""

    key: str
    digest: str
    lines: int
    size: int


class TableDump(msgspec.Struct, frozen=True):
    """The rows of a table, in the order of its primary key."""

    name: str
    columns: list[Column]
    parts: list[Part]

    @property
    def rows(self) -> int:
        """Return the number of rows."""
        return sum(part.lines for part in self.parts)


class Manifest(msgspec.Struct, frozen=True, rename="camel"):
    """One backup. `missing` are documents that the installation had lost; `master_keys` wrapped so many data keys each."""

    format: int
    id: str
    created_at: int
    release: str
    revision: str
    tables: list[TableDump]
    documents: list[Part]
    document_bytes: int
    missing: list[str]
    master_keys: dict[str, int]
    left_out: dict[str, str]
    has_key: bool = False

    @property
    def document_count(self) -> int:
        """Return the number of documents."""
        return sum(part.lines for part in self.documents)

    @property
    def rows(self) -> int:
        """Return the number of rows of all tables."""
        return sum(table.rows for table in self.tables)


@dataclass(slots=True)
class BackupRun:
    """A run of `stackhold backup`: where it put the backup, without credentials, and how it ended. Times in unix milliseconds.

    `ended_at` is None while it runs, and for good where it was killed. `copied_bytes` are those of documents that the place did
    not have; `missing` counts documents that the installation itself had lost.
    """

    id: str
    began_at: int
    place: str
    release: str
    ended_at: int | None = None
    backup_id: str = ""
    rows: int = 0
    documents: int = 0
    document_bytes: int = 0
    copied_bytes: int = 0
    missing: int = 0
    problem: str = ""

    @property
    def is_good(self) -> bool:
        """Tell whether there is a backup of this run."""
        return self.ended_at is not None and not self.problem

    @property
    def words(self) -> str:
        """Return what an operator should know of a good backup."""
        seconds = max(0, (self.ended_at or self.began_at) - self.began_at) / 1000
        lost = f"; {self.missing:,} documents were missing" if self.missing else ""
        return (
            f"{self.backup_id}, of {from_millis(self.began_at):%Y-%m-%d %H:%M} UTC, in {self.place}: {self.rows:,} rows and"
            f" {self.documents:,} documents with {self.document_bytes:,} bytes, in {seconds:,.0f} s{lost}"
        )


@dataclass(frozen=True, slots=True)
class BackupStatus:
    """The last good backup, the newest runs, the newest first, and what is wrong, a line each."""

    last_good: BackupRun | None
    runs: tuple[BackupRun, ...]
    warnings: tuple[str, ...]


def assess(runs: list[BackupRun], now_millis: int, *, installed_at: int, days: int) -> BackupStatus:
    """Return how the backups of an installation stand: its runs, the newest first, and after how many days one is too old.

    0 days: the operator does without, or makes backups in another way.
    """
    # One that began in the future was noted while a clock was ahead: it would hide those after it, and never grow old.
    past = [run for run in runs if run.began_at <= now_millis + _DAY_MILLIS]
    last, good = next(iter(past), None), next((run for run in past if run.is_good), None)
    if days == 0:
        return BackupStatus(good, tuple(runs), ())
    warnings = list[str]()
    if last is not None and last is not good:
        began_at = f"{from_millis(last.began_at):%Y-%m-%d %H:%M} UTC"
        if last.problem:
            warnings.append(f"The last backup, of {began_at}, failed: {last.problem}")
        elif now_millis - last.began_at > _DAY_MILLIS:
            warnings.append(f"The last backup, begun on {began_at}, did not end.")
    age_days = (now_millis - (good.began_at if good else installed_at)) // _DAY_MILLIS
    if age_days >= days:
        what = f"The last good backup is {age_days:,} days old." if good else "There is no backup of this installation."
        warnings.append(f"{what} {ADVICE}")
    return BackupStatus(good, tuple(runs), tuple(warnings))


# Type → how a value is read from JSON. The encoder writes bytes as base64, and what JSON has no type for as text.
READERS: dict[str, Callable[[str], object]] = {
    "bytes": base64.b64decode,
    "decimal": Decimal,
    "time": datetime.fromisoformat,
}
TYPES = {"boolean", "integer", "float", "text", *READERS}


def is_backup_id(text: str) -> bool:
    """Tell whether a text has the form of a backup's id."""
    return _ID.fullmatch(text) is not None


def encode_row(values: tuple[object, ...]) -> bytes:
    """Return the line of a row."""
    return msgspec.json.encode(values)


def decode_row(line: bytes, columns: list[Column]) -> dict[str, object]:
    """Return the values of a row by their columns."""
    values = msgspec.json.decode(line, type=list[object])
    return {column.name: _value(column.type, value) for column, value in zip(columns, values, strict=True)}


def _value(kind: str, value: object) -> object:
    reader = READERS.get(kind)
    return value if reader is None or value is None else reader(str(value))
