"""A stack that was made in another backend, with the updates that it had there. No I/O."""

from dataclasses import dataclass

from common.core.customer_key import CustomerKey
from common.stacks.model import Kind, StackPath


@dataclass(frozen=True, slots=True)
class PastVersion:
    """An update that has ended elsewhere; times are unix milliseconds, `program` is the request that created it.

    `damage` says what is wrong with its state, which is then that of the version before.
    """

    update_id: str
    version: int
    kind: Kind
    is_success: bool
    started_at: int
    ended_at: int
    user_id: str
    program: bytes
    resource_changes: bytes | None
    checkpoint: str | None
    resource_count: int
    written_as: StackPath
    damage: str | None = None
    integrity_error: str | None = None


@dataclass(frozen=True, slots=True)
class ExistingVersion:
    """A version of a stack that exists already, to be compared with one that is to be imported."""

    version: int
    kind: str
    status: str
    started_at: int | None
    ended_at: int | None
    checkpoint: str | None
    resource_order: str | None


@dataclass(frozen=True, slots=True)
class NewOwner:
    """The organization that stacks are imported into, and the user who will have created them."""

    org_id: str
    org: str
    user_id: str
    login: str
    customer_key: CustomerKey | None = None


@dataclass(frozen=True, slots=True)
class ImportedStack:
    """A stack with its versions in order, whose states are stored; `links` are the stacks that the newest one refers to."""

    id: str
    path: StackPath
    tags: dict[str, str]
    config: bytes | None
    wrapped_key: bytes
    versions: list[PastVersion]
    links: frozenset[tuple[str, str, str]]
