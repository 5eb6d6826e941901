"""Moves stacks from a source to a target, several at once, and says what was done with each."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from common.core.errors import BackendError, StartUpError
from common.installation.moving.model import ConfigFile, MovedStack, MovingError, Outcome, Result, Source, StackName

Show = Callable[[str], object]


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
        outcome, notes = target.compare(source, stack), list(stack.notes)
        if outcome is Outcome.NEW and not is_dry_run:
            notes += target.write(source, stack)
            outcome = Outcome.MOVED
    except (MovingError, StartUpError) as error:
        return Result(name, Outcome.FAILED, problem=str(error))
    except BackendError as error:
        return Result(name, Outcome.FAILED, problem=error.detail)
    return Result(name, outcome, len(stack.updates), notes=tuple(notes))
