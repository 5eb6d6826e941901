"""The guarded transport of common/outbound: the HTTP library's own, over connections to addresses that were checked."""

import ssl
from collections.abc import Iterable
from typing import TYPE_CHECKING

import httpcore
import httpx

from common.ports.outbound.deadline import TimedStream, left
from common.ports.outbound.guard import CallFailed, Guard

if TYPE_CHECKING:
    from httpcore import SOCKET_OPTION


class GuardedTransport(httpx.HTTPTransport):
    """Sends requests to hosts that the guard lets through, and to the very addresses that it has checked."""

    def __init__(self, guard: Guard, connections: int) -> None:
        """Open nothing yet; certificates are checked against those that this machine trusts."""
        super().__init__()
        self._guard = guard
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl.create_default_context(),
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=30,
            network_backend=_CheckedNetwork(guard),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; raises CallFailed for an address that may not be called."""
        self._guard.require_url(str(request.url))
        return super().handle_request(request)


class _CheckedNetwork(httpcore.NetworkBackend):
    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: "Iterable[SOCKET_OPTION] | None" = None,
    ) -> httpcore.NetworkStream:
        addresses = _tried(self._guard.resolve(host, port))
        failure: Exception = CallFailed(f"{host}: no address")
        for number, address in enumerate(addresses):
            # The first of two leaves the second half of the time.
            seconds = left(timeout, httpcore.ConnectTimeout)
            share = seconds / (len(addresses) - number) if seconds is not None else None
            try:
                return TimedStream(self._plain.connect_tcp(address, port, share, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


def _tried(addresses: list[str]) -> list[str]:
    """Return the two addresses at most that are tried: the first, and the first of the other family if there is one."""
    others = [address for address in addresses if (":" in address) is not (":" in addresses[0])]
    return [*addresses[:1], *(others or addresses[1:])[:1]]
