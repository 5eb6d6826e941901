"""Queues the copy of what was recorded, and makes it."""

import logging

from sqlalchemy import Connection

from common.audit import repository as records
from common.audit.chain import Record
from common.audit.copies import repository
from common.audit.copies.items import to_item
from common.backend import Backend
from common.core.clock import unix_millis
from common.db.retry import retry
from common.outbox import steps as outbox
from common.outbox.model import Message, NewMessage, Postponed
from common.ports.audit_table import AuditTable, TableError

LOG = logging.getLogger("stackhold.audit")
TOPIC = "audit-copy"
RECORDS_PER_MESSAGE = 200
# How long copies wait for a table that refuses or does not answer.
PAUSE_MILLIS = 60_000
LOGS_PER_STEP = 100
# How long a record may wait for its copy before readers use the database; on AWS Lambda a copy takes up to a minute.
DELAY_MILLIS = 60_000
_HOUR_MILLIS = 3_600_000
_PAGE = 1_000


def queue(tx: Connection, backend: Backend, org_id: str) -> None:
    """Queue the copy of what a transaction recorded: one statement, and none where no table is set."""
    # No permission check in this module: the use case made it, or the schedule calls.
    if backend.audit_table is not None:
        outbox.queue_unless_postponed(tx, backend, NewMessage(TOPIC, org_id, org_id, ""))


def deliver(backend: Backend, message: Message) -> None:
    """Copy records of a log that are not in the table yet, in their order; Postponed while the table does not take them.

    The chain has no gaps, so its sequence says exactly what is missing. A record that was written before a crash is written
    again, under the same key.
    """
    table, org_id = backend.audit_table, message.target
    if table is None:  # It is no longer set.
        return
    with backend.db.connect() as connection:
        copied, newest = repository.find_progress(connection, org_id)
        page = records.page_chain(connection, org_id, copied, newest, RECORDS_PER_MESSAGE) if copied < newest else []
    written = copied
    try:
        if not copied:
            _copy_unchained(backend, table, org_id)
        for record in page:
            table.put(to_item(record))
            written = record.sequence or written
    except TableError as error:
        LOG.warning("records of an audit log wait for their copy: %s", error)
        raise Postponed(unix_millis(backend.clock.now()) + PAUSE_MILLIS) from error
    finally:
        if written > copied:
            retry(lambda: _store(backend, org_id, written, is_last=written >= newest))


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


def _store(backend: Backend, org_id: str, written: int, *, is_last: bool) -> None:
    with backend.db.begin() as tx:
        repository.update_copied(tx, org_id, written)
        if not is_last:
            queue(tx, backend, org_id)


def _copy_unchained(backend: Backend, table: AuditTable, org_id: str) -> None:
    """Copy the records from before the chain, which have no sequence."""
    position, page = (0, ""), list[Record]()
    while not position[0] or len(page) == _PAGE:
        with backend.db.connect() as connection:
            page = records.page_unchained(connection, org_id, position, _PAGE)
        for record in page:
            table.put(to_item(record))
        if not page:
            return
        position = (page[-1].recorded_at, page[-1].id)
