"""Frees stacks whose client is gone, keeping what its update recorded."""

from common.backend import Backend
from common.updates import service as updates
from functions.jobs.job import Step

LIMIT = 20


def step(backend: Backend, _resume_after: str) -> Step:
    """Finish updates whose lease ran out."""
    done = updates.expire_leases(backend, LIMIT)
    return Step(done, more=done == LIMIT)
