"""Opens the DynamoDB table of audit logs, where the settings name one. It is not asked anything."""

from common.config.sdk import require_sdk
from common.config.settings import Settings
from common.ports.audit_table import AuditTable
from common.ports.aws import Access


def open_audit_table(settings: Settings) -> AuditTable | None:
    """Return the table, or None; raises StartUpError for a name that cannot be one, and where the SDK is missing."""
    setting = Settings.audit_logs_dynamo_table
    if not settings.is_set(setting) or not settings.audit_logs_dynamo_table:
        return None
    require_sdk(setting.name, "botocore", "aws")
    access = Access(region=settings.aws_region, role_arn=settings.aws_role_arn)
    return AuditTable(settings.audit_logs_dynamo_table, access, connections=settings.threads)
