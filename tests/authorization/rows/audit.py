"""The audit log."""

from common.rights.permissions import Permission
from tests.authorization.needs import Row, org
from tests.authorization.requests import O, row

P = Permission

CONFIG = f"{O}/auditlogs/export/config"
# The address of a container that no call reaches.
STORE = {"endpoint": "https://127.0.0.1:9", "s3BucketName": "audit", "accessKeyId": "x", "secretAccessKey": "x"}
AZURE = {"containerUrl": "https://127.0.0.1:9/audit", "sasToken": "sig=x"}

ROWS: tuple[Row, ...] = (
    row("GET", f"{O}/auditlogs", org(P.AUDIT_LOGS_READ), query={"startTime": "1"}),
    row("GET", f"{O}/auditlogs/v2", org(P.AUDIT_LOGS_READ)),
    row("GET", f"{O}/auditlogs/event-types", org(P.AUDIT_LOGS_READ)),
    row("GET", f"{O}/auditlogs/reader-kind", org(P.AUDIT_LOGS_READ)),
    row("GET", f"{O}/auditlogs/export", org(P.AUDIT_LOGS_EXPORT), query={"startTime": "1"}),
    row("GET", f"{O}/auditlogs/v2/export", org(P.AUDIT_LOGS_EXPORT)),
    row("GET", f"{O}/auditlogs/export/downloads/{{download}}", org(P.AUDIT_LOGS_EXPORT), at={"download": "none"}, ok=404),
    row("POST", CONFIG, org(P.AUDIT_LOGS_EXPORT), body={"newEnabled": True, "newAzureConfiguration": AZURE}),
    row("GET", CONFIG, org(P.AUDIT_LOGS_EXPORT)),
    row("POST", f"{CONFIG}/test", org(P.AUDIT_LOGS_EXPORT), body={"s3BucketName": "audit", "iamRoleArn": "x"}, ok=400),
    row("POST", f"{CONFIG}/s3-compatible/test", org(P.AUDIT_LOGS_EXPORT), body=STORE),
    row("POST", f"{CONFIG}/azure/test", org(P.AUDIT_LOGS_EXPORT), body=AZURE),
    row("POST", f"{CONFIG}/force", org(P.AUDIT_LOGS_EXPORT)),
    row("DELETE", CONFIG, org(P.AUDIT_LOGS_EXPORT)),
)
