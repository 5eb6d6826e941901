"""Pages of lists: which one an address asks for, and the addresses of the ones before and after it."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Query

PAGE_ROWS = 50
_LARGEST_NUMBER = 100_000


def get_page_number(text: Annotated[str, Query(alias="page")] = "") -> int:
    """Return the number of the page in an address, counted from 1; anything that is no number stands for the first."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 1
    return min(max(number, 1), _LARGEST_NUMBER)


@dataclass(frozen=True, slots=True)
class Paging:
    """Where a page stands in its list: addresses of its neighbours, empty without one, and the numbers of its rows."""

    path: str
    filters: dict[str, str]
    number: int
    rows: int
    total: int
    size: int = PAGE_ROWS

    @property
    def first(self) -> int:
        """Return the number of the first row."""
        return (self.number - 1) * self.size + 1

    @property
    def last(self) -> int:
        """Return the number of the last row."""
        return self.first + self.rows - 1

    @property
    def current(self) -> str:
        """Return the address of this page."""
        return self._address(self.number)

    @property
    def previous(self) -> str:
        """Return the address of the page before."""
        return self._address(self.number - 1) if self.number > 1 else ""

    @property
    def following(self) -> str:
        """Return the address of the next page."""
        return self._address(self.number + 1) if self.last < self.total else ""

    def _address(self, number: int) -> str:
        chosen = {name: value for name, value in self.filters.items() if value}
        query = urlencode({**chosen, **({"page": str(number)} if number > 1 else {})})
        return f"{self.path}?{query}" if query else self.path


PageNumberDep = Annotated[int, Depends(get_page_number)]
