"""Wraps the data keys of an organization by its default key: queued with the change, done by the outbox's job.

A data key is replaced by a guarded statement of its own after a test that the new wrapping opens, so that a run may stop
anywhere, and the next one does what is left.
"""

import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from sqlalchemy import Connection

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.customer_key import CustomerKey
from common.core.errors import Unavailable
from common.core.ids import new_id
from common.crypto import owner_keys, wrapped_keys
from common.crypto.model import WrappedKey
from common.outbox import steps as outbox
from common.outbox.model import Message, NewMessage, Postponed
from common.people.customer_keys import repository
from common.people.customer_keys.model import Migration, MigrationState
from common.people.orgs import steps as orgs
from common.ports.keys import KeyUnusable

TOPIC = "key-migration"
# A message wraps data keys for this long, since messages of others wait for the end of a long step; the next one goes on.
MESSAGE_SECONDS = 6.0
PAGE_KEYS = 100
# Requests that began before the change may store data keys under the former key for this long.
GRACE_MILLIS = 60_000
# While the key service does not answer.
PAUSE_MILLIS = 30_000
PATIENCE_MILLIS = 86_400_000
# A key that has opened none of so many data keys is lost: those that it has wrapped besides are not tried.
LOST_AFTER = 100
_PROBLEM_LIMIT = 2_000


@dataclass(slots=True)
class _Pass:
    """A pass over all data keys of an organization; another one is needed unless it was clean.

    `problem` says why a data key does not open or cannot be wrapped, `interruption` why the key service does not answer.
    """

    backend: Backend
    org_id: str
    target: CustomerKey | None
    rewrapped: int = 0
    is_clean: bool = True
    problem: str = ""
    interruption: str = ""
    # None until a data key is wrapped: to find the first one takes a while where there are many.
    _end: float | None = None
    # By the key that has wrapped the data keys; "" is the master key.
    _failures: Counter[str] = field(default_factory=Counter)
    _opened: set[str] = field(default_factory=set)

    def run(self, seconds: float) -> None:
        """Wrap the data keys that another key has wrapped, while there is time."""
        with ThreadPoolExecutor(wrapped_keys.THREADS) as threads:
            for page in wrapped_keys.iterate_pages_of_organization(self.backend.db, self.org_id, PAGE_KEYS):
                todo = [key for key in page if not _is_wrapped_by(self.backend, key.wrapped_key, self.target)]
                if todo and self._end is None:
                    self._end = time.monotonic() + seconds
                self.rewrapped += sum(threads.map(self._rewrap, todo))
                if self._must_end():
                    self.is_clean = False
                    break

    def _must_end(self) -> bool:
        return bool(self.interruption) or (self._end is not None and time.monotonic() > self._end)

    def _rewrap(self, key: WrappedKey) -> bool:
        source = _source_of(self.backend, key)
        if self._must_end() or (source not in self._opened and self._failures[source] >= LOST_AFTER):
            return False
        try:
            is_rewrapped = owner_keys.rewrap(self.backend, key, self.org_id, self.target)
        except KeyUnusable as error:
            self.problem = f"{key}: {error.detail}"
            self._failures[source] += 1
            return False
        except Unavailable as error:
            self.interruption = error.detail
            return False
        self._opened.add(source)
        # Another process may have replaced the key meanwhile: the next pass looks at it again.
        self.is_clean = False
        return is_rewrapped


def begin_migration(tx: Connection, backend: Backend, org_id: str, target: CustomerKey | None) -> None:
    """Let all data keys of an organization be wrapped by a key, the master key if None, in place of any other."""
    # No permission check in this module: the use case made it, or the outbox calls.
    now_millis, target_id = unix_millis(backend.clock.now()), target.id if target is not None else None
    pending = repository.restart_pending(tx, org_id, target_id, now_millis)
    if pending is not None:
        # Its message may have been given up, as those of a restored installation are.
        outbox.queue_unless_postponed(tx, backend, _message(pending))
        return
    repository.supersede(tx, org_id, now_millis)
    migration = Migration(new_id(), org_id, target_id, MigrationState.PENDING, "", 0, now_millis, now_millis, None)
    repository.add_migration(tx, migration)
    queue(tx, backend, migration)


def begin_migration_of_new(
    tx: Connection, backend: Backend, org_id: str, wrapped_keys_of_new: Iterable[bytes], key: CustomerKey | None
) -> None:
    """Begin a migration if data keys that come into an organization are not all wrapped by its key. No statement otherwise."""
    if not all(_is_wrapped_by(backend, wrapped_key, key) for wrapped_key in wrapped_keys_of_new):
        begin_migration(tx, backend, org_id, key)


def begin_migration_of_moved(tx: Connection, backend: Backend, stack_id: str, from_org_id: str, to_org_id: str) -> None:
    """Begin a migration if data keys of a stack that has moved may not be wrapped by the key of its new organization.

    The retired keys count too. Where the former organization has another key, a process may be about to wrap one by that.
    """
    former, key = orgs.get_settings(tx, from_org_id).customer_key, orgs.get_settings(tx, to_org_id).customer_key
    if former != key:
        begin_migration(tx, backend, to_org_id, key)
    else:
        begin_migration_of_new(tx, backend, to_org_id, owner_keys.list_wrapped(tx, stack_id), key)


def queue(tx: Connection, backend: Backend, migration: Migration) -> None:
    """Queue the work on a migration."""
    outbox.queue(tx, backend, [_message(migration)])


def deliver(backend: Backend, message: Message) -> None:
    """Go on with a migration; Postponed until it has ended."""
    with backend.db.connect() as connection:
        migration = repository.find_migration(connection, message.target)
        if migration is None or migration.state is not MigrationState.PENDING:
            return
        target = None
        if migration.target_key_id is not None:
            stored = repository.find_key(connection, migration.org_id, migration.target_key_id)
            target = stored.key if stored is not None else None
    began_at = unix_millis(backend.clock.now())
    result = _Pass(backend, migration.org_id, target)
    result.run(MESSAGE_SECONDS)
    with backend.db.connect() as connection:
        repository.store_progress(connection, migration, result.rewrapped, result.interruption[:_PROBLEM_LIMIT])
    _end(backend, migration, result, began_at)


def _end(backend: Backend, migration: Migration, result: _Pass, began_at: int) -> None:
    """End a migration after a pass; Postponed if another pass is needed."""
    now_millis = unix_millis(backend.clock.now())
    if result.interruption and now_millis < migration.began_at + PATIENCE_MILLIS:
        raise Postponed(now_millis + PAUSE_MILLIS)
    if not result.is_clean and not result.interruption:
        raise Postponed(now_millis)
    problem = result.problem or result.interruption
    if not problem and began_at < migration.began_at + GRACE_MILLIS:
        raise Postponed(migration.began_at + GRACE_MILLIS)
    state = MigrationState.FAILED if problem else MigrationState.COMPLETED
    with backend.db.connect() as connection:
        if not repository.end(connection, migration, state, problem[:_PROBLEM_LIMIT], now_millis):
            raise Postponed(now_millis)


def _message(migration: Migration) -> NewMessage:
    return NewMessage(TOPIC, migration.id, migration.id, "")


def _source_of(backend: Backend, key: WrappedKey) -> str:
    """Return the id of the key that has wrapped a data key; a record that cannot be read is one of its own."""
    try:
        customer_key = backend.keys.find_customer_key(key.wrapped_key)
    except KeyUnusable:
        return key.id
    return customer_key.id if customer_key else ""


def _is_wrapped_by(backend: Backend, wrapped_key: bytes, target: CustomerKey | None) -> bool:
    try:
        present = backend.keys.find_customer_key(wrapped_key)
    except KeyUnusable:
        return False
    return (present.id if present else None) == (target.id if target else None)
