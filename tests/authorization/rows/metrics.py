"""What a monitoring system asks, with a secret of its own."""

from tests.authorization.needs import Row
from tests.authorization.requests import row

ROWS: tuple[Row, ...] = (row("GET", "/metrics", ok=404, case="without the setting"),)
