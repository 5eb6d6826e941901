"""Cancels updates of those who may no longer run them."""

from common.backend import Backend
from common.stacks.updates.revoking import end_revoked
from functions.jobs.job import Step


def step(backend: Backend, resume_after: str) -> Step:
    """Look at one page of running updates."""
    done, last = end_revoked(backend, resume_after)
    return Step(done, more=bool(last), resume_after=last)
