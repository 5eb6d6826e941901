"""A stack and its newest version. No I/O.

A stack's versions are rows of the `updates` table; version 0 is its creation. The newest version's row is the lock: the stack is
busy while that update runs with a valid lease, or is being finished (docs/decisions/0001).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from common.core.clock import unix_millis
from common.core.errors import BadRequest
from common.core.ids import is_id
from common.rights.membership import Grant
from common.rights.predicate import Entity, EntityKind


class Kind(StrEnum):
    """The operation that created a version, in upstream's spelling; `create` and `delete` are ours and in no history."""

    UPDATE = "update"
    PREVIEW = "preview"
    REFRESH = "refresh"
    DESTROY = "destroy"
    IMPORT = "import"
    RENAME = "rename"
    RESOURCE_IMPORT = "resource-import"
    CREATE = "create"
    DELETE = "delete"


class Status(StrEnum):
    """The status of an update. FINISHING: the server accepts no more entries and builds the state."""

    NOT_STARTED = "not started"
    RUNNING = "running"
    FINISHING = "finishing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Outcome(StrEnum):
    """How an update ends. EXPIRED is a failure without a word from the client, which may still call `complete` later.

    DAMAGED is a failure for which the server could not build a state: the state before it stays, and so does the journal.
    """

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    DAMAGED = "damaged"

    @property
    def status(self) -> Status:
        """Return the status of an update with this outcome."""
        return Status.FAILED if self in (Outcome.EXPIRED, Outcome.DAMAGED) else Status(self.value)


@dataclass(frozen=True, slots=True)
class StackPath:
    """A stack as clients name it."""

    org: str
    project: str
    name: str

    def __str__(self) -> str:
        """Return `org/project/name`."""
        return f"{self.org}/{self.project}/{self.name}"


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a stack: an organization by its id, and the name there."""

    org_id: str
    project: str
    name: str


@dataclass(frozen=True, slots=True)
class Version:
    """The row of a stack's version; times are unix milliseconds, checkpoints are blob keys (None: no state yet).

    `resource_order`: another order of the checkpoint's resources, as the JSON list of their positions in it. `damage`: why the
    server could not build the state of the version, or what is missing in it. `integrity_error`: the first rule of Pulumi's
    engine that the state breaks.
    """

    update_id: str
    version: int
    kind: Kind
    status: Status
    started_at: int | None
    ended_at: int | None
    lease_expires_at: int | None
    author: str
    origin: str
    base_checkpoint: str | None
    checkpoint: str | None
    written_as: StackPath
    resource_count: int
    journal_version: int
    cli_version: str
    resource_order: str | None = None
    damage: str | None = None
    integrity_error: str | None = None

    def is_busy(self, now_millis: int) -> bool:
        """Tell whether this update locks the stack: it runs with a valid lease, or a process is finishing it."""
        if self.status is Status.RUNNING:
            return (self.lease_expires_at or 0) > now_millis
        return self.status is Status.FINISHING and (self.ended_at or 0) > now_millis - FINISHING_MILLIS

    def is_open(self) -> bool:
        """Tell whether the update has not ended, with or without a valid lease."""
        return self.status in (Status.RUNNING, Status.FINISHING)


@dataclass(frozen=True, slots=True)
class UpdateMails:
    """Whether the stack's owner gets a mail when an update fails, and when one succeeds."""

    on_failure: bool = False
    on_success: bool = False


@dataclass(frozen=True, slots=True)
class AnnotationName:
    """What an annotation of a stack is found by: its kind, and what wrote it, or an empty text."""

    kind: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Annotation:
    """A JSON document that clients keep with a stack; `version` counts how often it was written."""

    version: int
    document: bytes


def is_version(number: int) -> bool:
    """Tell whether a version can have this number; another one needs no query."""
    return 0 < number <= _LARGEST_VERSION


@dataclass(frozen=True, slots=True)
class VersionReference:
    """What names a version of a stack: its number, the id of the update that made it, or a time; by none it is the newest.

    A time, in unix milliseconds, names the newest version that had ended by then.
    """

    number: int | None = None
    update_id: str | None = None
    at: int | None = None

    def __str__(self) -> str:
        """Return what a person reads where there is no such version."""
        if self.number is not None:
            return f"version {self.number}"
        if self.update_id is not None:
            return f"update {self.update_id}"
        return "version at that time" if self.at is not None else "version"

    @classmethod
    def parse(cls, text: str) -> "VersionReference":
        """Return what a text from a client names: `latest`, a number, an update's id, or a time of RFC 3339. Raises BadRequest.

        A time without a zone is in UTC, and a date stands for its beginning.
        """
        if text in ("", "latest"):
            return cls()
        if text.isascii() and text.isdigit():
            return cls(number=int(text[:_LONG_NUMBER]))
        if is_id(text):
            return cls(update_id=text)
        try:
            moment = datetime.fromisoformat(text)
            return cls(at=unix_millis(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)))
        except (ValueError, OverflowError):
            raise BadRequest(
                f"{text[:80]!a} names no version: give `latest`, a number, an update's id, or a time such as 2030-01-31T12:00:00Z"
            ) from None


# Longer than any number of a version.
_LONG_NUMBER = 12
# Clients read this time as "in progress" (client: isUpdateInProgress in cmd/pulumi/stack/stack_list.go).
IN_PROGRESS = 0
# A process finishes an update in far less than this; one that takes longer has died, and another may repeat the work.
FINISHING_MILLIS = 60_000
# The largest value of the column.
_LARGEST_VERSION = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class Stack:
    """A live stack and its newest version. `config` is the JSON text as the client sent it.

    `grants` are those of the caller who loaded the stack, and of their teams, on this stack alone. `has_webhooks`:
    an active webhook of the stack or its organization may be subscribed to its events. `managed_environment` is the environment
    that belongs to the stack, as `project/name`; it may have been deleted since.
    """

    id: str
    org_id: str
    path: StackPath
    tags: dict[str, str]
    config: bytes | None
    wrapped_key: bytes
    created_by: str
    latest: Version
    grants: tuple[Grant, ...] = ()
    has_webhooks: bool = False
    managed_environment: str | None = None

    @property
    def entity(self) -> Entity:
        """Return the stack in the form that role rules match."""
        return Entity(EntityKind.STACK, self.id, self.tags)

    def running_text(self) -> str:
        """Return who runs an update of the stack, since when and from where, for a user who cannot start one."""
        latest = self.latest
        since = datetime.fromtimestamp((latest.started_at or 0) / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        where = f" from {latest.origin}" if latest.origin else ""
        return f"{latest.author} has been running {latest.kind} of {self.path} since {since}{where}"


@dataclass(frozen=True, slots=True)
class ListedStack:
    """A stack in a list; `last_update` is in unix seconds, IN_PROGRESS while one runs. Both are None before the first update."""

    id: str
    path: StackPath
    resource_count: int | None
    last_update: int | None


@dataclass(frozen=True, slots=True)
class DeletedStack:
    """A deleted stack that can be restored, and its last version; times are unix milliseconds."""

    id: str
    project: str
    name: str
    deleted_at: int
    version: int
    status: Status
    started_at: int
    ended_at: int
    resource_count: int


@dataclass(frozen=True, slots=True)
class OrganizationStack:
    """A stack and its newest version; times are unix milliseconds."""

    id: str
    project: str
    name: str
    tags: dict[str, str]
    version: int
    status: Status
    started_at: int
    ended_at: int
    resource_count: int


@dataclass(frozen=True, slots=True, order=True)
class NamedEnvironment:
    """An environment of the stack's organization as a client names it, with a revision number or a revision tag."""

    project: str
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class EnvironmentUse:
    """An update of a stack that was run with an environment, and the version by which it named that."""

    project: str
    stack: str
    number: int
    version: str
