"""A grant on a stack, and the text in which the row of a deleted stack keeps its grants. No I/O."""

from collections.abc import Sequence

import msgspec


class StackGrant(msgspec.Struct, frozen=True, array_like=True):
    """What a team or a user has on a stack: a level, or a permission set."""

    principal_id: str
    is_team: bool
    permission: int
    set_id: str | None


def encode(grants: Sequence[StackGrant]) -> str:
    """Return grants as text."""
    return msgspec.json.encode(grants).decode()


def decode(text: str) -> list[StackGrant]:
    """Return the grants of a text."""
    return msgspec.json.decode(text, type=list[StackGrant])
