"""The audit log: replies."""

import msgspec
from msgspec import UNSET, UnsetType

from common.wire.orgs import MemberInfo


class AuditLogEvent(msgspec.Struct, rename="camel"):
    """Upstream: AuditLogEvent; `timestamp` in unix seconds."""

    timestamp: int
    event: str
    description: str
    user: MemberInfo
    req_org_admin: bool
    req_stack_admin: bool
    auth_failure: bool
    source_ip: str = msgspec.field(name="sourceIP")
    token_id: str | UnsetType = msgspec.field(default=UNSET, name="tokenID")
    token_name: str | UnsetType = UNSET
    actor_name: str | UnsetType = UNSET
    actor_urn: str | UnsetType = UNSET


class ResponseAuditLogs(msgspec.Struct, rename="camel"):
    """Upstream: ResponseAuditLogs."""

    audit_log_events: list[AuditLogEvent]
    continuation_token: str | UnsetType = UNSET


class AuditLogEventTypeCatalogEntry(msgspec.Struct, rename="camel"):
    """Upstream: AuditLogEventTypeCatalogEntry."""

    event: str
    display_name: str
    description: str
    requires_org_admin: bool
    requires_stack_admin: bool
    authentication_failure: bool
    deprecated: bool


class ListAuditLogEventTypesResponse(msgspec.Struct, rename="camel"):
    """Upstream: ListAuditLogEventTypesResponse."""

    event_types: list[AuditLogEventTypeCatalogEntry]
