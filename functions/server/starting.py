"""What comes before the first request: checks, then folders, key, tables and the first administrator.

The checks come first and change nothing; whatever refuses the start leaves the installation as it was.
"""

import os
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from common import installation
from common.access import service as access
from common.backend import Backend
from common.crypto import servicekeys
from common.database import database_place, open_configured_database
from common.db import migrate
from common.db.engine import Database
from common.errors import StartUpError
from common.masterkey import chosen
from common.opening import open_backend, require_supported
from common.orgs.bootstrap import bootstrap, is_fresh, require_fit
from common.settings import Settings

TOKEN_FILE = "admin-token"  # noqa: S105 - the name of the file, not what is in it


@dataclass(frozen=True, slots=True)
class SignIn:
    """How the administrator signs in: by a token that was just made, or by one kept in a file."""

    new_token: str | None = None
    kept_in: Path | None = None

    def __repr__(self) -> str:
        """Leave the token out."""
        return f"SignIn(kept_in={self.kept_in})"


def check(settings: Settings, *, may_migrate: bool) -> None:
    """Raise StartUpError for everything that would keep the server from starting; changes nothing."""
    require_supported(settings)
    require_fit(settings.text("STACKHOLD_BOOTSTRAP_TOKEN") or None, settings.text("STACKHOLD_BOOTSTRAP_ORG") or None)
    installation.require_usable_folders(settings)
    installation.require_services(settings)
    place = database_place(settings)
    if isinstance(place, Path) and not place.exists():
        if not may_migrate:
            msg = f"there is no database at {place} and STACKHOLD_MIGRATE_AT_START is false: run `stackhold migrate`"
            raise StartUpError(msg)
        installation.require_key(settings, in_use=False)
        return
    with closing(open_configured_database(settings)) as db:
        _check_database(settings, db, may_migrate=may_migrate)


def prepare(settings: Settings, *, may_migrate: bool) -> bool:
    """Make folders, key and tables where they are missing and tell whether the tables changed; raises StartUpError."""
    check(settings, may_migrate=may_migrate)
    installation.prepare(settings)
    with closing(open_configured_database(settings)) as db:
        changed = migrate.migrate(db) if may_migrate else False
    with closing(open_backend(settings)) as backend:
        # From now on the database knows its key: another one is refused.
        servicekeys.require_own_master_key(backend, chosen(settings).words)
        servicekeys.renew(backend)
    return changed


def make_administrator(settings: Settings) -> SignIn:
    """Make the first administrator if there is none and say how to sign in."""
    with closing(open_backend(settings)) as backend:
        return _make_administrator(backend)


def _check_database(settings: Settings, db: Database, *, may_migrate: bool) -> None:
    migrate.refuse_newer(migrate.version(db))
    if not may_migrate:
        migrate.check(db)
    in_use = servicekeys.has_keys(db)
    installation.require_key(settings, in_use=in_use)
    if in_use:
        with closing(open_backend(settings)) as backend:
            servicekeys.require_own_master_key(backend, chosen(settings).words)


def _make_administrator(backend: Backend) -> SignIn:
    settings = backend.settings
    given, org = settings.text("STACKHOLD_BOOTSTRAP_TOKEN") or None, settings.text("STACKHOLD_BOOTSTRAP_ORG") or None
    kept = settings.data_folder / TOKEN_FILE
    if given or not is_fresh(backend):
        bootstrap(backend, token=given, org=org)
        return SignIn(kept_in=kept if kept.exists() else None)
    # Kept before it counts: a crash between the two leaves a token that the next start makes good.
    token = _kept_token(kept) or _keep(kept, access.new_token())
    result = bootstrap(backend, token=token, org=org)
    return SignIn(new_token=token) if result.token_added else SignIn(kept_in=kept)


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
        msg = f"the token cannot be kept in {path}: {error.strerror}"
        raise StartUpError(msg) from error
    return token
