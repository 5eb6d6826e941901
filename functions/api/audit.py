"""The audit log of an organization (platform.md 8): `startTime` is the upper bound in version 1, the lower one in version 2."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from msgspec import UNSET

from common.audit import service as audit
from common.audit.events import Entry, Search
from common.audit.export import Format, is_refusal, needs_org_admin, needs_stack_admin
from common.backend import Backend
from common.rights.caller import Caller
from common.wire.audit import AuditLogEvent, AuditLogEventTypeCatalogEntry, ListAuditLogEventTypesResponse, ResponseAuditLogs
from common.wire.orgs import MemberInfo
from functions.http.audit_downloads import Export, export_reply, follow_reply
from functions.http.deps import BackendDep, CallerDep, reply

router = APIRouter()
_LOGS = "/api/orgs/{org}/auditlogs"
# The end of the year 9999.
_LAST_SECOND = 253_402_300_799
_Seconds = Annotated[int | None, Query(ge=0, le=_LAST_SECOND)]
_Texts = Annotated[list[str] | None, Query(max_length=100)]


@dataclass(frozen=True, slots=True)
class LogQuery:
    """The query of a request; clients before 3.260 spell the filters otherwise."""

    search: Search
    logins: frozenset[str]
    token: str | None


async def get_query(
    start: Annotated[_Seconds, Query(alias="startTime")] = None,
    end: Annotated[_Seconds, Query(alias="endTime")] = None,
    events: Annotated[_Texts, Query(alias="eventFilter")] = None,
    older_events: Annotated[_Texts, Query(alias="eventType")] = None,
    logins: Annotated[_Texts, Query(alias="userFilter")] = None,
    older_logins: Annotated[_Texts, Query(alias="user")] = None,
    token: Annotated[str | None, Query(alias="continuationToken")] = None,
) -> LogQuery:
    """Return the times, the filters and the page."""
    event_names = frozenset(filter(None, [*(events or ()), *(older_events or ())]))
    user_logins = frozenset(filter(None, [*(logins or ()), *(older_logins or ())]))
    return LogQuery(Search(_millis(start), _millis(end, last=999), event_names), user_logins, token or None)


async def get_backward_query(query: Annotated[LogQuery, Depends(get_query)]) -> LogQuery:
    """Return the same for the first version, which goes back from `startTime`, or from now.

    Upstream's description requires a start (platform.md 8); the command line 3.260 sends none by default.
    """
    upper = query.search.since + 999 if query.search.since is not None else None
    return LogQuery(Search(None, upper, query.search.events), query.logins, query.token)


LogQueryDep = Annotated[LogQuery, Depends(get_query)]
BackwardQueryDep = Annotated[LogQuery, Depends(get_backward_query)]
FormatDep = Annotated[Format, Query(alias="format")]


@router.get(_LOGS)
def list_audit_log_events_v1(backend: BackendDep, caller: CallerDep, org: str, query: BackwardQueryDep) -> Response:
    return _page(*audit.page_entries(backend, caller, org, query.search, logins=query.logins, token=query.token))


@router.get(f"{_LOGS}/v2")
def list_audit_log_events_v2(backend: BackendDep, caller: CallerDep, org: str, query: LogQueryDep) -> Response:
    return _page(*audit.page_entries(backend, caller, org, query.search, logins=query.logins, token=query.token))


@router.get(f"{_LOGS}/export")
def export_audit_log_events_v1(
    backend: BackendDep,
    caller: CallerDep,
    org: str,
    query: BackwardQueryDep,
    form: FormatDep = Format.CSV,
) -> Response:
    return _export(backend, caller, org, query, form)


@router.get(f"{_LOGS}/v2/export")
def export_audit_log_events_v2(
    backend: BackendDep,
    caller: CallerDep,
    org: str,
    query: LogQueryDep,
    form: FormatDep = Format.CSV,
) -> Response:
    return _export(backend, caller, org, query, form)


@router.get(f"{_LOGS}/export/downloads/{{download}}")
def follow_audit_log_download(
    backend: BackendDep, caller: CallerDep, org: str, download: str, attempt: Annotated[int, Query(ge=1, le=100)] = 1
) -> Response:
    return follow_reply(backend, caller, org, download, attempt=attempt, path=_download_path(org, download))


@router.get(f"{_LOGS}/event-types")
def list_audit_log_event_types(caller: CallerDep, org: str) -> Response:
    kinds = audit.list_kinds(caller, org)
    return reply(
        ListAuditLogEventTypesResponse(
            [
                AuditLogEventTypeCatalogEntry(
                    event,
                    kind.title,
                    kind.meaning,
                    kind.needs_org_admin,
                    kind.needs_stack_admin,
                    kind.is_refusal,
                    deprecated=False,
                )
                for event, kind in kinds.items()
            ]
        )
    )


@router.get(f"{_LOGS}/reader-kind")
def get_audit_logs_reader_kind(caller: CallerDep, org: str) -> Response:
    audit.list_kinds(caller, org)
    return reply("SQL")


def _millis(seconds: int | None, *, last: int = 0) -> int | None:
    return seconds * 1000 + last if seconds is not None else None


def _page(page: list[Entry], next_token: str | None) -> Response:
    return reply(ResponseAuditLogs([_event(entry) for entry in page], next_token if next_token is not None else UNSET))


def _event(entry: Entry) -> AuditLogEvent:
    actor = entry.actor
    return AuditLogEvent(
        timestamp=entry.recorded_at // 1000,
        event=entry.event,
        description=entry.description,
        user=MemberInfo(entry.name, actor.login, entry.avatar_url, entry.email),
        req_org_admin=needs_org_admin(entry),
        req_stack_admin=needs_stack_admin(entry),
        auth_failure=is_refusal(entry),
        source_ip=actor.source_ip,
        token_id=actor.token_id if actor.token_id is not None else UNSET,
        token_name=actor.token_name or UNSET,
        actor_name=entry.name or UNSET,
        actor_urn=actor.urn,
    )


def _export(backend: Backend, caller: Caller, org: str, query: LogQuery, form: Format) -> Response:
    export = Export(org, query.search, query.logins, form)
    return export_reply(
        backend,
        caller,
        export,
        headers={},
        media_type="text/plain",
        address=partial(_download_path, org),
    )


def _download_path(org: str, download: str) -> str:
    return f"/api/orgs/{org}/auditlogs/export/downloads/{download}"
