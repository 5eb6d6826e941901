"""Everything that is counted and measured, once each: the two ways out and the dashboards read these declarations.

Names are those of OpenTelemetry: HTTP and database by its semantic conventions, ours under `stackhold`. Prometheus has them
with underscores, the unit at the end, and `_total` after counters. A label has few values: no organization, no stack.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How values of an instrument add up."""

    COUNTER = "counter"
    UP_DOWN = "up-down counter"
    HISTOGRAM = "histogram"
    # What is at a moment, and means the same whichever process says it.
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Instrument:
    """What is counted or measured. `is_logged` if each value is also a line of the log where that is switched on."""

    name: str
    kind: Kind
    description: str
    labels: tuple[str, ...] = ()
    unit: str = ""
    buckets: tuple[float, ...] = ()
    is_logged: bool = False

    @property
    def prometheus_name(self) -> str:
        """Return the name that Prometheus has of it, `_total` of counters included."""
        unit = {"s": "_seconds", "By": "_bytes"}.get(self.unit, "")
        return self.name.replace(".", "_") + unit + ("_total" if self.kind is Kind.COUNTER else "")


SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
SHORT_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
LONG_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

REQUESTS = Instrument(
    "http.server.request.duration",
    Kind.HISTOGRAM,
    "Duration of HTTP requests.",
    ("http.request.method", "http.route", "http.response.status_code"),
    "s",
    SECONDS,
)
ACTIVE_REQUESTS = Instrument(
    "http.server.active_requests", Kind.UP_DOWN, "HTTP requests that are being answered.", ("http.request.method",)
)
STATEMENTS = Instrument(
    "db.client.operation.duration",
    Kind.HISTOGRAM,
    "Duration of SQL statements.",
    ("db.system.name", "db.operation.name"),
    "s",
    SHORT_SECONDS,
)
STORE_CALLS = Instrument(
    "stackhold.store.duration", Kind.HISTOGRAM, "Duration of calls of the object store.", ("operation", "result"), "s", SECONDS
)
KEY_CALLS = Instrument(
    "stackhold.key_service.duration",
    Kind.HISTOGRAM,
    "Duration of calls of the key service.",
    ("operation", "result"),
    "s",
    SECONDS,
)
OUTGOING_CALLS = Instrument(
    "stackhold.outgoing.duration", Kind.HISTOGRAM, "Duration of HTTP calls to others.", ("purpose", "result"), "s", SECONDS
)
UPDATES = Instrument(
    "stackhold.updates", Kind.COUNTER, "Updates and previews that have ended.", ("kind", "result"), is_logged=True
)
LEASE_EXPIRIES = Instrument("stackhold.lease_expiries", Kind.COUNTER, "Updates whose clients disappeared.", is_logged=True)
JOURNAL_BATCHES = Instrument("stackhold.journal.batches", Kind.COUNTER, "Batches of journal entries that were stored.")
JOURNAL_BYTES = Instrument("stackhold.journal", Kind.COUNTER, "Bytes of journal entries, decompressed.", unit="By")
REPLAY = Instrument(
    "stackhold.replay.duration", Kind.HISTOGRAM, "Time to build a state from a journal.", (), "s", LONG_SECONDS, is_logged=True
)
SIGN_INS = Instrument("stackhold.sign_ins", Kind.COUNTER, "Sign-ins, and failed attempts.", ("result",), is_logged=True)
DENIED = Instrument("stackhold.denied_requests", Kind.COUNTER, "Requests that lacked a permission.", ("area",), is_logged=True)
JOB_RUNS = Instrument("stackhold.job.runs", Kind.COUNTER, "Runs of background jobs.", ("job", "result"))
DELIVERIES = Instrument("stackhold.outbox.deliveries", Kind.COUNTER, "Attempts to deliver a message.", ("topic", "result"))

# What the database knows, so that it is the same whichever process is asked.
DATABASE_UP = Instrument("stackhold.database.up", Kind.GAUGE, "1 if the database answers.")
OUTBOX_MESSAGES = Instrument("stackhold.outbox.messages", Kind.GAUGE, "Messages that wait, and that were given up.", ("state",))
OUTBOX_AGE = Instrument("stackhold.outbox.age", Kind.GAUGE, "Age of the oldest message that waits.", unit="s")
MAILS = Instrument("stackhold.mails", Kind.GAUGE, "Mails that wait.")
JOB_LATENESS = Instrument("stackhold.job.lateness", Kind.GAUGE, "How long a job has been due.", ("job",), unit="s")
JOB_FAILED = Instrument("stackhold.job.failed", Kind.GAUGE, "1 if the last run of a job failed.", ("job",))
RUNNING_UPDATES = Instrument("stackhold.running_updates", Kind.GAUGE, "Updates and previews that run.")
EXPIRED_LEASES = Instrument("stackhold.expired_leases", Kind.GAUGE, "Running updates whose lease has expired.")
STACKS = Instrument("stackhold.stacks", Kind.GAUGE, "Stacks.")
ORGANIZATIONS = Instrument("stackhold.organizations", Kind.GAUGE, "Organizations.")
USERS = Instrument("stackhold.users", Kind.GAUGE, "Users.")

INSTRUMENTS: tuple[Instrument, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Instrument))
GAUGES: tuple[Instrument, ...] = tuple(instrument for instrument in INSTRUMENTS if instrument.kind is Kind.GAUGE)
