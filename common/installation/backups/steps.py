"""What other areas ask of an installation that a backup is restored into."""

from common.core.errors import StartUpError
from common.db.engine import Database
from common.installation.backups.repository import marks


def require_restored(db: Database) -> None:
    """Raise StartUpError while a backup is being restored: what a start makes would be in its way."""
    # No permission check: the entry point calls this before it serves requests.
    with db.connect() as connection:
        mark = marks.find(connection)
    if mark is not None:
        raise StartUpError(
            f"backup {mark.backup_id} is not restored completely: continue with `stackhold restore --backup {mark.backup_id}`"
        )
