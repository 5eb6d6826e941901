"""Where backups are kept: files in a store, which are written once, with a hash in what names them."""

import hashlib
from collections.abc import Iterable, Iterator

import msgspec

from common.core.compression import BadGzip, pack, unpack
from common.core.errors import StartUpError
from common.installation.backups import model
from common.installation.backups.model import Manifest, Part
from common.installation.backups.repository.worklist import DocumentEntry
from common.ports.blobs import BlobMissing, Bucket

PART_BYTES = 4 << 20
_PAGE = 1000


class Place:
    """A folder, a bucket or a container with backups."""

    def __init__(self, bucket: Bucket, words: str) -> None:
        """Use a store; `words` name it for an operator."""
        self._bucket = bucket
        self.words = words

    def list_backups(self) -> list[str]:
        """Return the ids of complete backups, the oldest first; other files among the manifests are none of ours."""
        names = (key.removeprefix(model.MANIFESTS) for key in self._keys(model.MANIFESTS))
        return [name for name in names if model.is_backup_id(name)]

    def get_manifest(self, backup_id: str | None) -> Manifest:
        """Return the manifest of a backup, or of the newest one; raises StartUpError."""
        ids = self.list_backups()
        if not ids:
            raise StartUpError(f"there is no complete backup in {self.words}")
        if backup_id is not None and backup_id not in ids:
            raise StartUpError(f"there is no backup {backup_id[:80]!a} in {self.words}; it has {', '.join(ids[-10:])}")
        try:
            manifest = msgspec.json.decode(self._bucket.get_stored(model.MANIFESTS + (backup_id or ids[-1])), type=Manifest)
        except msgspec.MsgspecError as error:
            raise StartUpError(f"the manifest of backup {backup_id or ids[-1]} in {self.words} is damaged: {error}") from error
        if manifest.format != model.FORMAT:
            raise StartUpError(f"backup {manifest.id} has format {manifest.format}; this release reads format {model.FORMAT}")
        return manifest

    def put_manifest(self, manifest: Manifest) -> None:
        """Store a manifest, which makes a backup complete."""
        self._bucket.put_file(model.MANIFESTS + manifest.id, msgspec.json.format(msgspec.json.encode(manifest)))

    def put_lines(self, prefix: str, lines: Iterable[bytes]) -> list[Part]:
        """Store lines in files of some megabytes and return these."""
        parts, kept, size = list[Part](), list[bytes](), 0
        for line in lines:
            kept.append(line)
            size += len(line) + 1
            if size >= PART_BYTES:
                parts.append(self._put_part(f"{prefix}/{len(parts) + 1:06}", kept))
                kept, size = [], 0
        return [*parts, self._put_part(f"{prefix}/{len(parts) + 1:06}", kept)] if kept else parts

    def get_lines(self, part: Part) -> list[bytes]:
        """Return the lines of a file; raises StartUpError for one that is missing or damaged."""
        stored = self._get(part.key, part.digest)
        try:
            return unpack(stored).splitlines()
        except BadGzip as error:
            raise StartUpError(f"{part.key} in {self.words} is damaged: {error}") from error

    def iterate_entries(self, manifest: Manifest) -> Iterator[list[DocumentEntry]]:
        """Yield the documents of a backup, page by page."""
        for part in manifest.documents:
            yield _entries(self.get_lines(part))

    def iterate_unfinished(self) -> Iterator[list[DocumentEntry]]:
        """Yield the documents that interrupted backups copied, page by page."""
        for key in self._keys(model.UNFINISHED):
            yield _entries(unpack(self._bucket.get_stored(key)).splitlines())

    def put_unfinished(self, name: str, entries: Iterable[DocumentEntry]) -> None:
        """Note documents that were copied."""
        self._bucket.put_file(model.UNFINISHED + name, pack(b"\n".join(map(model.encode_row, entries))))

    def delete_unfinished(self) -> None:
        """Remove those notes: a manifest has what they say."""
        self._bucket.delete(list(self._keys(model.UNFINISHED)))

    def iterate_documents(self) -> Iterator[str]:
        """Yield the keys of all documents in the place."""
        return (key.removeprefix(model.DOCUMENTS) for key in self._keys(model.DOCUMENTS))

    def put_document(self, key: str, stored: bytes) -> DocumentEntry:
        """Store a document and return its entry."""
        self._bucket.put_file(model.DOCUMENTS + key, stored)
        return DocumentEntry(key, len(stored), digest_of(stored))

    def get_document(self, entry: DocumentEntry) -> bytes:
        """Return a document; raises StartUpError for one that is missing or damaged."""
        return self._get(model.DOCUMENTS + entry.key, entry.digest)

    def put_key(self, backup_id: str, key: bytes) -> None:
        """Store the local master key in the clear."""
        self._bucket.put_file(model.KEYS + backup_id, key)

    def get_key(self, backup_id: str) -> bytes:
        """Return the local master key of a backup that has it."""
        return self._bucket.get_stored(model.KEYS + backup_id)

    def delete(self, parts: Iterable[Part]) -> None:
        """Remove files of a backup that is not completed."""
        self._bucket.delete([part.key for part in parts])

    def _put_part(self, key: str, lines: list[bytes]) -> Part:
        stored = pack(b"\n".join(lines))
        self._bucket.put_file(key, stored)
        return Part(key, digest_of(stored), len(lines), len(stored))

    def _get(self, key: str, digest: str) -> bytes:
        try:
            stored = self._bucket.get_stored(key)
        except BlobMissing:
            raise StartUpError(f"{key} is missing from the backup in {self.words}") from None
        if digest_of(stored) != digest:
            raise StartUpError(f"{key} in {self.words} is damaged: its hash is not the one that the backup names")
        return stored

    def _keys(self, prefix: str) -> Iterator[str]:
        after = prefix
        while page := [key for key, _ in self._bucket.page(prefix, after, _PAGE)]:
            # A file that was being written when a backup was interrupted begins with a dot.
            yield from (key for key in page if not key.rpartition("/")[2].startswith("."))
            after = page[-1]


def digest_of(stored: bytes) -> str:
    """Return the SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(stored).hexdigest()


def _entries(lines: list[bytes]) -> list[DocumentEntry]:
    return [DocumentEntry(*msgspec.json.decode(line, type=tuple[str, int, str])) for line in lines]
