"""Use cases of site administrators: the checks of `stackhold doctor`, on the installation that runs.

Looking changes nothing. What is outside (object stores, key service, mail server, audit table) is tried only when the
administrator asks for it: each trial stores a document, or calls a service.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from common.backend import Backend
from common.config.object_stores import Store
from common.config.public_urls import has_tls, proxy_warning
from common.config.setting_notices import notices
from common.core.clock import unix_millis
from common.core.errors import BackendError, StartUpError
from common.crypto import service_keys
from common.db import health, job_claims, migrate
from common.db.engine import Database
from common.db.job_claims import JobRow
from common.installation import checks, warnings
from common.installation.backups import status as backups
from common.installation.backups.model import BackupStatus
from common.installation.model import Check, Counts, Outcome, Report
from common.installation.repository import site as repository
from common.installation.service_checks import check_services
from common.mailing.steps import require_site_admin
from common.ports.audit_table import AuditTable
from common.rights.caller import Caller

# A job that is due for longer than this has no process that runs it.
_LATE_MILLIS = 15 * 60_000
# Where the database pauses, jobs are left alone until there is something to do, for a day at most.
_LATE_WITH_PAUSES_MILLIS = 25 * 3_600_000
_MAIL = "Mail"
NO_BACKUP = "No backup was made with `stackhold backup` yet."
# A complete examination is good for further callers for so many seconds, so that they cannot make load with it.
REPORT_SECONDS = 10
# A service without an answer within so many seconds counts as failed: a load balancer in front waits for less than a minute.
PATIENCE_SECONDS = 10.0


def get_report(backend: Backend, caller: Caller) -> Report:
    """Return all checks of the installation, services included, as they were at most ten seconds ago.

    A process makes one examination at a time; callers that come meanwhile wait for it and get it.
    """
    require_site_admin(caller)
    report: Report = backend.last_report.get(lambda: _report(backend, caller), backend.clock, REPORT_SECONDS)
    return report


def _report(backend: Backend, caller: Caller) -> Report:
    return Report(unix_millis(backend.clock.now()), tuple(examine(backend, caller, with_services=True)))


def examine(backend: Backend, caller: Caller, *, with_services: bool, patience_seconds: float = PATIENCE_SECONDS) -> list[Check]:
    """Return the checks of the installation; `with_services` also tries the object stores, the key and other services.

    All services are tried at once, so that one that hangs holds up the report for `patience_seconds` at most.
    """
    require_site_admin(caller)
    with backend.db.connect() as connection:
        counts, rows = repository.count_all(connection), job_claims.read(connection)
        backup_status, revision = backups.get_status(backend, connection), migrate.read_version(connection)
    stores = checks.distinct_stores(backend.plan)
    services: list[tuple[str, Callable[[], Check]]] = [
        *((_store_name(store), partial(_check_store, store, is_tried=with_services)) for store in stores),
        (_key_name(backend), partial(_check_key, backend, is_tried=with_services)),
        (_MAIL, partial(_check_mail, backend, counts, is_tried=with_services)),
    ]
    services += _audit_table_check(backend, is_tried=with_services)
    results = check_services(services, patience_seconds)
    number = len(stores)
    of_stores, (of_key, of_mail, *of_audit_table) = results[:number], results[number:]
    return [
        _check_settings(backend),
        *_check_folders(backend),
        *_check_front(backend),
        _check_database(backend.db, revision, is_tried=with_services),
        *of_stores,
        of_key,
        _check_backups(backup_status),
        _check_jobs(rows, unix_millis(backend.clock.now()), has_pauses=backend.settings.database_sleeps),
        of_mail,
        *of_audit_table,
        _check_messages(counts),
    ]


def _check_settings(backend: Backend) -> Check:
    lines = tuple(notices(backend.settings.as_env()))
    return Check("Settings", Outcome.WARNING, lines) if lines else Check("Settings", Outcome.OK, ("No setting is ignored.",))


def _check_folders(backend: Backend) -> list[Check]:
    """Return the check of an installation that keeps things in folders of its machine."""
    plan = backend.plan
    is_local = isinstance(plan.database, Path) or any(store.folder is not None for store in plan.stores.values())
    if not is_local:
        return []
    try:
        checks.require_usable_folders(plan)
    except StartUpError as error:
        return [Check("Folders", Outcome.FAILED, (str(error),))]
    return [Check("Folders", Outcome.OK, (f"{plan.settings.data_folder} is writable.",))]


def _check_front(backend: Backend) -> list[Check]:
    """Return the checks of how clients reach the server: a proxy that is not named, a certificate that expires."""
    settings, checks_of_front = backend.settings, list[Check]()
    if line := proxy_warning(settings):
        checks_of_front.append(Check("Proxy", Outcome.WARNING, (line,)))
    if has_tls(settings):
        line = warnings.expiring_certificate(settings, backend.clock.now())
        outcome = Outcome.WARNING if line else Outcome.OK
        checks_of_front.append(Check("Certificate", outcome, (line or "The certificate does not expire soon.",)))
    return checks_of_front


def _check_database(db: Database, revision: str, *, is_tried: bool) -> Check:
    advice = [health.advice(db)]
    if migrate.state_of(revision) is not migrate.State.CURRENT:
        line = f"The tables are at revision {revision}; this release needs {migrate.HEAD}: run `stackhold migrate`."
        return Check("Database", Outcome.FAILED, (line, *filter(None, advice)))
    lines = [f"The tables are at revision {revision}, which this release needs."]
    if is_tried:
        try:
            health.require_fit(db)
        except StartUpError as error:
            return Check("Database", Outcome.FAILED, (str(error),))
        answer = warnings.database_time(db)
        advice += [warnings.skewed_clock(health.clock_skew_seconds(db)), *_slow(answer)]
        lines += [answer] if answer and not _slow(answer) else []
    advice = [line for line in advice if line]
    return Check("Database", Outcome.WARNING if advice else Outcome.OK, (*lines, *advice))


def _store_name(store: Store) -> str:
    return f"Object store: {store.words}"


def _key_name(backend: Backend) -> str:
    return f"Key: {backend.plan.master.words}"


def _check_store(store: Store, *, is_tried: bool) -> Check:
    name = _store_name(store)
    if not is_tried:
        return Check(name, Outcome.NOT_RUN, ("The test stores a document, reads it and deletes it.",))
    try:
        checks.require_store(store)
    except StartUpError as error:
        return Check(name, Outcome.FAILED, (str(error),))
    answer = warnings.store_time(store, "The store")
    outcome = Outcome.WARNING if _slow(answer) else Outcome.OK
    return Check(name, outcome, ("A document was stored, read and deleted.", *filter(None, [answer])))


def _slow(answer: str) -> list[str]:
    return [answer] if answer.endswith(warnings.SLOW) else []


def _check_key(backend: Backend, *, is_tried: bool) -> Check:
    name = _key_name(backend)
    if not is_tried:
        return Check(name, Outcome.NOT_RUN, ("The test encrypts and decrypts a key.",))
    try:
        current = backend.keys.check()
        counts = service_keys.count_by_master_key(backend.db, backend.keys)
    except (StartUpError, BackendError) as error:
        return Check(name, Outcome.FAILED, (str(error),))
    return Check(name, Outcome.OK, ("A key was encrypted and decrypted.", *_wrapping(counts, current)))


def _wrapping(counts: dict[str, int], current: str) -> list[str]:
    """Return a line for each master key that data keys still need."""
    lines = []
    for name, count in counts.items():
        keys = "1 data key" if count == 1 else f"{count:,} data keys"
        lines.append(f"{keys} wrapped by {name}{'' if name == current else ', which must stay enabled'}.")
    return lines


def _check_backups(status: BackupStatus) -> Check:
    lines = ([status.last_good.words] if status.last_good else []) + list(status.warnings)
    if status.warnings:
        return Check("Backups", Outcome.WARNING, tuple(lines))
    return Check("Backups", Outcome.OK if lines else Outcome.OFF, tuple(lines) or (NO_BACKUP,))


def _check_jobs(rows: list[JobRow], now_millis: int, *, has_pauses: bool) -> Check:
    limit, period = (_LATE_WITH_PAUSES_MILLIS, "25 hours") if has_pauses else (_LATE_MILLIS, "15 minutes")
    late = [row.name for row in rows if row.due_at < now_millis - limit and not row.is_running(now_millis)]
    failed = [row for row in rows if row.problem]
    lines = [f"{row.name} failed: {row.problem}" for row in failed]
    if late:
        names = ", ".join(sorted(late))
        lines.append(f"Due for more than {period}: {names}. No process runs jobs: check the schedule (docs/operations.md).")
    if not rows:
        return Check("Jobs", Outcome.WARNING, ("No process has looked for jobs yet.",))
    if not lines:
        return Check("Jobs", Outcome.OK, ("Every job ran in time and succeeded.",))
    return Check("Jobs", Outcome.FAILED if late else Outcome.WARNING, tuple(lines))


def _audit_table_check(backend: Backend, *, is_tried: bool) -> list[tuple[str, Callable[[], Check]]]:
    """Return name and check of the DynamoDB table of audit logs, where one is set."""
    if backend.audit_table is None:
        return []
    name = f"Audit logs: DynamoDB table {backend.audit_table.name}"
    return [(name, partial(_check_audit_table, backend.audit_table, name, is_tried=is_tried))]


def _check_audit_table(table: AuditTable, name: str, *, is_tried: bool) -> Check:
    if not is_tried:
        return Check(name, Outcome.NOT_RUN, ("The test compares the table's keys, and writes, reads and deletes an item.",))
    problems = tuple(table.find_problems())
    return Check(name, Outcome.FAILED if problems else Outcome.OK, problems or ("Keys, index and rights are as they must be.",))


def _check_mail(backend: Backend, counts: Counts, *, is_tried: bool) -> Check:
    if not backend.mailer.is_real:
        line = "No mail server is set up (SMTP_SERVER): mail is written to the server's log."
        return Check(_MAIL, Outcome.OFF, (line,))
    if is_tried and (line := warnings.unusable_mail_server(backend.settings)):
        return Check(_MAIL, Outcome.FAILED, (line,))
    if counts.unsent_mails:
        mails = "1 mail is" if counts.unsent_mails == 1 else f"{counts.unsent_mails:,} mails are"
        return Check(_MAIL, Outcome.WARNING, (f"{mails} not sent.",))
    return Check(_MAIL, Outcome.OK, ("Every mail was sent.",))


def _check_messages(counts: Counts) -> Check:
    if counts.failed_messages:
        messages = "1 message was" if counts.failed_messages == 1 else f"{counts.failed_messages:,} messages were"
        return Check("Messages", Outcome.WARNING, (f"{messages} given up.",))
    return Check("Messages", Outcome.OK, ("No message was given up.",))
