"""Measures a backup, a second one with nothing new, and a restore: `python bench/backup.py [stacks] [versions]`."""

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from common.config.settings import Settings
from functions.server import backup_commands, startup
from tests.factories.people import make_admin
from tests.factories.stacks import import_state, make_stack
from tests.stacks.engine.builders import dump, make_resource


def main(stacks: int, versions: int) -> None:
    """Make an installation on SQLite and a folder, and print a table."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings({"STACKHOLD_DATA": f"{folder}/data", "STACKHOLD_UPDATES_PER_DAY": "1000000"})
        _fill(settings, stacks, versions)
        print(f"{stacks} stacks with {versions} versions of 200 resources each")
        back_up = lambda: backup_commands.backup(  # noqa: E731
            settings, f"{folder}/backup", release="bench", include_key=False, as_json=False, report=lambda _text: None
        )
        target = Settings({"STACKHOLD_DATA": f"{folder}/restored", "STACKHOLD_UNWRAP_KEYS": f"file://{folder}/data/keys"})
        restore = lambda: backup_commands.restore(  # noqa: E731
            target, f"{folder}/backup", None, as_json=False, report=lambda _text: None
        )
        for name, run in (("backup", back_up), ("backup again", back_up), ("restore", restore)):
            print(f"{name:14} {_seconds(run):7.1f} s")
        size = sum(path.stat().st_size for path in Path(f"{folder}/backup").rglob("*") if path.is_file())
        print(f"{size / 1e6:.1f} MB; at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB of memory")


def _seconds(run: Callable[[], bool]) -> float:
    begin = time.perf_counter()
    assert run()
    return time.perf_counter() - begin


def _fill(settings: Settings, stacks: int, versions: int) -> None:
    with closing(startup.start(settings, may_migrate=True)) as backend:
        admin = make_admin(backend)
        for number in range(stacks):
            path = make_stack(backend, admin, f"s{number}")
            for version in range(versions):
                resources = [make_resource(f"r{at}", outputs={"version": version}) for at in range(200)]
                import_state(backend, admin, path, dump({"version": 3, "deployment": {"manifest": {}, "resources": resources}}))


if __name__ == "__main__":
    main(*(int(argument) for argument in [*sys.argv[1:3], "100", "10"][:2]))
