"""Reads of updates and previews: status, history, events.

History is newest first, has every version but creation and deletion, and repeats configuration and environment exactly
as the client sent them (state.md 9.1).
"""

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from common.backend import Backend
from common.core.compression import BadGzip, OverLimit, inflate, is_packed
from common.core.errors import BadRequest, NotFound
from common.core.ids import is_id
from common.ports.blobs import BlobMissing
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks import steps as stacks
from common.stacks.engine.counting import TooMany, require_few_members
from common.stacks.engine.envelope import require_few
from common.stacks.engine.jsontext import BadDocument, Shield, shield_for
from common.stacks.model import Stack, StackPath, Status, is_version
from common.stacks.updates import programs, service
from common.stacks.updates.finishing import load_settled
from common.stacks.updates.model import Entry, Update
from common.stacks.updates.repository import history as rows
from common.stacks.updates.repository.history import EventBatch

LOG = logging.getLogger("stackhold.updates")
EVENT_BATCHES_PER_PAGE = 64
EVENT_BYTES_PER_PAGE = 4 << 20
_NO_EVENTS = b"{}"
_TYPE_DIGITS = 4
_VERSION = re.compile(r"[0-9]{1,20}", re.ASCII)
# Numeric codes of event types in queries: positions in upstream's list, counted from 1 (inferred; 9 = policy is known).
EVENT_TYPES = (
    "cancelEvent",
    "stdoutEvent",
    "diagnosticEvent",
    "preludeEvent",
    "summaryEvent",
    "resourcePreEvent",
    "resOutputsEvent",
    "resOpFailedEvent",
    "policyEvent",
    "policyRemediationEvent",
    "policyLoadEvent",
    "policyAnalyzeSummaryEvent",
    "policyRemediateSummaryEvent",
    "policyAnalyzeStackSummaryEvent",
    "startDebuggingEvent",
    "progressEvent",
    "errorEvent",
)


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a listing is wanted; `number` counts from 1."""

    size: int | None
    number: int = 1

    @property
    def offset(self) -> int:
        """Return how many entries stand before the page."""
        return (self.size or 0) * (self.number - 1)


@dataclass(frozen=True, slots=True)
class EventQuery:
    """What a reader of events wants: from a sequence number on, of some types, about some resources."""

    start: int = 0
    types: frozenset[str] = frozenset()
    urns: frozenset[str] = frozenset()


def get_status(backend: Backend, caller: Caller, path: StackPath, update_id: str) -> Update:
    """Return the update; NotFound when the stack has none of that id."""
    return service.get_update(backend, caller, path, update_id, Permission.STACK_READ)[1]


def page_updates(backend: Backend, caller: Caller, path: StackPath, page: Page) -> tuple[Stack, list[Entry], int]:
    """Return (stack, a page of its updates, newest first, number of all)."""
    stack = load_settled(backend, caller, path, Permission.STACK_READ)
    with backend.db.connect() as connection:
        entries = rows.page_versions(connection, stack.id, page.size, page.offset)
    return stack, programs.load_all(backend, stack.id, entries), stack.latest.version


def get_version(backend: Backend, caller: Caller, path: StackPath, version: int | None) -> tuple[Stack, Entry]:
    """Return the stack and the update that made a version, or the newest one; NotFound when there is none."""
    stack, entry = _find_version(backend, caller, path, version)
    return stack, programs.load(backend, stack.id, entry)


def get_preview(backend: Backend, caller: Caller, path: StackPath, update_id: str) -> tuple[Stack, Entry]:
    """Return the stack and one of its previews; NotFound when it has none of that id."""
    stack = stacks.get_stack(backend, caller, path, Permission.STACK_READ)
    with backend.db.connect() as connection:
        entry = rows.find_preview(connection, stack.id, update_id) if is_id(update_id) else None
    if entry is None:
        msg = f"Preview '{ascii(update_id[:80])[1:-1]}' not found"
        raise NotFound(msg)
    return stack, programs.load(backend, stack.id, entry)


def page_previews(
    backend: Backend,
    caller: Caller,
    path: StackPath,
    version: int | None,
    page: Page,
    *,
    ascending: bool,
) -> tuple[Stack, list[Entry]]:
    """Return the stack and a page of the previews that ran after a version and before the next, or since the newest."""
    stack = load_settled(backend, caller, path, Permission.STACK_READ)
    after = stack.latest.version if version is None else version
    if after and not is_version(after):
        return stack, []
    with backend.db.connect() as connection:
        entries = rows.page_previews(connection, stack.id, after, page.size, page.offset, ascending=ascending)
    return stack, programs.load_all(backend, stack.id, entries)


def page_events(
    backend: Backend,
    caller: Caller,
    path: StackPath,
    update: str,
    query: EventQuery,
) -> tuple[list[bytes], int | None]:
    """Return events in order of their sequence numbers, and where the next page begins: None at the end of a finished update.

    `update` is an update's id or a version number. While the update runs, a gap in the numbers ends the page: what is
    missing may still arrive.
    """
    update_id, is_running = _find(backend, caller, path, update)
    with backend.db.connect() as connection:
        batches = rows.event_batches_from(connection, update_id, query.start, EVENT_BATCHES_PER_PAGE + 1)
    events, horizon = _in_order(backend, update_id, batches, query.start)
    if is_running:
        events = _without_gap(events, query.start)
    following = events[-1][0] + 1 if events else query.start
    is_end = not is_running and horizon is None
    return [text for _, text in events if _wanted(text, query)], None if is_end else following


def _find(backend: Backend, caller: Caller, path: StackPath, update: str) -> tuple[str, bool]:
    if _VERSION.fullmatch(update):
        _stack, entry = _find_version(backend, caller, path, int(update))
        return entry.update_id, entry.status in (Status.RUNNING, Status.FINISHING)
    found = get_status(backend, caller, path, update)
    return found.id, found.status in (Status.NOT_STARTED, Status.RUNNING, Status.FINISHING)


def _find_version(backend: Backend, caller: Caller, path: StackPath, version: int | None) -> tuple[Stack, Entry]:
    """Return the same without the request of a large configuration, which takes another call."""
    stack = load_settled(backend, caller, path, Permission.STACK_READ)
    number, entry = stack.latest.version if version is None else version, None
    if is_version(number):
        with backend.db.connect() as connection:
            entry = rows.find_version(connection, stack.id, number)
    if entry is None:
        msg = f"Stack '{path}' has no updates" if version is None else f"Stack '{path}' has no version {version}"
        raise NotFound(msg)
    return stack, entry


class _Event(msgspec.Struct):
    sequence: int | None = None


class _Batch(msgspec.Struct):
    events: list[msgspec.Raw] | None = None


_batch_decoder = msgspec.json.Decoder(_Batch)


def _in_order(
    backend: Backend,
    update_id: str,
    batches: Iterable[EventBatch],
    start: int,
) -> tuple[list[tuple[int, bytes]], int | None]:
    """Return the events of this page, and the sequence number at which the next page's batches begin (None: no more).

    A batch is inflated once it is known to belong to the page.
    """
    found: dict[int, bytes] = {}
    size, horizon = 0, None
    for index, batch in enumerate(batches):
        if index == EVENT_BATCHES_PER_PAGE or size > EVENT_BYTES_PER_PAGE:
            horizon = batch.first_sequence
            break
        shield, text = _text(backend, update_id, batch)
        size += len(text)
        for raw in _batch_decoder.decode(text).events or []:
            number = _sequence(raw, batch.first_sequence)
            # All batches that begin before the horizon are here, and so are all events below it. A page that is one
            # batch with a later one inside its range must still make progress, so it may pass the horizon.
            if number >= start:
                found.setdefault(number, shield.show(raw))
    ordered = sorted(found.items())
    below = [event for event in ordered if horizon is None or event[0] < horizon]
    return below or ordered, horizon


def _text(backend: Backend, update_id: str, batch: EventBatch) -> tuple[Shield, bytes]:
    """Return the text of a batch, hidden; an empty one for what cannot be read, which must not take the others with it."""
    limit = backend.settings.body_limit_bytes
    try:
        stored = backend.batches.get_stored(batch.blob_key) if batch.blob_key is not None else batch.body or b""
        text = inflate(stored, limit) if is_packed(stored) else stored
        shield = shield_for([text])
        text = shield.hide(text)
        require_few(text)
        _batch_decoder.decode(text)
    except (BlobMissing, BadGzip, OverLimit, TooMany, BadDocument, msgspec.DecodeError, UnicodeDecodeError) as error:
        LOG.warning("update %s: events from %d on cannot be read: %r", update_id, batch.first_sequence, error)
        return Shield(), _NO_EVENTS
    return shield, text


def _sequence(raw: msgspec.Raw, otherwise: int) -> int:
    try:
        number = msgspec.json.decode(raw, type=_Event).sequence
    except msgspec.DecodeError:
        return otherwise
    return otherwise if number is None else number


def _without_gap(events: list[tuple[int, bytes]], start: int) -> list[tuple[int, bytes]]:
    return [event for index, event in enumerate(events) if event[0] == start + index]


class _Subject(msgspec.Struct):
    urn: str | None = None
    resource_urn: str | None = msgspec.field(default=None, name="resourceUrn")
    metadata: "_Subject | None" = None


def _wanted(text: bytes, query: EventQuery) -> bool:
    if not query.types and not query.urns:
        return True
    try:
        text = shield_for([text]).hide(text)
        require_few_members(text, "the event")
        members = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (BadDocument, msgspec.DecodeError):
        return False
    kind = next((name for name in EVENT_TYPES if name in members), "")
    if query.types and kind not in query.types:
        return False
    return not query.urns or _subject(members.get(kind)) in query.urns


def _subject(payload: msgspec.Raw | None) -> str:
    try:
        found = msgspec.json.decode(payload or b"{}", type=_Subject)
    except msgspec.DecodeError:
        return ""
    return found.urn or found.resource_urn or (found.metadata.urn if found.metadata is not None else None) or ""


def event_types(codes: Iterable[str]) -> frozenset[str]:
    """Return the names of event types for the codes of a query; BadRequest for one that is no number."""
    names = set()
    for code in codes:
        # int() refuses thousands of digits.
        if not code.isascii() or not code.isdigit() or len(code) > _TYPE_DIGITS:
            msg = f"event type {code[:20]!a} is not the number of a type"
            raise BadRequest(msg)
        number = int(code)
        names.add(EVENT_TYPES[number - 1] if 0 < number <= len(EVENT_TYPES) else f"unknown {number}")
    return frozenset(names)
