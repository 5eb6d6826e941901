"""The local key service: a random 32-byte master key in a file that only its owner can read.

A wrapped key is: version byte, id of the master key (8 bytes), nonce (12), AES-256-GCM of the key. The id tells a wrong
master key from a damaged record. If the file is lost, every encrypted value is lost: it belongs in the backup, apart
from the database.
"""

import logging
import os
import stat
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from common.core.errors import StartUpError
from common.core.folders import flush_folder
from common.core.ids import new_id
from common.ports.keys import KeyUnusable

LOG = logging.getLogger("stackhold.keys")
MASTER_KEY_BYTES = 32
FILE_NAME = "master.key"
_VERSION = b"\x01"
_ID_BYTES = 8
_NONCE_BYTES = 12
_HEADER_BYTES = len(_VERSION) + _ID_BYTES
_FOR_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class LocalKey:
    """The driver; keys for wrapping and the id are derived, so the master key itself encrypts nothing."""

    def __init__(self, master_key: bytes) -> None:
        """Derive what is needed and forget the master key."""
        self._cipher = AESGCM(_derived(master_key, "wrap data keys", MASTER_KEY_BYTES))
        self._header = _VERSION + _derived(master_key, "name the master key", _ID_BYTES)

    def wrap(self, plain_key: bytes, context: str) -> bytes:
        """Encrypt the key, bound to its context and this master key's id."""
        nonce = os.urandom(_NONCE_BYTES)
        return self._header + nonce + self._cipher.encrypt(nonce, plain_key, self._header + context.encode())

    def unwrap(self, wrapped_key: bytes, context: str) -> bytes:
        """Decrypt the key; KeyUnusable says whether the master key is another one or the record is damaged."""
        header, rest = wrapped_key[:_HEADER_BYTES], wrapped_key[_HEADER_BYTES:]
        ours, theirs = self._header[1:].hex(), self.name_of(wrapped_key)
        if header != self._header:
            raise KeyUnusable(
                f"a stored key needs master key {theirs}, and the configured one is {ours}; configure the other one"
            )
        try:
            return self._cipher.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], header + context.encode())
        except (InvalidTag, ValueError):
            raise KeyUnusable("a stored key is damaged, or belongs to another record; restore it from a backup") from None

    def check(self) -> str:
        """Return this master key's id; what `read_key` accepts works."""
        return self._header[1:].hex()

    def name_of(self, wrapped_key: bytes) -> str:
        """Return the id of the master key that a record names; raises KeyUnusable."""
        header = wrapped_key[:_HEADER_BYTES]
        if len(header) < _HEADER_BYTES or header[:1] != _VERSION:
            raise KeyUnusable("a stored key is damaged, or was wrapped by another kind of key service; restore it from a backup")
        return header[1:].hex()

    def is_current(self, wrapped_key: bytes) -> bool:
        """Tell whether this master key wrapped it."""
        return wrapped_key.startswith(self._header)

    def load(self) -> None:
        """Do nothing: there is nothing to load."""


def find_key_file(place: Path) -> Path | None:
    """Return the key file at a path that is the file or the folder that holds it; None if it does not exist.

    Raises StartUpError when the folder holds several files: which of them is the key is not for us to guess.
    """
    try:
        if not place.is_dir():
            return place if place.exists() else None
        files = sorted(path for path in place.iterdir() if not path.name.startswith(".") and path.is_file())
    except OSError as error:
        raise StartUpError(_problem(place, f"cannot be read: {error.strerror}")) from None
    if len(files) > 1:
        raise StartUpError(_problem(place, f"holds {len(files)} files; it must hold the key and nothing else"))
    return files[0] if files else None


def place_in_words(place: Path) -> str:
    """Return a path as it may be shown. One that does not exist may be the key itself, pasted into the setting."""
    return str(place) if os.path.lexists(place) else "at the path that PULUMI_LOCAL_KEYS names"


def read_key(place: Path) -> bytes:
    """Return the master key at a path, the file or its folder; raises StartUpError when it is absent or unfit."""
    path = find_key_file(place)
    if path is None:
        raise StartUpError(_problem(place, "does not exist or is an empty folder"))
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            key = file.read(MASTER_KEY_BYTES + 1)
    except OSError as error:
        raise StartUpError(_problem(path, f"cannot be read: {error.strerror}")) from None
    _require_private(path, status)
    if len(key) != MASTER_KEY_BYTES:
        raise StartUpError(_problem(path, f"must be exactly {MASTER_KEY_BYTES} random bytes"))
    return key


def _require_private(path: Path, status: os.stat_result) -> None:
    """Raise StartUpError for a key that others can reach.

    The rule is PostgreSQL's: root's own file may be read by its group, since that is how a secret is given to one program. What
    Kubernetes mounts is readable by all in the container and cannot be changed, so it is warned of.
    """
    reachable = status.st_mode & (_FOR_OTHERS & ~stat.S_IRGRP if status.st_uid == 0 else _FOR_OTHERS)
    if not reachable:
        return
    what = f"can be read or changed by others (mode {stat.S_IMODE(status.st_mode):04o})"
    if status.st_uid == 0 and os.statvfs(path).f_flag & os.ST_RDONLY:
        LOG.warning("%s", _problem(path, f"{what}; set the volume's defaultMode to 0400, or 0440 with fsGroup"))
        return
    raise StartUpError(_problem(path, f"{what}; run chmod 600"))


def create_key(folder: Path) -> Path:
    """Write a random key into a folder, unless another process just did, and return the key's file; raises StartUpError.

    The file appears under its name complete and on the disk, or not at all.
    """
    target = folder / FILE_NAME
    temporary = folder / f".part-{new_id()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            _write(temporary, os.urandom(MASTER_KEY_BYTES))
            # A link, unlike a rename, never replaces the key of a process that was first.
            with suppress(FileExistsError):
                target.hardlink_to(temporary)
        finally:
            temporary.unlink(missing_ok=True)
        for changed in (folder, folder.parent):
            flush_folder(changed)
    except OSError as error:
        raise StartUpError(_problem(target, f"cannot be written: {error.strerror}")) from error
    return target


def _derived(master_key: bytes, purpose: str, length: int) -> bytes:
    return HKDF(SHA256(), length, salt=None, info=f"stackhold local key: {purpose}".encode()).derive(master_key)


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _problem(path: Path, what: str) -> str:
    return f"the local key {place_in_words(path)} {what} (PULUMI_LOCAL_KEYS)"
