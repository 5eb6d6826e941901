"""Runs backups and restores as the command line does, in this process."""

from common.config.object_stores import open_address
from common.config.settings import Settings
from common.installation.backups import model
from common.installation.backups.place import Place
from common.ports.blobs import Bucket
from functions.server import backup_commands


def back_up(settings: Settings, address: str, *, include_key: bool = False) -> list[str]:
    """Make a backup and return its report."""
    lines = list[str]()
    assert backup_commands.backup(settings, address, release="1", include_key=include_key, as_json=False, report=lines.append), (
        lines
    )
    return lines


def restore(settings: Settings, address: str, backup_id: str | None = None, *, is_rehearsal: bool = False) -> list[str]:
    """Restore the newest backup, or another, and return the report."""
    lines = list[str]()
    assert backup_commands.restore(settings, address, backup_id, as_json=False, report=lines.append, is_rehearsal=is_rehearsal), (
        lines
    )
    return lines


def place_at(settings: Settings, address: str) -> Place:
    """Open a place of backups."""
    return Place(Bucket(open_address(settings, "backup", address).driver), address)


def rows_in(settings: Settings, address: str) -> dict[str, list[dict[str, object]]]:
    """Return the rows of the newest backup, without wrapped keys, which differ each time."""
    place, tables = place_at(settings, address), {}
    for table in place.get_manifest(None).tables:
        lines = [line for part in table.parts for line in place.get_lines(part)]
        rows = [model.decode_row(line, table.columns) for line in lines]
        tables[table.name] = [{name: value for name, value in row.items() if name != "wrapped_key"} for row in rows]
    return tables
