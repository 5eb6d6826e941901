"""Updates and previews as values: what a client sends to create and start one, and its row. No I/O."""

from dataclasses import dataclass
from enum import StrEnum

from common.core.errors import Conflict
from common.stacks.engine.policy_groups import RequiredPolicy
from common.stacks.model import Kind, NamedEnvironment, Outcome, Stack, Status

NEWEST_JOURNAL = 2


class Completion(StrEnum):
    """The end of an update as its client reports it. `cancelled` is in upstream's type, is never sent, and counts as failed."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def outcome(self) -> Outcome:
        """Return the outcome to record."""
        return Outcome.SUCCEEDED if self is Completion.SUCCEEDED else Outcome.FAILED


@dataclass(frozen=True, slots=True)
class Program:
    """The request that creates an update: its text, kept as the client sent it, and what the server needs to know of it."""

    text: bytes
    dry_run: bool
    environments: frozenset[NamedEnvironment] = frozenset()


@dataclass(frozen=True, slots=True)
class Client:
    """Where a request came from: a description for people, and the CLI's version (`v3.274.1`, empty if unknown)."""

    origin: str
    cli_version: str


@dataclass(frozen=True, slots=True)
class StartRequest:
    """The request that starts an update; with `tags` None the stack keeps its tags."""

    tags: dict[str, str] | None
    journal_version: int


@dataclass(frozen=True, slots=True)
class StartedUpdate:
    """A running update: its number, lease and journal version, and the stack as it was when the update started.

    `last_good` is the newest version that breaks no rule, if the one that the update began with does and there is one.
    """

    update_id: str
    version: int
    token: str
    lease_expires_at: int
    journal_version: int
    stack: Stack
    tags: dict[str, str]
    required_policies: tuple[RequiredPolicy, ...] = ()
    last_good: int | None = None


@dataclass(frozen=True, slots=True)
class CreatedUpdate:
    """An update that has not started, and the policy packs that its client must run."""

    update_id: str
    required_policies: tuple[RequiredPolicy, ...]


@dataclass(frozen=True, slots=True)
class Update:
    """The row of an update or preview; times are unix milliseconds."""

    id: str
    kind: Kind
    dry_run: bool
    status: Status
    outcome: Outcome | None
    version: int | None


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """An update or preview in a history; times are unix milliseconds, `program` is the request that created it.

    `state_deleted_at` is when the retention policy deleted its state and log, `integrity_error` the first rule of Pulumi's engine
    that the state breaks.
    """

    update_id: str
    kind: Kind
    status: Status
    dry_run: bool
    version: int | None
    program: bytes
    created_at: int
    started_at: int | None
    ended_at: int | None
    resource_count: int
    resource_changes: bytes | None
    author_login: str
    author_name: str
    author_avatar_url: str
    state_deleted_at: int | None = None
    integrity_error: str | None = None


def negotiated_journal(offered: int) -> int:
    """Return the journal version for an offer: the client's or ours, whichever is lower (state.md 6.1)."""
    return max(0, min(offered, NEWEST_JOURNAL))


class InProgress(Conflict):
    """Another update of the stack runs. Clients compare the message literally, so `warning` tells who runs it."""

    def __init__(self, stack: Stack) -> None:
        """Describe the update from the stack's newest version."""
        super().__init__(exact="Conflict: Another update is currently in progress.")
        self.warning = stack.running_text()
