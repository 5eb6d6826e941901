"""Data keys as they are stored, as values. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass

from common.core.errors import BackendError

_SERVICE_KEYS = "service_keys"


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key as it is stored, with the name of its table and the id of its owner."""

    table: str
    id: str
    wrapped_key: bytes

    @property
    def context(self) -> str:
        """Return what the key is bound to."""
        return context_of(self.table, self.id)

    def __str__(self) -> str:
        """Name the owner for an operator."""
        return f"{self.table.removesuffix('s').replace('_', ' ')} {self.id}"


@dataclass(frozen=True, slots=True)
class RetiredKey:
    """A data key that an owner had before; what it is bound to is its own id."""

    id: str
    owner_id: str
    wrapped_key: bytes
    retired_at: int


@dataclass(frozen=True, slots=True)
class OtherKeys:
    """The plain data keys that an owner has besides one; `problem` says why some of them do not open."""

    keys: Sequence[bytes] = ()
    problem: BackendError | None = None


def context_of(table: str, owner_id: str) -> str:
    """Return what a data key of a table is bound to."""
    return f"service:{owner_id}" if table == _SERVICE_KEYS else owner_id
