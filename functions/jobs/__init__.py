"""The background jobs: what runs how often. A schedule on every platform calls `run_due`.

A job is a function that does one bounded step and says whether there is more. Steps are repeated until nothing is left or
the time is up; the rest is due at once, for whoever ticks next.
"""

import logging
import time
from collections.abc import Callable, Sequence

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.ids import new_id
from common.db import job_claims
from common.db.faults import is_duplicate
from functions.jobs import compact_journals, end_revoked, expire_leases, forget_expired, purge_deleted, send_mail, sweep_blobs
from functions.jobs.job import Job, Step

LOG = logging.getLogger("stackhold.jobs")

HOUR = 3600
RUN_SECONDS = 20
# Longer than a run and its last step may take; whoever dies in the middle holds the job up for so long.
CLAIM_SECONDS = 120


JOBS: tuple[Job, ...] = (
    Job("expire_leases", 10, expire_leases.step),
    Job("end_revoked", 10, end_revoked.step),
    Job("send_mail", 10, send_mail.step),
    Job("compact_journals", HOUR, compact_journals.step),
    Job("purge_deleted", HOUR, purge_deleted.step),
    Job("forget_expired", HOUR, forget_expired.step),
    Job("sweep_blobs", 6 * HOUR, sweep_blobs.step),
)


def run_due(backend: Backend, jobs: Sequence[Job] = JOBS, may_go_on: Callable[[], bool] = lambda: True) -> list[str]:
    """Run every job that is due and that no other process runs, and return their names.

    `may_go_on` is asked before each step, so that a process that is to end leaves the rest to others.
    """
    # No permission check: the schedule is part of the installation.
    rows = _rows(backend, jobs)
    now = unix_millis(backend.clock.now())
    due = [job for job in jobs if rows[job.name].due_at <= now]
    return [job.name for job in due if may_go_on() and _run(backend, job, rows[job.name].resume_after, may_go_on)]


def _rows(backend: Backend, jobs: Sequence[Job]) -> dict[str, job_claims.JobRow]:
    """Return the jobs' rows, adding those of jobs that this release brought."""
    with backend.db.connect() as connection:
        rows = {row.name: row for row in job_claims.read(connection)}
        missing = [job.name for job in jobs if job.name not in rows]
        if not missing:
            return rows
        try:
            job_claims.add(connection, missing, unix_millis(backend.clock.now()))
        except Exception as error:
            if not is_duplicate(error):  # Another process was first.
                raise
        return {row.name: row for row in job_claims.read(connection)}


def _run(backend: Backend, job: Job, resume_after: str, may_go_on: Callable[[], bool]) -> bool:
    owner, now = new_id(), unix_millis(backend.clock.now())
    with backend.db.connect() as connection:
        if not job_claims.claim(connection, job.name, owner, now_millis=now, until_millis=now + CLAIM_SECONDS * 1000):
            return False
    began = time.monotonic()
    last, done, problem = Step(0, more=True, resume_after=resume_after), 0, ""
    try:
        while last.more and time.monotonic() - began < RUN_SECONDS and may_go_on():
            last = job.step(backend, last.resume_after)
            done += last.done
    except Exception as error:  # One job's trouble must not hold up the others; it is tried again when it is due again.
        problem = type(error).__name__
        LOG.exception("%s failed", job.name)
        last = Step(0, more=False, resume_after=last.resume_after)
    due_at = unix_millis(backend.clock.now()) + (0 if last.more else job.period_seconds * 1000)
    with backend.db.connect() as connection:
        job_claims.finish(connection, job.name, owner, due_at=due_at, resume_after=last.resume_after)
    if done or problem:
        spent = time.monotonic() - began
        LOG.info("%s: %d done in %.1f s%s", job.name, done, spent, f", {problem}" if problem else ", more to do" * last.more)
    return True
