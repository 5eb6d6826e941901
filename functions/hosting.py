"""What a function keeps between calls of its platform: the opened backend, and the application that serves from it.

The first call opens it. A process that cannot serve, because a setting is wrong or the tables are not there yet, answers
in the wire's form that it is unavailable, says why in its log, and looks again at the next call.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Lock

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from common import installation
from common.backend import Backend
from common.crypto import servicekeys
from common.database import prepare_server
from common.db import migrate
from common.errors import StartUpError, Unavailable
from common.masterkey import chosen
from common.opening import open_backend, require_remote
from common.orgs.bootstrap import bootstrap, is_fresh, require_fit
from common.settings import Settings, notices
from functions.app import create_app, create_loaded_app
from functions.errors import error_response

LOG = logging.getLogger("stackhold.host")


class FunctionHost:
    """One process of a function: it serves requests, or runs what is due, or both."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Keep the environment; nothing is read or opened yet."""
        self._environment = environment
        self._lock = Lock()
        self._backend: Backend | None = None
        self._app: ASGIApp | None = None
        self._loaded: ASGIApp | None = None
        self._is_prepared = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        app = self._app
        if app is None:
            app = await run_in_threadpool(self._serving)
        await app(scope, receive, send)

    def tick(self, may_go_on: Callable[[], bool] = lambda: True) -> list[str]:
        """Bring the installation up to this release, once in a process, run the jobs that are due and return their names."""
        from functions.jobs import run_due  # noqa: PLC0415 - requests do not need it

        self.prepare()
        return run_due(self._opened(), may_go_on=may_go_on)

    def prepare(self) -> None:
        """Check the services, bring the tables to this release and make the first administrator, once; raises StartUpError."""
        backend = self._opened()
        if not self._is_prepared:
            _prepare(backend)
            self._is_prepared = True

    def open(self) -> None:
        """Do before the first request what needs no answer from anywhere; a wrong setting is said then, not now."""
        with suppress(StartUpError):
            self._opened()

    def load(self) -> None:
        """Load as well what other starts leave to the first call that needs it; still nothing is asked."""
        self.open()
        if self._backend is not None:
            self._loaded = create_loaded_app(self._backend)
            for part in (self._backend.checkpoints, self._backend.batches, self._backend.policy_packs, self._backend.keys):
                part.load()

    def renew(self) -> None:
        """Let go of connections that a copy of this process must not share."""
        if self._backend is not None:
            self._backend.db.close()

    @property
    def trusted_proxies(self) -> frozenset[str]:
        """Return the addresses whose word on the client's address is believed; none while the settings are not good."""
        settings = self._backend.settings if self._backend else None
        return frozenset(settings.text("STACKHOLD_TRUSTED_PROXIES").replace(" ", "").split(",")) if settings else frozenset()

    def _serving(self) -> ASGIApp:
        try:
            backend = self._opened()
            migrate.check(backend.db)
        except StartUpError as error:
            LOG.error("requests cannot be served: %s", error)  # noqa: TRY400 - one line for the operator, as at any start
            return _refuse
        self._app = self._loaded or create_app(backend)
        return self._app

    def _opened(self) -> Backend:
        with self._lock:
            if self._backend is None:
                for line in notices(self._environment):
                    LOG.warning("%s", line)
                settings = Settings(self._environment)
                require_remote(settings)
                self._backend = open_backend(settings)
            return self._backend


def _prepare(backend: Backend) -> None:
    """Check the services, bring the tables to this release and make the first administrator; raises StartUpError."""
    settings = backend.settings
    token, org = settings.text("STACKHOLD_BOOTSTRAP_TOKEN") or None, settings.text("STACKHOLD_BOOTSTRAP_ORG") or None
    require_fit(token, org)
    installation.require_services(settings)
    if not settings.flag("STACKHOLD_MIGRATE_AT_START"):
        migrate.check(backend.db)
    else:
        _migrate(backend)
    servicekeys.require_own_master_key(backend, chosen(settings).words)
    servicekeys.renew(backend)
    if token is not None:
        bootstrap(backend, token=token, org=org)
    elif is_fresh(backend):
        LOG.warning("nobody can sign in yet: set STACKHOLD_BOOTSTRAP_TOKEN to the first administrator's token")


def _migrate(backend: Backend) -> None:
    prepare_server(backend.settings)
    if migrate.migrate(backend.db):
        LOG.info("the database is at revision %s now", migrate.HEAD)


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    refusal = error_response(Unavailable("this server is not ready to serve; its log says why"))
    await refusal(scope, receive, send)
