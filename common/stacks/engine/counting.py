"""Counts the elements of an object or list from a client before there is a Python object for each of them.

A few bytes of text may become an object of a hundred bytes: a state within its limit could take gigabytes once it is opened.
"""

from collections.abc import Callable
from contextvars import ContextVar

import msgspec
from msgspec import Raw

from common.stacks.engine.jsontext import BadDocument

# Far above real numbers: the largest stacks have some ten thousand resources.
MOST_ITEMS = 200_000
MOST_MEMBERS = 10_000
# A shorter text cannot hold enough of them to matter.
SHORT_BYTES = 1 << 20


class TooMany(Exception):
    """There are more elements than the limit."""


_left = ContextVar("_left", default=0)


def _count() -> None:
    left = _left.get()
    if left <= 0:
        raise TooMany
    _left.set(left - 1)


class Item(msgspec.Struct, gc=False):
    """An object in a list: it is counted and not kept."""

    def __post_init__(self) -> None:
        """Count it."""
        _count()


class _Name:
    """The name of a member: it is counted and not kept."""


def _count_name(_type: type, _value: object) -> _Name:
    _count()
    return _Name()


_items_decoder = msgspec.json.Decoder(list[Item])
_members_decoder = msgspec.json.Decoder(dict[_Name, Raw], dec_hook=_count_name)


def require_few_items(text: bytes | Raw, what: str, limit: int = MOST_ITEMS) -> None:
    """Raise BadDocument for a list with more objects than the limit, or for a long one with other elements."""
    _require_few(text, _items_decoder.decode, f"{what} has more than {limit:,} elements", limit)


def require_few_members(text: bytes | Raw, what: str) -> None:
    """Raise BadDocument for an object with more members than any client writes."""
    _require_few(text, _members_decoder.decode, f"{what} has more than {MOST_MEMBERS:,} members", MOST_MEMBERS)


def start(limit: int) -> None:
    """Count the items that this thread decodes from now on: TooMany above the limit."""
    _left.set(limit)


def _require_few(text: bytes | Raw, decode: Callable[[bytes | Raw], object], message: str, limit: int) -> None:
    if len(text) < SHORT_BYTES:
        return
    start(limit)
    try:
        decode(text)
    except TooMany:
        raise BadDocument(message) from None
    except msgspec.ValidationError as error:
        raise BadDocument(f"{message}, or elements of another type: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # The next reader reports the error.
        return
