"""Scenes of the hourly export of audit logs."""

import time

from pulumi_cloud_sdk import models

from common.rights.permissions import Role
from tests.contract.sdk_scene import Scene, refused, scene

ROLE = "arn:aws:iam::123456789012:role/audit"
S3 = models.AuditLogsExportS3Config("audit", ROLE, "logs")
REQUEST = models.UpdateOrganizationAuditLogExportSettingsRequest(new_enabled=True, new_s3_configuration=S3)


@scene
def update_audit_log_export_configuration(where: Scene) -> None:
    """Where the log is exported is set by those who may export it."""
    where.admin.orgs.update_audit_log_export_configuration(where.org, REQUEST)

    with refused(403):
        where.person(role=Role.MEMBER).orgs.update_audit_log_export_configuration(where.org, REQUEST)


@scene
def get_audit_log_export_configuration(where: Scene) -> None:
    """Nothing is found before it is set."""
    with refused(404):
        where.admin.orgs.get_audit_log_export_configuration(where.org)
    where.admin.orgs.update_audit_log_export_configuration(where.org, REQUEST)
    found = where.admin.orgs.get_audit_log_export_configuration(where.org)

    assert (True, "audit", ROLE, "logs", "") == (
        found.enabled,
        found.s3_config.s3_bucket_name,
        found.s3_config.iam_role_arn,
        found.s3_config.s3_path_prefix,
        found.last_result.message,
    )


@scene
def delete_audit_log_export_configuration(where: Scene) -> None:
    """After it was deleted nothing is found, and a second time is no error."""
    where.admin.orgs.update_audit_log_export_configuration(where.org, REQUEST)
    where.admin.orgs.delete_audit_log_export_configuration(where.org)
    where.admin.orgs.delete_audit_log_export_configuration(where.org)

    with refused(404):
        where.admin.orgs.get_audit_log_export_configuration(where.org)


@scene
def test_audit_log_export_configuration(where: Scene) -> None:
    """A role that cannot be assumed is the result, and not a failure of the call."""
    found = where.admin.orgs.test_audit_log_export_configuration(where.org, S3)

    assert "" != found.message
    assert abs(found.timestamp - time.time()) < 60


@scene
def force_audit_log_export(where: Scene) -> None:
    """An hour without records is exported at once: there is nothing to write."""
    where.admin.orgs.update_audit_log_export_configuration(where.org, REQUEST)

    assert "" == where.admin.orgs.force_audit_log_export(where.org, timestamp=3_600).message
