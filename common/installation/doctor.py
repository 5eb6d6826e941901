"""Use case of site administrators: the checks of `stackhold doctor`, on the installation that runs.

Looking changes nothing. The object stores and the key are tried only when the administrator asks for it: each trial stores a
document or calls the key service.
"""

from pathlib import Path

from common.backend import Backend
from common.config.object_stores import Store
from common.config.setting_notices import notices
from common.core.clock import unix_millis
from common.core.errors import BackendError, StartUpError
from common.crypto import service_keys
from common.db import health, job_claims, migrate
from common.db.job_claims import JobRow
from common.installation import checks
from common.installation.model import Check, Counts, Outcome
from common.installation.repository import site as repository
from common.mailing.steps import require_site_admin
from common.rights.caller import Caller

# A job that is due for longer than this has no process that runs it.
_LATE_MILLIS = 15 * 60_000


def examine(backend: Backend, caller: Caller, *, with_services: bool) -> list[Check]:
    """Return the checks of the installation; `with_services` also tries the object stores and the key."""
    require_site_admin(caller)
    with backend.db.connect() as connection:
        counts, rows = repository.count_all(connection), job_claims.read(connection)
    stores = checks.distinct_stores(backend.plan)
    return [
        _check_settings(backend),
        *_check_folders(backend),
        _check_database(backend),
        *(_check_store(store, is_tried=with_services) for store in stores),
        _check_key(backend, is_tried=with_services),
        _check_jobs(rows, unix_millis(backend.clock.now())),
        _check_mail(backend, counts),
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


def _check_database(backend: Backend) -> Check:
    revision, advice = migrate.version(backend.db), health.advice(backend.db)
    if migrate.state_of(revision) is not migrate.State.CURRENT:
        line = f"The tables are at revision {revision or 'none'}; this release needs {migrate.HEAD}: run `stackhold migrate`."
        return Check("Database", Outcome.FAILED, (line, *filter(None, [advice])))
    line = f"The tables are at revision {revision}, which this release needs."
    return Check("Database", Outcome.WARNING if advice else Outcome.OK, (line, *filter(None, [advice])))


def _check_store(store: Store, *, is_tried: bool) -> Check:
    name = f"Object store: {store.words}"
    if not is_tried:
        return Check(name, Outcome.NOT_RUN, ("The test stores a document, reads it and deletes it.",))
    try:
        checks.require_store(store)
    except StartUpError as error:
        return Check(name, Outcome.FAILED, (str(error),))
    return Check(name, Outcome.OK, ("A document was stored, read and deleted.",))


def _check_key(backend: Backend, *, is_tried: bool) -> Check:
    name = f"Key: {backend.plan.master.words}"
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


def _check_jobs(rows: list[JobRow], now_millis: int) -> Check:
    late = [row.name for row in rows if row.due_at < now_millis - _LATE_MILLIS and not row.is_running(now_millis)]
    failed = [row for row in rows if row.problem]
    lines = [f"{row.name} failed: {row.problem}" for row in failed]
    if late:
        names = ", ".join(sorted(late))
        lines.append(f"Due for more than 15 minutes: {names}. No process runs jobs: check the schedule (docs/operations.md).")
    if not rows:
        return Check("Jobs", Outcome.WARNING, ("No process has looked for jobs yet.",))
    if not lines:
        return Check("Jobs", Outcome.OK, ("Every job ran in time and succeeded.",))
    return Check("Jobs", Outcome.FAILED if late else Outcome.WARNING, tuple(lines))


def _check_mail(backend: Backend, counts: Counts) -> Check:
    if not backend.mailer.is_real:
        line = "No mail server is set up (SMTP_SERVER): mail is written to the server's log."
        return Check("Mail", Outcome.OFF, (line,))
    if counts.unsent_mails:
        mails = "1 mail is" if counts.unsent_mails == 1 else f"{counts.unsent_mails:,} mails are"
        return Check("Mail", Outcome.WARNING, (f"{mails} not sent.",))
    return Check("Mail", Outcome.OK, ("Every mail was sent.",))


def _check_messages(counts: Counts) -> Check:
    if counts.failed_messages:
        messages = "1 message was" if counts.failed_messages == 1 else f"{counts.failed_messages:,} messages were"
        return Check("Messages", Outcome.WARNING, (f"{messages} given up.",))
    return Check("Messages", Outcome.OK, ("No message was given up.",))
