"""The only place that makes HTTP calls to addresses that users or providers name: no redirects, no private addresses.

A host is resolved once and the connection goes to the address that was checked, so a name that points elsewhere a moment
later changes nothing. Who is on the operator's allow-list (STACKHOLD_OUTBOUND_ALLOW) may be private and may be called
without TLS. Bodies are read up to a limit, and cookies are not stored. A call has one deadline for everything, and few are
made at once. The HTTP library is loaded with the first call.
"""

import logging
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import ip_address
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from common.core.compression import BadGzip, OverLimit, inflate
from common.ports.outbound.guard import CallFailed, Guard
from common.ports.outbound.ranges import is_public
from common.ports.outbound.slots import Purpose, Slots
from common.telemetry.instruments import OUTGOING_CALLS
from common.telemetry.telemetry import OFF, Telemetry

if TYPE_CHECKING:
    import httpx

__all__ = ["CallFailed", "Outbound", "Purpose", "Reply"]
BODY_LIMIT_BYTES = 1 << 20
CALL_SECONDS = 10.0
# How fast an upload goes at least: large content has more time.
BYTES_PER_SECOND = 100_000
THREADS = 16
# The thread of a call sees its deadline itself, unless the resolver holds it.
_GRACE_SECONDS = 0.5
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; `certificate` is the server's own, DER, when the call was over TLS.

    `is_public` is False for a server at an address that is called only because the allow-list has it.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    certificate: bytes | None = field(default=None, repr=False)
    is_public: bool = False


class Outbound:
    """Makes guarded calls; one per process, safe to share between threads."""

    def __init__(
        self, allowed: str, *, threads: int = THREADS, seconds: float = CALL_SECONDS, telemetry: Telemetry = OFF
    ) -> None:
        """Take the allow-list as the setting has it, with commas; nothing is opened. Raises StartUpError.

        `threads` is how many requests the process works on at once, `seconds` how long a call may take.
        """
        self._guard = Guard(part.strip() for part in allowed.split(",") if part.strip())
        self._seconds = seconds
        self._telemetry = telemetry
        self._lock = Lock()
        self._client: httpx.Client | None = None
        self.slots = Slots(threads)

    def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        json: object = None,
        content: bytes | None = None,
        limit_bytes: int = BODY_LIMIT_BYTES,
        cuts_off: bool = False,
        purpose: Purpose = Purpose.PROVIDER,
        owner: str = "",
    ) -> Reply:
        """Call an address and return what it answers, whatever the status.

        A body over the limit is refused, or with `cuts_off` cut off there. A compressed body is refused too, but for a single
        layer of gzip; with `cuts_off` it is left out.
        Raises CallFailed; Unavailable when as many calls for this purpose, or for this owner, are under way as there may be.
        """
        seconds = self._seconds + len(content or b"") / BYTES_PER_SECOND

        def send() -> Reply:
            parts = {"headers": headers, "data": form, "json": json, "content": content}
            return self._send(method, url, parts, seconds, limit_bytes=limit_bytes, cuts_off=cuts_off)

        def end() -> None:
            self.slots.free(purpose, owner)

        self.slots.take(purpose, owner)
        # The address may have a secret in its path or query, and the receiver is not told of our traces.
        host = urlsplit(url).hostname or ""
        attributes = {"http.request.method": method, "server.address": host}
        with self._telemetry.call(OUTGOING_CALLS, method, purpose.value, attributes):
            running = _in_a_thread(send, end)
            try:
                return running.result(seconds + _GRACE_SECONDS)
            except TimeoutError as error:
                raise CallFailed(f"{host} cannot be reached: no answer in time") from error

    def _send(self, method: str, url: str, parts: dict[str, Any], seconds: float, *, limit_bytes: int, cuts_off: bool) -> Reply:
        import httpx  # noqa: PLC0415 - loading it takes longer than most requests

        from common.ports.outbound.deadline import within  # noqa: PLC0415 - as above

        host = urlsplit(url).hostname or ""
        try:
            with within(seconds), self._opened().stream(method, url, **parts) as response:
                # Before the body: with its end the connection may be closed, and then there is no certificate to see.
                certificate, is_public_server = _certificate(response), _is_public(response)
                body = _body(response, limit_bytes, cuts_off=cuts_off)
                return Reply(response.status_code, dict(response.headers), body, certificate, is_public_server)
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
            raise CallFailed(f"{host} cannot be reached: {_reason(error)}") from error

    def require_url(self, url: str) -> None:
        """Raise CallFailed for an address that is never called, such as one that is not HTTPS."""
        self._guard.require_url(url)

    def is_listed(self, host: str) -> bool:
        """Tell whether the operator lists a host, so that it may be called without TLS."""
        return self._guard.is_listed(host)

    def connect(self, host: str, port: int, seconds: float | None = None) -> socket.socket:
        """Return a connection for a protocol other than HTTP, to an address that was checked; raises CallFailed.

        The name is resolved and the connection opened within so many seconds together, or within those of a call.
        """
        deadline = time.monotonic() + (self._seconds if seconds is None else seconds)

        def left() -> float:
            # A limit of 0 would make the socket one that does not block.
            return max(deadline - time.monotonic(), 0.001)

        try:
            address = _in_a_thread(lambda: self._guard.resolve(host, port)[0]).result(left())
            return socket.create_connection((address, port), left())
        except TimeoutError as error:
            raise CallFailed(f"{host} cannot be reached: no answer in time") from error
        except OSError as error:
            raise CallFailed(f"{host} cannot be reached: {type(error).__name__}") from error

    def transport(self) -> "httpx.BaseTransport":
        """Return a guarded transport for a library that brings a client of its own; bodies are not limited by it."""
        from common.ports.outbound.transport import GuardedTransport  # noqa: PLC0415 - as above

        return GuardedTransport(self._guard, self.slots.calls)

    def close(self) -> None:
        """Close what was opened."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _opened(self) -> "httpx.Client":
        import httpx  # noqa: PLC0415 - as above

        with self._lock:
            if self._client is None:
                # It logs each address with its query, where a signature may be.
                logging.getLogger("httpx").disabled = True
                self._client = httpx.Client(
                    transport=self.transport(),
                    timeout=self._seconds,
                    follow_redirects=False,
                    trust_env=False,
                    headers={"User-Agent": "stackhold", "Accept-Encoding": "identity"},
                    # Stores no cookie: organizations share the client.
                    cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                )
            return self._client


def _in_a_thread(work: Callable[[], _Value], end: Callable[[], None] = lambda: None) -> "Future[_Value]":
    """Run a call in a thread of its own, which need not be waited for: a resolver may hold it longer than its deadline."""
    future: Future[_Value] = Future()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - for the waiting caller
            end()
            future.set_exception(error)
        else:
            end()
            future.set_result(result)

    Thread(target=run, name="outgoing call", daemon=True).start()
    return future


def _body(response: "httpx.Response", limit_bytes: int, *, cuts_off: bool) -> bytes:
    # What the HTTP library inflates has no limit, so it gets nothing to inflate.
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    is_plain, is_gzip = encoding in ("", "identity"), encoding in ("gzip", "x-gzip")
    if not is_plain and cuts_off:
        return b""
    if not is_plain and not is_gzip:
        raise CallFailed(f"{response.url.host} answers with a compressed body")
    body = _raw_body(response, limit_bytes, cuts_off=cuts_off)
    if is_plain or not body:
        return body
    try:
        return inflate(body, limit_bytes)
    except OverLimit as error:
        raise CallFailed(f"{response.url.host} answers with more than {limit_bytes:,} bytes") from error
    except BadGzip as error:
        raise CallFailed(f"{response.url.host} answers with a damaged body") from error


def _raw_body(response: "httpx.Response", limit_bytes: int, *, cuts_off: bool) -> bytes:
    parts: list[bytes] = []
    size = 0
    for part in response.iter_raw():
        size += len(part)
        if size > limit_bytes and not cuts_off:
            raise CallFailed(f"{response.url.host} answers with more than {limit_bytes:,} bytes")
        parts.append(part)
        if size > limit_bytes:
            break
    return b"".join(parts)[:limit_bytes]


def _certificate(response: "httpx.Response") -> bytes | None:
    stream: Any = response.extensions.get("network_stream")
    tls = stream.get_extra_info("ssl_object") if stream is not None else None
    # By place, since the bare TLS object that there may be knows no names of arguments.
    certificate: bytes | None = tls.getpeercert(True) if tls is not None else None
    return certificate


def _is_public(response: "httpx.Response") -> bool:
    stream: Any = response.extensions.get("network_stream")
    try:
        address = stream.get_extra_info("server_addr")[0]
    except OSError:  # The connection is closed.
        return False
    return is_public(ip_address(address.partition("%")[0]))


def _reason(error: Exception) -> str:
    """Return what went wrong without addresses or queries, which may hold secrets."""
    cause: BaseException = error
    while (deeper := cause.__cause__ or cause.__context__) is not None:
        cause = deeper
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not valid ({cause.verify_message})"
    return {"ConnectTimeout": "no answer in time", "ReadTimeout": "no answer in time"}.get(
        type(error).__name__, type(error).__name__
    )
