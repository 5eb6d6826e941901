"""Where people and providers reach this installation, and whether it is one person's on a laptop."""

import ipaddress

from common import masterkey
from common.settings import Settings

_LAPTOP_NAMES = ("localhost",)


def base_url(settings: Settings) -> str:
    """Return the address of the pages, without a slash at the end; plain HTTP for loopback alone."""
    domain = settings.text("PULUMI_CONSOLE_DOMAIN") or settings.text("PULUMI_API_DOMAIN")
    return _address(settings, domain)


def api_url(settings: Settings) -> str:
    """Return the address of the API, where providers send people back to and directories send what they know."""
    return _address(settings, settings.text("PULUMI_API_DOMAIN"))


def is_secure(settings: Settings) -> bool:
    """Tell whether browsers reach the pages over HTTPS, so that cookies can be kept off plain HTTP."""
    return base_url(settings).startswith("https:")


def is_laptop(settings: Settings) -> bool:
    """Tell whether database and key are in the data folder and nobody else reaches the server: then sign-up is open."""
    is_local = not settings.is_set("PULUMI_DATABASE_ENDPOINT") and masterkey.chosen(settings).place is not None
    named = settings.is_set("PULUMI_API_DOMAIN") or settings.is_set("PULUMI_CONSOLE_DOMAIN")
    return is_local and is_loopback(settings.text("STACKHOLD_HOST")) and not (named and is_secure(settings))


def _address(settings: Settings, domain: str) -> str:
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
