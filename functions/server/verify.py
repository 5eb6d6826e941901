"""What `stackhold verify` does: reads stored states, and says which of them cannot be read."""

from collections.abc import Callable
from contextlib import closing

from common.config.settings import Settings
from common.stacks.state.service import check_states
from functions.server import startup


def verify(settings: Settings, *, all_versions: bool, report: Callable[[str], object]) -> bool:
    """Report each state that cannot be read, and how many were looked at; tell whether all is well."""
    number = bad = 0
    with closing(startup.open_existing(settings)) as backend:
        for version, problem in check_states(backend, newest_only=not all_versions):
            number += 1
            if problem:
                bad += 1
                report(f"version {version.version} of stack '{version.path}': {problem}")
    report(f"{number:,} {'version' if all_versions else 'stack'}{'' if number == 1 else 's'} checked, {bad:,} damaged")
    return bad == 0
