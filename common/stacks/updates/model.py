"""What a client asks of an update, and what is known of one. No I/O."""

from dataclasses import dataclass
from enum import StrEnum

from common.core.errors import Conflict
from common.stacks.model import Kind, Outcome, Stack, Status

NEWEST_JOURNAL = 2


class Completion(StrEnum):
    """How a client says that its update ended; `cancelled` exists in upstream's type, is never sent, and means failed."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def outcome(self) -> Outcome:
        """Return the outcome to record."""
        return Outcome.SUCCEEDED if self is Completion.SUCCEEDED else Outcome.FAILED


@dataclass(frozen=True, slots=True)
class Program:
    """The request that creates an update: its text, kept as sent, and the one member that decides what it is."""

    text: bytes
    dry_run: bool


@dataclass(frozen=True, slots=True)
class Client:
    """Where a request came from: a description for people, and the CLI's version (`v3.274.1`, empty if unknown)."""

    origin: str
    cli_version: str


@dataclass(frozen=True, slots=True)
class Start:
    """What the client sends to start an update; `tags` None leaves the stack's tags alone."""

    tags: dict[str, str] | None
    journal_version: int


@dataclass(frozen=True, slots=True)
class Started:
    """A running update: its number, lease and journal, and the stack as it was when it started."""

    update_id: str
    version: int
    token: str
    lease_expires_at: int
    journal_version: int
    stack: Stack
    tags: dict[str, str]


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
class Entry:
    """An update or preview in a history; times are unix milliseconds, `program` is the request that created it."""

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


def negotiated_journal(offered: int) -> int:
    """Return the journal version for an offer: the client's or ours, whichever is lower (state.md 6.1)."""
    return max(0, min(offered, NEWEST_JOURNAL))


class InProgress(Conflict):
    """Somebody else holds the stack. Clients compare the message literally, so who it is travels in a warning beside it."""

    def __init__(self, stack: Stack) -> None:
        """Take the holder from the stack's newest version."""
        super().__init__(exact="Conflict: Another update is currently in progress.")
        self.warning = stack.held_by()
