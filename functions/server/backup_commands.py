"""What `stackhold backup` and `stackhold restore` do."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

import msgspec

from common.backend import Backend
from common.config.database import open_for_migration
from common.config.object_stores import open_address
from common.config.settings import Settings
from common.core.errors import StartUpError
from common.db import migrate
from common.installation.backups.model import Manifest
from common.installation.backups.place import Place
from common.installation.backups.service.creation import Backup, create_backup
from common.installation.backups.service.restoring import Restoration, Restored
from common.ports.blobs import Bucket, StoreError
from common.ports.keys.local import LocalKey
from functions.server import startup
from functions.server.progress import Progress

Report = Callable[[str], object]


def backup(settings: Settings, address: str, *, release: str, include_key: bool, as_json: bool, report: Report) -> bool:
    """Make a backup, report it, and tell whether it has everything."""
    progress = Progress()
    with closing(startup.open_existing(settings)) as backend:
        place = _open_place(settings, address)
        made = create_backup(backend, place, release=release, include_key=include_key, show=progress.show)
        progress.end()
        lines = _lines_of_backup(backend, place, made)
    missing = made.manifest.missing
    report(_json(made.manifest, missing, copied=made.copied) if as_json else "\n".join(lines))
    return not missing


def restore(
    settings: Settings,
    address: str,
    backup_id: str | None,
    *,
    as_json: bool,
    report: Report,
    is_rehearsal: bool = False,
    allows_lost_keys: bool = False,
) -> bool:
    """Restore a backup, report it, and tell whether the installation has everything."""
    progress = Progress()
    place = _open_place(settings, address)
    manifest = place.get_manifest(backup_id)
    if migrate.state_of(manifest.revision) is migrate.State.NEWER:
        raise StartUpError(f"backup {manifest.id} was made by release {manifest.release}, newer than this one: use that one")
    keys = [LocalKey(place.get_key(manifest.id))] if manifest.has_key else []
    with closing(startup.open_empty(settings, keys)) as backend:
        restoration = Restoration(backend, place, manifest, progress.show, allows_lost_keys=allows_lost_keys)
        restoration.check()
        if not restoration.has_rows:
            _migrate(settings, manifest.revision)
            restoration.run()
        _migrate(settings, migrate.HEAD)
        restoration.verify()
        restoration.finish(is_rehearsal=is_rehearsal)
    progress.end()
    result = restoration.result
    if as_json:
        report(_json(manifest, result.problems, rows=result.rows, copied=result.copied, rewrapped=result.rewrapped))
    else:
        report("\n".join(_lines_of_restored(result)))
    return not result.problems


def _open_place(settings: Settings, address: str) -> Place:
    store = open_address(settings, "the backup's address", address)
    bucket = Bucket(store.driver)
    try:
        if store.folder is not None:
            store.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        bucket.probe()
    except (OSError, StoreError) as error:
        raise StartUpError(f"{store.words} cannot be used for backups: {error}") from error
    return Place(bucket, store.words)


def _migrate(settings: Settings, revision: str) -> None:
    with closing(open_for_migration(settings)) as db:
        current = migrate.version(db)
        if current is not None and revision < current:
            raise StartUpError(
                f"the database has tables of revision {current}, and the backup is of {revision}: drop the tables first"
            )
        migrate.migrate(db, to=revision)


def _lines_of_backup(backend: Backend, place: Place, made: Backup) -> list[str]:
    manifest = made.manifest
    lines = [
        f"backup {manifest.id} in {place.words}",
        f"  {manifest.rows:,} rows of {len(manifest.tables)} tables",
        f"  {manifest.document_count:,} documents with {manifest.document_bytes:,} bytes; {made.copied:,} were copied now",
        f"  left out: {', '.join(f'{what} ({reason})' for what, reason in manifest.left_out.items())}",
        *(f"  needs master key {name}, which wrapped {count:,} data keys" for name, count in manifest.master_keys.items()),
        *(f"  missing in this installation: {key}" for key in manifest.missing),
    ]
    if manifest.has_key:
        return [*lines, "  the master key is in the backup: anyone who can read the backup can read every secret"]
    if backend.plan.master.place is not None:
        return [
            *lines,
            f"  keep a copy of the key {backend.plan.master.words} apart from this backup: without it no secret can be read",
        ]
    return [*lines, f"  needs {backend.plan.master.words}: keep it enabled"]


def _lines_of_restored(result: Restored) -> list[str]:
    made_at = datetime.fromtimestamp(result.manifest.created_at // 1000, UTC)
    return [
        f"restored backup {result.manifest.id}, made {made_at:%Y-%m-%d %H:%M:%S} UTC",
        f"  {result.rows:,} rows and {result.copied:,} documents were written, {result.rewrapped:,} data keys were wrapped anew",
        *(f"  {problem}" for problem in result.problems),
        "  verified: rows, documents and data keys" if not result.problems else f"  {len(result.problems):,} problems",
    ]


def _json(manifest: Manifest, problems: list[str], **counts: int) -> str:
    content = {
        "backup": manifest.id,
        "createdAt": manifest.created_at,
        "documents": manifest.document_count,
        "documentBytes": manifest.document_bytes,
        "tableRows": manifest.rows,
        "leftOut": list(manifest.left_out),
        "hasKey": manifest.has_key,
        "masterKeys": manifest.master_keys,
        "problems": problems,
        **counts,
    }
    return msgspec.json.encode(content).decode()
