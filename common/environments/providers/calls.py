"""Calls of providers to other systems, through the guarded client (common/ports/outbound).

What goes wrong is a WorldError that names the host and the reason. It never has headers, bodies or queries, which may hold
secrets; of a vendor's own host it has the error code.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from common.core.errors import Unavailable
from common.environments.language.interfaces import WorldError
from common.environments.language.values.json_text import decode_json
from common.environments.providers.base import Access
from common.environments.providers.values import text_at
from common.ports.outbound import CallFailed, Purpose, Reply

LIMIT_BYTES = 1 << 20
OK = 200
_BUSY_SECONDS = 0.1
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,79}")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(?::\d{1,5})?")
_HOSTS_CODES = (("error",), ("__type",), ("error", "status"), ("error", "code"), ("code",), ("errorCode",))


@dataclass(frozen=True, slots=True)
class Request:
    """A request to another system. `shows_code`: it goes to a vendor, of whose refusals the error code is shown."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    json: object = field(default=None, repr=False)
    content: bytes | None = field(default=None, repr=False)
    limit_bytes: int = LIMIT_BYTES
    shows_code: bool = False


def host_of(url: str) -> str:
    """Return the host of an address as errors show it."""
    try:
        return (urlsplit(url).hostname or "the address")[:200]
    except ValueError:
        return "the address"


def require_host(text: str, what: str) -> str:
    """Return a host name that a definition has, with or without a port; raises WorldError for anything else."""
    if not _HOST.fullmatch(text):
        raise WorldError(f"{what} must be a host name such as example.com")
    return text


def require_origin(text: str, what: str) -> str:
    """Return an address without its last slash; raises WorldError unless it is a scheme and a host, without a path."""
    url = text.removesuffix("/")
    scheme, separator, host = url.partition("://")
    if scheme not in ("http", "https") or not separator or not _HOST.fullmatch(host):
        raise WorldError(f"{what} must be an address such as https://example.com, without a path")
    return url


def send(access: Access, request: Request, *, also: tuple[int, ...] = ()) -> Reply:
    """Return the reply to a request; raises WorldError without one, and for a status that is neither 200 nor in `also`."""
    reply = _send(access, request)
    if reply.status != OK and reply.status not in also:
        code = _code(reply.body) if request.shows_code else ""
        raise WorldError(f"{host_of(request.url)} answers with status {reply.status}{f' ({code})' if code else ''}")
    return reply


def fetch(access: Access, request: Request, *, also: tuple[int, ...] = ()) -> Any:  # noqa: ANN401 - JSON
    """Return the JSON that a request is answered with; raises WorldError as `send` does, and for anything but JSON."""
    reply = send(access, request, also=also)
    return decode(reply.body, host_of(request.url))


def decode(body: bytes, host: str) -> Any:  # noqa: ANN401 - JSON
    """Return JSON with numbers as they are written; raises WorldError."""
    try:
        return decode_json(body.decode())
    except ValueError:
        raise WorldError(f"{host} does not answer with JSON") from None


def _send(access: Access, request: Request) -> Reply:
    host, owner = host_of(request.url), access.membership.org_id
    slots = access.backend.outbound.slots
    while (left := access.stopwatch.seconds_left()) > 0:
        try:
            return access.backend.outbound.call(
                request.method,
                request.url,
                headers=request.headers,
                form=request.form,
                json=request.json,
                content=request.content,
                limit_bytes=request.limit_bytes,
                purpose=Purpose.ENVIRONMENT,
                owner=owner,
            )
        except Unavailable:
            # As many calls as there may be are under way, for this organization or for all. Few threads may wait for that.
            try:
                with slots.taken(Purpose.WAIT, owner):
                    time.sleep(min(_BUSY_SECONDS, left))
            except Unavailable:
                raise WorldError(f"{host}: too many environments are calling other systems; try again") from None
        except (CallFailed, ValueError) as error:
            # ValueError: the HTTP library does not take the address, and its text may have the address in it.
            raise WorldError(str(error) if isinstance(error, CallFailed) else f"{host}: the address is not valid") from None
    raise WorldError(f"{host}: the calls of this environment took too long together")


def _code(body: bytes) -> str:
    """Return the error code of a vendor, or "" for a reply without one."""
    try:
        document = decode_json(body.decode())
    except ValueError:
        return ""
    codes = (text_at(document, *path).rpartition("#")[2] for path in _HOSTS_CODES)
    return next((code for code in codes if _CODE.fullmatch(code)), "")
