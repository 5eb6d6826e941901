"""Drops what deleted stacks left behind."""

from common.backend import Backend
from common.stacks.updates import retention
from functions.jobs.job import Step


def step(backend: Backend, _resume_after: str) -> Step:
    """Drop some rows of a stack that was deleted long ago."""
    done = retention.purge_deleted(backend)
    return Step(done, more=done > 0)
