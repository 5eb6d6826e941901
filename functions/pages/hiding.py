"""Keeps pages from telling what a visitor may not know: what is missing and what is forbidden is the same page."""

from collections.abc import Callable
from typing import TypeVar

from common.core.errors import Forbidden, NotFound

_T = TypeVar("_T")


def unless_hidden(find: Callable[[], _T]) -> _T:
    """Return what a look-up returns; NotFound in the same words for what is not there and for what the visitor may not see."""
    try:
        return find()
    except (NotFound, Forbidden) as error:
        raise missing() from error


def missing() -> NotFound:
    """Return the error for a page that is not there, or not for this visitor."""
    return NotFound("there is no such page, or you may not see it")
