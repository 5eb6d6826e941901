"""The audit log of an organization: filtered by the address, a page at a time; one record; the log as a file."""

import re
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Response

from common.audit import integrity
from common.audit import service as audit
from common.audit.events import KINDS, Entry, Search
from common.audit.export import Format
from common.core.clock import unix_millis
from common.core.errors import NotFound
from common.rights.permissions import Permission
from functions.http.audit_downloads import Export, export_reply, follow_reply
from functions.pages.hiding import missing
from functions.pages.organizations.choices import clean
from functions.pages.organizations.org_request import OrgRequest, OrgRequestDep

router = APIRouter()
_LOG = "/{org}/settings/audit-log"
_RECORD = re.compile(r"([0-9]{1,15})-([0-9a-f-]{8,40})")
_TYPES = {Format.CSV: "text/csv", Format.CEF: "text/plain"}
_DAY_MILLIS = 86_400_000
_Text = Annotated[str, Query()]


@dataclass(frozen=True, slots=True)
class LogFilter:
    """The filters of an address, as texts; dates are days in UTC, both included."""

    user: str = ""
    event: str = ""
    since: str = ""
    until: str = ""

    def query(self, **more: str) -> str:
        """Return the filters as the query of an address, and more of it."""
        chosen = {field.name: getattr(self, field.name) for field in fields(self)}
        return urlencode({name: value for name, value in {**chosen, **more}.items() if value})

    @property
    def search(self) -> Search:
        """Return the events and times that the list is narrowed to."""
        first, last = _day(self.since), _day(self.until)
        return Search(
            unix_millis(first) if first is not None else None,
            unix_millis(last) + _DAY_MILLIS - 1 if last is not None else None,
            frozenset({self.event} if self.event else ()),
        )

    @property
    def logins(self) -> frozenset[str]:
        """Return the user that the list is narrowed to."""
        return frozenset({self.user} if self.user else ())


async def get_log_filter(user: _Text = "", event: _Text = "", since: _Text = "", until: _Text = "") -> LogFilter:
    """Return the filters of an address."""
    return LogFilter(clean(user), clean(event), clean(since), clean(until))


LogFilterDep = Annotated[LogFilter, Depends(get_log_filter)]


@router.get(_LOG)
def list_records(request: OrgRequestDep, chosen: LogFilterDep, after: _Text = "") -> Response:
    """Show a page of records, the newest first, and up to where the chain is signed."""
    request.require(Permission.AUDIT_LOGS_READ)
    entries, following, is_known = list[Entry](), None, True
    try:
        entries, following = audit.page_entries(
            request.backend, request.caller, request.org, chosen.search, logins=chosen.logins, token=after or None
        )
    except NotFound:
        is_known = False
    path = request.address("audit-log")
    content = {
        "chosen": chosen,
        "entries": entries,
        "is_known": is_known,
        "kinds": KINDS,
        "path": path,
        "newest": _address(path, chosen.query()) if after else "",
        "older": _address(path, chosen.query(after=following)) if following else "",
        "exports": [(form.upper(), _address(f"{path}/export", chosen.query(format=form))) for form in Format],
        "may_export": request.may(Permission.AUDIT_LOGS_EXPORT),
        "signed": integrity.get_signed_end(request.backend, request.caller, request.org),
    }
    return request.page("audit-log", content)


@router.get(f"{_LOG}/export")
def export_records(request: OrgRequestDep, chosen: LogFilterDep, form: Annotated[str, Query(alias="format")] = "") -> Response:
    """Return the records that match, as a file."""
    request.require(Permission.AUDIT_LOGS_EXPORT)
    kind = Format(form) if form in list(Format) else Format.CSV
    headers = {
        "Content-Disposition": f'attachment; filename="{request.org}-audit-log.{kind}"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return export_reply(
        request.backend,
        request.caller,
        Export(request.org, chosen.search, chosen.logins, kind),
        headers=headers,
        media_type=_TYPES[kind],
        address=lambda download: request.address("audit-log", "downloads", download),
    )


@router.get(f"{_LOG}/downloads/{{download}}")
def follow_download(request: OrgRequestDep, download: str, attempt: Annotated[int, Query(ge=1, le=100)] = 1) -> Response:
    """Go on with an export that takes long, and send the reader to it once it is complete."""
    request.require(Permission.AUDIT_LOGS_EXPORT)
    path = request.address("audit-log", "downloads", download)
    return follow_reply(request.backend, request.caller, request.org, download, attempt=attempt, path=path)


@router.get(f"{_LOG}/{{record}}")
def show_record(request: OrgRequestDep, record: str) -> Response:
    """Show all that one record says; its address has its time and its id."""
    request.require(Permission.AUDIT_LOGS_READ)
    entry = _find(request, record)
    if entry is None:
        raise missing()
    kind = KINDS.get(entry.kind) if entry.kind is not None else None
    content = {"entry": entry, "kind": kind, "path": request.address("audit-log")}
    return request.page("audit-record", content)


def _find(request: OrgRequest, record: str) -> Entry | None:
    match = _RECORD.fullmatch(record)
    if match is None:
        return None
    moment = Search(int(match[1]), int(match[1]))
    try:
        entries, _ = audit.page_entries(request.backend, request.caller, request.org, moment)
    except NotFound:
        return None
    return next((entry for entry in entries if entry.id == match[2]), None)


def _day(text: str) -> datetime | None:
    """Return the beginning of a day, or None for a text that is no date."""
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC) if len(text) == 10 else None
    except ValueError:
        return None


def _address(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path
