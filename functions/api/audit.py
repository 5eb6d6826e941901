"""The audit log of an organization (platform.md 8): `startTime` is the upper bound in version 1, the lower one in version 2."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from msgspec import UNSET

from common.audit import service as audit
from common.audit.events import Entry, Search
from common.audit.export import Format, is_refusal, needs_org_admin, render
from common.config.public_urls import api_url
from common.wire.audit import AuditLogEvent, AuditLogEventTypeCatalogEntry, ListAuditLogEventTypesResponse, ResponseAuditLogs
from common.wire.orgs import MemberInfo
from functions.http.deps import BackendDep, CallerDep, reply

router = APIRouter()
_LOGS = "/api/orgs/{org}/auditlogs"
# The end of the year 9999.
_LAST_SECOND = 253_402_300_799
_Seconds = Annotated[int | None, Query(ge=0, le=_LAST_SECOND)]
_Texts = Annotated[list[str] | None, Query(max_length=100)]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for; clients before 3.260 spell the filters otherwise."""

    search: Search
    logins: frozenset[str]
    token: str | None


async def get_asked(
    start: Annotated[_Seconds, Query(alias="startTime")] = None,
    end: Annotated[_Seconds, Query(alias="endTime")] = None,
    events: Annotated[_Texts, Query(alias="eventFilter")] = None,
    older_events: Annotated[_Texts, Query(alias="eventType")] = None,
    logins: Annotated[_Texts, Query(alias="userFilter")] = None,
    older_logins: Annotated[_Texts, Query(alias="user")] = None,
    token: Annotated[str | None, Query(alias="continuationToken")] = None,
) -> Asked:
    """Return the times, the filters and the page."""
    wanted = frozenset(filter(None, [*(events or ()), *(older_events or ())]))
    whose = frozenset(filter(None, [*(logins or ()), *(older_logins or ())]))
    return Asked(Search(_millis(start), _millis(end, last=999), wanted), whose, token or None)


async def get_asked_backwards(asked: Annotated[Asked, Depends(get_asked)]) -> Asked:
    """Return the same for the first version, which goes back from `startTime`, or from now.

    Upstream's description wants a place to begin (platform.md 8); the command line 3.260 gives none unless it is told to.
    """
    upper = asked.search.since + 999 if asked.search.since is not None else None
    return Asked(Search(None, upper, asked.search.events), asked.logins, asked.token)


AskedDep = Annotated[Asked, Depends(get_asked)]
AskedBackwardsDep = Annotated[Asked, Depends(get_asked_backwards)]
FormatDep = Annotated[Format, Query(alias="format")]


@router.get(_LOGS)
def list_audit_log_events_v1(backend: BackendDep, caller: CallerDep, org: str, asked: AskedBackwardsDep) -> Response:
    return _page(*audit.page_entries(backend, caller, org, asked.search, logins=asked.logins, token=asked.token))


@router.get(f"{_LOGS}/v2")
def list_audit_log_events_v2(backend: BackendDep, caller: CallerDep, org: str, asked: AskedDep) -> Response:
    return _page(*audit.page_entries(backend, caller, org, asked.search, logins=asked.logins, token=asked.token))


@router.get(f"{_LOGS}/export")
def export_audit_log_events_v1(
    backend: BackendDep,
    caller: CallerDep,
    org: str,
    asked: AskedBackwardsDep,
    form: FormatDep = Format.CSV,
) -> Response:
    found = audit.export_entries(backend, caller, org, asked.search, logins=asked.logins)
    return _text(found, form, api_url(backend.settings), org)


@router.get(f"{_LOGS}/v2/export")
def export_audit_log_events_v2(
    backend: BackendDep,
    caller: CallerDep,
    org: str,
    asked: AskedDep,
    form: FormatDep = Format.CSV,
) -> Response:
    found = audit.export_entries(backend, caller, org, asked.search, logins=asked.logins)
    return _text(found, form, api_url(backend.settings), org)


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
                    False,
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


def _page(found: list[Entry], following: str | None) -> Response:
    return reply(ResponseAuditLogs([_event(entry) for entry in found], following if following is not None else UNSET))


def _event(entry: Entry) -> AuditLogEvent:
    actor = entry.actor
    return AuditLogEvent(
        timestamp=entry.recorded_at // 1000,
        event=entry.event,
        description=entry.description,
        user=MemberInfo(entry.name, actor.login, entry.avatar_url, entry.email),
        req_org_admin=needs_org_admin(entry),
        req_stack_admin=False,
        auth_failure=is_refusal(entry),
        source_ip=actor.source_ip,
        token_id=actor.token_id if actor.token_id is not None else UNSET,
        token_name=actor.token_name or UNSET,
    )


def _text(found: list[Entry], form: Format, address: str, org: str) -> Response:
    host = address.partition("://")[2].partition(":")[0]
    return Response(render(found, form, host=host, org_id=org), media_type="text/plain; charset=utf-8")
