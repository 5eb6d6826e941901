"""What an organization uses."""

from common.rights.permissions import Permission
from tests.authorization.needs import MEMBER, Row, org
from tests.authorization.requests import O, row

ROWS: tuple[Row, ...] = (
    row("GET", f"{O}/resources/summary", org(Permission.ORGANIZATION_READ_USAGE), query={"lookbackDays": "30"}),
    row("GET", f"{O}/secrets/summary", org(Permission.ORGANIZATION_READ_USAGE), query={"lookbackDays": "30"}),
    row("GET", f"{O}/packages/usage", MEMBER, query={"packageName": "aws"}),
)
