"""Drops what has expired: each area says what that is, and drops some hundred rows of it at once."""

import logging
from collections.abc import Callable

from common.access import forgetting as access
from common.backend import Backend
from common.identity import forgetting as identity
from common.issuers import forgetting as issuers
from common.mailing import forgetting as mailing
from common.saml import forgetting as saml
from common.updates import retention
from functions.jobs.job import Step

LOG = logging.getLogger("stackhold.jobs")
AREAS: tuple[Callable[[Backend], int], ...] = (
    access.forget_expired, identity.forget_expired, issuers.forget_expired, mailing.forget_expired, saml.forget_expired,
    retention.forget_unstarted,
)  # fmt: skip


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
