"""The hourly export of audit logs: requests and replies. What has "azure" in its name, and `externalId`, are our own."""

import msgspec
from msgspec import UNSET, UnsetType


class AuditLogsExportS3Config(msgspec.Struct):
    """Upstream: AuditLogsExportS3Config."""

    s3_bucket_name: str = msgspec.field(default="", name="s3BucketName")
    s3_path_prefix: str | UnsetType | None = msgspec.field(default=UNSET, name="s3PathPrefix")
    iam_role_arn: str = msgspec.field(default="", name="iamRoleArn")


class AuditLogsExportS3CompatibleConfig(msgspec.Struct):
    """Upstream: AuditLogsExportS3CompatibleConfig; the secret is never part of a reply."""

    endpoint: str = ""
    region: str | UnsetType | None = UNSET
    s3_bucket_name: str = msgspec.field(default="", name="s3BucketName")
    s3_path_prefix: str | UnsetType | None = msgspec.field(default=UNSET, name="s3PathPrefix")
    access_key_id: str = msgspec.field(default="", name="accessKeyId")
    secret_access_key: str | UnsetType | None = msgspec.field(default=UNSET, name="secretAccessKey")


class AuditLogsExportAzureConfig(msgspec.Struct):
    """A container of Azure Blob Storage; the signature is never part of a reply."""

    container_url: str = msgspec.field(default="", name="containerUrl")
    path_prefix: str | UnsetType | None = msgspec.field(default=UNSET, name="pathPrefix")
    sas_token: str | UnsetType | None = msgspec.field(default=UNSET, name="sasToken")


class AuditLogExportResult(msgspec.Struct):
    """Upstream: AuditLogExportResult; in unix seconds, and with an empty message after a success."""

    timestamp: int
    message: str


class UpdateOrganizationAuditLogExportSettingsRequest(msgspec.Struct):
    """Upstream: UpdateOrganizationAuditLogExportSettingsRequest; one of the configurations."""

    new_enabled: bool = msgspec.field(name="newEnabled")
    new_s3_configuration: AuditLogsExportS3Config | None = msgspec.field(default=None, name="newS3Configuration")
    new_s3_compatible_configuration: AuditLogsExportS3CompatibleConfig | None = msgspec.field(
        default=None, name="newS3CompatibleConfiguration"
    )
    new_azure_configuration: AuditLogsExportAzureConfig | None = msgspec.field(default=None, name="newAzureConfiguration")


class OrganizationAuditLogExportSettings(msgspec.Struct):
    """Upstream: OrganizationAuditLogExportSettings; clients need `s3Config` whatever the destination."""

    enabled: bool
    s3_config: AuditLogsExportS3Config = msgspec.field(name="s3Config")
    last_result: AuditLogExportResult = msgspec.field(name="lastResult")
    external_id: str = msgspec.field(name="externalId")
    s3_compatible_config: AuditLogsExportS3CompatibleConfig | UnsetType = msgspec.field(default=UNSET, name="s3CompatibleConfig")
    azure_config: AuditLogsExportAzureConfig | UnsetType = msgspec.field(default=UNSET, name="azureConfig")
