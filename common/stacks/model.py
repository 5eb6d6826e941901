"""A stack, its newest version, and what may happen to it next. No I/O.

A stack's versions are rows of the `updates` table; version 0 is its creation. The newest version's row is the lock: the
stack is busy while that row is running under a good lease, or being finished (docs/decisions/0001).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from common.rights.membership import Grant
from common.rights.predicate import Entity, EntityKind


class Kind(StrEnum):
    """What made a version, in upstream's spelling; `create` and `delete` are ours and never shown in a history."""

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
    """Where an update stands. FINISHING: no more entries are taken, the state is being put together."""

    NOT_STARTED = "not started"
    RUNNING = "running"
    FINISHING = "finishing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Outcome(StrEnum):
    """How an update ends; EXPIRED is a failure whose client vanished, so that its late `complete` is recognised.

    DAMAGED is a failure whose state could not be put together: the one before it stays, and the journal is kept.
    """

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    DAMAGED = "damaged"

    @property
    def status(self) -> Status:
        """Return the status that the update has from then on."""
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
    """Where a stack is, or is to go: an organization by id, and the name there."""

    org_id: str
    project: str
    name: str


@dataclass(frozen=True, slots=True)
class Version:
    """The row of a stack's version; times are unix milliseconds, checkpoints are blob keys (None: no state yet).

    `resource_order`: the resources of the checkpoint in another order, as the JSON list of their positions in it. `damage`: what
    was wrong when its state was put together.
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

    def is_busy(self, now_millis: int) -> bool:
        """Tell whether an update holds the stack: it runs under a good lease, or was just being finished."""
        if self.status is Status.RUNNING:
            return (self.lease_expires_at or 0) > now_millis
        return self.status is Status.FINISHING and (self.ended_at or 0) > now_millis - FINISHING_MILLIS

    def is_open(self) -> bool:
        """Tell whether the version still has to be finished, whoever holds it."""
        return self.status in (Status.RUNNING, Status.FINISHING)


def is_version(number: int) -> bool:
    """Tell whether a version can have this number at all, so that an absurd one costs no query."""
    return 0 < number <= _LARGEST_VERSION


# What clients take for "in progress" in the place of a moment (client: isUpdateInProgress in cmd/pulumi/stack/stack_list.go).
IN_PROGRESS = 0
# A process that finishes an update takes far less than this; one that takes longer has died, and another may do it again.
FINISHING_MILLIS = 60_000
# What the column holds.
_LARGEST_VERSION = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class Stack:
    """A live stack and its newest version. `config` is the JSON text as it was given.

    `grants` are what the caller who looked it up, and the caller's teams, were given on this stack alone.
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

    @property
    def entity(self) -> Entity:
        """Return the stack as the rules of roles see it."""
        return Entity(EntityKind.STACK, self.id, self.tags)

    def held_by(self) -> str:
        """Return who holds the stack, since when and from where, for the person whose start was refused."""
        latest = self.latest
        since = datetime.fromtimestamp((latest.started_at or 0) / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        where = f" from {latest.origin}" if latest.origin else ""
        return f"{latest.author} has been running {latest.kind} of {self.path} since {since}{where}"


@dataclass(frozen=True, slots=True)
class Listed:
    """A stack in a listing; `last_update` is in unix seconds, IN_PROGRESS while one runs. Both are None if there was none."""

    id: str
    path: StackPath
    resource_count: int | None
    last_update: int | None


@dataclass(frozen=True, slots=True)
class Deleted:
    """A deleted stack that can still be brought back, and its last version; times are unix milliseconds."""

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
class Summary:
    """A stack and its newest version, version 0 being its creation; times in unix milliseconds."""

    id: str
    project: str
    name: str
    tags: dict[str, str]
    version: int
    status: Status
    started_at: int
    ended_at: int
    resource_count: int
