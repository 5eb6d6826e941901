"""The audit log."""

from common.rights.permissions import Permission
from tests.authorization.needs import Row, org
from tests.authorization.requests import O, row

P = Permission

ROWS: tuple[Row, ...] = (
    row("GET", f"{O}/auditlogs", org(P.AUDIT_LOGS_READ), query={"startTime": "1"}),
    row("GET", f"{O}/auditlogs/v2", org(P.AUDIT_LOGS_READ)),
    row("GET", f"{O}/auditlogs/event-types", org(P.AUDIT_LOGS_READ)),
    row("GET", f"{O}/auditlogs/reader-kind", org(P.AUDIT_LOGS_READ)),
    row("GET", f"{O}/auditlogs/export", org(P.AUDIT_LOGS_EXPORT), query={"startTime": "1"}),
    row("GET", f"{O}/auditlogs/v2/export", org(P.AUDIT_LOGS_EXPORT)),
)
