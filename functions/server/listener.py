"""The address and the certificate: taken before anything else happens, so that a busy port changes nothing."""

import contextlib
import errno
import logging
import os
import socket
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from common.config.database import tls_version
from common.config.pem import read_pem
from common.config.public_urls import api_url, has_tls, listening_port
from common.config.settings import Settings
from common.core.errors import StartUpError

LOG = logging.getLogger("stackhold.server")

BACKLOG = 2048
LOOPBACK = "127.0.0.1"
# Where the command line takes the pages to be, by the port of a server that it knows as `localhost` (its source:
# pkg/backend/httpstate/client/console.go).
CONSOLE_PORTS = {8080: 3000}
_CERTIFICATE, _PRIVATE_KEY = Settings.api_tls_certificate, Settings.api_tls_private_key
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - recognised, not chosen


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """Return what HTTPS needs, or None for HTTP; raises StartUpError for a certificate or key that cannot be used."""
    if not has_tls(settings):
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = tls_version(settings, Settings.api_min_tls_version)
    context.set_alpn_protocols(["http/1.1"])
    with _as_files(read_pem(settings, _CERTIFICATE), read_pem(settings, _PRIVATE_KEY)) as (certificate, key):
        try:
            # An encrypted key must not ask at the terminal of a service: the empty passphrase fails instead.
            context.load_cert_chain(certificate, key, password="")
        except (ssl.SSLError, OSError) as error:
            reason = getattr(error, "reason", None) or error.strerror or "unreadable"
            raise StartUpError(
                f"{_CERTIFICATE} and {_PRIVATE_KEY} cannot be used together: {str(reason).lower().replace('_', ' ')}"
            ) from error
    return context


def bind(settings: Settings) -> socket.socket:
    """Return a listening socket at the configured address; raises StartUpError when it cannot be had."""
    host, port = settings.host, listening_port(settings)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError) as error:
        raise StartUpError(f"cannot listen on {host!r}: not an address of this machine (STACKHOLD_HOST or --host)") from error
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # Elsewhere this option would let two servers share a port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Two servers that start at once may both bind; only one of them can listen.
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        reason = (error.strerror or str(error)).lower()
        if error.errno == errno.EADDRNOTAVAIL:
            raise StartUpError(f"cannot listen on {host}: not an address of this machine (STACKHOLD_HOST or --host)") from error
        raise StartUpError(f"cannot listen on {host} port {port}: {reason} (STACKHOLD_PORT or --port)") from error
    listener.setblocking(False)
    return listener


def bind_console(settings: Settings, listener: socket.socket, ports: Mapping[int, int] = CONSOLE_PORTS) -> socket.socket | None:
    """Return a second listening socket, where the command line's links lead for a server at localhost:8080.

    None when the server is elsewhere, when its pages have an address of their own, or when another program has the port.
    """
    host, port = listener.getsockname()[:2]
    if host != LOOPBACK or port not in ports or settings.is_set(Settings.console_domain):
        return None
    try:
        return bind(settings.replaced(STACKHOLD_PORT=str(ports[port])))
    except StartUpError:
        LOG.warning(
            "another program uses port %d, which the links that pulumi prints point to; to make them point here, run "
            "`export PULUMI_CONSOLE_DOMAIN=localhost:%d` before pulumi",
            ports[port],
            port,
        )
        return None


def is_everywhere(host: str) -> bool:
    """Tell whether a server that listens on this address answers on every address of the machine."""
    return host in _EVERYWHERE


def login_address(settings: Settings) -> str:
    """Return the address that people log in to, as far as the settings tell."""
    if settings.api_domain:
        return api_url(settings)
    return login_url(api_url(settings.replaced(STACKHOLD_HOST=_EVERYWHERE.get(settings.host, settings.host))))


def login_url(url: str) -> str:
    """Return the address to log in to: by the name `localhost` where the command line makes links for that name alone."""
    return next((url.replace(LOOPBACK, "localhost") for port in CONSOLE_PORTS if url == f"http://{LOOPBACK}:{port}"), url)


def url_of(listener: socket.socket, *, tls: bool) -> str:
    """Return the address by which a client on this machine reaches the listener."""
    host, port = listener.getsockname()[:2]
    host = _EVERYWHERE.get(host, host)
    return f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


@contextlib.contextmanager
def _as_files(*contents: bytes) -> Iterator[list[Path]]:
    """Yield private files with these contents, which are removed again: the interpreter reads certificates from files only."""
    with tempfile.TemporaryDirectory(prefix="stackhold-") as folder:
        paths = [Path(folder) / f"{number}.pem" for number in range(len(contents))]
        for path, content in zip(paths, contents, strict=True):
            path.touch(mode=0o600)
            path.write_bytes(content)
        yield paths
