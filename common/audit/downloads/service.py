"""Use cases of downloads: begin one, and follow it until there is a link."""

import time

from common.audit import reading
from common.audit.downloads import repository, steps
from common.audit.downloads.download import Download, Query
from common.audit.events import Search
from common.audit.export import Format
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import NotFound
from common.core.ids import new_id
from common.db.retry import retry
from common.outbox import steps as outbox
from common.outbox.model import NewMessage
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission

# A request works on a download, or waits for it, for this long; functions end after 29 seconds.
FOLLOW_SECONDS = 18.0
# A repeat of a request that did not get its link within this time gets the same download.
REPEAT_MILLIS = 3_600_000
_LOOK_SECONDS = 0.5


def begin(
    backend: Backend, caller: Caller, org: str, search: Search, *, form: Format, logins: frozenset[str] = frozenset()
) -> str | None:
    """Begin an export as a download and return its id; None where the object store has no links.

    A user who repeats a request before they got its link has the same download. Errors as in audit.export_entries.
    """
    org_id, search = reading.find_exported(backend, caller, org, search, logins)
    if not steps.has_links(backend):
        return None
    query, now_millis = Query.of(org, form, search), unix_millis(backend.clock.now())

    def store() -> str:
        with backend.db.begin() as tx:
            known = repository.find_unfetched(tx, org_id, caller.user_id, query, now_millis - REPEAT_MILLIS)
            if known is not None:
                return known.id
            download = Download(new_id(), org_id, caller.user_id, query, now_millis)
            repository.add(tx, download)
            # The job makes the download also if its client does not follow it.
            outbox.queue(tx, backend, [NewMessage(steps.TOPIC, download.id, download.id, "", download.id)])
            return download.id

    return retry(store)


def store(backend: Backend, text: bytes) -> str | None:
    """Store the text of a whole export, and return its link; None where the object store has no links."""
    # No permission check: audit.export_entries made it before the text was rendered.
    download_id = new_id()
    steps.store(backend, download_id, text)
    return steps.link(backend, download_id)


def follow(backend: Backend, caller: Caller, org: str, download_id: str, *, seconds: float = FOLLOW_SECONDS) -> str | None:
    """Go on with a user's own download for some seconds; return its link once it is complete, or None before.

    NotFound for an unknown one, and for one that was deleted since.
    """
    membership = caller.require(Permission.AUDIT_LOGS_EXPORT, org, missing=missing_org(org))
    end = time.monotonic() + seconds
    while True:
        with backend.db.connect() as connection:
            download = repository.find(connection, download_id)
        if download is None or (download.org_id, download.user_id) != (membership.org_id, caller.user_id):
            raise NotFound(f"download {download_id[:40]!a} not found")
        if download.is_complete or steps.go_on(backend, download, end - time.monotonic()).is_complete:
            with backend.db.connect() as connection:
                repository.store_fetched(connection, download_id)
            return steps.link(backend, download_id)
        if time.monotonic() >= end:
            return None
        # Another process works on it.
        time.sleep(_LOOK_SECONDS)
