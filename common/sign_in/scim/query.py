"""A query for a list of resources, and a page of the result: values, no I/O."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from common.sign_in.scim.filters import Condition

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The resources that meet all conditions: at most `count`, from number `start` on (the first is 1)."""

    conditions: tuple[Condition, ...] = ()
    start: int = 1
    count: int = 100
    with_members: bool = True


@dataclass(frozen=True, slots=True)
class Page(Generic[_T]):
    """Some resources of a list, the number of the first, and how many the list has in total."""

    total: int
    start: int
    resources: list[_T]
