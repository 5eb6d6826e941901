"""`stackhold serve`, from top to bottom."""

import logging
import socket
from contextlib import closing

from common.backend import Backend
from common.config.public_urls import proxy_warning
from common.config.setting_groups import require_groups
from common.config.settings import Settings
from common.telemetry import logs
from functions.server import startup
from functions.server.listener import bind, bind_console, login_url, tls_context, url_of
from functions.server.mode import mode_of
from functions.server.welcome import print_welcome

LOG = logging.getLogger("stackhold.server")


def serve(settings: Settings) -> int:
    """Start, serve until a signal asks to end, and return the exit code; raises StartUpError."""
    logs.configure(settings.log_format, settings.secret_values)
    require_groups(settings)
    mode = mode_of(settings)
    may_migrate = settings.migrate_at_start
    if not mode.serves:
        return _serve_jobs(settings, may_migrate=may_migrate)
    tls = tls_context(settings) is not None
    if warning := proxy_warning(settings):
        LOG.warning("%s", warning)
    listener = bind(settings)
    url = login_url(url_of(listener, tls=tls))
    backend = startup.start(settings, may_migrate=may_migrate)
    try:
        print_welcome(backend, startup.make_administrator(backend), url)
        code = _run(backend, listener, f"serving {url}, mode {mode}, data in {settings.data_folder}")
    finally:
        backend.close()
    LOG.info("stopped")
    return code


def _serve_jobs(settings: Settings, *, may_migrate: bool) -> int:
    from functions.server.uvicorn_server import run_jobs_only  # noqa: PLC0415 - as below

    # The processes that serve make the administrator: only they know the address to sign in at.
    with closing(startup.start(settings, may_migrate=may_migrate)) as backend:
        LOG.info("running jobs only, data in %s", settings.data_folder)
        run_jobs_only(backend)
    LOG.info("stopped")
    return 0


def _run(backend: Backend, listener: socket.socket, news: str) -> int:
    settings = backend.settings
    count, console = settings.workers, bind_console(settings, listener)
    if count > 1:
        from functions.server.supervisor import Workers  # noqa: PLC0415 - the usual start has one process

        backend.close()  # Each process opens its own.
        return Workers(settings, listener, count, console).run(f"{news}, {count} processes")
    from functions.server.uvicorn_server import serve as run  # noqa: PLC0415 - the application, which a refused start need not load

    run(backend, listener, news=news, console=console)
    return 0
