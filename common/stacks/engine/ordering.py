"""The order of a stored state's resources, where it is another than the stored one.

Steps of an update that changes nothing finish in no fixed order, and the order in which they finish is the new state's
(state.md 6.4). Such a version points to the state that is there already and keeps the order beside it: a JSON list of
positions in the stored state.
"""

from collections.abc import Sequence

import msgspec

from common.stacks.engine.document import reordered

# A longer list is not worth a row: it would be read with the stack each time.
_LIMIT = 10_000


def is_short(order: Sequence[int]) -> bool:
    """Tells whether the order may be kept beside a state."""
    return len(order) <= _LIMIT


def applied(text: bytes, order: str | None) -> bytes:
    """Returns a stored state in its order."""
    return text if order is None else reordered(text, _positions(order))


def composed(order: str | None, following: Sequence[int]) -> str | None:
    """Returns the order that comes of one after another, the second empty if it keeps the first; None is the stored order."""
    if not following:
        return order
    before = _positions(order) if order is not None else range(len(following))
    result = [before[position] for position in following]
    return None if result == list(range(len(result))) else msgspec.json.encode(result).decode()


def _positions(order: str) -> list[int]:
    return msgspec.json.decode(order, type=list[int])
