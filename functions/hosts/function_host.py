"""What a function keeps between calls of its platform: the opened backend, and the application that serves from it.

The first call opens it. A process that cannot serve, because a setting is wrong or the tables are not there yet, answers
in the wire's form that it is unavailable, says why in its log, and looks again at the next call.

Where settings come from outside the process, they are read again from time to time, by a request and not in the background:
a function's process stands still between requests. Changed settings open a second backend, and the first one is closed when
its last request has ended. If the changed settings cannot be used, those before stay in force.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Lock

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from common.backend import Backend, open_backend, require_remote
from common.config.database import prepare_server
from common.config.secret_references import resolved
from common.config.setting_groups import require_groups
from common.config.setting_notices import notices
from common.config.settings import Settings
from common.core.clock import Clock, unix_millis
from common.core.errors import StartUpError, Unavailable
from common.crypto import service_keys
from common.db import migrate
from common.installation import checks, measurements
from common.installation.backups.steps import require_restored
from common.installation.bootstrap import bootstrap, is_fresh, require_fit
from common.stacks.blob_keys import PREFIXES
from common.telemetry import logs
from functions.hosts import schedule
from functions.http.app import create_app, create_loaded_app
from functions.http.errors import error_response

LOG = logging.getLogger("stackhold.host")
NOT_READY = "this server is not ready to serve; its log says why"
# Whether a request is being served; jobs run in the same process on some platforms.
_IS_SERVING: ContextVar[bool] = ContextVar("is_serving", default=False)


@dataclass(slots=True)
class _Opened:
    """What one reading of the settings opened."""

    environment: Mapping[str, str]
    backend: Backend
    # Every group of the API is built already: another start leaves that to the first request of each.
    loaded: ASGIApp | None = None
    # There once the database was seen to have this release's tables.
    app: ASGIApp | None = None
    calls: int = 0
    # Whether the tables were seen to be those of this release: with a database that pauses, when the first request uses it.
    is_checked: bool = False
    is_prepared: bool = False
    is_replaced: bool = False


class FunctionHost:
    """One process of a function: it serves requests, or runs what is due, or both."""

    def __init__(
        self,
        read: Callable[[], Mapping[str, str]],
        *,
        rereads: bool = False,
        freezes: bool = False,
        now: Callable[[], float] = time.time,
        clock: Clock | None = None,
    ) -> None:
        """Keep where settings are read from, and whether they may change there, as secrets that they name always may.

        A process that `freezes` stands still after each reply, so what it has to say of a request is sent before.
        """
        self._freezes = freezes
        self._read, self._rereads, self._now, self._clock = read, rereads, now, clock
        self._marked_at = 0.0
        self._may_change = rereads
        self._lock, self._rereading, self._counting = Lock(), Lock(), Lock()
        self._opened: _Opened | None = None
        self._read_at, self._reread_seconds = 0.0, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        serving = _IS_SERVING.set(True)
        try:
            await self._serve(scope, receive, send)
        finally:
            _IS_SERVING.reset(serving)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._opened is None or self._opened.app is None or self._is_due():
            problem = await run_in_threadpool(self._make_ready)
            if problem:
                await _refuse(scope, receive, send)
                return
        with self._using() as opened:
            await (opened.app or _refuse)(scope, receive, send)
            if self._freezes and opened.backend.telemetry.is_on:
                await run_in_threadpool(opened.backend.telemetry.flush)

    def tick(self, may_go_on: Callable[[], bool] = lambda: True) -> list[str]:
        """Bring the installation up to this release, once for each reading of the settings, run what is due and name it."""
        self._open()
        self._reread(_prepare_opened)
        with self._using() as opened:
            if not opened.backend.settings.database_sleeps:
                return _run_jobs(opened, may_go_on)
            return _run_jobs_if_due(opened, may_go_on)

    def prepare(self) -> None:
        """Check the services, bring the tables to this release and make the first administrator, once; raises StartUpError."""
        opened = self._open()
        if not opened.is_prepared:
            _prepare_opened(opened)

    def open(self) -> None:
        """Do before the first request what needs no answer of a service; a wrong setting is said then, not now."""
        with suppress(StartUpError):
            self._open()

    def load(self) -> None:
        """Load as well what other starts leave to the first call that needs it."""
        with suppress(StartUpError):
            _load(self._open())

    def renew(self) -> None:
        """Let go of connections that a copy of this process must not share; the next request reads the settings again."""
        self._read_at = 0.0
        if self._opened is not None:
            self._opened.backend.db.close()

    @property
    def trusted_proxies(self) -> frozenset[str]:
        """Return the addresses whose word on the client's address is believed; none while the settings are not good."""
        settings = self._opened.backend.settings if self._opened else None
        return frozenset(settings.trusted_proxies.replace(" ", "").split(",")) if settings else frozenset()

    def _make_ready(self) -> str:
        """Build the application unless its settings are recent; return the reason if it cannot be built, or None."""
        try:
            self._open()
            self._reread(_check_tables)
            opened = self._open()
            if opened.app is None:
                _check_tables(opened)
        except StartUpError as error:
            LOG.error("requests cannot be served: %s", error)  # noqa: TRY400 - one line for the operator, as at any start
            return str(error)
        return ""

    def _open(self) -> _Opened:
        with self._lock:
            if self._opened is None:
                self._opened = self._watched(_open(self._values(), self._clock))
                self._reread_seconds = self._opened.backend.settings.settings_seconds
                self._read_at = self._now()
            return self._opened

    def _values(self) -> Mapping[str, str]:
        """Return the settings as they are now, with each reference to a secret replaced by it; raises StartUpError."""
        read = self._read()
        values = resolved(read)
        self._may_change = self._rereads or values != read
        return values

    def _is_due(self) -> bool:
        # A clock that was set back must not put the next reading off.
        return self._may_change and not 0 <= self._now() - self._read_at < self._reread_seconds

    def _reread(self, check: Callable[[_Opened], None]) -> None:
        """Read the settings again if they are too old; where another thread does so already, go on with what there is.

        What `check` refuses with StartUpError is not used.
        """
        if self._is_due() and self._rereading.acquire(blocking=False):
            try:
                self._replace(check)
            except StartUpError as error:
                LOG.error("the previous settings stay in use: %s", error)  # noqa: TRY400 - one line, as at a start
            except Exception as error:  # noqa: BLE001 - whatever it is, requests are served as before
                LOG.error("the previous settings stay in use: they could not be read again (%s)", type(error).__name__)  # noqa: TRY400 - its text may hold a value
            finally:
                self._read_at = self._now()
                self._rereading.release()

    def _replace(self, check: Callable[[_Opened], None]) -> None:
        """Read the settings, and if they have changed use them from now on; raises StartUpError."""
        environment, before = self._values(), self._opened
        if before is None or environment == before.environment:
            return
        fresh = self._watched(_open(environment, self._clock))
        try:
            if before.loaded is not None:
                _load(fresh)
            check(fresh)
        except BaseException:
            fresh.backend.close()
            raise
        with self._counting:
            self._opened, before.is_replaced = fresh, True
            self._reread_seconds = fresh.backend.settings.settings_seconds
            is_idle = before.calls == 0
        if is_idle:
            before.backend.close()
        LOG.warning("changed settings are in use now")

    def _watched(self, opened: _Opened) -> _Opened:
        if opened.backend.settings.database_sleeps:
            opened.backend.db.on_use(lambda: self._before_use(opened))
        return opened

    def _before_use(self, opened: _Opened) -> None:
        """Do what a request does before it first uses a database that pauses, and once a minute tell the jobs of it."""
        if not _IS_SERVING.get():
            return
        if not opened.is_checked:
            opened.is_checked = True  # The check uses the database too.
            try:
                _check_database(opened.backend)
            except StartUpError as error:
                opened.is_checked = False
                LOG.error("requests cannot be served: %s", error)  # noqa: TRY400 - one line for the operator, as at any start
                raise Unavailable(NOT_READY) from None
        if not 0 <= self._now() - self._marked_at < schedule.MARK_MILLIS / 1000:
            schedule.mark_active(opened.backend.checkpoints, unix_millis(opened.backend.clock.now()))
            self._marked_at = self._now()

    @contextmanager
    def _using(self) -> Iterator[_Opened]:
        """Keep what is opened from being closed while a call uses it."""
        with self._counting:
            opened = self._opened
            if opened is None:
                raise RuntimeError("nothing is opened yet")
            opened.calls += 1
        try:
            yield opened
        finally:
            with self._counting:
                opened.calls -= 1
                is_over = opened.is_replaced and opened.calls == 0
            if is_over:
                opened.backend.close()


def _run_jobs(opened: _Opened, may_go_on: Callable[[], bool]) -> list[str]:
    from functions.jobs import run_due  # noqa: PLC0415 - requests do not need it

    if not opened.is_prepared:
        _prepare_opened(opened)
    names = run_due(opened.backend, may_continue=may_go_on)
    measurements.push(opened.backend)
    opened.backend.telemetry.flush()
    return names


def _run_jobs_if_due(opened: _Opened, may_go_on: Callable[[], bool]) -> list[str]:
    """Run jobs unless the schedule in the store says that there is nothing to do, and then leave no connection."""
    from functions.jobs import next_due_at  # noqa: PLC0415 - as above

    backend = opened.backend
    now_millis = unix_millis(backend.clock.now())
    stored = schedule.load(backend.checkpoints)
    if not stored.is_due(now_millis):
        return []
    try:
        names = _run_jobs(opened, may_go_on)
        next_at = stored.next_after(now_millis, next_due_at(backend, now_millis))
    finally:
        backend.db.close()
    schedule.store_run(backend.checkpoints, stored, now_millis, next_at)
    return names


def _open(environment: Mapping[str, str], clock: Clock | None = None) -> _Opened:
    for line in notices(environment):
        LOG.warning("%s", line)
    settings = Settings(environment)
    logs.configure_platform(settings.log_format, settings.secret_values)
    require_remote(settings)
    require_groups(settings)
    backend = open_backend(settings, clock=clock)
    backend.start_telemetry(keeps_counts=False)
    return _Opened(environment, backend)


def _prepare_opened(opened: _Opened) -> None:
    _prepare(opened.backend)
    opened.is_prepared = True


def _load(opened: _Opened) -> None:
    backend = opened.backend
    opened.loaded = create_loaded_app(backend)
    for part in (backend.checkpoints, backend.batches, backend.policy_packs, backend.keys):
        part.load()


def _check_tables(opened: _Opened) -> None:
    """Make the application that serves from it; raises StartUpError unless the tables are complete, and of this release."""
    if not opened.backend.settings.database_sleeps:
        _check_database(opened.backend)
    opened.app = opened.loaded or create_app(opened.backend)


def _check_database(backend: Backend) -> None:
    migrate.check(backend.db)
    require_restored(backend.db)


def _prepare(backend: Backend) -> None:
    """Check the services, bring the tables to this release and make the first administrator; raises StartUpError."""
    settings = backend.settings
    token, org = settings.bootstrap_token or None, settings.bootstrap_org or None
    require_fit(token, org)
    backend.keys.check()
    checks.require_stores(backend.plan)
    if settings.migrate_at_start:
        prepare_server(settings)
    else:
        migrate.check(backend.db)
    migrate.require_rights(backend.db)
    require_restored(backend.db)
    if not service_keys.has_keys(backend.db):
        checks.require_no_states(backend.plan, PREFIXES)
    if settings.migrate_at_start and migrate.migrate(backend.db):
        LOG.info("the database is at revision %s now", migrate.HEAD)
    service_keys.require_own_master_key(backend, backend.plan.master.words)
    service_keys.renew(backend)
    if token is not None:
        for line in bootstrap(backend, token=token, org=org).warnings:
            LOG.warning("%s", line)
    elif is_fresh(backend):
        LOG.warning("no user can sign in yet: set STACKHOLD_BOOTSTRAP_TOKEN to the first administrator's token")


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    refusal = error_response(Unavailable(NOT_READY))
    await refusal(scope, receive, send)
