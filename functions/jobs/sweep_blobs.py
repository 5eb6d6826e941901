"""Removes blobs that no row names."""

from common.backend import Backend
from common.stacks.blob_sweep import sweep
from functions.jobs.job import Step


def step(backend: Backend, resume_after: str) -> Step:
    """Look at one page of blobs."""
    done, last = sweep(backend, resume_after)
    return Step(done, more=bool(last), resume_after=last)
