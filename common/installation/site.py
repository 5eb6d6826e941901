"""Use cases of site administrators: what the installation has, its jobs, and what the server works with."""

from common.backend import Backend
from common.config.object_stores import BATCHES, CHECKPOINTS, METADATA, POLICY_PACKS
from common.config.public_urls import api_url, base_url
from common.config.setting_notices import notices
from common.core.clock import unix_millis
from common.core.errors import NotFound
from common.db import health, job_claims, migrate
from common.db.address import MySQL
from common.db.job_claims import JobRow
from common.installation.backups import status as backups
from common.installation.backups.model import BackupStatus
from common.installation.model import ServerFacts, SiteOrganization, SiteUser
from common.installation.repository import site as repository
from common.mailing.steps import require_site_admin
from common.rights.caller import Caller

_STORES = {CHECKPOINTS: "States", BATCHES: "Large batches", POLICY_PACKS: "Policy packs", METADATA: "Large configuration"}


def page_organizations(
    backend: Backend, caller: Caller, text: str, *, size: int, number: int
) -> tuple[list[SiteOrganization], int]:
    """Return a page of all organizations whose login or name has a text, and how many there are; pages count from 1."""
    require_site_admin(caller)
    with backend.db.connect() as connection:
        rows = repository.page_organizations(connection, text, limit=size, offset=size * (number - 1))
        return rows, repository.count_organizations(connection, text)


def page_users(backend: Backend, caller: Caller, text: str, *, size: int, number: int) -> tuple[list[SiteUser], int]:
    """Return a page of all people whose login, name or email has a text, and how many there are; pages count from 1."""
    require_site_admin(caller)
    with backend.db.connect() as connection:
        rows = repository.page_users(connection, text, limit=size, offset=size * (number - 1))
        return rows, repository.count_users(connection, text)


def list_jobs(backend: Backend, caller: Caller) -> dict[str, JobRow]:
    """Return the rows of the scheduled jobs that have been due, by name."""
    require_site_admin(caller)
    with backend.db.connect() as connection:
        return {row.name: row for row in job_claims.read(connection)}


def run_job(backend: Backend, caller: Caller, name: str) -> None:
    """Make a job due now, so that the next process that looks runs it; NotFound for an unknown or a running one."""
    require_site_admin(caller)
    with backend.db.connect() as connection:
        if not job_claims.update_due(connection, name, unix_millis(backend.clock.now())):
            raise NotFound("there is no such job, or it is running now")


def get_backups(backend: Backend, caller: Caller) -> BackupStatus:
    """Return the newest runs of `stackhold backup`, and how the backups stand."""
    require_site_admin(caller)
    with backend.db.connect() as connection:
        return backups.get_status(backend, connection)


def get_server(backend: Backend, caller: Caller) -> ServerFacts:
    """Return what the server works with, and what an operator should look at."""
    require_site_admin(caller)
    settings, plan = backend.settings, backend.plan
    revision = migrate.version(backend.db)
    with backend.db.connect() as connection:
        counts = repository.count_all(connection)
    place = plan.database
    is_mysql = isinstance(place, MySQL)
    return ServerFacts(
        database=f"MySQL, {place.host}:{place.port}/{place.database}" if isinstance(place, MySQL) else f"SQLite, {place}",
        revision=revision or "",
        needed_revision=migrate.HEAD,
        state=migrate.state_of(revision),
        stores={label: plan.stores[purpose].words for purpose, label in _STORES.items()},
        key=plan.master.words,
        api_url=api_url(settings),
        pages_url=base_url(settings),
        has_mail_server=backend.mailer.is_real,
        notices=[*notices(settings.as_env()), *filter(None, [health.advice(backend.db) if is_mysql else ""])],
        counts=counts,
    )
