"""Ends an update and puts its state together, whatever ended it: complete, cancel, an expired lease, a crash half-way.

Two steps, so that nothing acknowledged is lost: first the update stops taking entries, then what it took is replayed onto
the base it started from. A process that dies between the two leaves a row that says so, and the next one to look at the
stack does the second step again with the same result.
"""

import logging

from common.backend import Backend
from common.clock import unix_millis
from common.compression import unpack
from common.db.faults import repeated
from common.stacks.model import Outcome, Stack
from common.state import document, journal, layout, link_rows, ordering, repository, superseded
from common.state.repository import End, Finishing, StoredBatch
from common.state.stack_links import find_links

LOG = logging.getLogger("stackhold.state")


def finish(backend: Backend, update_id: str, outcome: Outcome) -> bool:
    """End a running update with its state kept; False when it was not running, and then nothing is changed.

    Callers have checked that whoever asks may end the update.
    """
    now_millis = unix_millis(backend.clock.now())
    with backend.db.connect() as connection:
        stopped = repository.stop_writers(connection, update_id, outcome, now_millis)
    if stopped:
        conclude(backend, update_id)
    return stopped


def conclude(backend: Backend, update_id: str) -> None:
    """Put together the state of an update that stopped taking entries; a repeat is harmless."""
    with backend.db.connect() as connection:
        finishing = repository.find_finishing(connection, update_id)
        if finishing is None:
            return
        replayed = not finishing.dry_run and finishing.journal_version > 0
        batches = repository.journal_of(connection, update_id) if replayed else []
    end = _replayed(backend, finishing, batches) if batches else _kept(backend, finishing)
    if end.links is None:
        with backend.db.connect() as connection:
            repository.record_end(connection, finishing, end)
        return
    repeated(lambda: _record_end(backend, finishing, end))


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
            link_rows.replace(tx, finishing.stack_id, end.links)


def _replayed(backend: Backend, finishing: Finishing, batches: list[StoredBatch]) -> End:
    base = ordering.applied(_base(backend, finishing), finishing.base_order)
    result = journal.replay(
        base,
        (_text(backend, batch) for batch in batches),
        cli_version=finishing.cli_version,
        now=backend.clock.now(),
        command=finishing.kind,
    )
    damage = "; ".join(result.damage) or None
    if damage:
        LOG.error("update %s: its journal is damaged, the state was put together without the bad entries", finishing.update_id)
    if result.order is not None and ordering.is_short(result.order):
        order = ordering.composed(finishing.base_order, result.order)
        return End(finishing.base_checkpoint, order, result.resource_count, damage, None)
    key = layout.new_checkpoint_key(finishing.stack_id)
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
        superseded.trim_finished(backend, finishing.update_id, finishing.checkpoint)
    return End(finishing.checkpoint, finishing.resource_order, finishing.resource_count, None, links)


def _text(backend: Backend, batch: StoredBatch) -> bytes:
    if batch.blob_key is not None:
        return backend.batches.get(batch.blob_key)
    return unpack(batch.body or b"")
