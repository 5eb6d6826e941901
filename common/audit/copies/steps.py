"""Queues the copy of what was recorded, and makes it."""

import logging

from sqlalchemy import Connection

from common.audit import repository as records
from common.audit.chain import Record
from common.audit.copies import repository
from common.audit.copies.items import to_item
from common.audit.copies.repository import Progress
from common.backend import Backend
from common.core.clock import unix_millis
from common.db.retry import retry
from common.outbox import steps as outbox
from common.outbox.model import Message, NewMessage, Postponed
from common.ports.audit_table import TableError

LOG = logging.getLogger("stackhold.audit")
TOPIC = "audit-copy"
RECORDS_PER_MESSAGE = 200
# How long copies wait for a table that refuses or does not answer.
PAUSE_MILLIS = 60_000
LOGS_PER_STEP = 100
# How long a record may wait for its copy before readers use the database; on AWS Lambda a copy takes up to a minute.
DELAY_MILLIS = 60_000
_HOUR_MILLIS = 3_600_000


def queue(tx: Connection, backend: Backend, org_id: str) -> None:
    """Queue the copy of what a transaction recorded: one statement, and none where no table is set."""
    # No permission check in this module: the use case made it, or the schedule calls.
    if backend.audit_table is not None:
        outbox.queue_unless_postponed(tx, backend, NewMessage(TOPIC, org_id, org_id, ""))


def deliver(backend: Backend, message: Message) -> None:
    """Copy a part of a log that is not in the table yet; Postponed while the table does not take it.

    The records from before the chain come first, by their place in time. The chain has no gaps, so its sequence says exactly
    what is missing. A record that was written before a crash is written again, under the same key.
    """
    table, org_id = backend.audit_table, message.target
    if table is None:  # It is no longer set.
        return
    with backend.db.connect() as connection:
        progress = repository.find_progress(connection, org_id)
        page = _page(connection, org_id, progress)
    written = list[Record]()
    try:
        for record in page:
            table.put(to_item(record))
            written.append(record)
    except TableError as error:
        LOG.warning("records of an audit log wait for their copy: %s", error)
        raise Postponed(unix_millis(backend.clock.now()) + PAUSE_MILLIS) from error
    finally:
        if written:
            # After a failure this message comes back for the rest.
            has_more = len(written) == len(page) and (written[-1].sequence or 0) < progress.newest
            retry(lambda: _store(backend, written[-1], has_more=has_more))


def is_readable(backend: Backend, org_id: str) -> bool:
    """Tell whether readers find a log in the table, but for what was recorded within the last minute."""
    since = unix_millis(backend.clock.now()) - DELAY_MILLIS
    with backend.db.connect() as connection:
        return repository.has_copy(connection, org_id, since)


def queue_missing(backend: Backend, after: str) -> tuple[int, str]:
    """Queue the copy of some logs that are behind, after an id, such as all of them where the table was just set.

    Returns how many, and the last id, or "" at the end.
    """
    if backend.audit_table is None:
        return 0, ""
    hour = unix_millis(backend.clock.now()) // _HOUR_MILLIS
    with backend.db.begin() as tx:
        behind = repository.list_behind(tx, after, LOGS_PER_STEP)
        # The key keeps messages from piling up while the table is away.
        outbox.queue(tx, backend, [NewMessage(TOPIC, org_id, org_id, "", f"{copied} {hour}") for org_id, copied in behind])
    return len(behind), behind[-1][0] if len(behind) == LOGS_PER_STEP else ""


def _page(connection: Connection, org_id: str, progress: Progress) -> list[Record]:
    """Return the records that are copied next; those without a sequence only before all others."""
    if progress.copied >= progress.newest:
        return []
    page = [] if progress.copied else records.page_unchained(connection, org_id, progress.unchained, RECORDS_PER_MESSAGE)
    return page or records.page_chain(connection, org_id, progress.copied, progress.newest, RECORDS_PER_MESSAGE)


def _store(backend: Backend, last: Record, *, has_more: bool) -> None:
    """Store how far a log was copied, and queue the rest."""
    with backend.db.begin() as tx:
        if last.sequence is None:
            repository.update_copied_unchained(tx, last.org_id, (last.recorded_at, last.id))
        else:
            repository.update_copied(tx, last.org_id, last.sequence)
        if has_more:
            queue(tx, backend, last.org_id)
