"""The scheduled jobs: name, period and function of each. A schedule on every platform calls `run_due`.

A job's function does one bounded step. Steps are repeated until there is nothing left to do or the time is over; a job with work
left is due again at once, for the next process that calls `run_due`.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from common.access import cleanup as access
from common.approvals import cleanup as approvals
from common.approvals import events as change_request_events
from common.audit import integrity
from common.audit.archives import steps as audit_archives
from common.audit.copies import steps as audit_copies
from common.audit.downloads import steps as audit_downloads
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.ids import new_id
from common.db import job_claims
from common.db.faults import is_duplicate
from common.environments import cleanup as environments
from common.environments import events as environment_events
from common.environments.service import schedules
from common.mailing import cleanup as mailing
from common.mailing import service as mailing_service
from common.mailing.model import Purpose, QueuedMail
from common.outbox import cleanup as outbox_cleanup
from common.outbox import service as outbox
from common.people.customer_keys import steps as customer_keys
from common.policies.issues import steps as policy_issues
from common.policies.packs import cleanup as policy_packs
from common.ports.mail import Mail
from common.sign_in import cleanup as sign_in
from common.sign_in.accounts.service import failed_sign_ins
from common.sign_in.mails import service as mails
from common.sign_in.saml import cleanup as saml
from common.sign_in.workload_identity import cleanup as workload_identity
from common.stacks import events
from common.stacks.retention import service as retention
from common.stacks.service import blobs, deleted
from common.stacks.updates import mails as update_mails
from common.stacks.updates.finishing import POLICY_RESULTS
from common.stacks.updates.service import cleanup as updates
from common.stacks.updates.service import completion, revocation
from common.telemetry.instruments import JOB_RUNS
from common.telemetry.requests import Request, working_for
from common.webhooks import cleanup as webhooks
from common.webhooks import delivery as webhook_delivery

LOG = logging.getLogger("stackhold.jobs")

HOUR = 3600
RUN_SECONDS = 20
# Longer than a run with its last step may take. If a process dies during a run, the job waits for this time.
CLAIM_SECONDS = 120
EXPIRED_UPDATES_PER_STEP = 20


@dataclass(frozen=True, slots=True)
class Step:
    """The result of one step: how much it did, whether there is more, and the text that the next step begins with."""

    done: int
    more: bool
    resume_after: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """A job, its period, and its step, which gets the `resume_after` of the step before, or "" at the beginning."""

    name: str
    period_seconds: int
    step: Callable[[Backend, str], Step]


def until_none_left(work: Callable[[Backend], int]) -> Callable[[Backend, str], Step]:
    """Return a step of work that returns how much it did: there may be more unless it did nothing."""

    def step(backend: Backend, _resume_after: str) -> Step:
        done = work(backend)
        return Step(done, more=done > 0)

    return step


def page_by_page(work: Callable[[Backend, str], tuple[int, str]]) -> Callable[[Backend, str], Step]:
    """Return a step of work on pages, which returns how much it did and where the next page begins, "" at the end."""

    def step(backend: Backend, resume_after: str) -> Step:
        done, last = work(backend, resume_after)
        return Step(done, more=bool(last), resume_after=last)

    return step


def each_area(*functions: Callable[[Backend], int]) -> Callable[[Backend], int]:
    """Return work that calls the functions one after another; an error in one area does not hold up the others."""

    def call(backend: Backend, function: Callable[[Backend], int]) -> int:
        try:
            return function(backend)
        except Exception:
            LOG.exception("%s failed", function.__module__)
            return 0

    return lambda backend: sum(call(backend, function) for function in functions)


# Topic of the outbox → what delivers its messages.
HANDLERS: dict[str, outbox.Deliver] = {
    POLICY_RESULTS: policy_issues.store_results,
    events.TOPIC: webhook_delivery.queue_for_webhooks,
    environment_events.TOPIC: webhook_delivery.queue_for_environments,
    change_request_events.TOPIC: webhook_delivery.queue_for_change_requests,
    webhook_delivery.TOPIC: webhook_delivery.deliver,
    failed_sign_ins.TOPIC: failed_sign_ins.deliver,
    audit_copies.TOPIC: audit_copies.deliver,
    audit_archives.TOPIC: audit_archives.deliver,
    audit_downloads.TOPIC: audit_downloads.deliver,
    customer_keys.TOPIC: customer_keys.deliver,
}


def deliver_messages(backend: Backend, may_continue: Callable[[], bool] = lambda: True) -> int:
    """Deliver messages of the outbox that are due, and return how many were attempted."""
    # No permission check: the schedule is part of the installation.
    return outbox.deliver_due(backend, HANDLERS, may_continue)


def write_mail(backend: Backend, mail: QueuedMail) -> Mail | None:
    """Return the mail to send, or None if its reason is gone: each area writes its own."""
    write = update_mails.write if mail.purpose is Purpose.UPDATE_ENDED else mails.write
    return write(backend, mail)


JOBS: tuple[Job, ...] = (
    Job("expire_leases", 10, until_none_left(lambda backend: completion.expire_leases(backend, EXPIRED_UPDATES_PER_STEP))),
    Job("cancel_revoked", 10, page_by_page(revocation.cancel_revoked)),
    # One mail at a time, since a mail server may take long to answer.
    Job("send_mail", 10, until_none_left(lambda backend: mailing_service.send_one(backend, write_mail))),
    Job("deliver_messages", 5, until_none_left(deliver_messages)),
    Job("rotate_secrets", 30, until_none_left(schedules.run_next_due)),
    Job("delete_old_journals", HOUR, until_none_left(updates.delete_old_journals)),
    Job("purge_deleted_stacks", HOUR, until_none_left(deleted.purge_deleted)),
    Job(
        "delete_expired",
        HOUR,
        until_none_left(
            each_area(
                access.delete_expired,
                sign_in.delete_expired,
                workload_identity.delete_expired,
                mailing.delete_expired,
                outbox_cleanup.delete_expired,
                webhooks.delete_expired,
                audit_downloads.delete_expired,
                saml.delete_expired,
                updates.delete_unstarted,
                policy_packs.delete_expired,
                environments.delete_expired,
                approvals.delete_expired,
            )
        ),
    ),
    Job("sign_audit_heads", HOUR, page_by_page(integrity.sign_heads)),
    Job("queue_audit_copies", 60, page_by_page(audit_copies.queue_missing)),
    Job("queue_audit_exports", 60, page_by_page(audit_archives.queue_due)),
    Job("delete_old_versions", 6 * HOUR, page_by_page(retention.delete_old_versions)),
    Job("delete_unused_blobs", 6 * HOUR, page_by_page(blobs.delete_unused)),
    Job("delete_unused_archives", 6 * HOUR, page_by_page(policy_packs.delete_unreferenced)),
)


def run_due(
    backend: Backend,
    jobs: Sequence[Job] = JOBS,
    may_continue: Callable[[], bool] = lambda: True,
    *,
    run_seconds: float = RUN_SECONDS,
) -> list[str]:
    """Run every job that is due and that no other process runs, and return their names.

    A process that is about to end returns False from `may_continue`, which is called before each step. A job begins no step
    later than `run_seconds` after its first one.
    """
    # No permission check: the schedule is part of the installation.
    rows = _load_rows(backend, jobs)
    now = unix_millis(backend.clock.now())
    due = [job for job in jobs if rows[job.name].due_at <= now]
    return [
        job.name for job in due if may_continue() and _run(backend, job, rows[job.name].resume_after, may_continue, run_seconds)
    ]


def next_due_at(backend: Backend, began_at: int, jobs: Sequence[Job] = JOBS) -> int | None:
    """Return when there is something to do after a run that began at a moment, in unix milliseconds.

    None if only what is done from time to time is left.
    """
    if completion.has_open(backend):
        return unix_millis(backend.clock.now())
    with backend.db.connect() as connection:
        # Rows of jobs that this release does not have are never run.
        rows = [row for row in job_claims.read(connection) if row.name in {job.name for job in jobs}]
    # A job with more to do was made due by the end of its run, one that failed is tried again after its period, and one that was
    # due before the run was left out of it, or another process runs it.
    jobs_due = [row.due_at for row in rows if row.problem or row.due_at <= max(row.ended_at or 0, began_at)]
    queues = (mailing_service.next_due_at, outbox.next_due_at, schedules.next_due_at, audit_archives.next_due_at)
    times = [*(next_due(backend) for next_due in queues), *jobs_due]
    return min((due_at for due_at in times if due_at is not None), default=None)


def _load_rows(backend: Backend, jobs: Sequence[Job]) -> dict[str, job_claims.JobRow]:
    """Return the jobs' rows, after inserting those of jobs that are new in this release."""
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


def _run(backend: Backend, job: Job, resume_after: str, may_continue: Callable[[], bool], run_seconds: float) -> bool:
    owner, now = new_id(), unix_millis(backend.clock.now())
    with backend.db.connect() as connection:
        if not job_claims.claim(connection, job.name, owner, now_millis=now, until_millis=now + CLAIM_SECONDS * 1000):
            return False
    began = time.monotonic()
    last, done, problem = Step(0, more=True, resume_after=resume_after), 0, ""
    try:
        with working_for(Request(owner)), backend.telemetry.span(f"job {job.name}", {"stackhold.job": job.name}, may_begin=True):
            while last.more and time.monotonic() - began < run_seconds and may_continue():
                last = job.step(backend, last.resume_after)
                done += last.done
    except Exception as error:  # An error in one job does not hold up the others; the job runs again after its period.
        problem = type(error).__name__
        LOG.exception("%s failed", job.name)
        last = Step(0, more=False, resume_after=last.resume_after)
    ended_at = unix_millis(backend.clock.now())
    due_at = ended_at + (0 if last.more else job.period_seconds * 1000)
    row = job_claims.JobRow(job.name, due_at, last.resume_after, ended_at=ended_at, done=done, problem=problem)
    with backend.db.connect() as connection:
        job_claims.finish(connection, job.name, owner, row)
    backend.telemetry.record(JOB_RUNS, 1, job.name, "error" if problem else "ok")
    if done or problem:
        spent = time.monotonic() - began
        LOG.info("%s: %d done in %.1f s%s", job.name, done, spent, f", {problem}" if problem else ", more to do" * last.more)
    return True
