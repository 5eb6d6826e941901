"""What `stackhold keys rotate` and `stackhold keys list` do."""

from collections.abc import Callable
from contextlib import closing

import msgspec

from common.backend import Backend
from common.config.settings import Settings
from common.crypto import rotation, service_keys
from common.crypto.rotation import Rotation
from common.installation.value_rotation import GRACE_SECONDS, ValueRotation, rotate_values
from functions.server import startup
from functions.server.progress import Progress

Report = Callable[[str], object]
_CONTINUED = (
    "this run continued the rotation of values that began at {:%Y-%m-%d %H:%M} UTC: data keys that were replaced since then were"
    " not replaced again. Run the command once more to replace them all"
)


def rotate(settings: Settings, *, is_stopped: bool, with_values: bool = False, as_json: bool, report: Report) -> bool:
    """Wrap all data keys anew, and replace them first if values are to be encrypted again; tell whether all of them open."""
    progress = Progress()
    with closing(startup.open_existing(settings)) as backend:
        rotation.require_ready(backend, is_stopped=is_stopped)
        values = _rotate_values(backend, progress, is_stopped=is_stopped) if with_values else None
        result = rotation.rotate(backend, is_stopped=is_stopped, show=progress.show)
    progress.end()
    report(_json(result, values) if as_json else "\n".join([*_value_lines(values), *_lines(result)]))
    return not result.problems and not (values and values.problems)


def _rotate_values(backend: Backend, progress: Progress, *, is_stopped: bool) -> ValueRotation:
    # Without servers there are no requests to wait for.
    return rotate_values(backend, grace_seconds=0 if is_stopped else GRACE_SECONDS, show=progress.show)


def list_keys(settings: Settings, report: Report) -> None:
    """Report how many data keys each master key has wrapped."""
    with closing(startup.open_existing(settings)) as backend:
        current = backend.keys.check()
        for name, count in service_keys.count_by_master_key(backend.db, backend.keys).items():
            report(f"{name}: {_count(count)}{' (wraps)' if name == current else ''}")


def _value_lines(result: ValueRotation | None) -> list[str]:
    if result is None:
        return []
    values = f"{result.values:,} value{'' if result.values == 1 else 's'}"
    return [
        *(f"{key}: its values were not encrypted again: {problem}" for key, problem in result.problems),
        f"{_count(result.keys)} replaced, {values} encrypted again",
        *([_CONTINUED.format(result.continued_from)] if result.continued_from is not None else []),
    ]


def _lines(result: Rotation) -> list[str]:
    lines = [f"{key}: {problem}" for key, problem in result.problems]
    lines.append(f"{_count(result.rewrapped)} wrapped anew by {result.key_name}; {result.current:,} open with it")
    if result.customer_managed:
        lines.append(f"{_count(result.customer_managed)} stay under keys that organizations manage themselves")
    if result.problems:
        return [*lines, f"{_count(len(result.problems))} left: keep the other master keys enabled and in the settings"]
    return [
        *lines,
        "no data key needs another master key; remove STACKHOLD_UNWRAP_KEYS, but keep old keys as long as old backups",
    ]


def _json(result: Rotation, values: ValueRotation | None) -> str:
    problems = [] if values is None else [{"name": str(key), "problem": problem} for key, problem in values.problems]
    problems += [{"name": str(key), "problem": problem} for key, problem in result.problems]
    content = {
        "key": result.key_name,
        "rewrapped": result.rewrapped,
        "current": result.current,
        "customerManaged": result.customer_managed,
        "problems": problems,
    }
    if values is not None:
        began_at = values.continued_from
        content |= {
            "replaced": values.keys,
            "values": values.values,
            "continuedFrom": began_at.isoformat() if began_at is not None else None,
        }
    return msgspec.json.encode(content).decode()


def _count(number: int) -> str:
    return f"{number:,} data key{'' if number == 1 else 's'}"
