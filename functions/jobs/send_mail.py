"""Sends mail that is due. Each step sends one, since a mail server may take long to answer."""

from common.backend import Backend
from common.identity import letters
from common.mailing import service as mailing
from functions.jobs.job import Step


def step(backend: Backend, _resume_after: str) -> Step:
    """Send the mail that has been due for the longest time."""
    done = mailing.send_one(backend, letters.write)
    return Step(done, more=done > 0)
