"""What comes before the first request: checks, then folders, key, tables and the first administrator.

The checks come first and change nothing; whatever refuses the start leaves the installation as it was. What they open, the
server goes on with.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from common.access import tokens as access
from common.backend import Backend, open_plan
from common.config.database import database_place, open_for_migration, prepare_server
from common.config.master_key import open_key_service
from common.config.plan import Plan, make_plan
from common.config.setting_groups import require_groups
from common.config.settings import Settings
from common.core.errors import StartUpError
from common.crypto import service_keys
from common.db import migrate as tables
from common.db.engine import Database
from common.installation import checks
from common.installation.backups.steps import require_restored
from common.installation.bootstrap import bootstrap, is_fresh, require_fit
from common.ports.keys import Driver, KeyService
from common.stacks.blob_keys import PREFIXES

LOG = logging.getLogger("stackhold.server")
TOKEN_FILE = "admin-token"  # noqa: S105 - the name of the file, not what is in it


@dataclass(frozen=True, slots=True)
class SignIn:
    """How the administrator signs in: by a token that was just made, or by one kept in a file."""

    new_token: str | None = None
    kept_in: Path | None = None

    def __repr__(self) -> str:
        """Leave the token out."""
        return f"SignIn(kept_in={self.kept_in})"


@dataclass(frozen=True, slots=True)
class Checked:
    """An installation that can be started: its plan, and what was opened to check it."""

    plan: Plan
    db: Database
    # None before the first start, which makes the key.
    keys: KeyService | None
    is_new: bool


def check(settings: Settings, *, may_migrate: bool) -> None:
    """Raise StartUpError for everything that would keep the server from starting; changes nothing."""
    require_groups(settings)
    with checked(settings, may_migrate=may_migrate):
        pass


@contextmanager
def checked(settings: Settings, *, may_migrate: bool) -> Iterator[Checked]:
    """Yield what the checks opened, and close it; raises StartUpError as `check` does, but not for incomplete groups."""
    installation = _check(settings, may_migrate=may_migrate)
    with closing(installation.db):
        yield installation


def start(settings: Settings, *, may_migrate: bool) -> Backend:
    """Return the opened backend, with folders, key and tables made where they were missing; raises StartUpError."""
    require_groups(settings)
    installation = _check(settings, may_migrate=may_migrate)
    try:
        return _make_ready(installation, may_migrate=may_migrate)
    except BaseException:
        installation.db.close()
        raise


def open_existing(settings: Settings) -> Backend:
    """Return the opened backend of an installation that was started before; raises StartUpError."""
    place = database_place(settings)
    if isinstance(place, Path) and not place.exists():
        raise StartUpError(f"there is no installation in {settings.data_folder}; pass its data folder with --data")
    require_groups(settings)
    installation = _check(settings, may_migrate=False)
    try:
        return open_plan(
            installation.plan, installation.db, installation.keys or open_key_service(settings, installation.plan.master)
        )
    except BaseException:
        installation.db.close()
        raise


def open_empty(settings: Settings, more_keys: Sequence[Driver] = ()) -> Backend:
    """Return the opened backend of an installation that was not started before, for restoring a backup; raises StartUpError.

    Folders, an empty database and a local key are made where they are missing. Tables are not.
    """
    require_groups(settings)
    plan = make_plan(settings)
    checks.require_usable_folders(plan)
    checks.require_stores(plan)
    prepare_server(settings)
    checks.prepare(plan)
    db = plan.open_database()
    try:
        tables.refuse_newer(tables.version(db))
        return open_plan(plan, db, open_key_service(settings, plan.master, more_keys))
    except BaseException:
        db.close()
        raise


def migrate(settings: Settings) -> bool:
    """Create database, user and tables as far as the settings ask for it, and tell whether the tables changed.

    Key and object stores are not touched: a migrations container has neither. Raises StartUpError.
    """
    require_groups(settings)
    prepare_server(settings)
    place = database_place(settings)
    if isinstance(place, Path):
        checks.prepare_database(place)
    with closing(open_for_migration(settings)) as db:
        tables.require_rights(db)
        require_restored(db)
        return tables.migrate(db)


def make_administrator(backend: Backend) -> SignIn:
    """Create the first administrator unless one exists, and say how to sign in."""
    settings = backend.settings
    configured, org = settings.bootstrap_token or None, settings.bootstrap_org or None
    kept = settings.data_folder / TOKEN_FILE
    if configured or not is_fresh(backend):
        for line in bootstrap(backend, token=configured, org=org).warnings:
            LOG.warning("%s", line)
        return SignIn(kept_in=kept if kept.exists() else None)
    # Kept before it counts: a crash between the two leaves a token that the next start makes good.
    token = _kept_token(kept) or _keep(kept, access.new_token())
    result = bootstrap(backend, token=token, org=org)
    return SignIn(new_token=token) if result.token_added else SignIn(kept_in=kept)


def _check(settings: Settings, *, may_migrate: bool) -> Checked:
    plan = make_plan(settings)
    require_fit(settings.bootstrap_token or None, settings.bootstrap_org or None)
    checks.require_usable_folders(plan)
    db = plan.open_database()
    try:
        in_use = _check_database(plan, db, may_migrate=may_migrate)
        keys = checks.find_key_service(plan, in_use=in_use)
        checks.require_stores(plan)
        if not in_use:
            checks.require_no_states(plan, PREFIXES)
        elif keys is not None:
            service_keys.require_known_master_key(db, keys, plan.master.words)
    except BaseException:
        db.close()
        raise
    return Checked(plan, db, keys, is_new=not in_use)


def _check_database(plan: Plan, db: Database, *, may_migrate: bool) -> bool:
    """Tell whether the installation was started before; raises StartUpError for a database that cannot be used."""
    # Connecting to an empty file would already write to it.
    if isinstance(plan.database, Path) and not (plan.database.exists() and plan.database.stat().st_size):
        if not may_migrate:
            raise StartUpError(
                f"there is no database at {plan.database} and STACKHOLD_MIGRATE_AT_START is false: run `stackhold migrate`"
            )
        return False
    tables.refuse_newer(tables.version(db))
    require_restored(db)
    if not may_migrate:
        tables.check(db)
    tables.require_rights(db)
    return service_keys.has_keys(db)


def _make_ready(installation: Checked, *, may_migrate: bool) -> Backend:
    plan = installation.plan
    checks.prepare(plan)
    if installation.is_new:
        LOG.info("new installation in %s", plan.settings.data_folder)
    if may_migrate:
        tables.migrate(installation.db)
    backend = open_plan(plan, installation.db, installation.keys or open_key_service(plan.settings, plan.master))
    # From now on the database knows its key: another one is refused.
    service_keys.require_own_master_key(backend, plan.master.words)
    service_keys.renew(backend)
    return backend


def _kept_token(path: Path) -> str | None:
    try:
        text = path.read_text(encoding="ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    return text if access.is_token(text) else None


def _keep(path: Path, token: str) -> str:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
            file.write(token + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StartUpError(f"the token cannot be saved in {path}: {error.strerror}") from error
    return token
