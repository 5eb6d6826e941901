"""Drops journals that their update's state has taken in."""

from common.backend import Backend
from common.stacks.updates import retention
from functions.jobs.job import Step


def step(backend: Backend, _resume_after: str) -> Step:
    """Drop the journals of some updates that ended long ago."""
    done = retention.compact(backend)
    return Step(done, more=done > 0)
