"""What `stackhold keys rotate` and `stackhold keys list` do."""

from collections.abc import Callable
from contextlib import closing

import msgspec

from common.config.settings import Settings
from common.crypto import rotation, service_keys
from common.crypto.rotation import Rotation
from functions.server import startup
from functions.server.progress import Progress

Report = Callable[[str], object]


def rotate(settings: Settings, *, is_stopped: bool, as_json: bool, report: Report) -> bool:
    """Wrap all data keys anew, report it, and tell whether all of them open."""
    progress = Progress()
    with closing(startup.open_existing(settings)) as backend:
        result = rotation.rotate(backend, is_stopped=is_stopped, show=progress.show)
    progress.end()
    report(_json(result) if as_json else "\n".join(_lines(result)))
    return not result.problems


def list_keys(settings: Settings, report: Report) -> None:
    """Report how many data keys each master key has wrapped."""
    with closing(startup.open_existing(settings)) as backend:
        current = backend.keys.check()
        for name, count in service_keys.count_by_master_key(backend.db, backend.keys).items():
            report(f"{name}: {_count(count)}{' (wraps)' if name == current else ''}")


def _lines(result: Rotation) -> list[str]:
    lines = [f"{key}: {problem}" for key, problem in result.problems]
    lines.append(f"{_count(result.rewrapped)} wrapped anew by {result.key_name}; {result.current:,} open with it")
    if result.problems:
        return [*lines, f"{_count(len(result.problems))} left: keep the other master keys enabled and in the settings"]
    return [
        *lines,
        "no data key needs another master key; remove STACKHOLD_UNWRAP_KEYS, but keep old keys as long as old backups",
    ]


def _json(result: Rotation) -> str:
    problems = [{"name": str(key), "problem": problem} for key, problem in result.problems]
    content = {"key": result.key_name, "rewrapped": result.rewrapped, "current": result.current, "problems": problems}
    return msgspec.json.encode(content).decode()


def _count(number: int) -> str:
    return f"{number:,} data key{'' if number == 1 else 's'}"
