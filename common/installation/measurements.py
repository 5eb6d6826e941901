"""What the database knows about the installation's work, for `/metrics` and for those who push: the same in every process."""

import hmac

from common.backend import Backend
from common.config.settings import Settings
from common.core.clock import unix_millis
from common.core.errors import BackendError, NotFound, Unauthorized
from common.db import job_claims
from common.installation.repository import measurements as repository
from common.telemetry import instruments
from common.telemetry.prometheus import Reading, gauges_text

SCHEME = "webhook-token "


def metrics_text(backend: Backend, authorization: str) -> bytes:
    """Return all metrics in the text format of Prometheus. NotFound where no secret is set, Unauthorized for a wrong one."""
    # No permission check: the secret of the setting is the permission.
    secret = backend.settings.metrics_webhook_secret
    if not secret:
        raise NotFound(f"/metrics is not served: {Settings.metrics_webhook_secret} is not set")
    if not hmac.compare_digest(authorization.encode(), (SCHEME + secret).encode()):
        raise Unauthorized(
            f"/metrics needs the header `Authorization: {SCHEME}` with the value of {Settings.metrics_webhook_secret}"
        )
    readings = read(backend)
    prometheus = backend.telemetry.prometheus
    return prometheus.text(readings) if prometheus is not None else gauges_text(readings)


def read(backend: Backend) -> list[Reading]:
    """Return the value of each gauge, in two statements; of a database that does not answer, only that it does not."""
    now = unix_millis(backend.clock.now())
    try:
        with backend.db.connect() as connection:
            counts = repository.measure(connection, now)
            jobs = job_claims.read(connection)
    except BackendError:
        return [(instruments.DATABASE_UP, (), 0)]
    oldest = counts.oldest_message_at
    return [
        (instruments.DATABASE_UP, (), 1),
        (instruments.OUTBOX_MESSAGES, ("waiting",), counts.waiting_messages),
        (instruments.OUTBOX_MESSAGES, ("failed",), counts.failed_messages),
        (instruments.OUTBOX_AGE, (), max(0, now - oldest) / 1000 if oldest is not None else 0),
        (instruments.MAILS, (), counts.mails),
        (instruments.RUNNING_UPDATES, (), counts.running_updates),
        (instruments.EXPIRED_LEASES, (), counts.expired_leases),
        (instruments.STACKS, (), counts.stacks),
        (instruments.ORGANIZATIONS, (), counts.organizations),
        (instruments.USERS, (), counts.users),
        *((instruments.JOB_LATENESS, (job.name,), _lateness(job, now)) for job in jobs),
        *((instruments.JOB_FAILED, (job.name,), float(bool(job.problem))) for job in jobs),
    ]


def push(backend: Backend) -> None:
    """Record the value of each gauge where a receiver of OTLP gets them."""
    # No permission check: the schedule is part of the installation.
    if not backend.telemetry.pushes_gauges:
        return
    for instrument, labels, value in read(backend):
        backend.telemetry.record(instrument, value, *labels)


def _lateness(job: job_claims.JobRow, now_millis: int) -> float:
    return 0 if job.is_running(now_millis) else max(0, now_millis - job.due_at) / 1000
