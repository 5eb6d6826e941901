"""Reads request bodies, each kind within a limit of its own: the table below, which every route that reads a body is in.

A limit holds for the declared length, for the bytes on the wire while they come, for the inflated bytes while they are
inflated, and for the number of elements before any of them becomes an object. Bodies of more than SMALL are read only for
callers who may send them (`may`); the question is asked when a body turns out to be that large, so small ones cost nothing.
"""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

import msgspec
from fastapi import Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from common.backend import Backend
from common.config.setting import Setting
from common.config.settings import Settings
from common.core.compression import BadGzip, OverLimit, inflate, is_packed
from common.core.errors import BadRequest, RequestTimeout, TooLarge, UnsupportedMediaType
from common.stacks.engine.jsontext import BadDocument, require_utf8
from functions.http.reserve import RESERVED, STEP_BYTES, Reserved

# No body may be larger than this setting says.
WHOLE = Settings.body_limit_bytes
_GZIP_NAMES = {"gzip", "x-gzip"}
# No length is this long; and int() refuses thousands of digits.
_LENGTH_DIGITS = 18
_T = TypeVar("_T")
_Reserve = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """How large a kind of body may be. Elements are counted by the marks in the text that each of them needs."""

    size_bytes: int
    elements: int
    marks: tuple[bytes, ...] = (b",", b"[", b"{")
    # The setting that takes the size's place.
    setting: Setting[int] | None = None

    def check(self, text: bytes) -> None:
        """Raise TooLarge for a text of too many elements; a short one need not be looked at."""
        if len(text) > self.elements and sum(text.count(mark) for mark in self.marks) > self.elements:
            raise TooLarge(f"the request body has more than {self.elements:,} elements")


SMALL = BodyLimit(64 << 10, 64 << 10)  # forms, tokens, settings: all that strangers may send
ANSWER = BodyLimit(256 << 10, 256 << 10)  # a SAML provider's answer, which strangers may send as well
DOCUMENT = BodyLimit(2 << 20, 200_000)  # tags, roles, policies, metadata of providers, lists of environments
EDITED = BodyLimit(4 << 20, 200_000)  # the form of an editor: a definition of an environment, with an escape for most marks
DIRECTORY = BodyLimit(4 << 20, 200_000)  # SCIM; ten thousand members of a group take about a megabyte
PROGRAM = BodyLimit(4 << 20, 200_000)  # what an update is about: project, configuration, environment
VALUES = BodyLimit(32 << 20, 100_000)  # values to encrypt or decrypt
# Journal entries and engine events, which are counted where they are read (common/stacks/engine/envelope.py).
BATCH = BodyLimit(64 << 20, 64 << 20, setting=Settings.batch_limit_bytes)
ARCHIVE = BodyLimit(64 << 20, 64 << 20)  # the archive of a policy pack, which is stored as it comes
# A deployment, of which nothing below its lists is opened.
STATE = BodyLimit(256 << 20, 16_000_000, (b",",), setting=WHOLE)


@dataclass(frozen=True, slots=True)
class Pace:
    """How slowly a body may arrive: the longest pause, and for one that has reserved memory the average rate after a while."""

    idle_seconds: float = 60
    grace_seconds: float = 60
    bytes_per_second: int = 32 << 10  # 256 kbit/s

    def latest_end(self, size: int) -> float:
        """Return within how many seconds of its begin a body of this size must have come so far."""
        return self.grace_seconds + size / self.bytes_per_second if size > STEP_BYTES else math.inf


PACE = Pace()


class Body:
    """A request's body: as it came, and as text."""

    def __init__(
        self, stored: bytes, encoding: str, limit: BodyLimit, *, ask: "Question | None" = None, reserve: _Reserve | None = None
    ) -> None:
        """Keep the bytes; nothing is inflated before the text is asked for."""
        self.stored = stored
        self._encoding = encoding
        self._limit = limit
        self._ask = ask or Question(limit.size_bytes, None)
        self._reserve = reserve
        self._text: bytes | None = None

    @property
    def text(self) -> bytes:
        """Return the body inflated; raises BadRequest, TooLarge or UnsupportedMediaType, and Forbidden as `may` does."""
        if self._text is None:
            text = self._inflated()
            self._limit.check(text)
            self._text = text
        return self._text

    def decode(self, shape: type[_T]) -> _T:
        """Return the body as a wire shape; raises BadRequest for anything that is not one."""
        return decode(self.text, shape)

    def _inflated(self) -> bytes:
        self._require_known_encoding()
        if is_packed(self.stored):
            return self._gunzipped()
        if self._encoding.count(",") or (self._encoding in _GZIP_NAMES and self.stored and not _looks_like_json(self.stored)):
            raise BadRequest("the request body is not valid gzip")
        return self.stored

    def _gunzipped(self) -> bytes:
        try:
            text = self._within_limit()
        except BadGzip as error:
            raise BadRequest(f"the request body is not valid gzip: {error}") from error
        except OverLimit as error:
            raise _too_large(self._ask) from error
        if "," in self._encoding:
            raise BadRequest("the request body is not valid gzip: it names several encodings but is compressed once")
        return text

    def _within_limit(self) -> bytes:
        try:
            return inflate(self.stored, self._ask.open_bytes, self._reserve)
        except OverLimit:
            if self._ask.is_answered:
                raise
        self._ask()
        return inflate(self.stored, self._ask.open_bytes, self._reserve)

    def _require_known_encoding(self) -> None:
        names = {name.strip() for name in self._encoding.split(",")} - {"", "identity"}
        if names - _GZIP_NAMES:
            raise UnsupportedMediaType(f"content encoding {self._encoding[:40]!a} is not supported; send gzip, or no encoding")


class Question:
    """Whether a caller may send more than SMALL: asked at most once for a request, when that much comes."""

    def __init__(self, limit_bytes: int, may: Callable[[], None] | None, setting: Setting[int] | None = None) -> None:
        """Take the answer for granted where there is nothing to ask. A refusal names the setting that the limit comes from."""
        self.limit_bytes = limit_bytes
        self.setting = setting
        self._may = may

    @property
    def is_answered(self) -> bool:
        """Tell whether there is nothing left to ask."""
        return self._may is None

    @property
    def open_bytes(self) -> int:
        """Return how much may be read as things are."""
        return self.limit_bytes if self._may is None else min(self.limit_bytes, SMALL.size_bytes)

    def __call__(self) -> None:
        """Ask; raises Forbidden or NotFound, as whatever comes afterwards would."""
        if self._may is not None:
            self._may()
            self._may = None


class BodyReader:
    """A dependency that reads the body within a limit.

    `may` raises for a caller who may not send a large body. A route without it has a dependency that has decided this before.
    """

    def __init__(self, limit: BodyLimit, *, may: Callable[[Request], None] | None = None) -> None:
        """Keep the limit, where the test of all routes finds it."""
        self.limit = limit
        self.may = may

    async def __call__(self, request: Request) -> Body:
        """Return the body; raises TooLarge, RequestTimeout, BadRequest, and whatever `may` raises."""
        return await read_body(request, self.limit, self.may)


def decode(text: bytes, shape: type[_T]) -> _T:
    """Return JSON text as a wire shape; raises BadRequest with the place that is off."""
    try:
        require_utf8(text)
        return msgspec.json.decode(text, type=shape)
    except (msgspec.DecodeError, BadDocument, RecursionError) as error:
        what = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise BadRequest(f"the request body does not have the expected form: {what}") from error


async def read_body(request: Request, limit: BodyLimit, may: Callable[[Request], None] | None = None, pace: Pace = PACE) -> Body:
    """Return the body, read as it comes, within the limit; raises RequestTimeout for a client that stops or is too slow."""
    ask, reserve, reserved_bytes = _question(request, limit, may), _reserve_of(request), STEP_BYTES
    await _require_within(ask, _declared_bytes(request))
    parts: list[bytes] = []
    size = 0
    now = asyncio.get_running_loop().time
    began, latest = now(), math.inf
    try:
        # One timeout that moves on: clients send hundreds of small parts, and one of its own for each costs more than the part.
        async with asyncio.timeout(pace.idle_seconds) as idle:
            async for part in request.stream():
                size += len(part)
                if size > ask.open_bytes:
                    await _require_within(ask, size)
                if size > reserved_bytes:
                    reserve(STEP_BYTES)
                    reserved_bytes += STEP_BYTES
                parts.append(part)
                latest = began + pace.latest_end(size)
                idle.reschedule(min(now() + pace.idle_seconds, latest))
    except TimeoutError as error:
        if latest <= now():
            raise RequestTimeout(
                f"the request body arrived too slowly: {size:,} bytes in {now() - began:.0f} seconds; a large body must arrive at"
                f" {pace.bytes_per_second >> 10} KiB a second or more"
            ) from error
        raise RequestTimeout(f"no part of the request body came for {pace.idle_seconds:g} seconds") from error
    except ClientDisconnect as error:
        raise BadRequest("the client disconnected in the middle of its request body") from error
    encoding = request.headers.get("content-encoding", "").strip().lower()
    return Body(parts[0] if len(parts) == 1 else b"".join(parts), encoding, limit, ask=ask, reserve=reserve)


def _question(request: Request, limit: BodyLimit, may: Callable[[Request], None] | None) -> Question:
    backend: Backend = request.app.state.backend
    settings = backend.settings
    own_bytes = settings.get(limit.setting) if limit.setting else limit.size_bytes
    whole_bytes = settings.body_limit_bytes
    setting = WHOLE if whole_bytes <= own_bytes else limit.setting
    return Question(min(own_bytes, whole_bytes), (lambda: may(request)) if may else None, setting)


def _reserve_of(request: Request) -> _Reserve:
    reserved: Reserved = request.scope[RESERVED]
    # Room for two of the largest bodies that there may be.
    limit = 2 * request.app.state.backend.settings.body_limit_bytes
    return lambda count: reserved.take(count, limit)


async def _require_within(ask: Question, size: int) -> None:
    if size > ask.limit_bytes:
        raise _too_large(ask)
    if size > ask.open_bytes:
        await run_in_threadpool(ask)


def _declared_bytes(request: Request) -> int:
    declared = request.headers.get("content-length", "")
    if not declared.isascii() or not declared.isdigit():
        return 0
    return int(declared) if len(declared) <= _LENGTH_DIGITS else 10**_LENGTH_DIGITS


def _looks_like_json(text: bytes) -> bool:
    return text.lstrip()[:1] in (b"{", b"[", b'"', b"n", b"t", b"f") or text.lstrip()[:1].isdigit()


def _too_large(ask: Question) -> TooLarge:
    where = f" ({ask.setting})" if ask.setting else ""
    return TooLarge(f"the request body is larger than {ask.limit_bytes:,} bytes{where}")


BodyDep = Annotated[Body, Depends(BodyReader(SMALL))]
AnswerBodyDep = Annotated[Body, Depends(BodyReader(ANSWER))]
BatchBodyDep = Annotated[Body, Depends(BodyReader(BATCH))]
StateBodyDep = Annotated[Body, Depends(BodyReader(STATE))]
DirectoryBodyDep = Annotated[Body, Depends(BodyReader(DIRECTORY))]
