"""How many connections a process takes: fewer than it has descriptors for, and not all of them for one address."""

import ipaddress
import logging
import time
from collections import Counter
from contextlib import suppress

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from common.config.settings import Settings

LOG = logging.getLogger("stackhold.server")
# What else a process opens: the database, objects, calls to others, for each thread that works.
_RESERVED, _RESERVED_PER_THREAD = 64, 4
_DESCRIPTORS_WANTED = 65_536
_IPV6_PREFIX = 64
_NEWS_SECONDS = 60.0


class Connections:
    """The connections that are open, counted by address. Used by the event loop alone."""

    def __init__(self, limit: int, limit_per_address: int, trusted_proxies: str) -> None:
        """Take none yet."""
        self._limit = limit
        self._limit_per_address = limit_per_address
        # The same reading of the setting as that which believes these proxies.
        self._trusted = ProxyHeadersMiddleware(None, trusted_proxies).trusted_hosts  # type: ignore[arg-type]  # no application
        self._open: Counter[str] = Counter()
        self._total = 0
        self._next_news_at = 0.0

    def open(self, address: str) -> bool:
        """Count a connection, or return False when there may be no more. A trusted proxy has no limit of its own."""
        name = network_of(address)
        if self._total >= self._limit:
            self._tell(f"{self._total} connections are open (STACKHOLD_CONNECTIONS)")
            return False
        if self._open[name] >= self._limit_per_address and address not in self._trusted:
            self._tell(f"{self._open[name]} connections from {name} are open (STACKHOLD_CONNECTIONS_PER_ADDRESS)")
            return False
        self._open[name] += 1
        self._total += 1
        return True

    def close(self, address: str) -> None:
        """Count a connection no more."""
        name = network_of(address)
        self._total -= 1
        self._open[name] -= 1
        if not self._open[name]:
            del self._open[name]

    def _tell(self, why: str) -> None:
        if time.monotonic() >= self._next_news_at:
            self._next_news_at = time.monotonic() + _NEWS_SECONDS
            LOG.warning("connections are refused: %s", why)


def connections_for(settings: Settings) -> Connections:
    """Return a count with the limits of the settings, cut to what the process has descriptors for."""
    reserved = _RESERVED + _RESERVED_PER_THREAD * settings.threads
    descriptors = raise_descriptor_limit()
    # At least half of them, however few there are.
    limit = min(settings.connections, max(descriptors - reserved, descriptors // 2))
    per_address = min(settings.connections_per_address, max(limit // 2, 1))
    return Connections(limit, per_address, settings.trusted_proxies)


def raise_descriptor_limit() -> int:
    """Raise the process's limit of descriptors as far as it may be raised and is of use, and return what it is now."""
    try:
        import resource  # noqa: PLC0415 - POSIX alone has it
    except ImportError:
        return _DESCRIPTORS_WANTED
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS_WANTED if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS_WANTED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):  # Some systems have a lower limit than the one they tell.
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return _DESCRIPTORS_WANTED if soft == resource.RLIM_INFINITY else soft


def network_of(address: str) -> str:
    """Return what counts as one address: of IPv6 the first 64 bits, which are a single customer's."""
    if ":" not in address:
        return address
    try:
        ip = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.IPv6Network((ip, _IPV6_PREFIX), strict=False))
