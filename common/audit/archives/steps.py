"""Writes the records of an hour to a destination, and catches up on the hours that are due."""

import gzip
import io
import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from sqlalchemy import Connection

from common.audit import repository as records
from common.audit.archives import repository
from common.audit.archives.model import (
    BEGINNING,
    HOUR_MILLIS,
    RESULT_LIMIT,
    Destination,
    Export,
    Kind,
    Position,
    Result,
    hour_of,
    object_name,
)
from common.audit.chain import Record, export_line
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest
from common.crypto.envelope import Envelope
from common.crypto.service_keys import service_key
from common.db.retry import retry
from common.outbox import steps as outbox
from common.outbox.model import Message, NewMessage, NotDelivered
from common.ports.archives import Archive, ArchiveError
from common.ports.archives.assumed_s3 import AssumedS3
from common.ports.archives.azure_container import AzureContainer
from common.ports.archives.keyed_s3 import KeyedS3
from common.ports.aws import Access, Keys
from common.ports.outbound import CallFailed

LOG = logging.getLogger("stackhold.audit")
TOPIC = "audit-export"
# An hour is exported this long after its end, when all that was recorded in it is committed.
SETTLE_MILLIS = 5 * 60_000
# After a failure the next attempt is this much later, and twice as long each time.
PAUSE_MILLIS, LONGEST_PAUSE_MILLIS = 5 * 60_000, HOUR_MILLIS
# A message begins no further object after this time; the rest is due at once.
MESSAGE_SECONDS = 20.0
EXPORTS_PER_STEP = 100
# An object has 20,000 records at most; the rest of an hour follows in others.
PAGE, PAGES_PER_OBJECT = 2_000, 10


@dataclass(frozen=True, slots=True)
class _Progress:
    """How far an export came: the hour that is next, how far that was exported, and what went wrong with it."""

    next_hour: int
    position: Position = BEGINNING
    problem: str = ""
    was_sent: bool = True
    is_behind: bool = False


def queue_due(backend: Backend, after: str) -> tuple[int, str]:
    """Queue some exports that are due, after an organization's id; return how many, and the last id, or "" at the end."""
    # No permission check in this module: the use case made it, or the schedule calls.
    now_millis = unix_millis(backend.clock.now())
    with backend.db.begin() as tx:
        due = repository.list_due(tx, now_millis, after, EXPORTS_PER_STEP)
        keys = {org_id: f"{due_at} {now_millis // HOUR_MILLIS}" for org_id, due_at in due}
        outbox.queue(tx, backend, [NewMessage(TOPIC, org_id, org_id, "", key) for org_id, key in keys.items()])
    return len(due), due[-1][0] if len(due) == EXPORTS_PER_STEP else ""


def deliver(backend: Backend, message: Message, *, seconds: float = MESSAGE_SECONDS) -> None:
    """Export the hours of an organization that are complete and were not exported yet, the oldest first, while there is time.

    A failure is stored as the result, and the hour is tried again after a pause, until it succeeds: no hour is left out.
    """
    now_millis = unix_millis(backend.clock.now())
    with backend.db.connect() as connection:
        export = repository.find(connection, message.target)
        org = repository.find_org(connection, message.target)
    if export is None or org is None:
        return
    if message.content:
        _export_rest(backend, export, org, message.content, seconds)
        return
    if not export.is_enabled or export.due_at > now_millis:
        return
    progress = _catch_up(backend, export, org, hour_of(now_millis - SETTLE_MILLIS), seconds)
    failures = export.failures + 1 if progress.problem else 0
    if progress.problem:
        LOG.warning("the audit log of an organization was not exported: %s", progress.problem)
        due_at = now_millis + min(PAUSE_MILLIS * 2 ** min(export.failures, 10), LONGEST_PAUSE_MILLIS)
    else:
        due_at = now_millis if progress.is_behind else due_time(progress.next_hour)
    later = replace(
        export,
        next_hour=progress.next_hour,
        due_at=due_at,
        failures=failures,
        position=progress.position,
        result=Result(now_millis, progress.problem[:RESULT_LIMIT]) if progress.was_sent else export.result,
    )

    def store() -> None:
        with backend.db.begin() as tx:
            repository.store_progress(tx, export, later)

    retry(store)


def queue_rest(tx: Connection, backend: Backend, org_id: str, hour: int, position: Position) -> None:
    """Queue the rest of an hour that was exported on demand, after a position."""
    outbox.queue(tx, backend, [NewMessage(TOPIC, org_id, org_id, f"{hour} {position.parts} {position.last}")])


def next_due_at(backend: Backend) -> int | None:
    """Return when an export that failed or has more to write is tried, in unix milliseconds, or None.

    The hours in which something was recorded are exported after that activity, so they are not looked for.
    """
    with backend.db.connect() as connection:
        return repository.find_next_due(connection, unix_millis(backend.clock.now()))


def turn_off(tx: Connection, result: Result) -> None:
    """Turn all exports off, with a result that says why."""
    repository.turn_off(tx, result)


def due_time(hour: int) -> int:
    """Return when an hour is exported: some time after its end."""
    return hour + HOUR_MILLIS + SETTLE_MILLIS


def export_hour(
    backend: Backend, export: Export, org: str, hour: int, *, position: Position = BEGINNING, seconds: float = MESSAGE_SECONDS
) -> Position | None:
    """Write the records of an hour after a position, if there are any; raises ArchiveError.

    Returns None when all are written, or the position where it stopped because the time was over. Earlier objects of the hour
    are replaced.
    """
    end = time.monotonic() + seconds
    pages = _pages(backend, export.org_id, hour, position.last)
    archive = open_archive(backend, export.org_id, export.destination, open_secret(backend, export))
    while True:
        content, last = _compress(islice(pages, PAGES_PER_OBJECT))
        if last is None:
            return None
        position = Position(position.parts + 1, _mark(last))
        archive.put(export.destination.key(org, object_name(hour, position.parts)), content)
        if time.monotonic() >= end:
            return position


def open_archive(backend: Backend, org_id: str, destination: Destination, secret: str) -> Archive:
    """Return the driver of a destination; nothing is sent."""
    if destination.kind is Kind.AZURE_BLOB:
        return AzureContainer(destination.address, secret, backend.outbound, org_id)
    if destination.kind is Kind.S3_COMPATIBLE:
        keys = Keys(destination.access, secret)
        return KeyedS3(destination.address, destination.region, destination.bucket, keys, backend.outbound, org_id)
    access = Access(region=backend.settings.aws_region, role_arn=backend.settings.aws_role_arn)
    return AssumedS3(destination.bucket, destination.access, org_id, access)


def require_address(backend: Backend, destination: Destination) -> None:
    """Raise BadRequest for an address that is never called."""
    if destination.kind is Kind.S3:
        return
    try:
        backend.outbound.require_url(destination.address)
    except (CallFailed, ValueError) as error:
        # ValueError: an address that has a bracket and is not one of IPv6.
        raise BadRequest(str(error)) from error
    path = destination.address.partition("://")[2].partition("/")[2]
    if "?" in destination.address or "#" in destination.address or (destination.kind is Kind.AZURE_BLOB and not path):
        raise BadRequest("the address must be that of the service or the container, without a query")


def seal(backend: Backend, org_id: str, secret: str) -> bytes:
    """Return the secret of a destination, sealed for its organization."""
    return _envelope(backend, org_id).seal(secret.encode())


def open_secret(backend: Backend, export: Export) -> str:
    """Return the secret of a destination, or an empty text."""
    return _envelope(backend, export.org_id).open(export.sealed_secret).decode() if export.sealed_secret is not None else ""


def _export_rest(backend: Backend, export: Export, org: str, content: str, seconds: float) -> None:
    hour, parts, last = content.split(" ", 2)
    try:
        stopped = export_hour(backend, export, org, int(hour), position=Position(int(parts), last), seconds=seconds)
    except ArchiveError as error:
        raise NotDelivered(str(error)) from error
    if stopped is not None:
        with backend.db.begin() as tx:
            queue_rest(tx, backend, export.org_id, int(hour), stopped)


def _envelope(backend: Backend, org_id: str) -> Envelope:
    return Envelope(service_key(backend, f"audit exports {org_id}"), org_id)


def _catch_up(backend: Backend, export: Export, org: str, end: int, seconds: float) -> _Progress:
    """Export hours that ended before a moment, while there is time; hours without records are passed over."""
    hour, deadline, position = export.next_hour, time.monotonic() + seconds, export.position
    while hour < end:
        with backend.db.connect() as connection:
            first = records.find_first(connection, export.org_id, hour, end)
        if first is None:
            break
        if hour_of(first) > hour:
            hour, position = hour_of(first), BEGINNING
        if hour > export.next_hour and time.monotonic() > deadline:
            return _Progress(hour, position, is_behind=True)
        try:
            stopped = export_hour(backend, export, org, hour, position=position, seconds=deadline - time.monotonic())
        except ArchiveError as error:
            return _Progress(hour, position, str(error))
        if stopped is not None:
            return _Progress(hour, stopped, is_behind=True)
        hour, position = hour + HOUR_MILLIS, BEGINNING
    return _Progress(max(hour, end), was_sent=hour > export.next_hour)


def _compress(pages: Iterable[list[Record]]) -> tuple[bytes, Record | None]:
    """Return pages of records as the lines of an object, and the last record, or None if there are none."""
    buffer = io.BytesIO()
    last: Record | None = None
    # Without a time of its own, so that a repeat writes the same bytes.
    with gzip.GzipFile("", "wb", fileobj=buffer, mtime=0) as file:
        for page in pages:
            last = page[-1]
            file.write(b"".join(map(export_line, page)))
    return buffer.getvalue(), last


def _mark(record: Record) -> str:
    """Return what finds the place of a record again: its sequence, or its time and id if it is from before the chain."""
    return str(record.sequence) if record.sequence is not None else f"{record.recorded_at} {record.id}"


def _pages(backend: Backend, org_id: str, hour: int, mark: str) -> Iterator[list[Record]]:
    """Yield the records of an hour in the order of the chain, after those from before it; all pages but the last are full.

    With the mark of a record only those after it.
    """
    end, rest = hour + HOUR_MILLIS, list[Record]()
    for page in _read_hour(backend, org_id, hour, mark):
        rest += [record for record in page if hour <= record.recorded_at < end]
        while len(rest) >= PAGE:
            yield rest[:PAGE]
            rest = rest[PAGE:]
    if rest:
        yield rest


def _read_hour(backend: Backend, org_id: str, hour: int, mark: str) -> Iterator[list[Record]]:
    """Yield pages with all records of an hour after one, and perhaps with a few others between them."""
    with backend.db.connect() as connection:
        first, last, unchained = records.find_sequences(connection, org_id, (hour, hour + HOUR_MILLIS))
    moment, _, record_id = mark.partition(" ")
    position, after = (int(moment), record_id) if record_id else (hour, ""), first - 1
    if mark and not record_id:
        unchained, after = 0, int(mark)
    while unchained > 0 and position[0] < hour + HOUR_MILLIS:
        with backend.db.connect() as connection:
            page = records.page_unchained(connection, org_id, position, min(PAGE, unchained))
        if not page:
            break
        yield page
        unchained -= len(page)
        position = (page[-1].recorded_at, page[-1].id)
    while last and after < last:
        with backend.db.connect() as connection:
            page = records.page_chain(connection, org_id, after, last, PAGE)
        if not page:
            break
        yield page
        after = page[-1].sequence or last
