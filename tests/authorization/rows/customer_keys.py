"""The keys that an organization manages itself. Who changes them can lock everyone out, so they are for admins alone."""

from common.rights.permissions import Permission
from tests.authorization.needs import ADMIN, Row, org
from tests.authorization.requests import O, row

NEEDS = (org(Permission.ORGANIZATION_UPDATE), ADMIN)

ROWS: tuple[Row, ...] = (
    row("GET", f"{O}/cmk", *NEEDS),
    row("POST", f"{O}/cmk", *NEEDS, body={"name": "own", "keyType": "service"}, ok=400, case="a key that is there"),
    row("POST", f"{O}/cmk/disable", *NEEDS),
    row("GET", f"{O}/cmk/migration", *NEEDS),
    row("POST", f"{O}/cmk/migration/retry", *NEEDS),
    row("POST", f"{O}/cmk/{{key_id}}/default", *NEEDS),
    row("POST", f"{O}/cmk/{{key_id}}/disable", *NEEDS, body={"destID": "service"}),
)
