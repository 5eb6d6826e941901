"""Exports of an audit log as replies: at once where that is possible, otherwise made in parts while the client is sent on."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from fastapi import Response
from starlette.responses import RedirectResponse

from common.audit import service as audit
from common.audit.downloads import service as downloads
from common.audit.events import Search
from common.audit.export import Format, render
from common.backend import Backend
from common.config.public_urls import api_host
from common.core.errors import Unavailable
from common.rights.caller import Caller
from functions.http.size_limits import StoredStream

# Clients follow ten redirects: the first leads here, and the last to the link.
MOST_ATTEMPTS = 8
_NO_STORE = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Export:
    """What a request exports."""

    org: str
    search: Search
    logins: frozenset[str]
    form: Format


def export_reply(
    backend: Backend, caller: Caller, export: Export, *, headers: dict[str, str], media_type: str, address: Callable[[str], str]
) -> Response:
    """Return an export. `address` makes the path where a download is followed of its id."""
    entries = audit.export_entries(backend, caller, export.org, export.search, logins=export.logins)
    text = render(entries, export.form, host=api_host(backend.settings), org_id=export.org)

    def begin() -> str | None:
        download_id = downloads.begin(backend, caller, export.org, export.search, form=export.form, logins=export.logins)
        return address(download_id) if download_id is not None else None

    return StoredStream(text, headers, f"{media_type}; charset=utf-8", partial(downloads.store, backend), begin)


def follow_reply(backend: Backend, caller: Caller, org: str, download_id: str, *, attempt: int, path: str) -> Response:
    """Go on with a download, and send its client to the link, or to the same path again while there is more to do."""
    link = downloads.follow(backend, caller, org, download_id)
    if link is not None:
        return RedirectResponse(link, 302, _NO_STORE)
    if attempt >= MOST_ATTEMPTS:
        raise Unavailable("the export is still being made: repeat the same request in a few minutes, and it goes on from here")
    return RedirectResponse(f"{path}?attempt={attempt + 1}", 302, _NO_STORE)
