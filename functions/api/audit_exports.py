"""The hourly export of an organization's audit log (platform.md 8)."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from msgspec import UNSET, UnsetType

from common.audit.archives import service as exports
from common.audit.archives.model import Destination, Export, Kind, Result
from common.core.errors import BadRequest
from common.wire.audit_exports import (
    AuditLogExportResult,
    AuditLogsExportAzureConfig,
    AuditLogsExportS3CompatibleConfig,
    AuditLogsExportS3Config,
    OrganizationAuditLogExportSettings,
    UpdateOrganizationAuditLogExportSettingsRequest,
)
from functions.http.bodies import BodyDep
from functions.http.deps import BackendDep, CallerDep, empty, reply

router = APIRouter()
_CONFIG = "/api/orgs/{org}/auditlogs/export/config"
# The end of the year 9999.
_LAST_SECOND = 253_402_300_799
_Sent = tuple[Destination, str]


@router.get(_CONFIG)
def get_audit_log_export_configuration(backend: BackendDep, caller: CallerDep, org: str) -> Response:
    return reply(_settings(exports.get_export(backend, caller, org)))


@router.post(_CONFIG)
def update_audit_log_export_configuration(backend: BackendDep, caller: CallerDep, org: str, body: BodyDep) -> Response:
    sent = body.decode(UpdateOrganizationAuditLogExportSettingsRequest)
    destination, secret = _chosen(sent)
    exports.update(backend, caller, org, destination, secret, is_enabled=sent.new_enabled)
    return empty()


@router.delete(_CONFIG)
def delete_audit_log_export_configuration(backend: BackendDep, caller: CallerDep, org: str) -> Response:
    exports.delete(backend, caller, org)
    return empty()


@router.post(f"{_CONFIG}/test")
def test_audit_log_export_configuration(backend: BackendDep, caller: CallerDep, org: str, body: BodyDep) -> Response:
    return _tested(backend, caller, org, _from_s3(body.decode(AuditLogsExportS3Config)))


@router.post(f"{_CONFIG}/s3-compatible/test")
def test_audit_log_export_s3_compatible_configuration(
    backend: BackendDep, caller: CallerDep, org: str, body: BodyDep
) -> Response:
    return _tested(backend, caller, org, _from_compatible(body.decode(AuditLogsExportS3CompatibleConfig)))


@router.post(f"{_CONFIG}/azure/test")
def test_audit_log_export_azure_configuration(backend: BackendDep, caller: CallerDep, org: str, body: BodyDep) -> Response:
    return _tested(backend, caller, org, _from_azure(body.decode(AuditLogsExportAzureConfig)))


@router.post(f"{_CONFIG}/force")
def force_audit_log_export(
    backend: BackendDep,
    caller: CallerDep,
    org: str,
    timestamp: Annotated[int | None, Query(ge=0, le=_LAST_SECOND)] = None,
) -> Response:
    return reply(_result(exports.force(backend, caller, org, timestamp)))


def _chosen(sent: UpdateOrganizationAuditLogExportSettingsRequest) -> tuple[Destination | None, str]:
    """Return the one destination that was sent and its secret. Clients of upstream always send S3, perhaps empty."""
    chosen: list[_Sent] = []
    if sent.new_s3_configuration is not None and (
        sent.new_s3_configuration.s3_bucket_name or sent.new_s3_configuration.iam_role_arn
    ):
        chosen.append(_from_s3(sent.new_s3_configuration))
    if sent.new_s3_compatible_configuration is not None:
        chosen.append(_from_compatible(sent.new_s3_compatible_configuration))
    if sent.new_azure_configuration is not None:
        chosen.append(_from_azure(sent.new_azure_configuration))
    if len(chosen) > 1:
        raise BadRequest("an audit log is exported to one place: send one configuration")
    return chosen[0] if chosen else (None, "")


def _from_s3(sent: AuditLogsExportS3Config) -> _Sent:
    return Destination(Kind.S3, bucket=sent.s3_bucket_name, prefix=sent.s3_path_prefix or "", access=sent.iam_role_arn), ""


def _from_compatible(sent: AuditLogsExportS3CompatibleConfig) -> _Sent:
    destination = Destination(
        Kind.S3_COMPATIBLE,
        sent.endpoint,
        sent.region or "",
        sent.s3_bucket_name,
        sent.s3_path_prefix or "",
        sent.access_key_id,
    )
    return destination, sent.secret_access_key or ""


def _from_azure(sent: AuditLogsExportAzureConfig) -> _Sent:
    return Destination(Kind.AZURE_BLOB, sent.container_url, prefix=sent.path_prefix or ""), sent.sas_token or ""


def _tested(backend: BackendDep, caller: CallerDep, org: str, sent: _Sent) -> Response:
    return reply(_result(exports.try_destination(backend, caller, org, *sent)))


def _settings(export: Export) -> OrganizationAuditLogExportSettings:
    place = export.destination
    prefix: str | UnsetType = place.prefix or UNSET
    settings = OrganizationAuditLogExportSettings(
        export.is_enabled, AuditLogsExportS3Config(), _result(export.result or Result(0, "")), export.org_id
    )
    if place.kind is Kind.S3:
        settings.s3_config = AuditLogsExportS3Config(place.bucket, prefix, place.access)
    elif place.kind is Kind.S3_COMPATIBLE:
        settings.s3_compatible_config = AuditLogsExportS3CompatibleConfig(
            place.address, place.region, place.bucket, prefix, place.access
        )
    else:
        settings.azure_config = AuditLogsExportAzureConfig(place.address, prefix)
    return settings


def _result(result: Result) -> AuditLogExportResult:
    return AuditLogExportResult(result.at // 1000, result.message)
