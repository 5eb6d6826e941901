"""Where people and providers reach this installation, and whether it is one person's on a laptop."""

import ipaddress
import re
from urllib.parse import urlsplit

from common.config import master_key
from common.config.settings import Settings
from common.core.errors import StartUpError

_LAPTOP_NAMES = ("localhost",)
BASE_PATH = "STACKHOLD_BASE_PATH"
_DOMAIN = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(:\d{1,5})?")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")


def base_url(settings: Settings) -> str:
    """Return the address of the pages, without a slash at the end; plain HTTP for loopback alone.

    A domain of their own has them at its root, because the command line makes links to them without any path before.
    """
    own = settings.text("PULUMI_CONSOLE_DOMAIN")
    return _origin(settings, own) if own else api_url(settings)


def api_url(settings: Settings) -> str:
    """Return the address of the API, where providers send people back to and directories send what they know."""
    return _origin(settings, settings.text("PULUMI_API_DOMAIN")) + base_path(settings)


def origin(settings: Settings) -> str:
    """Return the origin of the pages, as browsers send it with forms: their address without a path."""
    parts = urlsplit(base_url(settings))
    return f"{parts.scheme}://{parts.netloc}"


def base_path(settings: Settings) -> str:
    """Return the path under which this server is reached, `/pulumi` or an empty text; raises StartUpError for a bad one."""
    text = settings.text(BASE_PATH).strip().strip("/")
    path = f"/{text}" if text else ""
    if not _PATH.fullmatch(path) or {".", ".."} & set(path.split("/")):
        raise StartUpError(f"{BASE_PATH} must be a path such as /pulumi: letters, digits and - . _ ~ between slashes")
    return path


def require_domains(settings: Settings) -> None:
    """Raise StartUpError for a domain that is an address or a path: links made with it would lead nowhere."""
    for name in ("PULUMI_API_DOMAIN", "PULUMI_CONSOLE_DOMAIN"):
        text = settings.text(name)
        if text and not _DOMAIN.fullmatch(text):
            raise StartUpError(f"{name} must be a host name, with :port if it has one, without https:// and without a slash")


def is_secure(settings: Settings) -> bool:
    """Tell whether browsers reach the pages over HTTPS, so that cookies can be kept off plain HTTP."""
    return base_url(settings).startswith("https:")


def is_laptop(settings: Settings) -> bool:
    """Tell whether database and key are in the data folder and nobody else reaches the server: then sign-up is open."""
    is_local = not settings.is_set("PULUMI_DATABASE_ENDPOINT") and master_key.chosen(settings).place is not None
    named = settings.is_set("PULUMI_API_DOMAIN") or settings.is_set("PULUMI_CONSOLE_DOMAIN")
    return is_local and is_loopback(settings.text("STACKHOLD_HOST")) and not (named and is_secure(settings))


def _origin(settings: Settings, domain: str) -> str:
    if domain:
        scheme = "http" if is_loopback(domain) and not settings.is_set("API_TLS_CERTIFICATE") else "https"
        return f"{scheme}://{domain}"
    tls = settings.is_set("API_TLS_CERTIFICATE")
    host, port = settings.text("STACKHOLD_HOST"), settings.text("STACKHOLD_PORT")
    return f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def is_loopback(domain: str) -> bool:
    """Tell whether a host, with or without a port, is this machine itself."""
    host = domain.partition("]")[0].removeprefix("[") if domain.startswith("[") else domain
    host = host.rpartition(":")[0] if host.count(":") == 1 else host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() in _LAPTOP_NAMES
