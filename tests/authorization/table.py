"""Who may call what: the page that a security review reads beside common/rights/permissions.py.

The rows are in tests/authorization/rows/, a file for each group of endpoints, and every file there belongs to the table. A row
is a method and an address, what the call needs in the order in which it is asked for, and a request that succeeds for an
administrator. tests/authorization/test_matrix.py makes every call as every kind of caller and holds the answers against this
table; a route that is missing here fails it. Some routes have more rows than one, where what they need depends on what is
asked for. What the needs mean, and which refusals they cause, is said in tests/authorization/needs.py and expected.py.
"""

from importlib import import_module
from pathlib import Path

from tests.authorization.needs import Row

_GROUPS = sorted(path.stem for path in (Path(__file__).parent / "rows").glob("*.py"))
ROWS: tuple[Row, ...] = tuple(
    kind for group in _GROUPS for row in import_module(f"tests.authorization.rows.{group}").ROWS for kind in row.of_kinds()
)
