"""Drops what has expired: each area says what that is, and drops some hundred rows of it at once."""

from common.access import forgetting as access
from common.backend import Backend
from common.identity import forgetting as identity
from common.issuers import forgetting as issuers
from common.mailing import forgetting as mailing
from common.saml import forgetting as saml
from functions.jobs.job import Step

AREAS = (access.forget_expired, identity.forget_expired, issuers.forget_expired, mailing.forget_expired, saml.forget_expired)


def step(backend: Backend, _resume_after: str) -> Step:
    """Drop some rows of each area."""
    done = sum(forget_expired(backend) for forget_expired in AREAS)
    return Step(done, more=done > 0)
