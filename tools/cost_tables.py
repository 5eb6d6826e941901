"""Writes the tables of what an installation costs into docs/, from the arithmetic that `stackhold cost` uses."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from common.installation.costs import bills as at
from common.installation.costs.model import Bill, Line, Usage, add_up
from common.installation.costs.prices import AS_OF, SOURCES

ROOT = Path(__file__).parents[1]
# A table of a document, and what it is called there.
_PART = re.compile(
    r"(?P<begin><!-- Costs, (?P<name>[\w ]+): written by `make docs` -->\n).*?(?P<end><!-- End of costs -->)", re.DOTALL
)
# An update takes 30 seconds here. How long a database is awake is worked out in docs/costs.md.
SCENARIOS = {
    "0": Usage(0, 0, 0, 0, awake_hours=5, document_gb=0, database_gb=1),
    "1,000": Usage(1000, 0, 30_000, 30_000, awake_hours=143, document_gb=0.1, database_gb=1),
    "100,000": Usage(100_000, 0, 3_000_000, 3_000_000, awake_hours=730, document_gb=10, database_gb=10),
}


def document(name: str) -> Iterator[str]:
    """Yield the lines of a document with its tables written anew; LookupError if it has none."""
    text, count = _PART.subn(_write, (ROOT / name).read_text("utf-8"))
    if not count:
        raise LookupError(f"{name} has no table of costs")
    yield from text.rstrip("\n").split("\n")


def overview() -> Iterator[str]:
    """Yield the rows of all ways to run an installation."""
    yield from (f"| | {' | '.join(f'{name} updates' for name in SCENARIOS)} |", f"|---|{'---:|' * len(SCENARIOS)}")
    for bills in zip(*(at.bills(usage) for usage in SCENARIOS.values()), strict=True):
        yield f"| {bills[0].name} | {' | '.join(_rounded(bill) for bill in bills)} |"


def serverless() -> Iterator[str]:
    """Yield the lines of the bill with a database that pauses, for each number of updates."""
    yield from _side_by_side([at.serverless(usage, has_snapshot=True) for usage in SCENARIOS.values()])


def sources() -> Iterator[str]:
    """Yield the pages that have the prices."""
    yield f"Prices of {AS_OF}: {', '.join(f'[{name}]({address})' for name, address in SOURCES.items())}."


def _side_by_side(bills: list[Bill]) -> Iterator[str]:
    yield from (f"| what | arithmetic, for 1,000 updates | {' | '.join(SCENARIOS)} |", f"|---|---|{'---:|' * len(SCENARIOS)}")
    for lines in zip(*(bill.lines for bill in bills), strict=True):
        yield f"| {lines[1].what} | {lines[1].arithmetic} | {' | '.join(_amount(line, 2) for line in lines)} |"
    sums = [_amount(add_up(bill.lines), 2) for bill in bills]
    yield f"| **together** | | {' | '.join(f'**{text}**' for text in sums)} |"


def _bill(lines: tuple[Line, ...], digits: int) -> Iterator[str]:
    yield from ("| what | arithmetic | $ |", "|---|---|---:|")
    for line in lines:
        yield f"| {line.what} | {line.arithmetic} | {_amount(line, digits)} |"
    yield f"| **together** | | **{_amount(add_up(lines), 2)}** |"


def _rounded(bill: Bill) -> str:
    return _amount(add_up(bill.lines), 0)


def _amount(line: Line, digits: int) -> str:
    low, high = f"{line.usd:,.{digits}f}", f"{line.most_usd:,.{digits}f}"
    return low if low == high else f"{low} to {high}"


_TABLES: dict[str, Callable[[], Iterator[str]]] = {
    "overview": overview,
    "serverless": serverless,
    "sources": sources,
    "AWS idle": lambda: _bill(at.instance(SCENARIOS["0"]).standing, 2),
    "AWS 1 000 updates": lambda: _bill(at.instance(SCENARIOS["1,000"]).usage, 3),
    "Azure idle": lambda: _bill(at.azure(SCENARIOS["0"]).standing, 2),
    "Azure 1 000 updates": lambda: _bill(at.azure(SCENARIOS["1,000"]).usage, 2),
}


def _write(part: re.Match[str]) -> str:
    return "\n".join([part["begin"].rstrip("\n"), *_TABLES[part["name"]](), part["end"]])
