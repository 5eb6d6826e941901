"""Scenes of the audit log."""

import time

from pulumi_cloud_sdk import models

from common.rights.permissions import Role
from tests.contract.sdk_scene import Scene, refused, scene

CREATED = "organization-token-created"


def make_tokens(where: Scene, count: int) -> None:
    """Make something that is recorded."""
    for number in range(count):
        where.admin.orgs.create_org_token(where.org, models.CreateOrgAccessTokenRequest("", 0, f"ci_{number}", False))


@scene
def list_audit_log_events_handler_v1(where: Scene) -> None:
    """The first version goes back from a moment, page by page, and is not for everyone."""
    make_tokens(where, 101)
    first = where.admin.orgs.list_audit_log_events_handler_v1(where.org, start_time=int(time.time()) + 5)
    rest = where.admin.orgs.list_audit_log_events_handler_v1(where.org, continuation_token=first.continuation_token)

    assert (100, 1, None) == (len(first.audit_log_events), len(rest.audit_log_events), rest.continuation_token)
    with refused(403):
        where.person(role=Role.MEMBER).orgs.list_audit_log_events_handler_v1(where.org, start_time=int(time.time()))


@scene
def list_audit_log_events_handler_v2(where: Scene) -> None:
    """The second version lies between two moments, and is narrowed by event and by user."""
    make_tokens(where, 1)
    query = {"start_time": int(time.time()) - 60, "end_time": int(time.time()) + 60, "user_filter": where.admin.login}
    (event,) = where.admin.orgs.list_audit_log_events_handler_v2(where.org, event_filter=CREATED, **query).audit_log_events

    assert (CREATED, where.admin.login, True, False) == (
        event.event,
        event.user.github_login,
        event.req_org_admin,
        event.auth_failure,
    )
    with refused(404):
        where.admin.orgs.list_audit_log_events_handler_v2(where.org, user_filter="nobody")


@scene
def export_audit_log_events_handler_v1(where: Scene) -> None:
    """An export is text for a security system."""
    make_tokens(where, 1)

    text = where.admin.orgs.export_audit_log_events_handler_v1(where.org, start_time=int(time.time()) + 5, format="cef")

    assert f"|{CREATED}|" in text


@scene
def export_audit_log_events_handler_v2(where: Scene) -> None:
    """An export is text for a spreadsheet."""
    make_tokens(where, 1)

    assert CREATED in where.admin.orgs.export_audit_log_events_handler_v2(where.org, format="csv")


@scene
def list_audit_log_event_types(where: Scene) -> None:
    """What can be in the log is explained."""
    found = where.admin.orgs.list_audit_log_event_types(where.org).event_types

    assert CREATED in [kind.event for kind in found]


@scene
def get_audit_logs_reader_kind(where: Scene) -> None:
    """Where the log is kept."""
    assert where.admin.orgs.get_audit_logs_reader_kind(where.org)
