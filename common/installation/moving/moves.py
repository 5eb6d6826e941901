"""Moves stacks from a source to a target, several at once, and says what was done with each."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from common.core.errors import BackendError, StartUpError
from common.core.names import require_project_name, require_stack_name
from common.installation.moving.model import ConfigFile, MovedStack, Outcome, Result, Source, StackName

Show = Callable[[str], object]
LOG = logging.getLogger("stackhold.moving")


class Target(Protocol):
    """Where stacks are moved to."""

    config_files: list[ConfigFile]

    def compare(self, source: Source, stack: MovedStack) -> Outcome:
        """Return NEW for a stack that is missing there, UNCHANGED for one that was moved before; raises MovingError."""
        ...

    def write(self, source: Source, stack: MovedStack) -> list[str]:
        """Write a stack, whole or not at all, and return notes about it; raises MovingError."""
        ...


def move(
    source: Source, target: Target, names: Sequence[StackName], *, is_dry_run: bool, parallel: int, show: Show
) -> list[Result]:
    """Move stacks and return the results, in their order. A stack that fails leaves the others alone."""
    done = list[StackName]()

    def one(name: StackName) -> Result:
        result = _move(source, target, name, is_dry_run=is_dry_run)
        done.append(name)
        show(f"{len(done):,} of {len(names):,} stacks: {name}")
        return result

    with ThreadPoolExecutor(parallel) as threads:
        return list(threads.map(one, names))


def _move(source: Source, target: Target, name: StackName, *, is_dry_run: bool) -> Result:
    try:
        stack = source.load(name)
        # A name of a source becomes a part of keys, folders and files.
        require_project_name(name.project)
        require_stack_name(name.name)
        outcome, notes = target.compare(source, stack), list(stack.notes)
        if outcome is Outcome.NEW and not is_dry_run:
            notes += target.write(source, stack)
            outcome = Outcome.MOVED
    except StartUpError as error:
        return Result(name, Outcome.FAILED, problem=str(error))
    except BackendError as error:
        return Result(name, Outcome.FAILED, problem=error.detail)
    except Exception as error:  # A source may have anything; the other stacks go on.
        LOG.debug("stack %s cannot be moved", name, exc_info=True)
        return Result(name, Outcome.FAILED, problem=f"{source.words} has data of it in an unknown form ({type(error).__name__})")
    return Result(name, outcome, len(stack.updates), notes=tuple(notes))
