"""Drops what has expired: each area says what that is, and drops some hundred rows of it at once."""

import logging
from collections.abc import Callable

from common.access import cleanup as access
from common.backend import Backend
from common.mailing import cleanup as mailing
from common.sign_in import cleanup as identity
from common.sign_in.saml import cleanup as saml
from common.sign_in.workload_identity import cleanup as issuers
from common.stacks.updates import retention
from functions.jobs.job import Step

LOG = logging.getLogger("stackhold.jobs")
AREAS: tuple[Callable[[Backend], int], ...] = (
    access.delete_expired,
    identity.forget_expired,
    issuers.forget_expired,
    mailing.delete_expired,
    saml.forget_expired,
    retention.forget_unstarted,
)


def step(backend: Backend, _resume_after: str) -> Step:
    """Drop some rows of each area."""
    done = sum(_forget(backend, forget_expired) for forget_expired in AREAS)
    return Step(done, more=done > 0)


def _forget(backend: Backend, forget_expired: Callable[[Backend], int]) -> int:
    try:
        return forget_expired(backend)
    except Exception:  # One area's trouble does not hold up the others.
        LOG.exception("%s failed", forget_expired.__module__)
        return 0
