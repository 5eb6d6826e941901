"""Ends an update and puts its state together, whatever ended it: complete, cancel, an expired lease, a crash half-way.

Two steps, so that nothing acknowledged is lost: first the update stops taking entries, then what it took is replayed onto
the base it started from. A process that dies between the two leaves a row that says so, and the next one to look at the
stack does the second step again with the same result.
"""

import logging
from contextlib import suppress

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BackendError, Unavailable
from common.db.retry import retry
from common.ports.blobs import BlobDamaged, BlobMissing
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks import blob_keys
from common.stacks import steps as stacks
from common.stacks.engine import document, journal, ordering
from common.stacks.engine.document import BadDocument
from common.stacks.engine.entry import TooMuch
from common.stacks.engine.stack_references import find_links
from common.stacks.model import Outcome, Stack, StackPath
from common.stacks.repository import stack_references
from common.stacks.updates import checkpoint_trim
from common.stacks.updates.repository import finishing as repository
from common.stacks.updates.repository.finishing import End, Finishing
from common.stacks.updates.stored_journal import DamagedBatch, StoredJournal

LOG = logging.getLogger("stackhold.state")
# So many processes may die of an update before it is set aside.
MOST_ATTEMPTS = 3
SET_ASIDE = "The stack keeps its previous state, and the journal is kept: after a repair, run `pulumi cancel` to try again"


class StateLost(BackendError):
    """The state of an update could not be put together; the update has ended as failed, and its journal is kept."""


def finish(backend: Backend, update_id: str, outcome: Outcome, *, is_holder: bool = False) -> bool:
    """End a running update with its state kept; False when it was not running, and then nothing is changed.

    Callers have checked that whoever asks may end the update; for the holder of its lease, `is_holder` makes the statement
    do so. StateLost for the holder when the state could not be put together.
    """
    now_millis = unix_millis(backend.clock.now())
    with backend.db.connect() as connection:
        stopped = repository.stop_writers(connection, update_id, outcome, now_millis, is_holder=is_holder)
    if stopped:
        reason = conclude(backend, update_id, is_repeat=False)
        if reason and is_holder:
            raise StateLost(reason)
    return stopped


def try_again(backend: Backend, update_id: str, outcome: Outcome) -> None:
    """Put the state of an update together that was set aside, if the stack has no newer version; StateLost if it fails again.

    Callers have checked that whoever asks may end the update.
    """
    with backend.db.connect() as connection:
        reopened = repository.reopen(connection, update_id, outcome)
    if not reopened:
        raise StateLost(f"update '{update_id}' could not be put together, and the stack has gone on without it")
    if reason := conclude(backend, update_id, is_repeat=False):
        raise StateLost(reason)


def conclude(backend: Backend, update_id: str, *, is_repeat: bool = True) -> str | None:
    """Put together the state of an update that stopped taking entries; a repeat is harmless.

    Where that cannot be done, because something stored is damaged, missing or too large, the update ends as failed with the
    state it began with, and its row says why: that is returned. The same happens when processes died of it several times.
    """
    with backend.db.connect() as connection:
        finishing = repository.find_finishing(connection, update_id)
        if finishing is not None and is_repeat:
            repository.count_attempt(connection, update_id, 1)
    if finishing is None:
        return None
    end = _end(backend, finishing, deaths=finishing.attempts if is_repeat else 0)
    if end.links is None:
        with backend.db.connect() as connection:
            repository.record_end(connection, finishing, end)
    else:
        retry(lambda: _record_end(backend, finishing, end))
    return end.damage if end.is_set_aside else None


def _end(backend: Backend, finishing: Finishing, *, deaths: int) -> End:
    if deaths >= MOST_ATTEMPTS:
        return _set_aside(finishing, f"the server stopped {deaths} times while it put the state together")
    try:
        return _replayed(backend, finishing) if _has_journal(finishing) else _kept(backend, finishing)
    except (BlobMissing, BlobDamaged) as error:
        return _set_aside(finishing, error.message)
    except (BadDocument, DamagedBatch) as error:
        return _set_aside(finishing, str(error))
    except TooMuch as error:
        return _set_aside(finishing, f"its journal is too large: {error}")
    except Unavailable:
        # That is no fault of this update.
        with suppress(Unavailable), backend.db.connect() as connection:
            repository.count_attempt(connection, finishing.update_id, -1)
        raise


def _has_journal(finishing: Finishing) -> bool:
    return not finishing.dry_run and finishing.journal_version > 0


def _set_aside(finishing: Finishing, reason: str) -> End:
    """Return the end of an update whose state cannot be put together: that from before it, with the reason."""
    what = f"version {finishing.version} of" if finishing.version is not None else "a preview of"
    why = reason.removeprefix(f"{BackendError.status.phrase}: ")
    words = f"{what} stack '{finishing.written_as}' could not be put together: {why}. {SET_ASIDE}"
    LOG.error("update %s is set aside: %s", finishing.update_id, words)
    return End(finishing.base_checkpoint, finishing.base_order, finishing.resource_count, words, None, is_set_aside=True)


def settle(backend: Backend, stack: Stack) -> bool:
    """Finish the stack's newest version if its holder is gone; True when there was something to finish.

    Callers have checked their own permission on the stack; that an abandoned update ends needs none.
    """
    latest = stack.latest
    if not latest.is_open() or latest.is_busy(unix_millis(backend.clock.now())):
        return False
    if not finish(backend, latest.update_id, Outcome.EXPIRED):
        conclude(backend, latest.update_id)
    return True


def _record_end(backend: Backend, finishing: Finishing, end: End) -> None:
    with backend.db.begin() as tx:
        if repository.record_end(tx, finishing, end) and end.links is not None:
            stack_references.replace(tx, finishing.stack_id, end.links)


def _replayed(backend: Backend, finishing: Finishing) -> End:
    with backend.db.connect() as connection:
        batches = repository.journal_of(connection, finishing.update_id)
    if not batches:
        return _kept(backend, finishing)
    base = ordering.applied(_base(backend, finishing), finishing.base_order)
    result = journal.replay(
        base,
        StoredJournal(backend, finishing.update_id, batches).parts(),
        cli_version=finishing.cli_version,
        now=backend.clock.now(),
        command=finishing.kind,
        ceiling_bytes=backend.settings.body_limit_bytes,
    )
    damage = "; ".join(result.damage) or None
    if damage:
        LOG.error("update %s: its journal is damaged, the state was put together without the bad entries", finishing.update_id)
    if result.order is not None and ordering.is_short(result.order):
        order = ordering.composed(finishing.base_order, result.order)
        return End(finishing.base_checkpoint, order, result.resource_count, damage, None)
    key = blob_keys.new_checkpoint_key(finishing.stack_id)
    backend.checkpoints.put(key, result.text)
    links = find_links(result.text)
    return End(key, None, result.resource_count, damage, links if links or find_links(base) else None)


def _base(backend: Backend, finishing: Finishing) -> bytes:
    return backend.checkpoints.get(finishing.base_checkpoint) if finishing.base_checkpoint else document.EMPTY


def _kept(backend: Backend, finishing: Finishing) -> End:
    """Return the end of an update without a journal: its last checkpoint is its state already."""
    is_new = finishing.checkpoint is not None and finishing.checkpoint != finishing.base_checkpoint
    links = find_links(backend.checkpoints.get(finishing.checkpoint)) if is_new and finishing.checkpoint else None
    if is_new:
        checkpoint_trim.trim_finished(backend, finishing.update_id, finishing.checkpoint)
    return End(finishing.checkpoint, finishing.resource_order, finishing.resource_count, None, links)


def load_settled(backend: Backend, caller: Caller, path: StackPath, permission: Permission) -> Stack:
    """Return the stack after finishing an update whose holder is gone; errors as in stacks.get_stack."""
    stack = stacks.get_stack(backend, caller, path, permission)
    if settle(backend, stack):
        stack = stacks.get_stack(backend, caller, path, permission)
    return stack
