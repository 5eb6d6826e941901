"""What a handler may ask for: the backend, the caller, the lease, the stack's path, the body.

What needs no database is `async`, which saves a change of thread; `get_caller` asks the database and is not. They are
resolved in the order in which a handler names them, so a handler that names the caller before the body refuses a stranger
before it reads what he sends.
"""

import asyncio
from dataclasses import replace
from typing import Annotated, TypeVar

import msgspec
from fastapi import Depends, Request, Response
from starlette.requests import ClientDisconnect

from common.access import service as access
from common.access.caller import Caller
from common.backend import Backend
from common.compression import BadGzip, OverLimit, inflate, is_packed
from common.errors import BadRequest, RequestTimeout, TooLarge, Unauthorized, UnsupportedMediaType
from common.stacks.model import StackPath
from common.state.jsontext import BadDocument, require_utf8
from common.updates import leases
from common.updates.leases import Lease

BODY_IDLE_SECONDS = 60
JSON = "application/json"
_T = TypeVar("_T")
_GZIP_NAMES = {"gzip", "x-gzip"}


class Body:
    """A request's body: as it came, and as text."""

    def __init__(self, stored: bytes, encoding: str, limit_bytes: int) -> None:
        """Keep the bytes; nothing is inflated before somebody asks for the text."""
        self.stored = stored
        self._encoding = encoding
        self._limit_bytes = limit_bytes
        self._text: bytes | None = None

    @property
    def text(self) -> bytes:
        """Return the body inflated; raises BadRequest, TooLarge or UnsupportedMediaType."""
        if self._text is None:
            self._text = self._inflated()
        return self._text

    def decode(self, shape: type[_T]) -> _T:
        """Return the body as a wire shape; raises BadRequest for anything that is not one."""
        return decode(self.text, shape)

    def _inflated(self) -> bytes:
        self._require_known_encoding()
        if is_packed(self.stored):
            return self._gunzipped()
        if self._encoding.count(",") or (self._encoding in _GZIP_NAMES and self.stored and not _looks_like_json(self.stored)):
            msg = "the request body is not valid gzip"
            raise BadRequest(msg)
        return self.stored

    def _gunzipped(self) -> bytes:
        try:
            text = inflate(self.stored, self._limit_bytes)
        except BadGzip as error:
            msg = f"the request body is not valid gzip: {error}"
            raise BadRequest(msg) from error
        except OverLimit as error:
            raise _too_large(self._limit_bytes) from error
        if "," in self._encoding:
            msg = "the request body is not valid gzip: it names several encodings and is compressed once"
            raise BadRequest(msg)
        return text

    def _require_known_encoding(self) -> None:
        names = {name.strip() for name in self._encoding.split(",")} - {"", "identity"}
        if names - _GZIP_NAMES:
            msg = f"content encoding {self._encoding[:40]!a} is not supported; send gzip, or no encoding"
            raise UnsupportedMediaType(msg)


def decode(text: bytes, shape: type[_T]) -> _T:
    """Return JSON text as a wire shape; raises BadRequest with the place that is off."""
    try:
        require_utf8(text)
        return msgspec.json.decode(text, type=shape)
    except (msgspec.DecodeError, BadDocument, RecursionError) as error:
        what = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        msg = f"the request body is not of the expected form: {what}"
        raise BadRequest(msg) from error


def reply(shape: object, status: int = 200) -> Response:
    """Return a JSON reply of a wire shape, or of bytes that are JSON already."""
    content = shape if isinstance(shape, bytes) else msgspec.json.encode(shape)
    return Response(content, status, media_type=JSON)


def empty(status: int = 204) -> Response:
    """Return a reply without a body."""
    return Response(status_code=status)


async def get_backend(request: Request) -> Backend:
    """Return the process's backend."""
    return _backend(request)


def get_caller(request: Request) -> Caller:
    """Return who the access token belongs to; raises Unauthorized. One statement."""
    caller = access.authenticate(_backend(request), request.headers.get("authorization", ""))
    return replace(caller, source_ip=client_address(request))


def client_address(request: Request) -> str:
    """Return the network address that a request came from, as the nearest trusted proxy says, or an empty text."""
    return request.client.host if request.client is not None else ""


async def get_lease(request: Request) -> Lease:
    """Return the lease of the Authorization header after checking its signature, without a query."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme != "update-token":
        msg = "this call needs the token of an update's lease"
        raise Unauthorized(msg)
    return leases.verify(_backend(request), token.strip(), _stack_path(request), request.path_params["update_id"])


async def get_stack_path(request: Request) -> StackPath:
    """Return the stack that the address names."""
    return _stack_path(request)


async def get_body(request: Request) -> Body:
    """Read the body as it comes, within the limit; a client that stops sending is let go."""
    return await read_body(request, _backend(request).settings.integer("STACKHOLD_BODY_LIMIT_BYTES"))


async def read_body(request: Request, limit_bytes: int) -> Body:
    """Read the body within a limit of its own: for what strangers send."""
    if _declared_bytes(request) > limit_bytes:
        raise _too_large(limit_bytes)
    parts: list[bytes] = []
    size = 0
    now = asyncio.get_running_loop().time
    try:
        # One timeout that moves on: clients send hundreds of small parts, and one of its own for each costs more than the part.
        async with asyncio.timeout(BODY_IDLE_SECONDS) as idle:
            async for part in request.stream():
                size += len(part)
                if size > limit_bytes:
                    raise _too_large(limit_bytes)
                parts.append(part)
                idle.reschedule(now() + BODY_IDLE_SECONDS)
    except TimeoutError as error:
        msg = f"no part of the request body came for {BODY_IDLE_SECONDS} seconds"
        raise RequestTimeout(msg) from error
    except ClientDisconnect as error:
        msg = "the client went away in the middle of its request body"
        raise BadRequest(msg) from error
    encoding = request.headers.get("content-encoding", "").strip().lower()
    return Body(parts[0] if len(parts) == 1 else b"".join(parts), encoding, limit_bytes)


def _backend(request: Request) -> Backend:
    backend: Backend = request.app.state.backend
    return backend


def _stack_path(request: Request) -> StackPath:
    path = request.path_params
    return StackPath(path["org"], path["project"], path["stack"])


def _declared_bytes(request: Request) -> int:
    declared = request.headers.get("content-length", "")
    return int(declared) if declared.isascii() and declared.isdigit() else 0


def _looks_like_json(text: bytes) -> bool:
    return text.lstrip()[:1] in (b"{", b"[", b'"', b"n", b"t", b"f") or text.lstrip()[:1].isdigit()


def _too_large(limit_bytes: int) -> TooLarge:
    return TooLarge(f"the request body is larger than {limit_bytes:,} bytes (STACKHOLD_BODY_LIMIT_BYTES)")


BackendDep = Annotated[Backend, Depends(get_backend)]
CallerDep = Annotated[Caller, Depends(get_caller)]
LeaseDep = Annotated[Lease, Depends(get_lease)]
StackPathDep = Annotated[StackPath, Depends(get_stack_path)]
BodyDep = Annotated[Body, Depends(get_body)]
