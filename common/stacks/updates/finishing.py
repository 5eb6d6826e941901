"""Ends an update and builds its state, after a call of complete or cancel, an expired lease, or a crash.

It takes two steps, so that nothing the server has accepted is lost: first the update accepts no more entries, then its entries
are replayed onto its base. If a process dies between the two, the update's row shows it, and the next process that reads the
stack repeats the second step with the same result.
"""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from sqlalchemy import Connection

from common.audit import steps as audit
from common.audit.steps import Actor, Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.compression import BadGzip, OverLimit, inflate, is_packed
from common.core.errors import BackendError, Unavailable
from common.db.faults import Contention
from common.db.retry import retry
from common.mailing import steps as mailing
from common.outbox import steps as outbox
from common.outbox.model import NewMessage
from common.ports.blobs import BlobDamaged, BlobMissing
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks import blob_keys, events
from common.stacks import steps as stacks
from common.stacks.engine import checks, document, journal, ordering
from common.stacks.engine.document import BadDocument
from common.stacks.engine.entry import Part, TooMuch
from common.stacks.engine.packages import encode, find_packages
from common.stacks.engine.stack_references import find_links
from common.stacks.model import Kind, Outcome, Stack, StackPath, Status
from common.stacks.repository import stack_references
from common.stacks.updates import checkpoint_trim
from common.stacks.updates.mails import mails_at_end
from common.stacks.updates.repository import finishing as repository
from common.stacks.updates.repository.finishing import FinishingUpdate, StoredBatch, UpdateEnd
from common.telemetry.instruments import LEASE_EXPIRIES, REPLAY, UPDATES

LOG = logging.getLogger("stackhold.state")
# After this many processes died of an update, it is marked as damaged.
MOST_ATTEMPTS = 3
ADVICE = "The stack keeps its previous state, and the journal is kept: after a repair, run `pulumi cancel` to try again"
# The topic of a message that an update with policies has ended; its content is the update's id.
POLICY_RESULTS = "policy-results"
# A document that a row names is in the store, so another answer may be a passing fault: it is read again after these seconds.
_PAUSES = (0.05, 0.2)
# A database that was restarted, or has failed over, is back after a few of these.
_DATABASE_PAUSES = (0.5, 1.0, 2.0)
# No further try begins after these seconds, however long one waits for a connection.
_DATABASE_SECONDS = 5.0
_READ_AHEAD_BYTES = 4 << 20
_READ_AHEAD_BATCHES = 200


class StateNotBuilt(BackendError):
    """The state of an update could not be built. The update has ended as failed, and its journal is kept."""


class DamagedBatch(ValueError):
    """A batch of a journal that is not the one that was stored; the message is for a person."""


def finish(backend: Backend, update_id: str, outcome: Outcome) -> bool:
    """End a running update with its state kept. False, with nothing changed, if it was not running.

    Callers have checked that their own caller may end the update.
    """
    is_stopped = _stop(backend, update_id, outcome, for_client=False)
    if is_stopped:
        if outcome is Outcome.EXPIRED:
            backend.telemetry.record(LEASE_EXPIRIES, 1)
        build_state(backend, update_id)
    return is_stopped


def cancel(backend: Backend, update_id: str, record: Callable[[Connection], None]) -> bool:
    """Cancel a running update, as finish does, and call `record` in the transaction that stops it."""

    def stop() -> bool:
        with backend.db.begin() as tx:
            now_millis = unix_millis(backend.clock.now())
            is_stopped = repository.stop_writers(tx, update_id, Outcome.CANCELLED, now_millis, for_client=False)
            if is_stopped:
                record(tx)
            return is_stopped

    is_stopped = retry(stop)
    if is_stopped:
        build_state(backend, update_id)
    return is_stopped


def finish_for_client(backend: Backend, update_id: str, outcome: Outcome, *, source_ip: str) -> bool:
    """End a running update for the client that has its lease and may still write the stack. Otherwise False.

    `source_ip` is the address of the client, for the record in the audit log.

    StateNotBuilt if its state could not be built.
    """
    is_stopped = _stop(backend, update_id, outcome, for_client=True)
    if is_stopped and (damage := build_state(backend, update_id, source_ip=source_ip)):
        raise StateNotBuilt(damage)
    return is_stopped


def finish_if_abandoned(backend: Backend, stack: Stack) -> bool:
    """Finish the stack's newest version if its client has disappeared; tell whether it had to be finished.

    Callers have checked their own permission on the stack; ending an abandoned update needs none.
    """
    latest = stack.latest
    if not latest.is_open() or latest.is_busy(unix_millis(backend.clock.now())):
        return False
    if not finish(backend, latest.update_id, Outcome.EXPIRED):
        resume(backend, latest.update_id)
    return True


def get_current_stack(backend: Backend, caller: Caller, path: StackPath, permission: Permission) -> Stack:
    """Return the stack, after finishing its newest version if that was abandoned; errors as in stacks.get_stack."""
    stack = stacks.get_stack(backend, caller, path, permission)
    if finish_if_abandoned(backend, stack):
        stack = stacks.get_stack(backend, caller, path, permission)
    return stack


def retry_damaged(backend: Backend, update_id: str, outcome: Outcome) -> None:
    """Build the state of a damaged update again. StateNotBuilt if that fails, or if the stack has a newer version.

    Callers have checked that their own caller may end the update.
    """
    with backend.db.connect() as connection:
        is_reopened = repository.reopen(connection, update_id, outcome, unix_millis(backend.clock.now()))
    if not is_reopened:
        raise StateNotBuilt(f"the state of update '{update_id}' could not be built, and the stack has a newer version")
    if damage := build_state(backend, update_id):
        raise StateNotBuilt(damage)


def rebuild_if_damaged(backend: Backend, stack: Stack) -> bool:
    """Build the state of the stack's newest version again if that failed; tell whether the stack has changed since it was read.

    A store that gave a wrong answer may give the right one now, and the next version must not miss what was accepted.
    An update that processes died of is left alone. Callers have checked their own permission on the stack: a reader may cause
    this, so an attempt that fails leaves everything as it was, and sends nothing.
    """
    latest, now_millis = stack.latest, unix_millis(backend.clock.now())
    if not _is_damaged(stack):
        return False
    with backend.db.connect() as connection:
        if not repository.reopen(connection, latest.update_id, Outcome.FAILED, now_millis, most_attempts=MOST_ATTEMPTS):
            return not repository.is_still_damaged(connection, latest.update_id)
    return build_state(backend, latest.update_id, ended_before=latest.ended_at) is None


def go_on_without(tx: Connection, stack: Stack) -> None:
    """Leave the state of the stack's newest version unbuilt for good, if it is damaged: the transaction adds the next version.

    Contention if another process has begun to build it, or has built it.
    """
    if not _is_damaged(stack):
        return
    repository.close_damaged(tx, stack.latest.update_id, MOST_ATTEMPTS + 1)
    if not repository.is_still_damaged(tx, stack.latest.update_id):
        raise Contention(f"the state of stack '{stack.path}' was built at the same time; try again")


def _is_damaged(stack: Stack) -> bool:
    return stack.latest.damage is not None and stack.latest.status is Status.FAILED


def resume(backend: Backend, update_id: str) -> str | None:
    """Build the state of an update that another process began to finish, as build_state does; count this as an attempt.

    Repeats within a minute count as one attempt.
    """
    with backend.db.connect() as connection:
        repository.count_attempt(connection, update_id, unix_millis(backend.clock.now()))
    return build_state(backend, update_id)


def build_state(backend: Backend, update_id: str, *, source_ip: str = "", ended_before: int | None = None) -> str | None:
    """Build the state of an update that accepts no more entries; a repeat is harmless.

    If stored data is damaged, missing or too large, or processes died of it several times, the update ends as failed with the
    state that it began with. Its row then has the reason, which is returned. `source_ip` is the address of the client that ends
    it; without one it is ended by the server, or after a call of another client. `ended_before` is the end of an update that had
    ended with a damaged state: its end stays then, and nothing is recorded or sent if the state is still damaged.
    """
    try:
        return _build_state(backend, update_id, source_ip, ended_before)
    except Unavailable:
        _take_back_attempt(backend, update_id)
        raise


def _build_state(backend: Backend, update_id: str, source_ip: str, ended_before: int | None) -> str | None:
    with backend.db.connect() as connection:
        finishing = repository.find_finishing(connection, update_id)
    if finishing is None:
        return None
    end = _build_end(backend, finishing)
    if end.links is None and finishing.dry_run and not finishing.has_webhooks:
        with backend.db.connect() as connection:
            is_recorded = repository.record_end(connection, finishing, end)
    else:
        is_recorded = retry(lambda: _record_end(backend, finishing, end, source_ip, ended_before))
    if is_recorded:
        kind = Kind.PREVIEW if finishing.dry_run else finishing.kind
        result = Outcome.DAMAGED if end.is_damaged else finishing.outcome
        backend.telemetry.record(UPDATES, 1, kind.value, result.value)
    return end.damage if end.is_damaged else None


def _stop(backend: Backend, update_id: str, outcome: Outcome, *, for_client: bool) -> bool:
    with backend.db.connect() as connection:
        return repository.stop_writers(connection, update_id, outcome, unix_millis(backend.clock.now()), for_client=for_client)


def _record_end(backend: Backend, finishing: FinishingUpdate, end: UpdateEnd, source_ip: str, ended_before: int | None) -> bool:
    with backend.db.begin() as tx:
        if not repository.record_end(tx, finishing, end, ended_at=ended_before):
            return False
        if end.is_damaged and ended_before is not None:  # All of it was recorded and sent when the update ended.
            return False
        if end.links is not None:
            stack_references.replace(tx, finishing.stack_id, end.links)
        if not finishing.dry_run:
            result = "damaged" if end.is_damaged else finishing.outcome.value
            description = f"Update {finishing.version} of stack {finishing.written_as} ended: {result}"
            if end.integrity_error is not None:
                description += f". Its state breaks a rule: {end.integrity_error}"
            actor = Actor(finishing.user_id, finishing.login, finishing.token_id, finishing.token_name, source_ip)
            audit.record_as(tx, backend, actor, finishing.org_id, Event.UPDATE_COMPLETED, description=description)
        outbox.queue(tx, backend, _messages(finishing, end))
        mailing.queue(tx, backend, mails_at_end(finishing, _outcome(finishing, end)))
    return True


def _messages(finishing: FinishingUpdate, end: UpdateEnd) -> list[NewMessage]:
    """Return what other areas are told of the end of an update: policies read its events, webhooks send it on."""
    messages = []
    if finishing.has_policies and not finishing.dry_run:
        messages += [NewMessage(POLICY_RESULTS, finishing.org_id, finishing.stack_id, finishing.update_id, finishing.update_id)]
    if finishing.has_webhooks:
        messages += events.ended(_run_of(finishing), is_success=_outcome(finishing, end) is Outcome.SUCCEEDED)
    return messages


def _outcome(finishing: FinishingUpdate, end: UpdateEnd) -> Outcome:
    return Outcome.DAMAGED if end.is_damaged else finishing.outcome


def _run_of(finishing: FinishingUpdate) -> events.Run:
    return events.Run(
        finishing.stack_id,
        finishing.written_as,
        finishing.update_id,
        finishing.kind,
        dry_run=finishing.dry_run,
        version=finishing.version,
    )


def _build_end(backend: Backend, finishing: FinishingUpdate) -> UpdateEnd:
    # The first attempt is this one; each further one follows a process that died.
    deaths = finishing.attempts - 1
    if deaths >= MOST_ATTEMPTS:
        return _damaged_end(finishing, f"the server stopped {deaths} times while it built the state")
    try:
        has_journal = not finishing.dry_run and finishing.journal_version > 0
        return _replay(backend, finishing) if has_journal else _keep_checkpoint(backend, finishing)
    except (BlobMissing, BlobDamaged) as error:
        return _damaged_end(finishing, error.message)
    except (BadDocument, DamagedBatch) as error:
        return _damaged_end(finishing, str(error))
    except TooMuch as error:
        return _damaged_end(finishing, f"its journal is too large: {error}")


def _take_back_attempt(backend: Backend, update_id: str) -> None:
    """Count the attempt less, also if the database is away for a moment: the update is not the cause of what ended it.

    A database that does not come back within seconds is not waited for, since a client waits for the answer.
    """
    end = time.monotonic() + _DATABASE_SECONDS
    for pause_seconds in (*_DATABASE_PAUSES, 0.0):
        with suppress(Unavailable):
            with backend.db.connect() as connection:
                repository.take_back_attempt(connection, update_id)
            return
        if time.monotonic() + pause_seconds >= end:
            return
        time.sleep(pause_seconds)


def _replay(backend: Backend, finishing: FinishingUpdate) -> UpdateEnd:
    with backend.db.connect() as connection:
        batches = repository.journal_of(connection, finishing.update_id)
    if not batches:
        return _keep_checkpoint(backend, finishing)
    key_of_base = finishing.base_checkpoint
    stored_base = _read_again(lambda: backend.checkpoints.get(key_of_base)) if key_of_base else document.EMPTY
    base = ordering.applied(stored_base, finishing.base_order)
    began = time.perf_counter()
    result = journal.replay(
        base,
        _StoredJournal(backend, finishing.update_id, batches).parts(),
        cli_version=finishing.cli_version,
        now=backend.clock.now(),
        command=finishing.kind,
        ceiling_bytes=backend.settings.body_limit_bytes,
    )
    backend.telemetry.record(REPLAY, time.perf_counter() - began)
    damage = "; ".join(result.damage) or None
    if damage:
        LOG.error("update %s: its journal is damaged, the state was built without the bad entries", finishing.update_id)
    if result.order is not None and ordering.is_short(result.order):
        order = ordering.composed(finishing.base_order, result.order)
        error = result.integrity_error
        return UpdateEnd(finishing.base_checkpoint, order, result.resource_count, damage, None, integrity_error=error)
    key = blob_keys.new_checkpoint_key(finishing.stack_id)
    backend.checkpoints.put(key, result.text)
    links = find_links(result.text)
    changed_links = links if links or find_links(base) else None
    packages, error = encode(find_packages(result.text)), result.integrity_error
    return UpdateEnd(key, None, result.resource_count, damage, changed_links, packages=packages, integrity_error=error)


def _keep_checkpoint(backend: Backend, finishing: FinishingUpdate) -> UpdateEnd:
    """Return the end of an update without a journal: its last checkpoint is its state."""
    is_new = finishing.checkpoint is not None and finishing.checkpoint != finishing.base_checkpoint
    key = finishing.checkpoint
    text = _read_again(lambda: backend.checkpoints.get(key)) if is_new and key else None
    links = find_links(text) if text is not None else None
    packages = encode(find_packages(text)) if text is not None else None
    error = checks.find_error(text) if text is not None else finishing.integrity_error
    if is_new:
        checkpoint_trim.trim_finished(backend, finishing.update_id, finishing.checkpoint)
    order, count = finishing.resource_order, finishing.resource_count
    return UpdateEnd(finishing.checkpoint, order, count, None, links, packages=packages, integrity_error=error)


def _read_again(read: Callable[[], bytes]) -> bytes:
    """Return what `read` returns, and call it again if the store does not have the document or gives a damaged one."""
    for pause_seconds in _PAUSES:
        try:
            return read()
        except (BlobMissing, BlobDamaged, DamagedBatch) as error:
            LOG.warning("a stored document is read again: %s", error)
            time.sleep(pause_seconds)
    return read()


def _damaged_end(finishing: FinishingUpdate, reason: str) -> UpdateEnd:
    """Return the end of an update with no state that can be built: the state from before it, and the reason."""
    what = f"version {finishing.version}" if finishing.version is not None else "a preview"
    why = reason.removeprefix(f"{BackendError.status.phrase}: ")
    damage = f"the state of {what} of stack '{finishing.written_as}' could not be built: {why}. {ADVICE}"
    LOG.error("update %s is damaged: %s", finishing.update_id, damage)
    return UpdateEnd(
        finishing.base_checkpoint,
        finishing.base_order,
        finishing.resource_count,
        damage,
        None,
        is_damaged=True,
        integrity_error=finishing.integrity_error,
    )


class _StoredJournal:
    """The journal of one update, of which only a part is in memory: rows are read ahead, and dropped after their replay."""

    def __init__(self, backend: Backend, update_id: str, batches: Sequence[StoredBatch]) -> None:
        """Take the batches in the order in which they arrived."""
        self._backend = backend
        self._update_id = update_id
        self._batches = batches
        # A replay reads the batches by their first sequence number.
        numbers = [number for number, batch in enumerate(batches) if batch.blob_key is None]
        self._rows = sorted(numbers, key=lambda number: (batches[number].first_sequence, number))
        self._places = {number: place for place, number in enumerate(self._rows)}
        self._bodies: dict[str, bytes] = {}

    def parts(self) -> list[Part]:
        """Return the parts that a replay reads; reading one may raise TooMuch or DamagedBatch."""
        numbered = list(enumerate(self._batches))
        return [Part(batch.first_sequence, lambda number=number: self._read(number)) for number, batch in numbered]  # type: ignore[misc]

    def _read(self, number: int) -> bytes:
        is_in_store = self._batches[number].blob_key is not None
        return _read_again(lambda: self._text(number)) if is_in_store else self._text(number)

    def _text(self, number: int) -> bytes:
        batch = self._batches[number]
        if batch.blob_key is not None:
            stored = self._backend.batches.get_stored(batch.blob_key)
        else:
            if batch.id not in self._bodies:
                self._read_ahead(self._places[number])
            stored = self._bodies.pop(batch.id, b"")
        name = batch.blob_key or f"{batch.id} of the database"
        # Batches from before there was a limit for each may be as large as a request.
        limit = self._backend.settings.body_limit_bytes
        try:
            text = inflate(stored, limit) if is_packed(stored) else stored
        except BadGzip as error:
            raise DamagedBatch(f"the stored batch {name} is damaged") from error
        except OverLimit as error:
            raise TooMuch(f"the stored batch {name} inflates to more than {limit:,} bytes") from error
        # What a store cut off must not count as a batch with bad entries: another answer may be whole.
        is_cut_off = batch.blob_key is not None and not text.rstrip().endswith(b"}")
        if is_cut_off or not text.lstrip().startswith(b"{"):
            raise DamagedBatch(f"the stored batch {name} is damaged")
        return text

    def _read_ahead(self, place: int) -> None:
        size, batch_ids = 0, list[str]()
        for number in self._rows[place : place + _READ_AHEAD_BATCHES]:
            batch = self._batches[number]
            if batch_ids and size + batch.size_bytes > _READ_AHEAD_BYTES:
                break
            size += batch.size_bytes
            batch_ids.append(batch.id)
        with self._backend.db.connect() as connection:
            self._bodies = repository.bodies_of(connection, self._update_id, batch_ids)
