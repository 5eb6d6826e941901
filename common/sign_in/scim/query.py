"""Which resources of a list are asked for, and a page of them: values, no I/O."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from common.sign_in.scim.filters import Condition

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which resources are asked for: all conditions hold, from the `start`-th (the first is 1) at most `count`."""

    conditions: tuple[Condition, ...] = ()
    start: int = 1
    count: int = 100
    with_members: bool = True


@dataclass(frozen=True, slots=True)
class Page(Generic[_T]):
    """Some resources, where they stand in the whole, and how many there are."""

    total: int
    start: int
    found: list[_T]
