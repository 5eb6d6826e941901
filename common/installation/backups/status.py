"""What is known of the backups of an installation: each run of `stackhold backup` is noted in its database."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from common.backend import Backend
from common.core.clock import Clock, unix_millis
from common.core.errors import BackendError, StartUpError
from common.core.ids import new_id
from common.db import migrate
from common.db.engine import Database
from common.installation.backups.model import BackupRun, BackupStatus, assess
from common.installation.backups.repository import runs as repository

LOG = logging.getLogger("stackhold.backup")
# So many runs are kept, and shown.
KEPT_RUNS = 50
_TEXT_LIMIT = 255
INTERRUPTED = "interrupted"


def get_status(backend: Backend, connection: Connection) -> BackupStatus:
    """Return how the backups stand."""
    # No permission check: a step of the doctor and of a page, which have made theirs.
    return _status(connection, unix_millis(backend.clock.now()), backend.settings.backup_days)


def find_status(db: Database, clock: Clock, days: int) -> BackupStatus | None:
    """Return how the backups of a database stand, or None for one without the tables of this release."""
    if migrate.state_of(migrate.version(db)) is not migrate.State.CURRENT:
        return None
    with db.connect() as connection:
        return _status(connection, unix_millis(clock.now()), days)


def _status(connection: Connection, now_millis: int, days: int) -> BackupStatus:
    installed_at, runs = repository.find_newest(connection, KEPT_RUNS)
    return assess(runs, now_millis, installed_at=now_millis if installed_at is None else installed_at, days=days)


@contextmanager
def recorded(backend: Backend, place: str, release: str) -> Iterator[BackupRun]:
    """Note in the database that a backup begins, and how the block ends; the block fills in what it did.

    A database that does not take the note is no reason to make no backup.
    """
    run = BackupRun(new_id(), unix_millis(backend.clock.now()), place[:_TEXT_LIMIT], release)
    is_noted = _begin(backend, run)
    try:
        yield run
    except (StartUpError, BackendError) as error:
        run.problem = str(error) or type(error).__name__
        raise
    except BaseException as error:
        run.problem = INTERRUPTED if isinstance(error, KeyboardInterrupt) else type(error).__name__
        raise
    finally:
        if is_noted:
            _end(backend, run)


def _begin(backend: Backend, run: BackupRun) -> bool:
    try:
        with backend.db.begin() as tx:
            repository.add(tx, run)
    except BackendError as error:
        LOG.warning("this backup will not be among those that the server shows: %s", error.detail)
        return False
    return True


def _end(backend: Backend, run: BackupRun) -> None:
    run.ended_at = unix_millis(backend.clock.now())
    run.problem = run.problem[:_TEXT_LIMIT]
    try:
        with backend.db.begin() as tx:
            repository.end(tx, run)
            repository.delete_older(tx, KEPT_RUNS)
    except BackendError as error:
        LOG.warning("the server does not show how this backup ended: %s", error.detail)
