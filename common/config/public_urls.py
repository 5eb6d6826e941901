"""Where people and providers reach this installation, and whether it is one person's on a laptop."""

import ipaddress
import re
from urllib.parse import urlsplit

from common.config import master_key
from common.config.settings import Settings
from common.core.errors import StartUpError

TLS_PORT = 8443
_LAPTOP_NAMES = ("localhost",)
BASE_PATH = Settings.base_path
_DOMAIN = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(:\d{1,5})?")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")


def base_url(settings: Settings) -> str:
    """Return the address of the pages, without a slash at the end; plain HTTP for loopback alone.

    A domain of their own has them at its root, because the command line makes links to them without any path before.
    """
    own = settings.console_domain
    return _origin(settings, own) if own else api_url(settings)


def api_url(settings: Settings) -> str:
    """Return the address of the API, where providers send people back to and directories send what they know."""
    return _origin(settings, settings.api_domain) + base_path(settings)


def api_host(settings: Settings) -> str:
    """Return the name of the API's host, without a port."""
    return api_url(settings).partition("://")[2].partition("/")[0].partition(":")[0]


def origin(settings: Settings) -> str:
    """Return the origin of the pages, as browsers send it with forms: their address without a path."""
    parts = urlsplit(base_url(settings))
    return f"{parts.scheme}://{parts.netloc}"


def base_path(settings: Settings) -> str:
    """Return the path under which this server is reached, `/pulumi` or an empty text; raises StartUpError for a bad one."""
    text = settings.base_path.strip().strip("/")
    path = f"/{text}" if text else ""
    if not _PATH.fullmatch(path) or {".", ".."} & set(path.split("/")):
        raise StartUpError(f"{BASE_PATH} must be a path such as /pulumi: letters, digits and - . _ ~ between slashes")
    return path


def require_domains(settings: Settings) -> None:
    """Raise StartUpError for a domain that is an address or a path: links made with it would lead nowhere."""
    for setting in (Settings.api_domain, Settings.console_domain):
        text = settings.get(setting)
        if text and not _DOMAIN.fullmatch(text):
            raise StartUpError(f"{setting} must be a host name, with :port if it has one, without https:// and without a slash")


def listening_port(settings: Settings) -> int:
    """Return the port that the server listens on."""
    return TLS_PORT if settings.is_set(Settings.api_tls_certificate) and not settings.is_set(Settings.port) else settings.port


def has_tls(settings: Settings) -> bool:
    """Tell whether HTTPS is configured."""
    return settings.is_set(Settings.api_tls_certificate) and settings.is_set(Settings.api_tls_private_key)


def proxy_warning(settings: Settings) -> str:
    """Return what to warn of where people come through a proxy that is not named, or an empty text.

    A public name and no certificate of our own means that something in front terminates TLS.
    """
    domain = settings.api_domain or settings.console_domain
    is_behind = bool(domain) and not is_loopback(domain) and not has_tls(settings)
    if not is_behind or settings.is_set(Settings.trusted_proxies):
        return ""
    return (
        f"{domain} is public and STACKHOLD_TRUSTED_PROXIES is not set: behind a load balancer all clients share one"
        " address, so 100 failed sign-ins lock everyone out for a while; set it to the addresses of the balancer, or"
        " 127.0.0.1 for a proxy on this machine"
    )


def is_secure(settings: Settings) -> bool:
    """Tell whether browsers reach the pages over HTTPS, so that cookies can be kept off plain HTTP."""
    return base_url(settings).startswith("https:")


def is_laptop(settings: Settings) -> bool:
    """Tell whether database and key are in the data folder and only this machine reaches the server: then sign-up is open."""
    is_local = not settings.is_set(Settings.database_endpoint) and master_key.chosen(settings).place is not None
    named = settings.is_set(Settings.api_domain) or settings.is_set(Settings.console_domain)
    return is_local and is_loopback(settings.host) and not (named and is_secure(settings))


def _origin(settings: Settings, domain: str) -> str:
    if domain:
        scheme = "http" if is_loopback(domain) and not settings.is_set(Settings.api_tls_certificate) else "https"
        return f"{scheme}://{domain}"
    tls = settings.is_set(Settings.api_tls_certificate)
    host = settings.host
    return f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{listening_port(settings)}"


def is_loopback(domain: str) -> bool:
    """Tell whether a host, with or without a port, is this machine itself."""
    host = domain.partition("]")[0].removeprefix("[") if domain.startswith("[") else domain
    host = host.rpartition(":")[0] if host.count(":") == 1 else host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() in _LAPTOP_NAMES
