"""Signed texts for addresses that need no access token: what may be done, with which file, until when."""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import Forbidden
from common.crypto.service_keys import service_key

_KEY = "link"
_PARTS = 3
_INVALID = "this address is not valid, or has expired; request a new one"


def sign(backend: Backend, action: str, key: str, seconds: int) -> str:
    """Return a text that allows one action on one file for so many seconds."""
    expires_at = unix_millis(backend.clock.now()) + seconds * 1000
    content = msgspec.json.encode([action, key, str(expires_at)])
    return f"{_text(content)}.{_signature(backend, content)}"


def require_signed(backend: Backend, action: str, signed: str) -> str:
    """Return the file that a signed text allows an action on; Forbidden for another action, and after its time."""
    text, _, signature = signed.partition(".")
    try:
        content = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise Forbidden(_INVALID) from error
    if not hmac.compare_digest(_signature(backend, content).encode(), signature.encode("utf-8", "replace")):
        raise Forbidden(_INVALID)
    parts = msgspec.json.decode(content, type=list[str])
    if _text(content) != text or len(parts) != _PARTS or parts[0] != action:
        raise Forbidden(_INVALID)
    if int(parts[2]) < unix_millis(backend.clock.now()):
        raise Forbidden(_INVALID)
    return parts[1]


def _signature(backend: Backend, content: bytes) -> str:
    return _text(hmac.digest(service_key(backend, _KEY), content, hashlib.sha256))


def _text(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")
