"""Checks of the archive of a policy pack: a gzip tar with everything below `package/`, within limits."""

import hashlib
import tarfile
import zlib
from pathlib import PurePosixPath
from typing import IO, cast

from common.core.compression import is_packed
from common.core.errors import BadRequest

PACKED_LIMIT_BYTES = 64 << 20
INFLATED_LIMIT_BYTES = 256 << 20
ENTRY_LIMIT = 20_000
_ROOT = "package"
_READ_BYTES = 1 << 20
_WITH_GZIP_HEADER = 31


class _Inflated:
    """The text of gzip bytes as a file, which raises BadRequest over the limit and where the bytes end too early."""

    def __init__(self, packed: bytes) -> None:
        """Read from the beginning."""
        self._packed = memoryview(packed)
        self._member = zlib.decompressobj(_WITH_GZIP_HEADER)
        self._rest = INFLATED_LIMIT_BYTES

    def read(self, size: int) -> bytes:
        """Return the next bytes of the text, at most `size`; none at its end."""
        text = b""
        while not text and not self._member.eof:
            piece = self._member.unconsumed_tail or self._next_piece()
            if not piece:
                raise BadRequest("the archive of the policy pack is incomplete; publish it again")
            text = self._member.decompress(piece, size)
        self._rest -= len(text)
        if self._rest < 0:
            raise BadRequest(f"the archive of the policy pack inflates to more than {INFLATED_LIMIT_BYTES:,} bytes")
        return text

    def _next_piece(self) -> bytes:
        piece, self._packed = bytes(self._packed[: 64 << 10]), self._packed[64 << 10 :]
        return piece


def read_digest(packed: bytes) -> str:
    """Return a digest of the files in an archive; BadRequest unless it is a policy pack's."""
    if len(packed) > PACKED_LIMIT_BYTES:
        raise BadRequest(f"the archive of a policy pack may have at most {PACKED_LIMIT_BYTES:,} bytes")
    if not is_packed(packed):
        raise BadRequest("the uploaded policy pack is not a gzip archive; publish it again")
    try:
        text = _Inflated(packed)
        with tarfile.open(fileobj=cast("IO[bytes]", text), mode="r|") as archive:
            entries = _read_entries(archive)
        while text.read(_READ_BYTES):  # The checksum is at the end.
            pass
    except (tarfile.TarError, zlib.error, EOFError, UnicodeDecodeError, ValueError) as error:
        raise BadRequest("the uploaded policy pack is not a gzip tar archive; publish it again") from error
    if not entries:
        raise BadRequest(f"the archive of the policy pack has no files below {_ROOT}/")
    return hashlib.sha256("\n".join(sorted(entries)).encode("utf-8", "surrogateescape")).hexdigest()


def _read_entries(archive: tarfile.TarFile) -> list[str]:
    entries = []
    for count, member in enumerate(archive, 1):
        if count > ENTRY_LIMIT:
            raise BadRequest(f"the archive of a policy pack may have at most {ENTRY_LIMIT:,} entries")
        _require_path(member.name)
        if member.isdir():
            continue
        # A sparse file of a few bytes could be read without end.
        if not member.isfile() or member.issparse():
            raise BadRequest(f"{member.name[:100]!a} in the archive of the policy pack is not a plain file or a folder")
        entries.append(f"{member.mode & 0o111:o} {_content_digest(archive, member)} {member.name!a}")
    return entries


def _require_path(name: str) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or path.parts[:1] != (_ROOT,):
        raise BadRequest(f"{name[:100]!a} in the archive of the policy pack is not below {_ROOT}/")


def _content_digest(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    content, digest = archive.extractfile(member), hashlib.sha256()
    while content is not None and (part := content.read(_READ_BYTES)):
        digest.update(part)
    return digest.hexdigest()
