"""Sends mail that is due. Each step sends one, since a mail server may take long to answer."""

from common.backend import Backend
from common.mailing import service as mailing
from common.sign_in import mails
from functions.jobs.job import Step


def step(backend: Backend, _resume_after: str) -> Step:
    """Send the mail that has been due for the longest time."""
    done = mailing.send_one(backend, mails.write)
    return Step(done, more=done > 0)
