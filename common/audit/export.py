"""Entries of the audit log as text: CSV for a spreadsheet, CEF for a security system. No I/O."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice

from common.audit.events import KINDS, Entry
from common.core.spreadsheets import csv_line

HEADINGS = (
    "Timestamp",
    "Name",
    "Login",
    "Event",
    "Description",
    "SourceIP",
    "RequireOrgAdmin",
    "RequireStackAdmin",
    "AuthenticationFailure",
)
VENDOR, PRODUCT, VERSION = "Stackhold", "Stackhold", "1"
_ORDINARY, _REFUSED = 3, 7
_LINES_AT_ONCE = 500


class Format(StrEnum):
    """The format of an export."""

    CSV = "csv"
    CEF = "cef"


def render(entries: Iterable[Entry], form: Format, *, host: str, org_id: str, has_head: bool = True) -> Iterator[str]:
    """Yield entries as text, in pieces of many lines; a CSV begins with its headings unless it is a further part of a file."""
    lines = _csv(entries, has_head=has_head) if form is Format.CSV else (_cef(entry, host, org_id) for entry in entries)
    while piece := "".join(islice(lines, _LINES_AT_ONCE)):
        yield piece


def needs_org_admin(entry: Entry) -> bool:
    """Tell whether upstream marks the event of an entry as one for administrators."""
    return entry.kind is not None and KINDS[entry.kind].needs_org_admin


def needs_stack_admin(entry: Entry) -> bool:
    """Tell whether upstream marks the event of an entry as one for administrators of the stack."""
    return entry.kind is not None and KINDS[entry.kind].needs_stack_admin


def is_refusal(entry: Entry) -> bool:
    """Tell whether the event of an entry is a refused sign-in or request."""
    return entry.kind is not None and KINDS[entry.kind].is_refusal


def _csv(entries: Iterable[Entry], *, has_head: bool) -> Iterator[str]:
    if has_head:
        yield csv_line(HEADINGS)
    for entry in entries:
        marks = (needs_org_admin(entry), needs_stack_admin(entry), is_refusal(entry))
        texts = (entry.name, entry.actor.login, entry.event, entry.description, entry.actor.source_ip)
        moment = _moment(entry).isoformat().replace("+00:00", "Z")
        yield csv_line((moment, *texts, *(str(mark).lower() for mark in marks)))


def _cef(entry: Entry, host: str, org_id: str) -> str:
    severity = _REFUSED if is_refusal(entry) else _ORDINARY
    title = KINDS[entry.kind].title if entry.kind is not None else entry.event
    head = "|".join(_header(part) for part in (VENDOR, PRODUCT, VERSION, entry.event, title, str(severity)))
    extensions = {
        "dvchost": host,
        "rt": str(entry.recorded_at),
        "src": entry.actor.source_ip,
        "suser": entry.actor.login,
        "orgID": org_id,
        "userID": entry.actor.user_id,
        "msg": entry.description,
        "requireOrgAdmin": str(needs_org_admin(entry)).lower(),
        "requireStackAdmin": str(needs_stack_admin(entry)).lower(),
        "authenticationFailure": str(is_refusal(entry)).lower(),
    }
    tail = " ".join(f"{key}={_extension(value)}" for key, value in extensions.items())
    return f"{_moment(entry):%b %d %H:%M:%S} {host} CEF:0|{head}|{tail}\n"


def _moment(entry: Entry) -> datetime:
    return datetime.fromtimestamp(entry.recorded_at // 1000, UTC)


def _header(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("\r", " ")


def _extension(text: str) -> str:
    return text.replace("\\", "\\\\").replace("=", "\\=").replace("\r", "").replace("\n", "\\n")
