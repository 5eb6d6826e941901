"""Gzip, with a ceiling for what others send. Encodings are told by the first two bytes, never by a header alone.

Gateways differ in whether they inflate a body and whether they leave the header that says so.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import cast

from isal import igzip, isal_zlib

GZIP_MAGIC = b"\x1f\x8b"
_LEVEL = 2
_WITH_GZIP_HEADER = 31
_SLICE_BYTES = 256 << 10
_CHUNK_BYTES = 1 << 20
_SAMPLE_BYTES = 64 << 10
_WORTH_FACTOR = 4
_BUFFERED_BYTES = 16 << 20
# A client sends one. Each costs as much as some kilobytes of text, even an empty one of twenty bytes.
_MOST_MEMBERS = 10_000
_DAMAGE = cast("type[Exception]", isal_zlib.error)  # isal's stub calls it an instance


class BadGzip(ValueError):
    """The bytes are not valid gzip: damaged, cut off, or with a wrong checksum."""


class OverLimit(ValueError):
    """The bytes inflate to more than allowed."""


def is_packed(stored: bytes) -> bool:
    """Tell whether bytes begin as gzip does."""
    return stored[:2] == GZIP_MAGIC


def pack(text: bytes) -> bytes:
    """Return gzip bytes; the same text always gives the same bytes."""
    return bytes(igzip.compress(text, _LEVEL, mtime=0))


def join_packed(parts: Iterable[bytes]) -> bytes:
    """Return the text of several gzip files as one gzip file of one member, since browsers read no further than the first."""
    file = isal_zlib.compressobj(_LEVEL, wbits=_WITH_GZIP_HEADER)
    packed = [file.compress(text) for part in parts for text in inflated_parts(part)]
    return b"".join([*packed, file.flush()])


def is_worth_packing(body: bytes) -> bool:
    """Tell whether gzip leaves a quarter of a body or less, as its last bytes say if it is packed, or else a sample of it."""
    if is_packed(body):
        return int.from_bytes(body[-4:], "little") >= _WORTH_FACTOR * len(body)
    sample = body[len(body) // 2 :][:_SAMPLE_BYTES]
    return len(sample) >= _WORTH_FACTOR * len(pack(sample))


def unpack(stored: bytes) -> bytes:
    """Return the text of bytes that were stored, whether packed (one gzip member or several) or plain; raises BadGzip."""
    return _inflate_all(stored) if is_packed(stored) else stored


def inflate(packed: bytes, limit_bytes: int, reserve: Callable[[int], None] | None = None) -> bytes:
    """Return the text of foreign gzip bytes; raises BadGzip, or OverLimit while little memory is in use.

    Past the first few megabytes the bytes are only counted, and inflated for keeping once their size is known to be good.
    Before that `reserve` is told the size, and may raise.
    """
    parts: list[bytes] | None = []
    size = 0
    for part in inflated_parts(packed):
        size += len(part)
        if size > limit_bytes:
            raise OverLimit
        if parts is not None:
            parts.append(part)
            parts = parts if size <= _BUFFERED_BYTES else None
    if parts is not None:
        return b"".join(parts)
    if reserve is not None:
        reserve(size)
    return _inflate_all(packed)


def _inflate_all(packed: bytes) -> bytes:
    try:
        return bytes(igzip.decompress(packed))  # type: ignore[no-untyped-call]  # isal's stub leaves it out
    except (EOFError, OSError, _DAMAGE) as error:
        raise BadGzip(str(error)) from error


def inflated_parts(packed: bytes) -> Iterator[bytes]:
    """Yield the text of gzip bytes in parts of a megabyte at most, so that little memory is in use; raises BadGzip on the way."""
    member, is_over, number = isal_zlib.decompressobj(_WITH_GZIP_HEADER), False, 1
    for start in range(0, len(packed), _SLICE_BYTES):
        rest, is_full = packed[start : start + _SLICE_BYTES], False
        while rest or is_full:
            if is_over:
                rest, is_full = rest.lstrip(b"\0"), False
                if rest:
                    member, is_over, number = isal_zlib.decompressobj(_WITH_GZIP_HEADER), False, number + 1
                if number > _MOST_MEMBERS:
                    raise BadGzip(f"more than {_MOST_MEMBERS:,} members")
                continue
            try:
                part = member.decompress(rest, _CHUNK_BYTES)
            except _DAMAGE as error:
                raise BadGzip(str(error)) from error
            # A part of full size may be followed by more that the decompressor holds back.
            is_full, is_over = len(part) == _CHUNK_BYTES, bool(member.eof)
            rest = member.unused_data if is_over else member.unconsumed_tail
            if part:
                yield part
    if not is_over:
        raise BadGzip("the compressed data is incomplete")
