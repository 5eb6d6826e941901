"""Makes downloads in parts, and links to them; deletes old ones."""

import time
from dataclasses import replace
from datetime import timedelta

from common.audit import reading
from common.audit.downloads import repository
from common.audit.downloads.download import Download
from common.audit.events import Entry
from common.audit.export import render
from common.backend import Backend
from common.config.public_urls import api_host
from common.core.clock import unix_millis
from common.core.compression import join_packed, pack
from common.outbox.model import Message, Postponed

TOPIC = "audit-download"
PREFIX = "audit-exports/"
# Clients follow a link at once.
LINK_SECONDS = 300
AGE = timedelta(hours=6)
# Longer than a step may take. If a process dies during one, the download waits for this time.
CLAIM_MILLIS = 90_000
# Longer than it takes to store a part.
_STORE_MILLIS = 30_000
# A message works on a download for this long; the next one goes on.
MESSAGE_SECONDS = 20.0
PART_RECORDS, PAGE = 20_000, 1_000
_AT_ONCE = 100


def store(backend: Backend, download_id: str, text: bytes) -> None:
    """Store the text of a whole download."""
    # No permission check in this module: the use case made it, or the schedule calls.
    backend.metadata.put_stored(_key(download_id), pack(text))


def link(backend: Backend, download_id: str) -> str | None:
    """Return an address that serves a complete download for some minutes; None where a store has no links."""
    return backend.metadata.link(_key(download_id), LINK_SECONDS)


def has_links(backend: Backend) -> bool:
    """Tell whether the object store has links."""
    return backend.metadata.link(_key("none"), LINK_SECONDS) is not None


def deliver(backend: Backend, message: Message) -> None:
    """Go on with a download; Postponed until it is complete."""
    with backend.db.connect() as connection:
        download = repository.find(connection, message.target)
    if download is None or download.is_complete:
        return
    download = go_on(backend, download, MESSAGE_SECONDS)
    if not download.is_complete:
        raise Postponed(max(download.claimed_until, unix_millis(backend.clock.now())))


def go_on(backend: Backend, download: Download, seconds: float) -> Download:
    """Make further parts of a download while there is time, and the whole of them in the end; return how far it came.

    A download that another process works on is returned as it is.
    """
    now_millis, end = unix_millis(backend.clock.now()), time.monotonic() + seconds
    if download.claimed_until > now_millis:
        return download
    claim = now_millis + CLAIM_MILLIS
    with backend.db.connect() as connection:
        if not repository.claim(connection, download, claim):
            return replace(download, claimed_until=claim)
    while not download.is_complete:
        later = _make_part(backend, download, claim, end)
        if later is None:
            return replace(download, claimed_until=claim)
        is_over = later.is_complete or time.monotonic() >= end
        later = replace(later, claimed_until=0 if is_over else unix_millis(backend.clock.now()) + CLAIM_MILLIS)
        with backend.db.connect() as connection:
            if not repository.store_progress(connection, later, claim):
                return replace(download, claimed_until=claim)
        download, claim = later, later.claimed_until
        if download.is_complete:
            backend.metadata.delete(_part_keys(download))
        if is_over:
            break
    return download


def delete_expired(backend: Backend) -> int:
    """Delete some exports that were stored hours ago, and return how many."""
    before_millis = unix_millis(backend.clock.now() - AGE)
    with backend.db.connect() as connection:
        number = repository.delete_before(connection, before_millis, _AT_ONCE)
    stored = backend.metadata.page(PREFIX, "", _AT_ONCE)
    keys = [key for key, written_at in stored if written_at < before_millis]
    if keys:
        backend.metadata.delete(keys)
    return number + len(keys)


def _make_part(backend: Backend, download: Download, claimed_until: int, end: float) -> Download | None:
    """Store the next part, shorter if the time is over; after the last one the whole download, in place of the parts.

    None, with nothing stored, if the claim runs out: another process may make the same part with more or fewer records.
    """
    entries: list[Entry] = []
    is_last = False
    last = download.last
    while not is_last and len(entries) < PART_RECORDS and (not entries or time.monotonic() < end):
        page = reading.page(backend, download.org_id, download.query.search, after=last, limit=PAGE)
        entries += page
        is_last = len(page) < PAGE
        last = (page[-1].recorded_at, page[-1].id) if page else last
    query = download.query
    host = api_host(backend.settings)
    text = "".join(render(entries, query.form, host=host, org_id=query.org, has_head=download.parts == 0))
    packed = pack(text.encode())
    if unix_millis(backend.clock.now()) > claimed_until - _STORE_MILLIS:
        return None
    backend.metadata.put_stored(_key(download.id, download.parts + 1), packed)
    later = replace(download, parts=download.parts + 1, last=last, is_complete=is_last)
    if is_last:
        backend.metadata.put_stored(_key(download.id), join_packed(map(backend.metadata.get_stored, _part_keys(later))))
    return later


def _part_keys(download: Download) -> list[str]:
    return [_key(download.id, part) for part in range(1, download.parts + 1)]


def _key(download_id: str, part: int = 0) -> str:
    return f"{PREFIX}{download_id}" + (f"-{part:05}" if part else "")
