"""The order of a version's resources, if it is not the order in the stored state.

The steps of an update finish in any order, and that is the order of the new state, even if nothing else changed (state.md 6.4).
Such a version refers to the state that is stored already, and its row has the order: a JSON list of positions in that state.
"""

from collections.abc import Sequence

import msgspec

from common.stacks.engine.document import reordered

# A longer list is not kept in the row, which is read with the stack each time.
_LIMIT = 10_000


def is_short(order: Sequence[int]) -> bool:
    """Tell whether the order may be kept in a row."""
    return len(order) <= _LIMIT


def applied(text: bytes, order: str | None) -> bytes:
    """Return a stored state in the order of a version; None is the stored order."""
    return text if order is None else reordered(text, _positions(order))


def composed(order: str | None, following: Sequence[int]) -> str | None:
    """Return the order after a second one is applied to a first one; None is the stored order, an empty second one no change."""
    if not following:
        return order
    before = _positions(order) if order is not None else range(len(following))
    result = [before[position] for position in following]
    return None if result == list(range(len(result))) else msgspec.json.encode(result).decode()


def _positions(order: str) -> list[int]:
    return msgspec.json.decode(order, type=list[int])
