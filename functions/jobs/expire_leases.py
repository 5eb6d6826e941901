"""Ends updates whose client is gone for good, keeping what they recorded; their stacks have been free since the lease ran out."""

from common.backend import Backend
from common.stacks.updates import service as updates
from functions.jobs.job import Step

LIMIT = 20


def step(backend: Backend, _resume_after: str) -> Step:
    """Finish updates whose lease ran out a while ago."""
    done = updates.expire_leases(backend, LIMIT)
    return Step(done, more=done == LIMIT)
