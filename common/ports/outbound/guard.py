"""Which hosts may be called: public ones over TLS, and those that the operator lists; never a cloud's metadata service."""

import ipaddress
import re
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from common.core.errors import StartUpError
from common.ports.outbound.ranges import is_metadata, is_public

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Labels with dots between them; the last one is not a number, or a mistyped address would pass as a name.
_HOST = re.compile(r"(?:\w(?:[\w-]*\w)?\.)*(?!\d+\.?$)\w(?:[\w-]*\w)?\.?")
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class CallFailed(Exception):
    """A call was refused or got no answer; the text names the host and the reason, never headers, bodies or queries."""


class Guard:
    """Decides which hosts may be called."""

    def __init__(self, allowed: Iterable[str]) -> None:
        """Take names, addresses and networks that may be called although they are not public; raises StartUpError."""
        self._names: set[str] = set()
        self._networks: list[_Network] = []
        for number, entry in enumerate(allowed, start=1):
            try:
                self._networks.append(ipaddress.ip_network(entry, strict=False))
            except ValueError as error:
                if not _HOST.fullmatch(entry):
                    raise StartUpError(
                        # The entry is not shown: it may be a secret in the wrong place.
                        f"STACKHOLD_OUTBOUND_ALLOW: entry {number} is not a host such as git.example.com, an address such as"
                        " 10.0.0.5, or a network such as 10.0.0.0/8; there are no wildcards"
                    ) from error
                self._names.add(entry.lower().rstrip("."))

    def require_url(self, url: str) -> None:
        """Raise CallFailed for an address that is not HTTPS, unless its host is allowed, and for one with a password."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https") or not host:
            raise CallFailed("the address is not an http or https address")
        if parts.username is not None or parts.password is not None:
            raise CallFailed("the address must not contain a user name")
        if parts.scheme == "http" and not self.is_listed(host):
            raise CallFailed(f"{host}: only https addresses are called (STACKHOLD_OUTBOUND_ALLOW lists exceptions)")

    def resolve(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host that may be called, all of them checked; raises CallFailed."""
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise CallFailed(f"{host}: no such host") from error
        addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in entries]
        if any(map(is_metadata, addresses)):
            raise CallFailed(f"{host} is not a public address: it is of a cloud's metadata service, which is never called")
        if not self._is_named(host) and not all(self._may(address) for address in addresses):
            raise CallFailed(f"{host} is not a public address (STACKHOLD_OUTBOUND_ALLOW lists exceptions)")
        return [str(address) for address in addresses]

    def _is_named(self, host: str) -> bool:
        return host.lower().rstrip(".") in self._names

    def is_listed(self, host: str) -> bool:
        """Tell whether the operator lists a host by its name or address."""
        if self._is_named(host):
            return True
        try:
            return self._in_networks(ipaddress.ip_address(host))
        except ValueError:
            return False

    def _may(self, address: _Address) -> bool:
        return self._in_networks(address) or is_public(address)

    def _in_networks(self, address: _Address) -> bool:
        return any(address in network for network in self._networks)
