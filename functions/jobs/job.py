"""What a job is: a name, a period, and one bounded step that is repeated."""

from collections.abc import Callable
from dataclasses import dataclass

from common.backend import Backend


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did, whether there is more, and the word that the next step begins with."""

    done: int
    more: bool
    resume_after: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """A job, how often it is due, and its step; the step gets the word of the one before, or "" at the beginning."""

    name: str
    period_seconds: int
    step: Callable[[Backend, str], Step]
