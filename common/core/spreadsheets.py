"""Lines of CSV for spreadsheets. No I/O."""

import csv
import io
from collections.abc import Iterable

# A spreadsheet reads a cell that begins like this as a formula, and anyone may choose such a name.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_line(cells: Iterable[str]) -> str:
    """Return a line with its end; a cell that would be a formula begins with an apostrophe."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells)
    return text.getvalue()
