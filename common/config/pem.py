"""Reads certificates and private keys from settings: a path, PEM text, or base64 of PEM text as Kubernetes secrets hold it.

A value that is not one of these may still be a key, so no message and no traceback repeats it.
"""

import base64
from pathlib import Path

from common.config.setting import Setting
from common.config.settings import Settings
from common.core.errors import StartUpError

_BEGIN = b"-----BEGIN"
# A certificate chain has a few kilobytes.
_LARGEST_BYTES = 1 << 20


def read_pem(settings: Settings, setting: Setting[str]) -> bytes:
    """Return the PEM text that a setting holds or whose file it names; raises StartUpError."""
    value = settings.get(setting).strip()
    # `from None`: an error of the file system repeats the value.
    try:
        return _decoded(value) or _read(Path(value))
    except (OSError, ValueError):
        raise StartUpError(
            f"{setting} must be PEM text, base64 of PEM text, or the path of a PEM file that this program can read"
        ) from None


def _decoded(value: str) -> bytes:
    """Return a value as PEM text, or nothing when it is neither PEM nor base64 of PEM."""
    # A single-line setting spells its line ends as \n.
    text = value.replace("\\n", "\n").encode()
    if text.startswith(_BEGIN):
        return text
    try:
        decoded = base64.b64decode("".join(value.split()), validate=True).strip()
    except ValueError:
        return b""
    return decoded if decoded.startswith(_BEGIN) else b""


def _read(path: Path) -> bytes:
    if not path.is_file() or path.stat().st_size > _LARGEST_BYTES:
        raise OSError
    return path.read_bytes()
